# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rewards against hand-worked numbers."""

import numpy as np
import pytest

from robomd_ros.core.search.reward import ContinuousReward, DiscreteReward
from robomd_ros.core.trial import Outcome, Result

FAILURE = Outcome(Result.FAILURE, steps=60)


def success(steps: int) -> Outcome:
    return Outcome(Result.SUCCESS, steps=steps)


def test_discrete_failure_is_c_failure_whatever_its_length():
    reward = DiscreteReward(horizon=60, c_failure=2.5)
    assert reward(FAILURE) == 2.5
    assert reward(Outcome(Result.FAILURE, steps=3)) == 2.5


@pytest.mark.parametrize(("steps", "value"), [(15, -0.5), (30, -1.0), (60, -2.0), (90, -2.0)])
def test_discrete_success_costs_its_share_of_the_horizon(steps, value):
    assert DiscreteReward(horizon=60, c_success=2.0)(success(steps)) == pytest.approx(value)


def test_continuous_failure_at_a_known_embedding():
    assert ContinuousReward(horizon=50, c_failure=3.0, k=0.5)(FAILURE, 0.0, 0) == 3.0


def test_continuous_failure_away_from_it_and_repeated():
    # 3 / (2 + 1) - 0.5 * 4 = 1 - 2
    assert ContinuousReward(horizon=50, c_failure=3.0, k=0.5)(FAILURE, 2.0, 4) == pytest.approx(-1)


def test_continuous_success():
    # -4 / (50 * (0.6 + 1)) = -4 / 80
    reward = ContinuousReward(horizon=50, c_success=4.0, k=0.5)
    assert reward(success(10), 0.6, 3) == pytest.approx(-0.05)


def test_continuous_rewards_of_many_at_once():
    reward = ContinuousReward(horizon=50, c_failure=3.0, c_success=4.0, k=0.5)
    # 3; 3 / 3 - 0.5 * 4; -4 / (50 * 1); -4 / (50 * 1.6), repeats cost a success nothing
    values = reward.of([True, True, False, False], [0.0, 2.0, 0.0, 0.6], [0, 4, 0, 3])
    np.testing.assert_allclose(values, [3.0, -1.0, -0.08, -0.05], rtol=1e-12)


def test_continuous_rewards_of_many_refuse_one_that_is_no_number():
    with pytest.raises(ValueError, match="penalty and repeats must be at least 0"):
        ContinuousReward(50).of([True, False], [0.0, float("nan")], [0, 0])
    with pytest.raises(ValueError, match="penalty and repeats must be at least 0"):
        ContinuousReward(50).of([True, False], [0.0, 0.0], [0, -1])


@pytest.mark.parametrize("reward", [DiscreteReward(10), lambda o: ContinuousReward(10)(o, 0.0, 0)])
def test_an_invalid_trial_has_no_reward(reward):
    with pytest.raises(ValueError, match="INVALID has no reward"):
        reward(Outcome(Result.INVALID, detail="the camera was covered"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiscreteReward(0), "horizon must be at least 1 policy step; got 0"),
        (lambda: DiscreteReward(5, c_failure=0.0), "c_failure must be above 0; got 0.0"),
        (lambda: ContinuousReward(5, c_success=-1.0), "c_success must be at least 0; got -1.0"),
        (lambda: ContinuousReward(5, k=-1.0), "k must be at least 0; got -1.0"),
        (lambda: ContinuousReward(5)(FAILURE, -0.1, 0), "penalty -0.1"),
    ],
)
def test_impossible_numbers_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
