"""Why an arm cannot move now, and what to do about it."""

import math
from dataclasses import dataclass

from robomd_ros.hardware import receive as rtde
from robomd_ros.hardware.receive import ArmState

ROBOT_MODES = {
    -1: "NO_CONTROLLER",
    0: "DISCONNECTED",
    1: "CONFIRM_SAFETY",
    2: "BOOTING",
    3: "POWER_OFF",
    4: "POWER_ON",
    5: "IDLE",
    6: "BACKDRIVE",
    7: "RUNNING",
    8: "UPDATING",
}
UNKNOWN_MODE, UNKNOWN_SAFETY = -2, 0

_SAFETY = {
    rtde.SAFETY_PROTECTIVE_STOP: "protective stop: look for its cause, then call recover",
    4: "recovery mode: move the joints inside their limits at the pendant, then call recover",
    rtde.SAFETY_SAFEGUARD_STOP: "safeguard stop: close the safeguard, then call recover",
    rtde.SAFETY_SYSTEM_STOP: "emergency stop of the system: release it, then call recover",
    rtde.SAFETY_EMERGENCY_STOP: "emergency stop: release the button, then call recover",
    rtde.SAFETY_VIOLATION: "safety violation: look for its cause, then call recover",
    rtde.SAFETY_FAULT: "safety fault: see the pendant; call recover, or restart the controller",
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
    """

    robot_mode: int = UNKNOWN_MODE
    safety_mode: int = UNKNOWN_SAFETY
    program_running: bool = False
    remote_control: bool = False
    speed_scaling: float = math.nan
    ready: bool = False
    detail: str = "not connected yet"


def is_safe(state: ArmState) -> bool:
    """Whether no safety function holds the arm."""
    return state.safety_mode in (rtde.SAFETY_NORMAL, rtde.SAFETY_REDUCED)


def safety_reason(safety_mode: int) -> str:
    """What holds the arm and how it is left; empty where nothing does."""
    if safety_mode in (rtde.SAFETY_NORMAL, rtde.SAFETY_REDUCED):
        return ""
    return _SAFETY.get(safety_mode, f"safety mode {safety_mode}: see the pendant")


def mode_reason(robot_mode: int) -> str:
    """Why the robot's mode lets nothing move; empty where it does."""
    if robot_mode == rtde.MODE_RUNNING:
        return ""
    name = ROBOT_MODES.get(robot_mode, str(robot_mode))
    return f"robot mode is {name}: power the arm on and release the brakes at the pendant"


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
