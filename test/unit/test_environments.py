# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 as a gymnasium environment."""

import cv2
import numpy as np
import pytest
from fakes import FakeCell, make_catalogue, picture_of
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from robomd_ros.core.search.environments import DiscreteDiagnosisEnv, agent_picture
from robomd_ros.core.search.reward import DiscreteReward
from robomd_ros.core.search.scene_builder import EpisodeEnd, SceneBuilder
from robomd_ros.core.variations import NOMINAL, Catalogue, Variation

CATALOGUE = make_catalogue(5)


def planted(*ids):
    return lambda scene, seed: set(ids) <= set(scene.ids)


def make_env(cell=None, **options):
    return DiscreteDiagnosisEnv(cell or FakeCell(), CATALOGUE, DiscreteReward(80), **options)


def seeded_failures(scene, seed):
    return bool(np.random.default_rng(seed).random() < 0.3)


def test_gymnasium_accepts_it():
    check_env(make_env(FakeCell(fails=seeded_failures)), skip_render_check=True)


def test_sb3_accepts_it_and_learns_on_it():
    env = make_env(FakeCell(fails=seeded_failures))
    sb3_check_env(env, warn=True)
    agent = PPO("CnnPolicy", env, n_steps=16, batch_size=8, n_epochs=1, device="cpu", seed=0)
    agent.learn(16)


def test_variations_accumulate_on_success_and_are_discarded_on_failure():
    env = make_env(FakeCell(fails=planted("v0", "v2")), max_scene_size=9)
    env.reset(seed=0)
    scenes = [env.step(np.int64(a))[-1]["scene"] for a in (0, 1, 2)]
    assert scenes == [("v0",), ("v0", "v1"), ("v0", "v1", "v2")]
    assert env.step(np.int64(3))[-1]["scene"] == ("v3",)


def test_a_step_says_what_the_paper_says():
    env = make_env(FakeCell(fails=planted("v2")), max_scene_size=3)
    picture, _ = env.reset(seed=0)
    np.testing.assert_array_equal(picture, picture_of(NOMINAL))
    picture, reward, terminated, truncated, _ = env.step(np.int64(1))
    assert (reward, terminated, truncated) == (-30 / 80, False, False)
    np.testing.assert_array_equal(picture, picture_of(CATALOGUE.scene(["v1"])))
    picture, reward, terminated, truncated, _ = env.step(np.int64(2))
    assert (reward, terminated, truncated) == (1.0, True, False)
    np.testing.assert_array_equal(picture, picture_of(CATALOGUE.scene(["v1", "v2"])))


def test_the_largest_scene_truncates():
    env = make_env(max_scene_size=2)
    env.reset(seed=0)
    assert env.step(np.int64(0))[2:4] == (False, False)
    assert env.step(np.int64(1))[2:4] == (False, True)
    assert env.step(np.int64(2))[-1]["scene"] == ("v2",)


def test_a_later_variation_replaces_one_of_its_slot():
    red, blue = (Variation(c, "color", "cube", f"A {c} cube.", {"c": c}) for c in ("red", "blue"))
    env = DiscreteDiagnosisEnv(FakeColor(), Catalogue("lift", [red, blue]), DiscreteReward(80))
    env.reset(seed=0)
    env.step(np.int64(0))
    assert env.step(np.int64(1))[-1]["scene"] == ("blue",)


class FakeColor(FakeCell):
    def _look(self, scene):
        return picture_of(NOMINAL)


def test_the_same_seed_gives_the_same_trials():
    cells = [FakeCell(fails=seeded_failures) for _ in range(2)]
    for cell in cells:
        env = make_env(cell)
        env.reset(seed=5)
        for action in (0, 1, 2, 3):
            env.step(np.int64(action))
    assert cells[0].runs == cells[1].runs
    assert len({seed for _, seed in cells[0].runs}) == 4


@pytest.mark.parametrize("fault", ["invalid", "fault"])
def test_an_invalid_trial_is_asked_again_with_the_same_seed(fault):
    cell = FakeCell(faults={0: fault, 1: fault})
    env = make_env(cell)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.int64(0))
    assert (terminated, truncated) == (False, False)
    assert reward < 0
    assert "invalid" not in info
    assert len(cell.runs) == 3
    assert len(set(cell.runs)) == 1


def test_after_too_many_invalid_trials_the_episode_is_cut_off_without_reward():
    cell = FakeCell(faults={1: "invalid", 2: "invalid"})
    env = make_env(cell, max_attempts=2)
    env.reset(seed=0)
    before = env.step(np.int64(0))[0]
    picture, reward, terminated, truncated, info = env.step(np.int64(1))
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["invalid"] == "the policy returned NaN"
    np.testing.assert_array_equal(picture, before)
    assert env.step(np.int64(2))[-1]["scene"] == ("v2",)


def test_a_camera_of_another_size_is_resized_by_area():
    picture = np.random.default_rng(0).integers(0, 255, (168, 252, 3)).astype(np.uint8)
    small = agent_picture(picture)
    assert (small.shape, small.dtype) == ((84, 84, 3), np.uint8)
    # Each pixel is the mean of the 2 x 3 that it covers.
    np.testing.assert_allclose(small[5, 7], picture[10:12, 21:24].mean(axis=(0, 1)), atol=0.51)
    assert small.shape == cv2.resize(picture, (84, 84)).shape


@pytest.mark.parametrize(
    "picture", [np.zeros((84, 84), np.uint8), np.zeros((84, 84, 3), np.float32)]
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8 RGB; got shape \(84, 84"):
        agent_picture(picture)


def test_without_accumulation_every_scene_is_single():
    builder = SceneBuilder(accumulate=False, max_scene_size=3)
    scene = builder.proposed(CATALOGUE["v0"])
    assert builder.record(scene, failed=False) is EpisodeEnd.TERMINATED
    assert builder.proposed(CATALOGUE["v1"]).ids == ("v1",)
