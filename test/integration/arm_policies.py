# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies and detectors for the tests of policy_node, loaded as python:arm_policies:<name>."""

import ctypes
import os
import time
from typing import ClassVar

import numpy as np


class Forward:
    """Moves along x; some seeds make it misbehave at its third step."""

    def reset(self, seed, instruction):
        self.seed, self.steps = seed, 0

    def act(self, observation):
        self.steps += 1
        if self.seed in MISBEHAVIOUR and self.steps == 3:
            return MISBEHAVIOUR[self.seed]()
        return [1.0, 0.0, -0.5, 0.0, 0.0, 2.0, 1.0]


def raise_an_error():
    raise RuntimeError("joint table lost")


HANGING, SLEEPING = 13, 14
MISBEHAVIOUR = {
    HANGING: lambda: ctypes.PyDLL(None).sleep(3600),  # holds the interpreter's lock
    SLEEPING: lambda: time.sleep(3600),
    15: raise_an_error,
    16: lambda: [np.nan] * 7,
    17: lambda: np.zeros(3),
    18: lambda: os._exit(7),
    19: lambda: ctypes.string_at(0),
}


class Joints(Forward):
    """Absolute targets: a little further than where the arm is."""

    def act(self, observation):
        return [*(observation["proprioception"]["joint_pos"] + 0.01), -1.0]


class Telling(Forward):
    """Says that it is done after four steps; how, its seed says."""

    def outcome(self):
        if self.steps < 4:
            return None
        return {1: True, 2: (False, "dropped it"), 3: "perhaps"}[self.seed]


class Slow(Forward):
    def act(self, observation):
        time.sleep(0.25)
        return super().act(observation)


class Undecided(Forward):
    def outcome(self):
        return None


class Counting:
    """Its command says how many episodes there were, in tenths."""

    def __init__(self):
        self.episodes = 0

    def reset(self, seed, instruction):
        self.episodes += 1

    def act(self, observation):
        return [0.1 * self.episodes, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


class Square(Forward):
    """Trained on pictures of 84 x 84 of the camera `front`; the picture decides what it does."""

    camera = "front"
    image_size = 84

    def act(self, observation):
        image = observation["images"]["front"]
        assert image.shape == (84, 84, 3) and image.dtype == np.uint8
        values = observation["proprioception"]
        assert {k: v.shape for k, v in values.items()} == {
            "eef_pos": (3,),
            "eef_quat_xyzw": (4,),
            "joint_pos": (6,),
            "joint_vel": (6,),
            "gripper_qpos": (2,),
        }
        np.testing.assert_allclose(values["joint_vel"], np.arange(1, 7) / 100)
        return [image[:, :, 0].mean() / 255.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def far_enough(observation):
    """A detector: the tool has come 20 mm along x."""
    return bool(observation["proprioception"]["eef_pos"][0] > 0.42)


def never(observation):
    return False, "still on the table"


def broken_detector(observation):
    raise ValueError("no reference picture")


class Uncertain:
    def reset(self, seed, instruction):
        self.instruction = instruction

    def __call__(self, observation):
        return None


class TwoCameras(Forward):
    """Moves along x as red as the front is, along y as green as the wrist is."""

    needs: ClassVar = {"cameras": {"agentview": (16, 16), "wrist": (0, 0)}}

    def act(self, observation):
        front, wrist = (observation["images"][name] for name in ("agentview", "wrist"))
        assert front.shape == (16, 16, 3) and wrist.shape == (24, 32, 3)
        return [front[..., 0].mean() / 255, wrist[..., 1].mean() / 255, 0.0, 0.0, 0.0, 0.0, 0.0]
