# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every policy must do: inherit `PolicyContract` and say how one is made."""

from abc import ABC, abstractmethod

import numpy as np
import pytest

from robomd_ros.core.policies import (
    Observation,
    Policy,
    check_policy,
    needs_of,
    next_action,
    start_episode,
)
from robomd_ros.core.spaces import ActionSpec


def observation(seed: int = 0, size: int = 84) -> Observation:
    """A plausible observation of Lift with random pixels."""
    rng = np.random.default_rng(seed)
    eef_pos = np.array([-0.1, 0.0, 1.0]) + 0.05 * rng.standard_normal(3)
    return {
        "images": {"agentview": rng.integers(0, 256, (size, size, 3), dtype=np.uint8)},
        "proprioception": {
            "eef_pos": eef_pos,
            "eef_quat_xyzw": np.array([1.0, 0.0, 0.0, 0.0]),
            "gripper_qpos": np.array([0.04, -0.04]),
            "joint_pos": rng.standard_normal(7),
            "joint_vel": np.zeros(7),
        },
        "state": {
            "cube_pos": np.array([0.0, 0.0, 0.82]) + 0.02 * rng.standard_normal(3),
            "cube_quat_xyzw": np.array([0.0, 0.0, 0.0, 1.0]),
            "cube_half_size": np.array([0.021, 0.021, 0.021]),
            "eef_pos": eef_pos,
        },
    }


class PolicyContract(ABC):
    """The tests that every policy adapter passes."""

    action_size = 7

    @abstractmethod
    def make(self) -> Policy:
        """A fresh policy."""

    @pytest.fixture
    def policy(self) -> Policy:
        return self.make()

    def test_implements_the_protocol(self, policy):
        assert isinstance(policy, Policy)

    def test_passes_the_check_before_a_campaign(self, policy):
        action = ActionSpec("delta_pose", self.action_size, (-1.0,), (1.0,))
        check_policy(policy, observation(), action, "lift the cube")

    def test_says_what_it_needs(self, policy):
        needs = needs_of(policy)
        shown = observation()
        assert set(needs.cameras or ()) <= set(shown["images"])
        assert set(needs.proprioception) <= set(shown["proprioception"])

    def test_gives_finite_commands_of_the_right_size(self, policy):
        start_episode(policy, 3, "lift the cube")
        for step in range(5):
            action = next_action(policy, observation(step), self.action_size)
            assert action.shape == (self.action_size,) and action.dtype == np.float64

    def test_same_episode_twice_gives_the_same_commands(self, policy):
        episodes = []
        for _ in range(2):
            start_episode(policy, 7, "lift the cube")
            episodes.append([next_action(policy, observation(i), 7) for i in range(6)])
        np.testing.assert_array_equal(episodes[0], episodes[1])

    def test_does_not_change_the_observation(self, policy):
        given, untouched = observation(), observation()
        start_episode(policy, 0, "")
        next_action(policy, given, self.action_size)
        np.testing.assert_equal(given, untouched)
