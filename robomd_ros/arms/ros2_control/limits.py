# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The limits of an arm of any number of joints, and what its description adds to them."""

import math

from robomd_ros.arms.limits import ArmLimits
from robomd_ros.arms.ros2_control.chain import Chain
from robomd_ros.arms.ur5e.parameters import LimitParameters
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import Numbers, taken


class DriverLimits(ArmLimits):
    """As ArmLimits, of as many joints as are given."""

    node = "driver_arm_node"

    joint_lower: Numbers = taken(LimitParameters, "joint_lower", size=0)
    joint_upper: Numbers = taken(LimitParameters, "joint_upper", size=0)

    def joints(self) -> list[tuple[str, float]]:
        """Joints by their number; how far they turn, their description says."""
        if len(self.joint_lower) != len(self.joint_upper):
            raise ConfigurationError(
                f"joint_lower has {len(self.joint_lower)} numbers and joint_upper "
                f"{len(self.joint_upper)}; give one of each for every joint"
            )
        return [(f"joint {i}", math.inf) for i in range(1, len(self.joint_lower) + 1)]


def narrowed(limits: ArmLimits, chain: Chain) -> ArmLimits:
    """The limits, no wider and no faster than the robot's description allows."""
    lower, upper, speed = chain.limits()
    fastest = min(limits.joint_speed_limit, float(speed.min()))
    return limits.changed(
        joint_lower=[max(*pair) for pair in zip(limits.joint_lower, lower.tolist(), strict=True)],
        joint_upper=[min(*pair) for pair in zip(limits.joint_upper, upper.tolist(), strict=True)],
        joint_speed_limit=fastest,
        joint_speed=min(limits.joint_speed, fastest),
    )
