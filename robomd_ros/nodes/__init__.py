"""The thin ROS shell: one node per file. Nothing imports from here but entry points and tests."""
