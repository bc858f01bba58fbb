# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""From the parameters of the arm's node to what its driver and gripper need."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from robomd_ros.arms.gripper.gripper import (
    DigitalOutputGripper,
    Gripper,
    NoGripper,
    RobotiqGripper,
)
from robomd_ros.arms.limits import ArmLimits, LimitError, LimitGuard
from robomd_ros.arms.ur5e.child import ControlOptions
from robomd_ros.arms.ur5e.options import ArmOptions
from robomd_ros.arms.ur5e.parameters import LimitParameters
from robomd_ros.core.errors import ConfigurationError

SwitchOutput = Callable[[bool], None]
"""Writes a digital output of the controller."""


def arm_options(values: Mapping[str, Any]) -> ArmOptions:
    """The options of the arm.

    Args:
        values: checked ArmParameters, by name.

    Raises:
        ConfigurationError: no address, or limits that contradict each other, the arm, or home.
    """
    if not values["robot_ip"].strip():
        raise ConfigurationError(
            "robot_ip is empty; give the address of the controller (pendant: Settings > System > "
            "Network)"
        )
    limits = ArmLimits(**{name: values[name] for name in LimitParameters.model_fields})
    tool = tuple(values["tcp_offset"]) if values["set_tool"] else None
    _check_home(limits, values["home"], tool)
    control = ControlOptions(
        host=values["robot_ip"].strip(),
        limits=limits,
        frequency=values["frequency"],
        tcp=tool,
        payload=values["payload"] if values["set_tool"] else None,
        payload_cog=tuple(values["payload_cog"]),
        raised_priority=values["raised_priority"],
        servo_rate=values["servo_rate"],
        lookahead=values["servo_lookahead"],
        gain=values["servo_gain"],
        watchdog_rate=values["watchdog_rate"],
        upper_registers=values["upper_registers"],
        output_pin=values["gripper_output"] if values["gripper"] == "digital_output" else None,
    )
    return ArmOptions(
        control=control,
        frequency=values["frequency"],
        state_timeout=values["state_timeout"],
        move_timeout=values["move_timeout"],
        tool_tolerance=values["tool_tolerance"],
        home=tuple(values["home"]),
        home_lift=values["home_lift"],
        home_path_limit=values["home_path_limit"],
        set_down_depth=values["set_down_depth"],
        set_down_force=values["set_down_force"],
        force_limit=values["force_limit"],
    )


def _check_home(limits: ArmLimits, home: list[float], tool: tuple[float, ...] | None) -> None:
    """ConfigurationError unless home is inside; without a known tool only what is sure counts."""
    guard = LimitGuard(limits, tool or (0.0,) * 6)
    q = np.asarray(home, float)
    try:
        guard.check_joints(q)
        if tool is not None:
            guard.check_places(q[None])
    except LimitError as error:
        raise ConfigurationError(
            f"home is outside the limits: {error}; change home, or the limits"
        ) from error


def gripper_of(values: Mapping[str, Any], switch_output: SwitchOutput) -> Gripper:
    """The gripper that the parameters name.

    Args:
        values: checked ArmParameters, by name.
        switch_output: writes the digital output of the arm's options.
    """
    return _GRIPPERS[values["gripper"]](values, switch_output)


def _robotiq(values: Mapping[str, Any], _switch_output: SwitchOutput) -> Gripper:
    return RobotiqGripper(
        values["robot_ip"].strip(),
        port=values["gripper_port"],
        timeout=values["gripper_timeout"],
        speed=values["gripper_speed"],
        force=values["gripper_force"],
    )


_GRIPPERS: Mapping[str, Callable[[Mapping[str, Any], SwitchOutput], Gripper]] = {
    "robotiq": _robotiq,
    "digital_output": lambda _values, switch_output: DigitalOutputGripper(switch_output),
    "none": lambda _values, _switch_output: NoGripper(),
}
"""Kind of gripper -> what makes it; the parameter `gripper` has these choices."""
