# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a driver says of its robot in messages that not every machine has installed."""

import importlib
import os
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Bool, Float64

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.ros.qos import LATCHED, STATE_IN


def optional(module: str, needed_by: str, instead: str) -> Any:
    """A module of messages.

    Args:
        module: e.g. control_msgs.action.
        needed_by: the parameter that needs it, for the message.
        instead: what else can be done.

    Raises:
        ConfigurationError: it is not installed; names the package to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        distribution = os.environ.get("ROS_DISTRO", "jazzy")
        raise ConfigurationError(
            f"{needed_by} needs the messages of {package}, which are not installed ({error}); "
            f"install ros-{distribution}-{package.replace('_', '-')} and source ROS, {instead}"
        ) from error


def hear_driver(node: Node, values: Any, hear: Callable[..., None]) -> None:
    """Subscribe to what the driver says besides the joint states.

    Args:
        node: subscribes.
        values: DriverArmParameters.
        hear: told fields of DriverReport.

    Raises:
        ConfigurationError: ur_dashboard_msgs is needed and not installed.
    """
    says, place = values["driver_status"], values["status_controller"]
    if says == "none":
        return
    node.create_subscription(
        Bool, f"{place}/robot_program_running", lambda m: hear(program_running=m.data), LATCHED
    )
    node.create_subscription(
        Float64,
        values["speed_scaling_topic"],
        lambda m: hear(speed_scaling=m.data / 100.0),
        STATE_IN,
    )
    if says != "ur":
        return
    kinds = optional(
        "ur_dashboard_msgs.msg", "driver_status: ur", "or set driver_status to program or none"
    )
    node.create_subscription(
        kinds.RobotMode, f"{place}/robot_mode", lambda m: hear(robot_mode=m.mode), LATCHED
    )
    node.create_subscription(
        kinds.SafetyMode, f"{place}/safety_mode", lambda m: hear(safety_mode=m.mode), LATCHED
    )
