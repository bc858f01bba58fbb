# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a bring-up says to an arm behind a ros2_control driver."""

from collections.abc import Mapping
from typing import Any

from robomd_ros.arms.ros2_control.parameters import DriverArmParameters
from robomd_ros.core.arguments import Arguments
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import options, taken

ARM = "ros2_control"
"""The value of the argument `arm`."""
NODE = DriverArmParameters.node


class DriverArguments(Arguments):
    """Where the driver is; everything else of driver_arm_node is in the parameter file."""

    joint_states: str = taken(DriverArmParameters, "joint_states")
    trajectory_controller: str = taken(DriverArmParameters, "trajectory_controller")
    moves: str = taken(DriverArmParameters, "moves")
    stream: str = taken(DriverArmParameters, "stream")
    driver_status: str = taken(DriverArmParameters, "driver_status")
    robot_description: str = taken(DriverArmParameters, "robot_description")


SET_BY_DRIVER = {name: f"{name}:=" for name in (*options(DriverArguments), "gripper", "robot_ip")}
"""Parameters that a parameter file may not set -> what to give instead."""


def driver_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the arguments say to driver_arm_node."""
    names = (*options(DriverArguments), "gripper", "robot_ip")
    return {name: values[name] for name in names}


def arm_of_policy(parameters: Mapping[str, Any]) -> str:
    """How policy_node is told of the arm.

    Args:
        parameters: all of driver_arm_node's, by name.
    """
    joints = ",".join(parameters["joint_names"])
    return f"{ARM}?joints={joints}&base={parameters['frame_id']}"


def check_driver(parameters: Mapping[str, Any], use_twin: bool) -> None:
    """Whether the arm can be driven, as far as that shows before the driver is looked for.

    Args:
        parameters: all of driver_arm_node's, by name.
        use_twin: of the arguments.

    Raises:
        ConfigurationError: what is wrong, and the remedy.
    """
    from robomd_ros.arms.ros2_control.settings import driver_options  # noqa: PLC0415

    if use_twin:
        raise ConfigurationError(
            f"arm:={ARM} and use_twin:=true exclude each other: the twin speaks the controller's "
            "protocols, not a driver's topics; leave one of them out"
        )
    if parameters["gripper"] == "digital_output":
        raise ConfigurationError(
            f"gripper:=digital_output is for arm:=ur5e; with arm:={ARM} give gripper:=action, "
            "robotiq or none"
        )
    driver_options(parameters)
