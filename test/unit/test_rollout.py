# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from robomd_ros.core.errors import CellFault
from robomd_ros.core.trial import Result, Source
from robomd_ros.core.variations import NOMINAL
from sim_bridge.rollout import Wish, run_rollout
from sim_bridge.tasks.task import task

LIFT = task("lift")


class CountingEngine:
    """Succeeds at a given step; its picture shows the step."""

    def __init__(self, success_at=None):
        self.success_at = success_at
        self.steps = 99
        self.pictures = 0
        self.states_given = []
        self.actions = []

    def reset(self, seed, scene):
        self.seed, self.scene, self.steps = seed, scene, 0

    def step(self, action):
        self.steps += 1
        self.actions.append(action)

    def observe(self, state=False):
        self.pictures += 1
        self.states_given.append(state)
        image = np.full((4, 4, 3), self.steps, np.uint8)
        observation = {"images": {"agentview": image}, "proprioception": {}}
        return {**observation, "state": {}} if state else observation

    @property
    def success(self):
        return self.success_at is not None and self.steps >= self.success_at

    @property
    def time(self):
        return self.steps / 20


class ScriptedPolicy:
    def __init__(self, answer=lambda step: np.zeros(7), wants_state=False):
        self.answer = answer
        self.wants_state = wants_state
        self.episodes = []
        self.step = 0

    def reset(self, seed, instruction):
        self.episodes.append((seed, instruction))
        self.step = 0

    def act(self, observation):
        self.step += 1
        return self.answer(self.step - 1)


def roll(engine, policy, **options):
    return run_rollout(engine, policy, NOMINAL, 5, LIFT, **options)


def test_success_ends_the_rollout_at_once():
    engine = CountingEngine(success_at=3)
    outcome = roll(engine, ScriptedPolicy(), wish=Wish(horizon=10)).outcome
    assert (outcome.result, outcome.source) == (Result.SUCCESS, Source.SIMULATOR)
    assert outcome.steps == 3
    assert outcome.duration == pytest.approx(3 / 20)


def test_horizon_is_failure():
    outcome = roll(CountingEngine(), ScriptedPolicy(), wish=Wish(horizon=10)).outcome
    assert (outcome.result, outcome.steps) == (Result.FAILURE, 10)


def test_success_at_the_last_step_counts():
    assert (
        roll(CountingEngine(10), ScriptedPolicy(), wish=Wish(horizon=10)).outcome.result
        is Result.SUCCESS
    )
    assert (
        roll(CountingEngine(11), ScriptedPolicy(), wish=Wish(horizon=10)).outcome.result
        is Result.FAILURE
    )


def test_the_task_gives_the_horizon():
    assert roll(CountingEngine(), ScriptedPolicy()).outcome.steps == LIFT.horizon


def test_the_first_picture_is_kept_and_none_is_drawn_in_vain():
    engine = CountingEngine()
    rollout = roll(engine, ScriptedPolicy(), wish=Wish(horizon=6))
    assert (rollout.image == 0).all()
    assert engine.pictures == 6


def test_policy_is_told_the_episode():
    policy = ScriptedPolicy()
    roll(CountingEngine(), policy, wish=Wish(horizon=1))
    assert policy.episodes == [(5, "lift the cube")]


@pytest.mark.parametrize("wants", [True, False])
def test_state_is_given_only_where_it_is_asked_for(wants):
    engine = CountingEngine()
    roll(engine, ScriptedPolicy(wants_state=wants), wish=Wish(horizon=3))
    assert engine.states_given == [wants] * 3


def _raise(error):
    raise error


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda step: np.array([0, 0, np.nan, 0, 0, 0, 0]), "not finite"),
        (lambda step: np.full(7, np.inf), "not finite"),
        (lambda step: np.zeros(6), r"shape (6,); this task needs (7,)"),
        (lambda step: np.zeros((1, 7)), "shape (1, 7)"),
        (lambda step: None, "NoneType"),
        (lambda step: "up", "not numbers"),
        (lambda step: [[1], [1, 2]], "no array of numbers"),
        (lambda step: _raise(KeyError("wrist")), "KeyError: 'wrist'"),
        (lambda step: _raise(SystemExit(1)), "SystemExit: 1"),
    ],
)
def test_no_command_makes_the_trial_invalid(answer, reason):
    late = ScriptedPolicy(lambda step: np.zeros(7) if step < 4 else answer(step))
    rollout = roll(CountingEngine(success_at=9), late, wish=Wish(horizon=20))
    assert (rollout.outcome.result, rollout.outcome.source) == (Result.INVALID, Source.POLICY)
    assert reason in rollout.outcome.detail
    assert rollout.outcome.detail.startswith("at step 4: ")
    assert rollout.image is not None


def test_a_reset_that_raises_makes_the_trial_invalid():
    policy = ScriptedPolicy()
    policy.reset = lambda seed, instruction: _raise(ValueError("no such task"))
    outcome = roll(CountingEngine(), policy).outcome
    assert outcome.result is Result.INVALID
    assert "reset raised ValueError: no such task" in outcome.detail


def test_ctrl_c_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        roll(CountingEngine(), ScriptedPolicy(lambda step: _raise(KeyboardInterrupt())))


def test_stopping_leaves_no_outcome():
    engine = CountingEngine()
    with pytest.raises(CellFault, match="cancelled after 3 steps"):
        roll(engine, ScriptedPolicy(), should_stop=lambda: engine.steps == 3)
