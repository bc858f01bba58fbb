"""Devices of a real cell: the arm, its gripper, the camera."""
