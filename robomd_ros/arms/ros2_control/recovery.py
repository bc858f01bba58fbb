# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an arm behind a driver is brought back after a stop, when a person asks; nothing moves."""

import time
from collections.abc import Callable

from robomd_ros.arms.motion import ArmFault
from robomd_ros.arms.ros2_control.arm import DriverArm
from robomd_ros.core.robot_modes import SafetyMode

_UNLOCK_AFTER = 5.1
"""s after a protective stop before the controller lets it be unlocked."""
_CALL, _SAFETY, _PROGRAM, _READY = 5.0, 10.0, 20.0, 5.0
"""s that a service, the end of a safety stop, the program's start, and the rest may take."""
_LOOK = 0.05
_SERVICES = {"resend": "resend_robot_program", "play": "play"}


def recover_driver(arm: DriverArm, restart: str) -> str:
    """Leave a stop; blocks for some seconds.

    Args:
        arm: the arm.
        restart: restart_program of the parameters.

    Returns:
        What was done.

    Raises:
        ArmFault: what is in the way and what to do.
    """
    with arm.exclusive_recovery():
        cause = arm.latch.reason
        arm.stop("recovering")
        if rival := arm.link.rival():
            raise ArmFault(f"not recovered: {rival}")
        if arm.report.safety_mode == SafetyMode.PROTECTIVE_STOP:
            _unlock(arm)
        if reason := arm.report.stop():
            raise ArmFault(f"not recovered: {reason}; then call recover again")
        if arm.report.says != "none" and not arm.report.program_running:
            _start_program(arm, restart)
        arm.clear_recovery()
        if not _within(_READY, lambda: not arm.obstacle()):
            raise ArmFault(f"the stop is left, but: {arm.obstacle()}")
        return f"recovered from: {cause}" if cause else "nothing was to be recovered"


def _unlock(arm: DriverArm) -> None:
    time.sleep(max(0.0, arm.stopped_since + _UNLOCK_AFTER - time.monotonic()))
    if reason := arm.link.call("unlock_protective_stop", _CALL):
        raise ArmFault(f"not recovered: {reason}; unlock the protective stop at the pendant")
    if not _within(_SAFETY, lambda: not arm.report.stop()):
        raise ArmFault(f"not recovered: {arm.report.stop()}")


def _start_program(arm: DriverArm, restart: str) -> None:
    """See that the driver's program runs; it commands nothing by itself."""
    if restart == "person":
        raise ArmFault(f"not recovered: {arm.report.obstacle()}")
    if reason := arm.link.call(_SERVICES[restart], _CALL):
        raise ArmFault(f"not recovered: {reason}; start the driver's program at the pendant")
    if not _within(_PROGRAM, lambda: bool(arm.report.program_running)):
        raise ArmFault(f"not recovered: {arm.report.obstacle()}")


def _within(limit: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK)
    return True
