# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Why an arm cannot move now, and what to do about it."""

import math
from dataclasses import dataclass

from robomd_ros.arms.ur5e.receive import ReceivedState
from robomd_ros.core.robot_modes import RobotMode, SafetyMode

_SAFETY = {
    SafetyMode.PROTECTIVE_STOP: "protective stop: look for its cause, then call recover",
    SafetyMode.RECOVERY: (
        "recovery mode: move the joints inside their limits at the pendant, then call recover"
    ),
    SafetyMode.SAFEGUARD_STOP: "safeguard stop: close the safeguard, then call recover",
    SafetyMode.SYSTEM_EMERGENCY_STOP: "emergency stop of the system: release it, then call recover",
    SafetyMode.ROBOT_EMERGENCY_STOP: "emergency stop: release the button, then call recover",
    SafetyMode.VIOLATION: "safety violation: look for its cause, then call recover",
    SafetyMode.FAULT: "safety fault: see the pendant; call recover, or restart the controller",
}


@dataclass(frozen=True)
class ArmStatus:
    """What is latched of an arm.

    Attributes:
        robot_mode: as in the controller's real-time interface; -2 unknown.
        safety_mode: likewise; 0 unknown.
        program_running: a program runs on the controller.
        remote_control: commands from outside are accepted (True where there is no such mode).
        speed_scaling: [0, 1]; NaN unknown.
        ready: a motion could start now.
        detail: why it is not ready, and the remedy; "" when ready.
        moving: the arm moves.
        at_home: it rests at its home position.
        stop_latched: it stays stopped until somebody recovers it.
        needs_person: only a person can make it ready.
    """

    robot_mode: int = RobotMode.UNKNOWN
    safety_mode: int = SafetyMode.UNKNOWN
    program_running: bool = False
    remote_control: bool = False
    speed_scaling: float = math.nan
    ready: bool = False
    detail: str = "not connected yet"
    moving: bool = False
    at_home: bool = False
    stop_latched: bool = False
    needs_person: bool = False


def is_safe(state: ReceivedState) -> bool:
    """Whether no safety function holds the arm."""
    return state.safety_mode in (SafetyMode.NORMAL, SafetyMode.REDUCED)


def safety_reason(safety_mode: int) -> str:
    """What holds the arm and how it is left; empty where nothing does."""
    if safety_mode in (SafetyMode.NORMAL, SafetyMode.REDUCED):
        return ""
    return _SAFETY.get(safety_mode, f"safety mode {safety_mode}: see the pendant")


def mode_reason(robot_mode: int) -> str:
    """Why the robot's mode lets nothing move; empty where it does."""
    if robot_mode == RobotMode.RUNNING:
        return ""
    name = mode_name(robot_mode)
    return f"robot mode is {name}: power the arm on and release the brakes at the pendant"


def mode_name(robot_mode: int) -> str:
    """The name of a robot mode; its number where it has none here."""
    known = robot_mode in RobotMode.__members__.values()
    return RobotMode(robot_mode).name if known else str(robot_mode)


def safety_name(safety_mode: int) -> str:
    """The name of a safety mode; its number where it has none here."""
    known = safety_mode in SafetyMode.__members__.values()
    return SafetyMode(safety_mode).name if known else str(safety_mode)


def version_reason(version: tuple[int, ...]) -> str:
    """Why this PolyScope cannot be driven, by its version; empty where it can, or says none."""
    if version and version[0] == 5 and version < (5, 4):
        return (
            f"PolyScope {version[0]}.{version[1]} cannot be driven: the client library needs 5.4 "
            "or later (or 3.x); update the controller"
        )
    if version and version[0] >= 10:
        return f"PolyScope X ({version[0]}.{version[1]}) cannot be driven; PolyScope 5 is needed"
    return ""
