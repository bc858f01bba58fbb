# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model of a robot for RViz, where a description package is installed."""

import os
import shutil
import subprocess
from pathlib import Path

from robomd_ros.bringup.processes import NodeProcess, ToolProcess
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.hosted.parent import tool

_PUBLISHER = "robot_state_publisher"
_TIMEOUT = 30.0
"""s that xacro may take."""


def ur5e_model(namespace: str) -> list[ToolProcess]:
    """The process that publishes a UR5e's model and transforms; none where it is not installed.

    It needs the packages ur_description, xacro and robot_state_publisher, takes the cell's
    `joint_states`, and publishes the cell's `robot_description` and /tf.

    Args:
        namespace: of the cell, absolute.

    Raises:
        ConfigurationError: the packages are there, but the description cannot be made.
    """
    model = _in_prefixes("share/ur_description/urdf/ur.urdf.xacro")
    publisher = _in_prefixes(f"lib/{_PUBLISHER}/{_PUBLISHER}")
    xacro = shutil.which("xacro")
    if model is None or publisher is None or xacro is None:
        return []
    command = [xacro, str(model), "ur_type:=ur5e", "name:=ur5e"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        raise ConfigurationError(
            f"xacro cannot make the robot's model from {model}: {reason}; mend ur_description, or "
            "leave out launch_rviz"
        ) from error
    node = NodeProcess(_PUBLISHER, "", namespace, {"robot_description": done.stdout})
    # as a window: without it the arm is not drawn, and the campaign goes on
    command = tool(str(publisher), *node.ros_arguments())
    return [ToolProcess(_PUBLISHER, tuple(command), respawn=False, window=True)]


def _in_prefixes(relative: str) -> Path | None:
    """A file of another ROS package, or None."""
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        path = Path(prefix, relative)
        if path.is_file():
            return path
    return None
