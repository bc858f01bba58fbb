# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""PPO and A2C on lanes that finish when they like."""

from pathlib import Path

import numpy as np
import pytest
import torch
from fakes import make_catalogue, picture_of
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from robomd_ros.core.errors import CampaignFolderError
from robomd_ros.core.search import Asked, SearchContext, make_search
from robomd_ros.core.search.on_policy import Transition, generalized_advantages
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL

CATALOGUE = make_catalogue(6)
QUICK = {"n_steps": 8, "net_arch": [16]}


def make(name="ppo", seed=0, accumulate=True, **options):
    values = {**QUICK, **options}
    search = make_search(name, SearchContext(CATALOGUE, seed, accumulate, 3, 80, values))
    search.begin(picture_of(NOMINAL))
    return search


def trial_in(scene, failed):
    outcome = Outcome(Result.FAILURE if failed else Result.SUCCESS, steps=80 if failed else 40)
    return Trial(-1, "cell", scene, 0, outcome, picture_of(scene))


def play(search, count, fails=lambda scene: False, lane=0):
    asked = []
    for _ in range(count):
        scene = search.ask(lane)
        search.tell(lane, trial_in(scene, fails(scene)))
        asked.append(scene.ids)
    return asked


def transition(reward, value, done=False):
    return Transition(np.zeros(0, np.uint8), 0, value, 0.0, reward, done)


def test_advantages_against_hand_worked_numbers():
    # Two episodes: (r 1, v 0.5), (r 0, v 2, done), then (r 2, v 1) which goes on to value 3.
    steps = [transition(1.0, 0.5), transition(0.0, 2.0, done=True), transition(2.0, 1.0)]
    # delta3 = 2 + 0.9*3 - 1 = 3.7; delta2 = 0 - 2 = -2; delta1 = 1 + 0.9*2 - 0.5 = 2.3
    # A1 = 2.3 + 0.9*0.5*(-2) = 1.4
    found = generalized_advantages(steps, 3.0, gamma=0.9, gae_lambda=0.5)
    assert found == pytest.approx([1.4, -2.0, 3.7])


