# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is known of an arm before it is connected, and what a cell with it gives a policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from robomd_ros.arms.camera.topics import camera_topics
from robomd_ros.core.errors import PluginError
from robomd_ros.core.plugins import PluginKind
from robomd_ros.core.spaces import ANY_SIZE, ActionSpec, Quantity, Spaces

ARMS = PluginKind(
    "arm",
    "robomd.arms",
    own={
        "ur5e": "robomd_ros.arms.ur5e.kinematics:UR5E",
        "ros2_control": "robomd_ros.arms.ros2_control.settings:driver_arm",
    },
)
"""Arms by name; each is an ArmDescription."""
_TURN = float(2 * np.pi)


@dataclass(frozen=True)
class ArmDescription:
    """An arm that a policy may move.

    Attributes:
        name: what it is called.
        joint_names: from base to wrist, as its driver names them.
        base_frame: of its tool's pose and of twists.
    """

    name: str
    joint_names: tuple[str, ...]
    base_frame: str = "base"

    def cell_spaces(self, values: Mapping[str, Any]) -> Spaces:
        """What a cell with this arm, its cameras and policy_node gives, and takes.

        Args:
            values: the parameters of policy_node, by name.
        """
        height, width = values["image_height"], values["image_width"]
        joints = len(self.joint_names)
        return Spaces(
            cameras={
                name or values["camera_name"]: (height, width) if width else ANY_SIZE
                for name in camera_topics(values["cameras"])
            },
            proprioception={
                "eef_pos": Quantity(3, "m", self.base_frame),
                "eef_quat_xyzw": Quantity(4, "", self.base_frame),
                "gripper_qpos": Quantity(2, "m"),
                "joint_pos": Quantity(joints, "rad"),
                "joint_vel": Quantity(joints, "rad/s"),
            },
            action=_ACTIONS[values["command_mode"]](joints, values["rate"]),
            any_size=not width,
        )


def arm_named(spec: str) -> ArmDescription:
    """The description of an arm, by its name or as python:<module>:<description>.

    Raises:
        PluginError: there is none.
    """
    described = ARMS.make(spec)
    if not isinstance(described, ArmDescription):
        raise PluginError(
            f"the arm {spec!r} is {type(described).__name__}; it must be an ArmDescription of "
            "robomd_ros.arms.arm, or a function that returns one"
        )
    return described


def _twist(_joints: int, rate: float) -> ActionSpec:
    return ActionSpec("delta_pose", 7, (-1.0,), (1.0,), rate)


def _joint_targets(joints: int, rate: float) -> ActionSpec:
    low, high = (*[-_TURN] * joints, -1.0), (*[_TURN] * joints, 1.0)
    return ActionSpec("joint_target", joints + 1, low, high, rate)


_ACTIONS = {"twist": _twist, "joints": _joint_targets}
"""command_mode -> what a policy must command."""
