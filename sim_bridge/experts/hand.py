# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experts that are scripts: what they share, and the policy that runs one.

A script is a generator of commands; where it stands is all that it remembers. A grasp that is lost
makes it begin again.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.policies import Observation
from robomd_ros.core.spaces import Spaces

Array = NDArray[np.float64]
Commands = Iterator[Array]
Goal = Callable[[], Array]
"""A point in the world, m, that may move."""
OPEN, CLOSE = -1.0, 1.0
_GAIN = 10.0
"""Command per metre; the controller moves 0.05 m at a command of 1."""
_TURN_GAIN = 2.0
"""Command per radian; it turns 0.5 rad at a command of 1."""
_PATIENCE = 120
"""Steps after which a script gives up a point and begins again."""


class GuidedHand:
    """The hand as a script sees and moves it.

    A `turn` is an angle about the vertical, rad, from how the hand stands at home: there the
    fingers close along the world's y.
    """

    slow = 1.0
    """Largest command of a translation."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.pos = np.zeros(3)
        self._home: Array | None = None
        self._fingers = self._opening_change = np.zeros(0)
        self.turn = 0.0
        self.held = 0.0
        """What the gripper is told between motions."""

    def see(self, observation: Observation) -> None:
        """Take in what is seen now."""
        self.state = observation["state"]
        own = observation["proprioception"]
        self.pos = np.asarray(self.state["eef_pos"])
        self._mat = matrix(np.asarray(own["eef_quat_xyzw"]))
        fingers = np.asarray(own.get("gripper_qpos", np.zeros(1)))
        before = self._fingers if self._fingers.size else fingers
        self._opening_change, self._fingers = np.abs(fingers - before), fingers
        if self._home is None:
            self._home = _downwards(self._mat)

    def thing(self, name: str) -> Array:
        """Where a thing is, (3,) m."""
        return np.asarray(self.state[f"{name}_pos"])

    def yaw(self, name: str) -> float:
        """How a thing is turned about the vertical, rad."""
        rotation = matrix(np.asarray(self.state[f"{name}_quat_xyzw"]))
        return float(np.arctan2(rotation[1, 0], rotation[0, 0]))

    def axis(self, name: str, point: Array) -> Array:
        """A point in a thing's own frame, in the world, (3,) m."""
        rotation = matrix(np.asarray(self.state[f"{name}_quat_xyzw"]))
        return self.thing(name) + rotation @ point

    def go(self, goal: Goal, gripper: float, tolerance: float = 0.01) -> Commands:
        """Bring the point between the fingers to a goal; gives up after a while."""
        for _ in range(_PATIENCE):
            away = goal() - self.pos
            if np.linalg.norm(away) < tolerance and self._misturned() < 0.12:
                return
            yield self.command(away, gripper)

    def close(self) -> Commands:
        """Close until the fingers stand still."""
        still = 0
        for step in range(25):
            yield self.command(np.zeros(3), CLOSE)
            limit = 0.0005 if self._fingers.size <= 2 else 0.01
            still = still + 1 if self._opening_change.max() < limit else 0
            if step > 2 and still > 1:
                return

    def pick(self, goal: Goal, hover: float = 0.06, tolerance: float = 0.008) -> Commands:
        """Open, over the goal, down to it, close."""
        over = np.array([0.0, 0.0, hover])
        yield from self.go(lambda: goal() + over, OPEN, 0.015)
        yield from self.go(goal, OPEN, tolerance)
        yield from self.close()

    def carry(
        self,
        point: Goal,
        target: Goal,
        tolerance: float = 0.01,
        lost: float = 0.1,
        yaw: Callable[[], float] | None = None,
    ) -> Commands:
        """Bring a point of the held thing, not the hand, to a target.

        Args:
            point: of the thing.
            target: for it.
            tolerance: m.
            lost: the hand and the point are no further apart, m, or the thing has slipped out.
            yaw: how far the thing is turned from where it should be, rad; None does not matter.

        Returns:
            Through `yield from`: whether it is there, or lost.
        """
        for _ in range(_PATIENCE):
            away = target() - point()
            error = yaw() if yaw is not None else 0.0
            if np.linalg.norm(self.pos - point()) > lost:
                return False
            if np.linalg.norm(away) < tolerance and abs(error) < 0.06:
                return True
            if yaw is not None:
                self.turn = float(np.clip(self.turn - 0.2 * error, -2.4, 2.4))
            yield self.command(away, CLOSE)
        return False

    def release(self, rise: float = 0.1) -> Commands:
        """Let go, then up and away."""
        for _ in range(6):
            yield self.command(np.zeros(3), OPEN)
        goal = self.pos + np.array([0.0, 0.0, rise])
        yield from self.go(lambda: goal, OPEN, 0.02)

    def command(self, away: Array, gripper: float) -> Array:
        """(7,) towards a point `away` (3,) m, turning to `turn`."""
        motion = np.clip(_GAIN * away, -self.slow, self.slow)
        spin = np.clip(_TURN_GAIN * self._error(), -1.0, 1.0)
        self.held = gripper
        return np.concatenate([motion, spin, [gripper]])

    def _error(self) -> Array:
        """(3,) rotation vector from how the hand stands to how it should."""
        if self._home is None:
            return np.zeros(3)
        c, s = np.cos(self.turn), np.sin(self.turn)
        wanted = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ self._home
        return rotation_vector(wanted @ self._mat.T)

    def _misturned(self) -> float:
        return float(np.linalg.norm(self._error()))


