# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a driver says of its robot, and why nothing can move by it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from robomd_ros.arms.ur5e.status import ArmStatus, mode_name, mode_reason, safety_reason
from robomd_ros.core.robot_modes import RobotMode, SafetyMode

_AT_HOME = 0.02
"""rad by which a joint may be away from home."""
_SAFETY_OF_DRIVERS = {
    12: "safeguard stop of the automatic mode: close the safeguard, then call recover",
    13: "the three-position enabling switch stops the arm: press it, then call recover",
}
"""Safety modes that only newer drivers tell."""


@dataclass
class DriverReport:
    """What the driver last said besides the joint states; None: nothing yet.

    Attributes:
        says: `driver_status` of the parameters: ur, program or none.
        robot_mode: as RobotMode.
        safety_mode: as SafetyMode.
        program_running: the robot executes the driver's program.
        speed_scaling: [0, 1]; NaN unknown.
    """

    says: str
    robot_mode: int | None = None
    safety_mode: int | None = None
    program_running: bool | None = None
    speed_scaling: float = math.nan

    def obstacle(self) -> str:
        """Why nothing can move, and the remedy; empty if nothing is known against it."""
        if self.says == "none":
            return ""
        if self.says == "ur" and (self.robot_mode is None or self.safety_mode is None):
            return (
                "the driver has not said the robot's mode and safety mode; is its "
                "io_and_status_controller active?"
            )
        return self.stop() or self._program_obstacle()

    def stop(self) -> str:
        """What a person or a safety function did to the robot; empty if nothing."""
        if self.safety_mode is not None:
            mode = self.safety_mode
            if reason := _SAFETY_OF_DRIVERS.get(mode) or safety_reason(mode):
                return reason
        return mode_reason(self.robot_mode) if self.robot_mode is not None else ""

    def _program_obstacle(self) -> str:
        if self.program_running:
            return ""
        if self.program_running is None:
            return "the driver has not said whether its program runs on the robot; is it up?"
        return (
            "the driver's program does not run on the robot: start External Control at the "
            "pendant, or call resend_robot_program in headless mode, then call recover"
        )

    def taken_over(self, before: "DriverReport") -> str:
        """What has just been done to a robot that was under control; empty if nothing."""
        if reason := self.stop():
            named = self.robot_mode not in (None, RobotMode.RUNNING) and self.safety_mode in (
                None, SafetyMode.NORMAL, SafetyMode.REDUCED,
            )  # fmt: skip
            return (
                f"the robot's mode became {mode_name(self.robot_mode or 0)}"
                if named
                else (reason.split(":")[0])
            )
        if before.program_running and not self.program_running:
            return "the program was stopped at the robot, not by this node"
        return ""


def is_near(q: Sequence[float], home: Sequence[float]) -> bool:
    """Whether every joint, rad, is where it is at home, whole turns apart."""
    turns = (math.remainder(a - b, 2 * math.pi) for a, b in zip(q, home, strict=True))
    return max(abs(turn) for turn in turns) < _AT_HOME


def status_of(
    report: DriverReport, obstacle: str, stopped: str, moving: bool, at_home: bool
) -> ArmStatus:
    """What is latched of the arm.

    Args:
        report: of the driver.
        obstacle: why no motion can start; empty if one can.
        stopped: by whom, until somebody recovers it; empty: by nobody.
        moving: the arm moves.
        at_home: it rests at home.
    """
    scaling = report.speed_scaling
    return ArmStatus(
        robot_mode=RobotMode.UNKNOWN if report.robot_mode is None else report.robot_mode,
        safety_mode=SafetyMode.UNKNOWN if report.safety_mode is None else report.safety_mode,
        program_running=bool(report.program_running),
        remote_control=True,
        speed_scaling=round(scaling, 2) if math.isfinite(scaling) else scaling,
        ready=not obstacle,
        detail=obstacle,
        moving=moving,
        at_home=at_home,
        stop_latched=bool(stopped),
        needs_person=bool(stopped or report.obstacle()),
    )
