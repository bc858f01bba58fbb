"""A scripted expert for Lift: it sees the simulator's state and makes the demonstrations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.policies import Observation

OPEN, CLOSE = -1.0, 1.0


class ScriptedExpert:
    """Position-only P control: above the cube, down to it, close, lift.

    The gripper keeps its orientation; it opens wider than the cube's diagonal, so the cube's yaw
    does not matter. Usable as a policy: `python:sim_bridge.expert:ScriptedExpert`.
    """

    wants_state = True
    tolerance = 0.015
    """Distance at which a waypoint counts as reached, m."""
    lost = 0.04
    """Distance at which a cube that should be in the hand has slipped out, m: grasp again."""
    hover = 0.04
    """Height of the waypoint above the cube's centre, m."""
    gain = 10.0
    """Command per metre of distance; the controller moves 0.05 m at a command of 1."""
    close_steps = 4
    """Steps that the fingers are given to close before the lift."""

    def __init__(self) -> None:
        self._closing = 0
        self._down = False

    def reset(self, seed: int, instruction: str) -> None:
        """Forget the phase; the expert draws nothing at random."""
        self._closing = 0
        self._down = False

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The command, (7,) float64 in [-1, 1]."""
        state: dict[str, Any] = observation["state"]
        to_cube = np.asarray(state["cube_pos"]) - np.asarray(state["eef_pos"])
        if self._closing > self.close_steps and np.linalg.norm(to_cube) > self.lost:
            self.reset(0, "")
        if self._closing:
            self._closing += 1
            lift = 1.0 if self._closing > self.close_steps else 0.0
            return self._command(np.array([0.0, 0.0, lift]), CLOSE)
        if np.linalg.norm(to_cube) < self.tolerance:
            self._closing = 1
            return self._command(np.zeros(3), CLOSE)
        # Once over the cube the approach goes on downwards even if a disturbance pushes it aside.
        self._down = self._down or float(np.linalg.norm(to_cube[:2])) < self.tolerance
        target = to_cube if self._down else to_cube + np.array([0.0, 0.0, self.hover])
        return self._command(target * self.gain, OPEN)

    @staticmethod
    def _command(motion: NDArray[np.float64], gripper: float) -> NDArray[np.float64]:
        return np.concatenate([np.clip(motion, -1.0, 1.0), np.zeros(3), [gripper]])
