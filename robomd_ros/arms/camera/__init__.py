"""Cameras read by OpenCV."""
