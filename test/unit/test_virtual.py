# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 2: one environment by hand, many in arrays against it, checkers."""

import warnings

import gymnasium.utils.env_checker
import numpy as np
import pytest
import stable_baselines3.common.env_checker
from known_sets import certain, known_set, problem, scattered
from single_diagnosis import EmbeddingDiagnosisEnv
from stable_baselines3.common.vec_env import VecMonitor

from robomd_ros.core.embedding.virtual import VirtualDiagnosis

LINE = known_set([[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]], [1, 1, 1], [0, 0, 1])
"""Spread: root of 8 / 3. The two on the left succeed, the right one fails."""


def towards(env, point):
    return env.problem.frame.to_actions(np.array([point]))[0].astype(np.float32)


def test_an_episode_by_hand():
    env = EmbeddingDiagnosisEnv(problem(LINE, penalty=2.0))
    spread = (8 / 3) ** 0.5
    start, _ = env.reset(seed=0)
    assert start.tolist() == [0.0, 0.0]

    seen, reward, failed, cut, info = env.step(towards(env, [-1.5, 0.0]))
    # 0.5 away: penalty 2 * 0.5 / spread; success: -4 / (50 (penalty + 1))
    assert reward == pytest.approx(-4 / (50 * (1.0 / spread + 1)), rel=1e-6)
    assert (failed, cut, info["scene"], info["repeats"]) == (False, False, ("v0",), 0)
    assert seen.tolist() == [-1.0, 0.0]  # the scene is now the executed embedding, in the frame

    _, _, _, _, info = env.step(towards(env, [-2.0, 0.0]))
    assert info["repeats"] == 1
    _, _, _, _, info = env.step(towards(env, [0.0, 0.0]))
    assert info["repeats"] == 0

    seen, reward, failed, cut, info = env.step(towards(env, [2.0, 0.0]))
    assert (reward, failed, cut) == (pytest.approx(3.0), True, False)
    assert seen.tolist() == [1.0, 0.0]
    assert env.reset()[0].tolist() == [0.0, 0.0]


def test_an_episode_of_successes_is_cut_off():
    env = EmbeddingDiagnosisEnv(problem(LINE, max_steps=3))
    env.reset(seed=0)
    ends = [env.step(towards(env, [-2.0, 0.0]))[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_a_repeated_failure_costs_k_for_every_repeat():
    # One embedding that fails in half of its trials: a failure after r successes costs r times k.
    env = EmbeddingDiagnosisEnv(problem(known_set([[0.0], [9.0]], [2, 1], [1, 0]), max_steps=50))
    seen = set()
    env.reset(seed=1)
    for _ in range(200):
        _, reward, failed, cut, info = env.step(towards(env, [0.0]))
        if failed:
            assert reward == pytest.approx(3.0 - 0.5 * info["repeats"], rel=1e-5)
            seen.add(info["repeats"])
        if failed or cut:
            env.reset()
    assert {0, 1, 2} <= seen


def test_outcomes_follow_the_recorded_trials():
    env = VirtualDiagnosis(problem(known_set([[0.0], [1.0]], [4, 10], [1, 7])), 20_000, seed=3)
    for point, rate in (([0.0], 0.25), ([1.0], 0.7)):
        env.reset()
        actions = np.repeat(towards(env, point)[None], 20_000, axis=0)
        _, _, done, _ = env.step(actions)  # no episode is cut off after one step
        assert done.mean() == pytest.approx(rate, abs=0.015)


def test_the_arrays_equal_single_environments():
    known = certain(scattered(30, 6))
    count, rng = 5, np.random.default_rng(1)
    many = VirtualDiagnosis(problem(known), count)
    singles = [EmbeddingDiagnosisEnv(many.problem) for _ in range(count)]
    seen = many.reset()
    for row, env in zip(seen, singles, strict=True):
        assert row.tolist() == env.reset(seed=0)[0].tolist()
    ended = 0
    for _ in range(200):
        # Few different actions, so that an embedding is often executed again.
        actions = many.problem.frame.to_actions(known.embeddings[rng.integers(8, size=count)])
        actions = (actions + 0.02 * rng.normal(size=actions.shape)).astype(np.float32)
        seen, rewards, done, infos = many.step(actions)
        for i, env in enumerate(singles):
            alone, reward, failed, cut, _ = env.step(actions[i])
            assert rewards[i] == pytest.approx(reward, rel=1e-5, abs=1e-7)
            assert done[i] == (failed or cut)
            if done[i]:
                ended += 1
                assert infos[i]["TimeLimit.truncated"] == cut
                assert infos[i]["terminal_observation"].tolist() == alone.tolist()
                alone = env.reset()[0]
            assert seen[i].tolist() == alone.tolist()
    assert ended > 100


def test_one_environment_of_the_array_draws_what_a_single_one_draws():
    made = problem(scattered(20, 4))
    many, alone = VirtualDiagnosis(made, 1, seed=7), EmbeddingDiagnosisEnv(made)
    alone.reset(seed=7)
    rng, outcomes = np.random.default_rng(0), []
    for _ in range(300):
        action = rng.uniform(-1, 1, size=4).astype(np.float32)
        _, rewards, done, _ = many.step(action[None])
        _, reward, failed, cut, _ = alone.step(action)
        assert rewards[0] == pytest.approx(reward, rel=1e-5)
        assert done[0] == (failed or cut)
        outcomes.append(failed)
        if failed or cut:
            alone.reset()
    assert 0.2 < np.mean(outcomes) < 0.8


def test_the_same_seed_gives_the_same_outcomes():
    def rewards(seed):
        env = VirtualDiagnosis(problem(scattered(20, 4)), 8)
        env.seed(seed)
        rng = np.random.default_rng(0)
        return [env.step(rng.uniform(-1, 1, (8, 4)).astype(np.float32))[1] for _ in range(20)]

    np.testing.assert_array_equal(rewards(1), rewards(1))
    assert not np.array_equal(rewards(1), rewards(2))


def test_both_checkers_pass():
    env = EmbeddingDiagnosisEnv(problem(scattered(20, 512)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A Box without bounds is what an embedding is; the checker only wonders about it.
        warnings.filterwarnings("ignore", message=".*Box observation space m.* value is.*infinity")
        gymnasium.utils.env_checker.check_env(env, skip_render_check=True)
        stable_baselines3.common.env_checker.check_env(env)


def test_sb3_wrappers_take_the_array():
    env = VecMonitor(VirtualDiagnosis(problem(scattered(20, 4)), 6))
    env.reset()
    for _ in range(20):
        _, _, done, infos = env.step(np.zeros((6, 4), np.float32))
        for ended, info in zip(done, infos, strict=True):
            assert ("episode" in info) == ended


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalty": -1.0}, "penalty must be at least 0"),
        ({"max_steps": 0}, "max_steps at least 1; got 1.0, 0"),
    ],
)
def test_impossible_problems_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        problem(LINE, **change)


def test_no_environments_are_refused():
    with pytest.raises(ValueError, match="at least 1 environment; got 0"):
        VirtualDiagnosis(problem(LINE), 0)
