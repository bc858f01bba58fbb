# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell that is not what it was in the first trial, and one that fails again and again."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from drawn_scene import drawn
from fakes import FakeCell, Recorder, make_catalogue, make_config, wait_until

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.cell_reference import CellReferences
from robomd_ros.core.campaign.repeats import Repeats
from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.campaign.stored import open_campaign
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import load_catalogue

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
FACTS = {"safety_mode": "NORMAL", "speed_scaling": 1.0, "payload": 0.9, "tcp": [0.0, 0.0, 0.145]}
RNG = np.random.default_rng(0)


def trial(ids=(), spoil=lambda picture: picture, **facts):
    scene = CATALOGUE.scene(ids)
    outcome = Outcome(Result.SUCCESS, Source.OPERATOR, facts={**FACTS, **facts})
    return Trial(0, "ur5e", scene, 1, outcome, spoil(drawn(scene, RNG)))


@pytest.fixture
def references(tmp_path):
    made = CellReferences(tmp_path)
    assert made.judged(trial()).outcome.valid
    return CellReferences(tmp_path)  # as after a restart


def test_what_stays_as_it_was_counts(references):
    for ids in ((), ("light_dim",), ("cube_color_blue",), ("light_color_blue",), ("camera_moved",)):
        assert references.judged(trial(ids)).outcome.valid, ids
    assert references.judged(trial(speed_scaling=0.99, payload=None)).outcome.valid


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("safety_mode", "REDUCED", "safety mode is REDUCED, and was NORMAL"),
        ("speed_scaling", 0.1, "speed scaling is 0.1, and was 1.0"),
        ("payload", 2.0, "payload is 2.0"),
        ("tcp", [0.0, 0.0, 0.2], "tcp is"),
    ],
)
def test_what_changed_since_the_first_trial_is_named(references, name, value, reason):
    outcome = references.judged(trial(**{name: value})).outcome
    assert outcome.result is Result.INVALID
    assert reason in outcome.detail and "set it back" in outcome.detail
    assert outcome.facts[name] == value


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: p[::2, ::2].copy(), "were 128 x 96 at the campaign's first trial"),
        (lambda p: p[..., ::-1].copy(), "red and blue have changed places"),
    ],
)
def test_another_size_and_exchanged_colours(references, spoil, reason):
    assert reason in references.judged(trial(spoil=spoil)).outcome.detail
    assert reason in references.judged(trial(("distractor_green_can",), spoil)).outcome.detail


def test_an_invalid_trial_is_no_reference_and_a_simulator_is_not_compared(tmp_path):
    made = CellReferences(tmp_path)
    broken = trial(speed_scaling=0.1)
    broken = replace(broken, outcome=replace(broken.outcome, result=Result.INVALID, detail="x"))
    made.judged(broken)
    bare = Trial(0, "sim", CATALOGUE.scene(()), 1, Outcome(Result.SUCCESS, Source.SIMULATOR))
    assert made.judged(bare) is bare
    assert not (tmp_path / "reference").exists()
    made.judged(trial())
    assert json.loads((tmp_path / "reference/ur5e.json").read_text())["payload"] == 0.9


def test_numbers_do_not_make_another_reason():
    repeats = Repeats()
    for age in (0.5, 0.71):
        assert not repeats.invalid("a", f"it is stale: {age} s old")
    repeats.valid("a")
    for age in (1, 2):
        assert not repeats.invalid("a", f"it is stale: {age} s old")
    for cell in ("a", "a", "b"):
        assert not repeats.invalid(cell, "the gripper does not answer")
    assert repeats.invalid("a", "the gripper does not answer")
    assert list(repeats.resting) == ["a"] and "Recover the cell, then resume" in repeats.describe()
    repeats.clear()
    assert repeats.describe() == ""


def test_a_cell_that_costs_a_person_work_rests_after_the_third_time(tmp_path):
    broken = threading.Event()
    broken.set()
    cell = FakeCell(faults=lambda number, scene: "fault" if broken.is_set() else None)
    opened = open_campaign(tmp_path, make_config(budget=4), make_catalogue())
    campaign = Campaign(opened, [cell], Recorder(), order_by_cost=True, poll_period=0.01)
    thread = threading.Thread(target=campaign.run, daemon=True)
    thread.start()
    wait_until(lambda: campaign.status().state is CampaignState.PAUSED)
    status = campaign.status()
    assert len(cell.runs) == 3 and status.waiting_for == "resume"
    assert "cell0 rests: its last 3 trials" in status.message
    assert "the gripper did not answer" in status.message
    broken.clear()
    campaign.resume()
    thread.join(10)
    opened.close()
    assert campaign.status().trials_done == 4
