# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The search agent in the embedding space: it finds the failing side, and is the same again."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from known_sets import known_set, two_clusters

from robomd_ros.core.embedding.agent import AgentSettings, EmbeddingAgent
from robomd_ros.core.embedding.frame import ActionFrame
from robomd_ros.core.errors import EmbeddingError

QUICK = AgentSettings(
    batch_size=128, n_envs=32, n_steps=16, learning_rate=1e-3, components=2, net_arch=(32, 32)
)
SIZE = 16
KNOWN = two_clusters(40, SIZE)
NOMINAL = np.zeros(SIZE, np.float32)


def trained(settings=QUICK, seed=0, steps=2048, **more) -> EmbeddingAgent:
    return EmbeddingAgent.train(KNOWN, NOMINAL, settings, seed, steps, **more)


@pytest.fixture(scope="module")
def agent() -> EmbeddingAgent:
    return trained(steps=6000)


def densest(agent):
    """(d,) the point where the density of the nominal scene is highest."""
    return agent._frame.to_embeddings(agent._gaussian(agent._nominal[None])[0])[0]


def test_unseen_points_near_failures_are_denser(agent):
    unseen = two_clusters(60, SIZE, seed=9)
    density = agent.log_density(unseen.embeddings)
    fails = unseen.failures == 1
    assert density[fails].min() > density[~fails].max()
    nearest, _ = KNOWN.nearest(densest(agent)[None])
    assert KNOWN.failures[nearest[0]] == 1


def test_the_ratio_is_the_difference_of_log_densities(agent):
    a, b = KNOWN.embeddings[1], KNOWN.embeddings[0]
    assert agent.log_ratio(a, b) > 0
    assert agent.log_ratio(b, a) == pytest.approx(-agent.log_ratio(a, b))
    assert agent.log_ratio(a, a) == 0.0
    state = KNOWN.embeddings[2]
    densities = agent.log_density(np.stack([a, b]), np.stack([state, state]))
    assert agent.log_ratio(a, b, state) == pytest.approx(densities[0] - densities[1])


@pytest.mark.parametrize("components", [0, 2])
def test_the_density_is_sb3s_own_and_integrates_to_one(components):
    known = known_set(np.random.default_rng(1).normal(size=(20, 2)) * 3, [1] * 20, [0, 1] * 10)
    settings = replace(QUICK, components=components)
    agent = EmbeddingAgent.train(known, np.ones(2), settings, 0, 512)
    axis = np.linspace(-60, 60, 801)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    mass = np.exp(agent.log_density(grid)).sum() * (axis[1] - axis[0]) ** 2
    assert mass == pytest.approx(1.0, abs=1e-3)


def test_a_spherical_density_is_a_distance_whose_width_is_learned(agent):
    other = trained(replace(QUICK, spherical=False), steps=512)
    axes = agent._frame.axes * agent._frame.scales[0]
    around = densest(agent) + np.concatenate([axes, -axes])
    np.testing.assert_allclose(agent.log_density(around), agent.log_density(around)[0])
    aside = other.log_density(densest(other) + axes)
    assert abs(aside[0] - aside[1]) > 1e-6
    width = float(agent._policy.log_std.detach().exp())
    assert abs(width / agent._frame.first_deviation - 1) > 0.02


@pytest.mark.parametrize("components", [0, 2])
def test_entropy_keeps_the_gaussian_wide_in_any_number_of_coordinates(components):
    widths = []
    for ent_coef in (0.0, 5.0):
        settings = replace(QUICK, components=components, ent_coef=ent_coef)
        widths.append(float(trained(settings, steps=512)._policy.log_std.detach().exp()))
    assert 1.0 < widths[1] / widths[0] < 1.5


def test_the_state_is_the_nominal_scene_unless_said(agent):
    points = KNOWN.embeddings[:5]
    np.testing.assert_array_equal(
        agent.log_density(points), agent.log_density(points, NOMINAL[None])
    )
    assert not np.allclose(
        agent.log_density(points), agent.log_density(points, 5 * KNOWN.embeddings[:1])
    )


def test_the_same_seed_gives_the_same_agent():
    points = KNOWN.embeddings
    one, two, other = (trained(seed=seed, steps=1024) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.log_density(points), two.log_density(points))
    assert not np.array_equal(one.log_density(points), other.log_density(points))


def test_progress_counts_up_to_all_steps():
    told = []
    agent = trained(steps=1000, progress=lambda done, total: told.append((done, total)))
    assert told == [(512, 1000), (1000, 1000)]
    assert agent.steps == 1024


def test_a_training_can_be_ended_early():
    told = []
    agent = trained(steps=5000, progress=lambda done, _: told.append(done) or done < 1000)
    assert told == [512, 1024]
    assert agent.steps < 2048
    points = KNOWN.embeddings
    assert not np.array_equal(agent.log_density(points), trained(steps=512).log_density(points))


def test_what_progress_raises_ends_the_training_and_leaves_no_trace():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    with pytest.raises(InterruptedError):
        trained(progress=_interrupt)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def _interrupt(_done: int, _total: int) -> None:
    raise InterruptedError


