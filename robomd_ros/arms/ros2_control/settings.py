# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""From the parameters of driver_arm_node to what its arm needs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from robomd_ros.arms.arm import ArmDescription
from robomd_ros.arms.limits import LimitError, LimitGuard
from robomd_ros.arms.ros2_control.limits import DriverLimits
from robomd_ros.arms.ros2_control.options import DriverOptions
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.arms.ur5e.parameters import LimitParameters
from robomd_ros.core.errors import ConfigurationError


def driver_options(values: Mapping[str, Any]) -> DriverOptions:
    """The options of the arm.

    Args:
        values: checked DriverArmParameters, by name.

    Raises:
        ConfigurationError: limits or names that contradict each other, the arm, or home.
    """
    names = tuple(values["joint_names"])
    limits = DriverLimits(**{name: values[name] for name in LimitParameters.model_fields})
    for name in ("joint_lower", "joint_upper", "home"):
        if len(values[name]) != len(names):
            raise ConfigurationError(
                f"{name} has {len(values[name])} numbers, and joint_names has {len(names)} names; "
                "give one for every joint, base to wrist"
            )
    if len(set(names)) != len(names) or not all(names):
        raise ConfigurationError(f"joint_names must be different names; got {', '.join(names)}")
    if values["moves"] == "stream" and values["stream"] == "twist":
        raise ConfigurationError(
            "moves is stream and stream is twist, but MoveIt Servo does no moves: set moves to "
            "action, or stream to trajectory or velocity"
        )
    if values["gripper"] == "robotiq" and not values["robot_ip"].strip():
        raise ConfigurationError(
            "gripper is robotiq, whose server is on the robot, but robot_ip is empty; give the "
            "robot's address, or gripper:=action where a driver of its own has it"
        )
    if values["gripper"] == "action" and values["gripper_open"] == values["gripper_closed"]:
        raise ConfigurationError(
            f"gripper_open and gripper_closed are both {values['gripper_open']:g}; give the "
            "positions of the open and of the closed gripper, as its action takes them"
        )
    if values["robot_description"] and values["keep_out"]:
        raise ConfigurationError(
            "keep_out needs the arm's hull, which is known of a UR5e only; with robot_description "
            "leave it out, and set such planes or boxes in the robot's own safety configuration"
        )
    if not values["robot_description"]:
        _check_ur5e(limits, names, values)
    return DriverOptions(
        limits=limits,
        joint_names=names,
        home=tuple(values["home"]),
        home_lift=values["home_lift"],
        home_path_limit=values["home_path_limit"],
        tcp=tuple(values["tcp_offset"]),
        base_link=values["base_link"],
        tool_link=values["tool_link"],
        state_timeout=values["state_timeout"],
        move_timeout=values["move_timeout"],
        rate=values["servo_rate"],
        moves_by_action=values["moves"] == "action",
        says=values["driver_status"],
    )


def _check_ur5e(limits: DriverLimits, names: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """Without a description the arm is a UR5e: its joints, perhaps with a prefix, and home."""
    if not all(name.endswith(own) for name, own in zip(names, JOINT_NAMES, strict=False)) or len(
        names
    ) != len(JOINT_NAMES):
        raise ConfigurationError(
            f"robot_description is empty, so that the arm is a UR5e, but joint_names are "
            f"{', '.join(names)}; give robot_description:=/robot_description or a URDF file"
        )
    try:
        LimitGuard(limits, values["tcp_offset"]).check_joints(np.asarray(values["home"], float))
    except LimitError as error:
        raise ConfigurationError(
            f"home is outside the limits: {error}; change home, or the limits"
        ) from error


def driver_arm(joints: str, base: str) -> ArmDescription:
    """The description of such an arm, for policy_node: ros2_control?joints=a,b,c&base=base.

    Args:
        joints: names from base to wrist, separated by commas.
        base: frame of its tool's pose and of twists.
    """
    return ArmDescription("ros2_control", tuple(joints.split(",")), base)
