"""Scripted experts, which make the demonstrations."""
