"""For every test."""

import sim_bridge  # noqa: F401 - chooses the graphics before a test imports mujoco
