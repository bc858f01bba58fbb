# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The search for what is undecided, and when a catalogue is decided."""

from collections import Counter

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.evidence.population import Counts, Verdict
from robomd_ros.core.evidence.tally import Tally
from robomd_ros.core.variations import NOMINAL

CATALOGUE = make_catalogue(21)


def run(folder, fails, budget=400, listener=None, **values):
    given = {
        "search": "decide", "nominal_trials": 5, "nominal_share": 0.1, "confidence": 0.95,
        "budget": budget, **values,
    }  # fmt: skip
    opened = open_campaign(folder, make_config(**given), CATALOGUE)
    try:
        return Campaign(opened, [FakeCell(fails=fails)], listener, poll_period=0.01).run()
    finally:
        opened.close()


def asked(folder):
    return [(r.request.scene, r.request.seed) for r in read_campaign(folder).trials]


def always(count):
    failing = {f"v{i}" for i in range(count)}
    return lambda scene, seed: bool(failing & scene.key)


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_a_policy_without_noise_is_decided_in_few_trials(tmp_path, count):
    listener = Recorder()
    ranking = run(tmp_path, always(count), listener=listener)
    assert ranking.trials <= 80
    assert ranking.converged
    stored = read_campaign(tmp_path).tally
    assert stored.decided
    assert sorted(stored.failing()) == list(range(count))
    assert "every variation is decided with 95% confidence" in listener.statuses[-1].message


def by_chance(scene, seed):
    rate = {"v0": 0.95, "v1": 0.5}.get(next(iter(scene.ids), ""), 0.05)
    return bool(np.random.default_rng([seed, 3]).random() < rate)


@pytest.mark.long
def test_the_budget_goes_to_what_is_undecided(tmp_path):
    run(tmp_path, by_chance, 160, confidence=0.9999999)
    tries = Counter(ids for ids, _ in asked(tmp_path) if ids)
    assert min(tries.values()) >= 2
    assert tries[("v1",)] > 2 * np.median(list(tries.values()))
    assert tries[("v1",)] < 160 / 4


def test_a_larger_budget_goes_on_with_the_same_trials(tmp_path):
    run(tmp_path / "whole", by_chance, 60)
    for budget in (3, 6, 12, 30, 60):
        run(tmp_path / "parts", by_chance, budget)
    assert asked(tmp_path / "parts") == asked(tmp_path / "whole")
    changes = read_campaign(tmp_path / "parts").document["changes"]
    assert [(c["name"], c["from"], c["to"]) for c in changes][:2] == [
        ("budget", 3, 6), ("budget", 6, 12),
    ]  # fmt: skip


def test_a_higher_confidence_extends_a_decided_campaign(tmp_path):
    done = run(tmp_path, always(3)).trials
    assert run(tmp_path, always(3)).trials == done
    more = run(tmp_path, always(3), confidence=0.99).trials
    assert done < more < 400
    assert read_campaign(tmp_path).document["changes"][-1]["name"] == "confidence"


def tally(counts, nominal=(0, 5)):
    made = Tally(CATALOGUE, 0.95, 0.5)
    for scene, (failures, trials) in [
        (NOMINAL, nominal),
        *((CATALOGUE.scene([f"v{i}"]), c) for i, c in enumerate(counts)),
    ]:
        for k in range(trials):
            made.add(scene, k < failures)
    return made


def test_what_is_not_tried_twice_is_not_decided():
    almost = tally([(0, 3)] * 20 + [(0, 1)])
    assert almost.undecided == 1 and not almost.decided
    assert almost.verdict(Counts(0, 1)) is Verdict.OPEN


def test_a_catalogue_is_decided_from_three_trials_of_each_on():
    assert tally([(0, 3)] * 21).decided
    twice = tally([(0, 3)] * 20 + [(0, 2)])
    assert not twice.undecided and twice.expected_wrong < 0.05 and not twice.decided
    assert not tally([(0, 9)] * 20 + [(0, 0)]).decided


def test_the_expected_number_of_wrong_verdicts_is_of_the_whole_catalogue():
    doubtful = tally([(1, 4)] * 21, nominal=(1, 5))
    assert doubtful.expected_wrong == pytest.approx(
        21 * doubtful.rates[Counts(1, 4)].probability_failing * (doubtful.undecided == 0)
    )
    assert not doubtful.decided


def test_trials_of_several_changes_decide_nothing_and_a_label_can_be_taken_back():
    made = tally([(0, 3)] * 21)
    pair = CATALOGUE.scene(["v0", "v1"])
    made.add(pair, True)
    assert made.counts(0) == Counts(0, 3)
    single = CATALOGUE.scene(["v0"])
    made.add(single, True)
    assert made.counts(0) == Counts(1, 4)
    made.add(single, True, by=-1)
    assert made.counts(0) == Counts(0, 3) and made.decided
