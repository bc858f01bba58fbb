# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an arm behind a driver is driven."""

from dataclasses import dataclass

from robomd_ros.arms.limits import ArmLimits


@dataclass(frozen=True)
class DriverOptions:
    """How to drive the arm; see DriverArmParameters.

    Attributes:
        limits: of the arm.
        joint_names: base to wrist.
        home: (n,) rad.
        home_lift: m that the tool goes up before it goes there.
        home_path_limit: m that the tool may travel on the way there.
        tcp: (6,) tool in the flange: m and rotation vector, rad.
        base_link: of the description.
        tool_link: likewise.
        state_timeout: s.
        move_timeout: s that a move may take beyond its duration.
        rate: Hz of states and streamed commands.
        moves_by_action: moves are the trajectory controller's; else they are streamed.
        says: what the driver says of the robot: ur, program or none.
    """

    limits: ArmLimits
    joint_names: tuple[str, ...]
    home: tuple[float, ...]
    home_lift: float
    home_path_limit: float
    tcp: tuple[float, ...]
    base_link: str
    tool_link: str
    state_timeout: float
    move_timeout: float
    rate: float
    moves_by_action: bool
    says: str
