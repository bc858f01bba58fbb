# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The protocol of a policy under test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from typing import TypeAlias

Observation: TypeAlias = "Mapping[str, Any]"
"""What a policy sees at one step.

`images`: camera name -> (H, W, 3) uint8 RGB; `proprioception`: name -> float64 array
(`eef_pos` (3,) m and `eef_quat_xyzw` (4,), in the simulator's world frame or the arm's base frame,
`gripper_qpos` (2,) m, `joint_pos` (n,) rad, `joint_vel` (n,) rad/s); `state`: the simulator's
privileged state, only where the policy asks for it.
"""


@runtime_checkable
class Policy(Protocol):
    """A manipulation policy as the campaign sees it: a black box.

    What it needs it says in an attribute `needs` (see `robomd_ros.core.policies.needs.needs_of`):
    cameras and their sizes, proprioception, the command. A policy that says nothing is shown the
    camera agentview in 84 x 84 pixels, and commands as the cell does.
    """

    def reset(self, seed: int, instruction: str) -> None:
        """An episode starts: forget the last one; draw any randomness from the seed."""
        ...

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """Return the robot command for this observation, (size,) float.

        In simulation, and on an arm with command_mode twist: (7,) in [-1, 1], the delta pose (xyz,
        rotation vector) of robosuite's OSC_POSE controller and the gripper (-1 open, 1 close).
        """
        ...
