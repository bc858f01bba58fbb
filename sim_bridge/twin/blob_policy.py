# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lifts the twin's cube from pictures: `python:sim_bridge.twin.blob_policy:BlobPolicy`.

It looks for something red, works out where on the table that is, and takes it there. It has no
other way to know, so it fails where colour, light, camera or distractors deceive it, as a policy
under test should.
"""

import time
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.policies.policy import Observation
from robomd_ros.core.spaces import ANY_SIZE, ActionSpec, Quantity, Spaces
from sim_bridge.twin.view import CUBE_HALF, TwinView, find_cube

Array = NDArray[np.float64]

_FULL_SPEED_AT = 0.08
"""m from the target within which the arm slows down; any later, delay makes it swing."""
_NEAR = 0.006
"""m, close enough to a target."""
_HOVER = 0.10
"""m of the tool over the table before it goes down."""
_CARRY = 0.16
"""m of the tool over the table at the end."""
_LOOKS = 3
"""Pictures that must agree on where the cube is."""
_PATIENCE = 4.0
"""s to look for a cube."""
_GRASP_TIME, _LONGEST_GRASP = 0.8, 4.0
"""s that closing the gripper takes at least, and at most if the gripper is not seen to move."""
_STILL = 0.5
"""s without a change of the gripper's width after which it holds what it holds."""
_WIDTH_NOISE = 0.0005
"""m"""
_CHECK_TIME = 2.5
"""s to see the cube at the tool: the newest picture may be from before the end of the way up."""
_HELD_WITHIN = 0.04
"""m that a held cube may appear away from the tool."""


class _Phase(Enum):
    """What the policy is at."""

    LOOK = "looking for the cube"
    ABOVE = "moving over it"
    DOWN = "going down"
    CLOSE = "closing the gripper"
    LIFT = "lifting"
    CHECK = "looking at what was lifted"
    OVER = "over"


class BlobPolicy:
    """Look, go over it, go down, close, lift; then look whether the cube came along."""

    camera = "agentview"
    needs = Spaces(
        {camera: ANY_SIZE},
        {"eef_pos": Quantity(3, "m", "base"), "gripper_qpos": Quantity(2, "m")},
        ActionSpec("delta_pose", 7, (-1.0,), (1.0,)),
    )

    def __init__(self) -> None:
        self._view = TwinView.of_the_twin()
        self.reset(0, "")

    def reset(self, seed: int, instruction: str) -> None:
        """Forget where the cube was."""
        self._enter(_Phase.LOOK)
        self._seen: list[Array] = []
        self._cube = np.zeros(3)
        self._verdict: tuple[bool, str] | None = None
        self._width, self._moved, self._changed = np.nan, False, 0.0

    def outcome(self) -> tuple[bool, str] | None:
        """Whether the cube was lifted, as far as can be seen; None before the end."""
        return self._verdict

    def act(self, observation: Observation) -> Array:
        """The next command, (7,) in [-1, 1]: towards the present target, and the gripper."""
        image = observation["images"][self.camera]
        tool = np.asarray(observation["proprioception"]["eef_pos"])
        self._watch_gripper(float(np.ptp(observation["proprioception"]["gripper_qpos"])))
        step = {
            _Phase.LOOK: self._look,
            _Phase.ABOVE: self._above,
            _Phase.DOWN: self._down,
            _Phase.CLOSE: self._close,
            _Phase.LIFT: self._lift,
            _Phase.CHECK: self._check,
            _Phase.OVER: self._rest,
        }[self._phase]
        return step(image, tool)

    def _look(self, image: NDArray[np.uint8], _tool: Array) -> Array:
        pixel = find_cube(image)
        if pixel is not None:
            self._seen.append(self._view.cube_at(pixel, image.shape))
        if len(self._seen) >= _LOOKS:
            self._cube = np.median(self._seen[-_LOOKS:], axis=0)
            self._enter(_Phase.ABOVE)
        elif time.monotonic() - self._since > _PATIENCE:
            self._finish(False, "no red cube was seen")
        return _command()

    def _above(self, _image: NDArray[np.uint8], tool: Array) -> Array:
        return self._towards(tool, self._view.table + _HOVER, _Phase.DOWN)

    def _down(self, _image: NDArray[np.uint8], tool: Array) -> Array:
        command = self._towards(tool, self._view.table + CUBE_HALF, _Phase.CLOSE)
        if np.linalg.norm(self._cube[:2] - tool[:2]) > _NEAR:
            command[2] = max(command[2], 0.0)  # beside the cube the fingers would push it away
        return command

    def _close(self, _image: NDArray[np.uint8], _tool: Array) -> Array:
        now = time.monotonic()
        settled = self._moved and now - self._changed > _STILL
        if now - self._since > (_GRASP_TIME if settled else _LONGEST_GRASP):
            self._enter(_Phase.LIFT)
        return _command(gripper=1.0)

    def _lift(self, _image: NDArray[np.uint8], tool: Array) -> Array:
        return self._towards(tool, self._view.table + _CARRY, _Phase.CHECK, gripper=1.0)

    def _check(self, image: NDArray[np.uint8], tool: Array) -> Array:
        if held_in_picture(self._view, image, tool):
            self._finish(True, "")
        elif time.monotonic() - self._since > _CHECK_TIME:
            self._finish(False, "the cube did not come along")
        return _command(gripper=1.0)

    def _rest(self, _image: NDArray[np.uint8], _tool: Array) -> Array:
        return _command(gripper=1.0 if self._seen else 0.0)

    def _watch_gripper(self, width: float) -> None:
        """Note when the gripper last moved, since it began to close."""
        if self._phase is _Phase.CLOSE and abs(width - self._width) > _WIDTH_NOISE:
            self._moved, self._changed = True, time.monotonic()
        if self._phase is not _Phase.CLOSE or abs(width - self._width) > _WIDTH_NOISE:
            self._width = width

    def _towards(self, tool: Array, height: float, then: _Phase, gripper: float = -1.0) -> Array:
        """Move over the cube at this height; then go on with another phase."""
        away = np.array([*self._cube[:2], height]) - tool
        if np.linalg.norm(away) < _NEAR:
            self._enter(then)
        return _command(away, gripper)

    def _enter(self, phase: _Phase) -> None:
        self._phase, self._since = phase, time.monotonic()

    def _finish(self, success: bool, why: str) -> None:
        self._verdict = (success, why)
        self._enter(_Phase.OVER)


def held_in_picture(view: TwinView, image: NDArray[np.uint8], tool: Array) -> bool:
    """Whether the cube is seen at the tool, and the tool is well over the table.

    Args:
        view: the camera.
        image: (H, W, 3) uint8 RGB.
        tool: (3,) m, between the finger tips, in the robot's base frame.
    """
    pixel = find_cube(image)
    if pixel is None or tool[2] < view.table + CUBE_HALF + 0.05:
        return False
    # where a cube would be that appears there and is as high as the tool
    return bool(np.linalg.norm(view.place_at(pixel, tool[2], image.shape) - tool) < _HELD_WITHIN)


def _command(away: Array | None = None, gripper: float = -1.0) -> Array:
    move = np.zeros(3) if away is None else np.clip(away / _FULL_SPEED_AT, -1.0, 1.0)
    return np.array([*move, 0.0, 0.0, 0.0, gripper])
