# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Diagnose a policy on a UR5e: `ros2 launch robomd_ros diagnose_ur5e.launch.py robot_ip:=<ip>`.

A launched process has no keyboard: the person at the cell answers in another terminal.
"""

from pathlib import Path
from runpy import run_path

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """The same processes as of `robomd ur5e`; which ones depends on the arguments."""
    shared = run_path(str(Path(__file__).with_name("planned.py")))
    described: LaunchDescription = shared["describe"]("ur5e")
    return described
