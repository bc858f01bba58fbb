# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies as their owners bring them, most of which fit no cell of ours as they are.

Loaded in tests as python:misfit_policies:<name>.
"""

import numpy as np


class Base:
    def reset(self, seed, instruction):
        self.instruction = instruction

    def act(self, observation):
        return np.zeros(7)


class Chunk(Base):
    """Sixteen commands at a time, and says nothing of it."""

    def act(self, observation):
        return np.zeros((16, 7), np.float32)


class ChunkSaid(Chunk):
    needs = {"action": {"kind": "delta_pose", "size": 7, "chunk": 16}}  # noqa: RUF012


class Wrist(Base):
    """A second camera."""

    def act(self, observation):
        return np.zeros(7) + 0 * observation["images"]["robot0_eye_in_hand"].mean()


class WristSaid(Wrist):
    needs = {  # noqa: RUF012
        "cameras": {"agentview": [84, 84], "robot0_eye_in_hand": [128, 96]},
    }


class Big224(Base):
    """Large pictures."""

    def act(self, observation):
        image = observation["images"]["agentview"]
        assert image.shape == (224, 224, 3), image.shape
        assert image.std() > 5
        return np.zeros(7)


class Big224Said(Big224):
    image_size = 224


class TwoFinger8(Base):
    """Joint targets of a Panda and its gripper."""

    def act(self, observation):
        return np.zeros(8)


class TwoFinger8Said(TwoFinger8):
    needs = {  # noqa: RUF012
        "cameras": {"agentview": [84, 84]},
        "proprioception": {"joint_pos": {"size": 7, "unit": "rad"}},
        "action": {"kind": "joint_target", "size": 8},
    }


class Unnormalised(Base):
    """Degrees and metres."""

    def act(self, observation):
        return np.array([30.0, -20, 10, 90, 0, 0, 255])


class Diverging(Base):
    def act(self, observation):
        return np.full(7, np.nan)


class WantsState(Base):
    wants_state = True

    def act(self, observation):
        return np.zeros(7) + 0 * observation["state"]["cube_pos"].sum()


class WrongNeeds(Base):
    needs = {"camera": "agentview"}  # noqa: RUF012


class ReadmeExample:
    """What the README shows, word for word as far as it goes."""

    wants_state = False

    def reset(self, seed: int, instruction: str) -> None: ...

    def act(self, observation) -> np.ndarray:
        image = observation["images"]["agentview"]
        own = observation["proprioception"]
        assert image.shape == (84, 84, 3) and image.dtype == np.uint8
        assert own["eef_pos"].shape == (3,) and own["eef_quat_xyzw"].shape == (4,)
        assert own["gripper_qpos"].shape == (2,)
        assert own["joint_pos"].shape == own["joint_vel"].shape
        return np.array([0.0, 0.0, 0.5, 0.0, 0.0, 0.0, -1.0])


MISFITS = {
    "Chunk": ["shape (16, 7)", "(84, 84, 3)", "delta_pose (7,)"],
    "ChunkSaid": ["gives 16 commands at a time", "takes 1"],
    "TwoFinger8": ["shape (8,)", "delta_pose (7,) in [-1, 1]"],
    "TwoFinger8Said": ["commands joint_target (8,)", "takes delta_pose (7,)"],
    "Wrist": ["KeyError: 'robot0_eye_in_hand'", "'agentview' (84, 84, 3)", "`needs`"],
    "Big224": ["AssertionError: (84, 84, 3)", "`needs`"],
    "Unnormalised": ["commanded 30 as value 0, where [-1, 1] is taken", "not normalised"],
    "Diverging": ["not finite"],
    "WrongNeeds": ["unknown key 'camera'", "cameras"],
}
"""Policy -> what is said of it in simulation and on an arm alike."""
