"""A UR5e behind ur_rtde: its control process, limits, stops and recovery."""
