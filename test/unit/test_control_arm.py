# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The control arm: the unchanged scene is tried first and again, and may end the campaign."""

import sqlite3

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config
from scipy.stats import beta

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.control import ControlArm
from robomd_ros.core.campaign.dispatch import trial_seed
from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.variations import NOMINAL

CATALOGUE = make_catalogue()
CONTROLLED = {"nominal_trials": 5, "nominal_share": 0.1, "confidence": 0.95}


def by_chance(rate):
    return lambda scene, seed: bool(np.random.default_rng([seed, 1]).random() < rate)


def run(folder, cells, listener=None, **values):
    config = make_config(**{**CONTROLLED, **values})
    opened = open_campaign(folder, config, CATALOGUE)
    try:
        return Campaign(opened, cells, listener, poll_period=0.01).run()
    finally:
        opened.close()


def scenes(folder):
    return [r.request.scene for r in read_campaign(folder).trials if r.outcome.valid]


def arm(failures, successes, **values):
    control = ControlArm(make_config(**{**CONTROLLED, **values}))
    control.failures, control.successes = failures, successes
    return control


def test_the_unchanged_scene_comes_first_and_then_every_tenth_trial(tmp_path):
    cell = FakeCell(fails=lambda scene, seed: scene.ids == ("v2",))
    ranking = run(tmp_path, [cell], budget=45, confidence=0.9999999)
    tried = scenes(tmp_path)
    assert ranking.trials == len(tried) == 45
    assert tried[:5] == [()] * 5
    later = [i for i, scene in enumerate(tried[5:], 1) if not scene]
    assert later == [10, 20, 30, 40]
    purposes = {
        r.request.purpose.value for r in read_campaign(tmp_path).trials if not r.request.scene
    }
    assert purposes == {"control"}


def test_nominal_trials_have_seeds_of_their_own_and_the_search_does_not_ask_for_them(tmp_path):
    cell = FakeCell()
    run(tmp_path, [cell], budget=30)
    seeds = [seed for _, seed in cell.runs]
    assert len(set(seeds)) == len(seeds)
    asked = [ids for ids, _ in cell.runs if ids]
    alone = FakeCell()
    run(tmp_path / "alone", [alone], budget=len(asked), nominal_trials=0, nominal_share=0.0)
    assert [ids for ids, _ in alone.runs] == asked
    # the same scene for the same time has the same start, whatever was tried in between
    assert [s for ids, s in alone.runs] == [s for ids, s in cell.runs if ids]


@pytest.mark.parametrize("search", ["uniform", "thompson", "ppo"])
def test_resumed_equals_uninterrupted_with_a_control_arm(tmp_path, search):
    values = {"search": search, "budget": 26}
    if search == "ppo":
        values["search_options"] = {"n_steps": 64}
    fails = by_chance(0.2)
    run(tmp_path / "whole", [FakeCell(fails=fails)], **values)
    for budget in (3, 11, 26):
        run(tmp_path / "parts", [FakeCell(fails=fails)], **{**values, "budget": budget})
    whole, parts = (
        [(r.request.purpose, r.request.scene, r.request.seed) for r in read_campaign(f).trials]
        for f in (tmp_path / "whole", tmp_path / "parts")
    )
    if search == "ppo":  # lanes start anew: scenes differ, the places of nominal trials do not
        assert [p for p, _, _ in parts] == [p for p, _, _ in whole]
    else:
        assert parts == whole


def test_a_policy_that_fails_unchanged_ends_the_campaign_before_any_change(tmp_path):
    listener = Recorder()
    run(tmp_path, [FakeCell(fails=lambda scene, seed: True)], listener, budget=105)
    assert scenes(tmp_path) == [()] * 4
    status = listener.statuses[-1]
    assert status.state is CampaignState.FINISHED
    assert "the policy fails unchanged: it fails in 4 of 4 unchanged scenes" in status.message
    assert "on_nominal_failure:=continue" in status.message
    again = FakeCell(fails=lambda scene, seed: True)
    run(tmp_path, [again], budget=105)
    assert not again.runs
    # who wants the changes tried all the same gets them, in the same folder
    run(tmp_path, [again], budget=13, on_nominal_failure="continue")
    assert [bool(ids) for ids in scenes(tmp_path)[4:]] == [True] * 9
    changes = read_campaign(tmp_path).document["changes"]
    assert [c["to"] for c in changes if c["name"] == "on_nominal_failure"] == ["continue"]


def test_a_policy_that_fails_in_six_of_ten_episodes_is_told_so_before_a_change():
    ended = 0
    rng = np.random.default_rng(0)
    for _ in range(200):
        control = arm(0, 0)
        while control.first:
            control.count(bool(rng.random() < 0.6))
        ended += control.ends
    assert ended >= 0.7 * 200


def test_a_good_policy_is_seldom_told_that_it_fails_unchanged():
    rng = np.random.default_rng(1)
    ended = 0
    for _ in range(300):
        control = arm(0, 0)
        for _ in range(40):  # looked at after every trial
            control.count(bool(rng.random() < 0.1))
            ended += control.ends
            if control.ends:
                break
    assert ended <= 0.05 * 300


def test_more_are_tried_only_while_the_policy_probably_fails():
    assert arm(0, 0).first == 5
    assert arm(1, 2).first == 2
    assert arm(0, 4).first == 0  # surely below the limit
    assert arm(4, 0).first == 0  # surely above
    assert arm(1, 4).first == 0
    assert arm(3, 3).first == 1
    assert arm(8, 12).first == 0  # there must be an end
    assert arm(0, 0, nominal_trials=0).first == 0


def test_the_probability_is_that_of_the_posterior():
    assert arm(2, 3).above_limit == pytest.approx(beta(2.5, 5.0).sf(0.3))
    assert not arm(0, 0, nominal_limit=0.01).ends


def test_no_more_cells_try_the_unchanged_scene_at_once_than_are_wanted(tmp_path):
    cells = [FakeCell(f"cell{i}", duration=0.02) for i in range(8)]
    run(tmp_path, cells, budget=20)
    tried = scenes(tmp_path)
    assert tried[:5] == [()] * 5
    assert all(tried[5:14])


def test_a_label_of_a_nominal_trial_that_is_taken_back_counts_no_more():
    control = arm(4, 0)
    assert control.fails_unchanged
    control.count(True, by=-1)
    assert (control.failures, control.fails_unchanged) == (3, False)


def test_seeds_are_of_the_scene_and_of_how_often_it_was_asked():
    scene, other = CATALOGUE.scene(["v0", "v1"]), CATALOGUE.scene(["v1", "v0"])
    assert trial_seed(3, scene, 0) == trial_seed(3, other, 0)
    seeds = {trial_seed(seed, s, k) for seed in (3, 4) for s in (scene, NOMINAL) for k in range(50)}
    assert len(seeds) == 200


def test_a_log_of_the_first_edition_is_read_and_becomes_one_of_this(tmp_path):
    run(tmp_path, [FakeCell()], budget=4, nominal_trials=0)
    before = [r.request for r in read_campaign(tmp_path).trials]
    with sqlite3.connect(tmp_path / "trials.db") as database:
        database.execute("PRAGMA user_version = 1")
    assert [r.request for r in read_campaign(tmp_path).trials] == before
    run(tmp_path, [FakeCell()], budget=12, nominal_trials=0)
    trials = read_campaign(tmp_path).trials
    assert [r.request for r in trials[:4]] == before
    assert [r.request.purpose.value for r in trials].count("control") == 1
