# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a scene changes outside the model: commands on their way to the arm, and its pictures."""

import zlib
from collections import deque
from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim_bridge.engine.edits import BoundEdit, Bounds, Edit
from sim_bridge.tasks.task import Array, InForce, Slot

LATENCY: Slot = ("latency", "control")
ACTION_NOISE: Slot = ("noise", "control")
PICTURE_NOISE: Slot = ("noise", "camera")
BLUR: Slot = ("blur", "camera")


def _edit(name: str, low: float, high: float, unit: str) -> Edit:
    """One that writes nothing into the model: `Disturbance` does it."""

    def bind(_model: mujoco.MjModel) -> BoundEdit:
        return BoundEdit(lambda values: None, lambda values: not values[name].any())

    return Edit({name: Bounds(1, low, high, unit)}, bind)


EDITS: Mapping[Slot, Edit] = {
    LATENCY: _edit("steps", 0.0, 20.0, "control steps"),
    ACTION_NOISE: _edit("std", 0.0, 2.0, "of a command's unit"),
    PICTURE_NOISE: _edit("std", 0.0, 128.0, "grey levels of 255"),
    BLUR: _edit("radius", 0.0, 10.0, "pixels in a picture of 84"),
}


class Disturbance:
    """Of one episode at a time; the same seed gives the same noise, however often it is drawn."""

    def __init__(self) -> None:
        self.begin({}, 0)

    def begin(self, values: InForce, seed: int) -> None:
        """An episode starts.

        Args:
            values: in force; what is not among EDITS is not looked at.
            seed: of the noise.
        """
        self._steps = round(_number(values, LATENCY, "steps"))
        self._action_std = _number(values, ACTION_NOISE, "std")
        self._picture_std = _number(values, PICTURE_NOISE, "std")
        self._radius = _number(values, BLUR, "radius")
        self._seed = seed
        self._waiting: deque[Array] = deque()
        self._rng = np.random.default_rng((seed, 1))

    def executed(self, command: Array) -> Array:
        """What the arm is told: an earlier command (none at first), with noise on its motion."""
        told = command
        if self._steps:
            self._waiting.append(command)
            late = len(self._waiting) > self._steps
            # at first the hand stays as it is, its gripper as the first command wants it
            told = self._waiting.popleft() if late else np.concatenate([np.zeros(6), command[6:]])
        if self._action_std:
            told = told.copy()
            told[:6] += self._action_std * self._rng.standard_normal(6)
        return told

    def seen(self, picture: NDArray[np.uint8], camera: str, step: int) -> NDArray[np.uint8]:
        """A picture, (H, W, 3) uint8, as the policy gets it at this step."""
        if self._radius:
            picture = _blurred(picture, round(self._radius * picture.shape[0] / 84))
        if self._picture_std:
            rng = np.random.default_rng((self._seed, step, zlib.crc32(camera.encode())))
            noise = self._picture_std * rng.standard_normal(picture.shape, dtype=np.float32)
            picture = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
        return picture


def _number(values: InForce, slot: Slot, name: str) -> float:
    return float(values[slot][name][0]) if slot in values else 0.0


def _blurred(picture: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """The mean over a square of 2 * radius + 1 pixels; the border goes on as it ends."""
    if radius < 1:
        return picture
    mean = picture.astype(np.float32)
    side = 2 * radius + 1
    for axis in (0, 1):
        widths = [(radius + 1, radius) if i == axis else (0, 0) for i in range(3)]
        sums = np.cumsum(np.pad(mean, widths, mode="edge"), axis=axis, dtype=np.float64)
        count = picture.shape[axis]
        last = np.take(sums, range(side, side + count), axis)
        mean = ((last - np.take(sums, range(count), axis)) / side).astype(np.float32)
    return np.rint(mean).astype(np.uint8)
