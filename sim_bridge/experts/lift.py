# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for Lift: it sees the simulator's state and makes the demonstrations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.policies import Observation
from robomd_ros.core.spaces import Quantity, Spaces

OPEN, CLOSE = -1.0, 1.0


class ScriptedExpert:
    """Position-only P control: above the cube, down to it, close, lift.

    The gripper keeps its orientation; it opens wider than the cube's diagonal, so the cube's yaw
    does not matter. Usable as a policy: `python:sim_bridge.experts.lift:ScriptedExpert`.
    """

    needs = Spaces(proprioception={"gripper_qpos": Quantity(2, "m")}, state=True)
    tolerance = 0.015
    """Distance at which a waypoint counts as reached, m."""
    lost = 0.04
    """Distance at which a cube that should be in the hand has slipped out, m: grasp again."""
    hover = 0.04
    """Height of the waypoint above the cube's centre, m."""
    gain = 10.0
    """Command per metre of distance; the controller moves 0.05 m at a command of 1."""
    settled = 0.0005
    """Finger motion in a step below which the fingers stand still, m."""
    held = 0.068
    """Opening below which fingers that stand still hold something, m; open they are 0.08 apart."""

    def __init__(self) -> None:
        self.reset(0, "")

    def reset(self, seed: int, instruction: str) -> None:
        """Forget the phase; the expert draws nothing at random."""
        self._down = False
        self._closing = False
        self._lifting = False
        self._opening = 0.0

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The command, (7,) float64 in [-1, 1]."""
        state: dict[str, Any] = observation["state"]
        to_cube = np.asarray(state["cube_pos"]) - np.asarray(state["eef_pos"])
        distance = float(np.linalg.norm(to_cube))
        if self._closing and distance > (self.lost if self._lifting else 2 * self.tolerance):
            self.reset(0, "")
        if distance < self.tolerance:
            self._closing = True
        if self._closing:
            self._close(np.asarray(observation["proprioception"]["gripper_qpos"]))
            motion = np.array([0.0, 0.0, 1.0]) if self._lifting else to_cube * self.gain
            return self._command(motion, CLOSE)
        # Once over the cube the approach goes on downwards even if a disturbance pushes it aside.
        self._down = self._down or float(np.linalg.norm(to_cube[:2])) < self.tolerance
        target = to_cube if self._down else to_cube + np.array([0.0, 0.0, self.hover])
        return self._command(target * self.gain, OPEN)

    def _close(self, gripper_qpos: NDArray[np.float64]) -> None:
        """Lift once the fingers have closed on something."""
        opening = float(np.abs(gripper_qpos).sum())
        still = abs(self._opening - opening) < self.settled
        self._lifting = self._lifting or (still and opening < self.held)
        self._opening = opening

    @staticmethod
    def _command(motion: NDArray[np.float64], gripper: float) -> NDArray[np.float64]:
        return np.concatenate([np.clip(motion, -1.0, 1.0), np.zeros(3), [gripper]])
