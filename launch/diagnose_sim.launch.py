# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Diagnose a policy in simulation: `ros2 launch robomd_ros diagnose_sim.launch.py`."""

from pathlib import Path
from runpy import run_path

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """The same processes as of `robomd sim`; which ones depends on the arguments."""
    shared = run_path(str(Path(__file__).with_name("planned.py")))
    described: LaunchDescription = shared["describe"]("sim")
    return described
