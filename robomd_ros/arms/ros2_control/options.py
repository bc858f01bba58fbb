# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an arm behind a driver is driven."""

from dataclasses import dataclass

from robomd_ros.arms.limits import ArmLimits
from robomd_ros.arms.motion import MoveOptions


@dataclass(frozen=True, kw_only=True)
class DriverOptions(MoveOptions):
    """How to drive the arm; see DriverArmParameters.

    Attributes:
        limits: of the arm.
        joint_names: base to wrist.
        tcp: (6,) tool in the flange: m and rotation vector, rad.
        base_link: of the description.
        tool_link: likewise.
        rate: Hz of states and streamed commands.
        moves_by_action: moves are the trajectory controller's; else they are streamed.
        says: what the driver says of the robot: ur, program or none.
    """

    limits: ArmLimits
    joint_names: tuple[str, ...]
    tcp: tuple[float, ...]
    base_link: str
    tool_link: str
    rate: float
    moves_by_action: bool
    says: str
