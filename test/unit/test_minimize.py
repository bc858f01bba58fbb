# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd minimize`: from a failed trial to the smallest set of changes that fails."""

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config

from robomd_ros.cli import main as cli
from robomd_ros.cli.minimize import arguments, failed_trial, found_in
from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.errors import ConfigurationError

CATALOGUE = make_catalogue(6)


def pair(scene, seed):
    return {"v1", "v4"} <= scene.key


def flaky_pair(scene, seed):
    chance = np.random.default_rng([seed, 1]).random()
    return bool(chance < (0.9 if {"v1", "v4"} <= scene.key else 0.05))


def run(folder, fails, budget=60, listener=None, **values):
    given = {"search": "minimize", "budget": budget, "confidence": 0.95, "confirmation_share": 0.0}
    given.update(values)
    opened = open_campaign(folder, make_config(**given), CATALOGUE)
    try:
        return Campaign(opened, [FakeCell(fails=fails)], listener, poll_period=0.01).run()
    finally:
        opened.close()


def test_it_finds_the_pair_and_ends(tmp_path):
    listener = Recorder()
    ranking = run(tmp_path, pair, listener=listener)
    assert ranking.trials <= 20
    assert found_in(tmp_path) == "v1 + v4 together make it fail: 4 of 4 trials"
    assert found_in(tmp_path) in listener.statuses[-1].message


def test_it_resumes_and_says_when_it_is_not_decided(tmp_path):
    run(tmp_path / "whole", flaky_pair)
    run(tmp_path / "parts", flaky_pair, budget=5)
    assert "not decided after 5 trials" in found_in(tmp_path / "parts")
    run(tmp_path / "parts", flaky_pair)
    whole, parts = (
        [(r.request.scene, r.request.seed) for r in read_campaign(tmp_path / n).trials]
        for n in ("whole", "parts")
    )
    assert parts == whole
    assert found_in(tmp_path / "parts").startswith("v1 + v4 together make it fail")


def test_a_scene_that_failed_by_chance_is_said_to_be_one(tmp_path):
    ranking = run(tmp_path, lambda scene, seed: False)
    assert ranking.trials == 1
    assert "does not fail reliably: 0 of 1 trials failed" in found_in(tmp_path)


def test_a_change_that_fails_alone_is_said_to_do_so(tmp_path):
    run(tmp_path, lambda scene, seed: "v3" in scene.key)
    assert found_in(tmp_path) == "v3 alone makes it fail: 4 of 4 trials"


@pytest.fixture
def campaign(tmp_path):
    folder = tmp_path / "campaign"
    run(folder, pair, search="uniform", accumulate=True, budget=40)
    return read_campaign(folder)


def test_the_small_campaign_is_of_the_trials_scene(campaign):
    record = next(r for r in campaign.trials if r.outcome.failed)
    given = arguments(campaign, record, campaign.path / "minimized" / "x")
    assert f"variations:={','.join(record.request.scene)}" in given
    assert "policy:=python:planted:policy" in given
    assert f"catalogue:={campaign.path / 'catalogue.yaml'}" in given
    assert "search:=minimize" in given


def test_what_cannot_be_minimised_is_refused_with_the_remedy(campaign, tmp_path):
    failed = [r.trial_index for r in campaign.trials if r.outcome.failed]
    done = next(r.trial_index for r in campaign.trials if not r.outcome.failed)
    with pytest.raises(ConfigurationError, match=f"trial {done} is none that failed.*{failed[0]}"):
        failed_trial(campaign, done)
    with pytest.raises(ConfigurationError, match="trial 9999 is none that failed"):
        failed_trial(campaign, 9999)
    single = tmp_path / "single"
    run(single, lambda scene, seed: True, search="uniform", budget=3)
    with pytest.raises(ConfigurationError, match="cannot be made smaller"):
        failed_trial(read_campaign(single), 0)


def test_the_command_runs_it_where_the_user_says_and_prints_the_result(
    campaign, monkeypatch, capsys
):
    record = next(r for r in campaign.trials if r.outcome.failed)
    asked = []

    def sim(given):
        asked.extend(given)
        out = next(a for a in given if a.startswith("out:=")).removeprefix("out:=")
        run(campaign.path.parent / out, pair, variation_ids=list(record.request.scene))
        return 0

    monkeypatch.setitem(cli._COMMANDS, "sim", sim)
    monkeypatch.setattr(cli, "_OVER_ROS", ())
    assert (
        cli.main(["minimize", str(campaign.path), str(record.trial_index), "sim", "cells:=1"]) == 0
    )
    assert asked[-1] == "cells:=1"
    assert "v1 + v4 together make it fail" in capsys.readouterr().out