class ScriptPolicy:
    """Runs a script as a policy; a script that ends begins again."""

    needs: ClassVar[Spaces] = Spaces(state=True)

    def __init__(self) -> None:
        self.reset(0, "")

    def reset(self, seed: int, instruction: str) -> None:
        """Begin anew; nothing is drawn at random."""
        self._hand = GuidedHand()
        self._commands: Commands | None = None

    def script(self, hand: GuidedHand) -> Commands:
        """The commands of one try; overridden."""
        raise NotImplementedError

    def act(self, observation: Observation) -> Array:
        """The next command, (7,) in [-1, 1]."""
        self._hand.see(observation)
        for _ in range(3):
            if self._commands is None:
                self._commands = self.script(self._hand)
            command = next(self._commands, None)
            if command is not None:
                return command
            self._commands = None
        return self._hand.command(np.zeros(3), OPEN)


def matrix(quat_xyzw: Array) -> Array:
    """(3, 3) rotation of a quaternion."""
    x, y, z, w = quat_xyzw / np.linalg.norm(quat_xyzw)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_vector(rotation: Array) -> Array:
    """(3,) rad, of a (3, 3) rotation."""
    skew = 0.5 * np.array(
        [
            rotation[2, 1] - rotation[1, 2],
            rotation[0, 2] - rotation[2, 0],
            rotation[1, 0] - rotation[0, 1],
        ]
    )
    sine = float(np.linalg.norm(skew))
    angle = np.arctan2(sine, 0.5 * (np.trace(rotation) - 1.0))
    return skew * (angle / sine) if sine > 1e-9 else np.zeros(3)


def nearest(angle: float, period: float) -> float:
    """The angle in [-period / 2, period / 2] that differs from this one by whole periods."""
    return float((angle + period / 2) % period - period / 2)


def _downwards(rotation: Array) -> Array:
    """The hand pointing straight down, its x axis along the nearest axis of the world."""
    turn = np.round(np.arctan2(rotation[1, 0], rotation[0, 0]) / (np.pi / 2)) * (np.pi / 2)
    x = np.array([np.cos(turn), np.sin(turn), 0.0])
    z = np.array([0.0, 0.0, -1.0])
    return np.column_stack([x, np.cross(z, x), z])
