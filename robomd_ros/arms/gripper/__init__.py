"""Grippers behind one protocol."""