def test_advantages_agree_with_sb3():
    rng = np.random.default_rng(0)
    steps = [transition(rng.normal(), rng.normal(), rng.random() < 0.3) for _ in range(20)]
    box = spaces.Box(0, 1, (1,), np.float32)
    buffer = RolloutBuffer(20, box, spaces.Discrete(2), "cpu", gae_lambda=0.95, gamma=0.99)
    start = 1.0
    for t in steps:
        value, log_probability = torch.tensor([t.value]), torch.tensor([0.0])
        buffer.add(np.zeros((1, 1)), np.zeros((1, 1)), np.array([t.reward]), np.array([start]),
                   value, log_probability)  # fmt: skip
        start = float(t.done)
    buffer.compute_returns_and_advantage(torch.tensor([0.7]), np.array([steps[-1].done]))
    found = generalized_advantages(steps, 0.7, 0.99, 0.95)
    np.testing.assert_allclose(found, buffer.advantages[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_it_learns_which_variation_fails(name):
    search = make(name, n_steps=32)
    before = search.policy_probability()
    play(search, 160, lambda scene: "v4" in scene.ids)
    after = search.policy_probability()
    assert search.updates == 5
    assert np.argmax(after) == 4
    assert after[4] > before[4]


def test_eq_3_is_a_softmax_over_the_catalogue():
    probability = make().policy_probability()
    assert probability.shape == (6,)
    assert probability.sum() == pytest.approx(1.0)
    assert (probability > 0).all()
    assert np.log(probability).std() < 0.1  # an agent that knows nothing prefers nothing


def test_the_view_is_that_of_the_nominal_picture():
    search = make()
    before = search.policy_probability()
    play(search, 3)
    np.testing.assert_array_equal(search.policy_probability(), before)
    assert make_search("ppo", search._context).policy_probability() is None


@pytest.mark.long
def test_one_lane_with_the_same_seed_repeats_itself_through_updates():
    runs = [play(make(seed=s), 24, lambda scene: len(scene) == 2) for s in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_an_update_leaves_the_global_generators_and_threads_alone():
    search = make()
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.random(), float(torch.rand(1))
    np.random.seed(5)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    play(search, 8)
    assert search.updates == 1
    assert (np.random.random(), float(torch.rand(1))) == expected
    assert torch.get_num_threads() == threads


def test_an_update_comes_with_n_steps_over_all_lanes():
    search = make()
    scenes = {lane: search.ask(lane) for lane in range(3)}
    for _ in range(2):
        for lane in (2, 0):  # lane 1 never ends its first trial
            search.tell(lane, trial_in(scenes[lane], False))
            scenes[lane] = search.ask(lane)
    assert search.updates == 0
    play_on = [2, 0, 2, 1]
    for lane in play_on:
        assert search.updates == 0
        search.tell(lane, trial_in(scenes[lane], False))
        scenes[lane] = search.ask(lane)
    assert search.updates == 1


def test_what_an_update_learns_from(monkeypatch):
    """Lane by lane, with each lane's own bootstrap, and the constants of the reward."""
    search = make(n_steps=4, c_failure=2.0)
    values = {}
    monkeypatch.setattr(search, "_look", lambda picture: (np.log(np.full(6, 1 / 6)), 0.5))
    monkeypatch.setattr(
        type(search._model), "train", lambda model: values.update(vars(model.rollout_buffer))
    )
    a, b = search.ask(0), search.ask(1)
    search.tell(0, trial_in(a, False))
    search.tell(1, trial_in(b, True))
    a = search.ask(0)
    search.tell(0, trial_in(a, True))
    b = search.ask(1)
    search.tell(1, trial_in(b, False))
    # Lane 0: success -0.5, then failure 2; lane 1: failure 2, then success -0.5, going on.
    np.testing.assert_allclose(values["rewards"][:, 0], [-0.5, 2.0, 2.0, -0.5])
    last = -0.5 + 0.99 * 0.5 - 0.5
    first = (-0.5 + 0.99 * 0.5 - 0.5) + 0.99 * 0.95 * 1.5
    np.testing.assert_allclose(values["advantages"][:, 0], [first, 1.5, 1.5, last], rtol=1e-6)
    np.testing.assert_allclose(values["returns"], values["advantages"] + 0.5, rtol=1e-6)
    np.testing.assert_array_equal(
        values["observations"][1, 0], picture_of(CATALOGUE.scene(a.ids[:1])).transpose(2, 0, 1)
    )


def test_the_largest_scene_and_a_drop_count_what_would_have_come(monkeypatch):
    search = make(n_steps=128)
    monkeypatch.setattr(search, "_look", lambda picture: (np.log(np.full(6, 1 / 6)), 0.5))
    play(search, 3)
    truncated = search._lanes[0].complete[-1]
    assert (truncated.reward, truncated.done) == (pytest.approx(-0.5 + 0.99 * 0.5), True)
    assert len(search.ask(0)) == 1
    search.drop(0)
    assert len(search._lanes[0].complete) == 3
    play(search, 1)
    search.ask(0)
    search.drop(0)
    assert search._lanes[0].complete[-1].done
    assert len(search.ask(0)) == 1


def test_without_accumulation_every_step_is_an_episode():
    search = make(accumulate=False, n_steps=128)
    assert {len(scene) for scene in play(search, 10)} == {1}
    assert all(t.done and t.reward == -0.5 for t in search._lanes[0].complete)


def test_it_goes_on_from_its_checkpoint(tmp_path):
    search = make()
    play(search, 20, lambda scene: "v1" in scene.ids)
    search.save(tmp_path)
    resumed = make_search("ppo", search._context)
    resumed.restore([Asked(0, CATALOGUE.scene(["v0"]))] * 20, tmp_path)
    resumed.begin(picture_of(NOMINAL))
    assert resumed.updates == 2
    np.testing.assert_array_equal(resumed.policy_probability(), search.policy_probability())
    # The optimizer's state comes back too: the next update is the same.
    for agent in (search, resumed):
        agent._lanes.clear()
        agent._complete = 0
        agent._asked = 100
    assert play(search, 16) == play(resumed, 16)
    np.testing.assert_array_equal(resumed.policy_probability(), search.policy_probability())


def test_an_open_ask_told_after_a_restart_moves_the_lane_but_is_not_learned_from():
    search = make()
    search.restore([], Path("nowhere"))
    search.tell(0, trial_in(CATALOGUE.scene(["v0", "v1"]), False))
    assert not search._lanes[0].complete
    assert search.ask(0).ids[:1] == ("v0",)


def test_nothing_is_written_before_the_first_update(tmp_path):
    search = make()
    play(search, 7)
    search.save(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [lambda d: d[:200], lambda d: b"", lambda d: b"x" * 5000])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    search = make()
    play(search, 8)
    search.save(tmp_path)
    file = tmp_path / "ppo.pt"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(CampaignFolderError, match=r"ppo.pt is damaged.*delete the file"):
        make().restore([], tmp_path)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (print, ("executed",))

    torch.save({"format": 1, "policy": Trap()}, tmp_path / "ppo.pt")
    with pytest.raises(CampaignFolderError, match=r"ppo.pt is damaged or holds more than weights"):
        make().restore([], tmp_path)


def test_a_checkpoint_of_another_agent_is_refused(tmp_path):
    search = make()
    play(search, 8)
    search.save(tmp_path)
    with pytest.raises(CampaignFolderError, match=r"is of .*'net_arch': \[16\].*\[32\]"):
        make(net_arch=[32]).restore([], tmp_path)


def test_a_trial_without_a_picture_is_a_mistake():
    search = make()
    scene = search.ask(0)
    with pytest.raises(ValueError, match=r"'ppo' needs the trial's picture"):
        search.tell(0, Trial(-1, "cell", scene, 0, Outcome(Result.SUCCESS)))