def test_samples_are_the_agents_actions(agent):
    points = agent.sample(2000, np.random.default_rng(0))
    nearest, _ = KNOWN.nearest(points)
    assert KNOWN.failure_rates[nearest].mean() > 0.8
    np.testing.assert_array_equal(points[:5], agent.sample(2000, np.random.default_rng(0))[:5])
    reach = agent._frame.to_actions(points)
    assert np.abs(reach).max() <= 1.0 + 1e-9
    far = agent.sample(500, np.random.default_rng(0), 50 * KNOWN.embeddings[0])
    assert not np.allclose(far[:500].mean(axis=0), points[:500].mean(axis=0), atol=1e-3)


@pytest.mark.parametrize(("components", "spherical"), [(0, True), (2, True), (2, False)])
def test_a_saved_agent_says_the_same(components, spherical, tmp_path):
    agent = trained(replace(QUICK, components=components, spherical=spherical), steps=512)
    agent.save(tmp_path / "agent")
    again = EmbeddingAgent.load(tmp_path / "agent")
    np.testing.assert_array_equal(
        agent.log_density(KNOWN.embeddings), again.log_density(KNOWN.embeddings)
    )
    assert (again.settings, again.seed, again.steps) == (agent.settings, 0, 512)


def test_missing_damaged_and_foreign_agents_are_refused(agent, tmp_path):
    with pytest.raises(EmbeddingError, match="missing or damaged"):
        EmbeddingAgent.load(tmp_path / "nothing")
    agent.save(tmp_path)
    weights = tmp_path / "agent.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(EmbeddingError, match="not the file that its manifest describes"):
        EmbeddingAgent.load(tmp_path)
    weights.write_bytes(data)
    manifest = tmp_path / "agent.json"
    document = json.loads(manifest.read_text())
    for change, message in (
        ({"settings": {**document["settings"], "net_arch": [8, 8]}}, "size mismatch"),
        ({"settings": {**document["settings"], "gravity": 9.81}}, "unexpected keyword.*gravity"),
        (
            {"format": "robomd_agent_v99"},
            "'robomd_agent_v99', this version reads 'robomd_agent_v1'",
        ),
        ({"seed": None}, "train the search agent again"),
    ):
        manifest.write_text(json.dumps({**document, **change}))
        with pytest.raises(EmbeddingError, match=message):
            EmbeddingAgent.load(tmp_path)
    manifest.write_text("{")
    with pytest.raises(EmbeddingError, match="missing or damaged"):
        EmbeddingAgent.load(tmp_path)


def test_an_agent_belongs_to_its_known_embeddings(agent, tmp_path):
    agent.save(tmp_path)
    assert EmbeddingAgent.load(tmp_path, KNOWN).known_sha256 == agent.known_sha256
    failures = KNOWN.failures.copy()
    failures[0] = 1 - failures[0]
    other = known_set(KNOWN.embeddings, KNOWN.trials, failures)
    with pytest.raises(EmbeddingError, match="other known embeddings than these 40"):
        EmbeddingAgent.load(tmp_path, other)


def test_a_folder_that_cannot_be_written_is_named(agent, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(EmbeddingError, match=r"cannot write the search agent to .*taken"):
        agent.save(tmp_path / "taken")


@pytest.mark.parametrize(("failures", "missing"), [(0, "failure"), (1, "success")])
def test_trials_of_one_outcome_only_are_refused(failures, missing):
    known = known_set(np.eye(3), [1, 1, 1], [failures] * 3)
    with pytest.raises(EmbeddingError, match=f"none of the 3 recorded trials is a {missing}"):
        EmbeddingAgent.train(known, np.zeros(3))


@pytest.mark.parametrize("components", [0, 3])
def test_frames_map_there_and_back(components):
    rng = np.random.default_rng(0)
    points = 7.0 + rng.normal(size=(30, 3)) @ rng.normal(size=(3, 8))
    known = known_set(points, [1] * 30, [0] * 30)
    frame = AgentSettings(components=components).frame(known)
    actions = frame.to_actions(known.embeddings)
    assert np.abs(actions).max() == pytest.approx(1.0)
    assert frame.first_deviation == pytest.approx(actions.std(axis=0).max(), rel=1e-4)
    # Three axes hold all of these points, so nothing is lost on the way.
    np.testing.assert_allclose(frame.to_embeddings(actions), known.embeddings, atol=1e-5)
    gaps = np.linalg.norm(actions[0] - actions[1:], axis=1) * frame.scales[0]
    np.testing.assert_allclose(
        gaps, np.linalg.norm(known.embeddings[0] - known.embeddings[1:], axis=1), rtol=1e-4
    )


def test_known_embeddings_that_coincide_still_make_a_frame():
    known = known_set(np.ones((4, 3)), [1] * 4, [0, 1, 0, 1])
    for components in (0, 2):
        frame = AgentSettings(components=components).frame(known)
        assert frame.first_deviation > 0
        assert np.all(np.isfinite(frame.to_actions(np.full((1, 3), 2.0))))


def test_impossible_settings_are_named():
    with pytest.raises(ValueError, match="components must be at least 0"):
        AgentSettings(components=-1)
    with pytest.raises(ValueError, match="n_envs must be at least 1; got 0"):
        AgentSettings(n_envs=0)
    with pytest.raises(ValueError, match=r"gamma and gae_lambda in \[0, 1\]; got .* 1.5"):
        AgentSettings(gamma=1.5)
    with pytest.raises(ValueError, match="components must be at least 1"):
        ActionFrame.principal(KNOWN, 0)
    assert math.isfinite(trained(steps=1).log_ratio(NOMINAL, KNOWN.embeddings[0]))
