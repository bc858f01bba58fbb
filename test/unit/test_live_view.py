# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the terminal shows."""

import io
import math

import pytest

pytest.importorskip("rich")

from rich.console import Console

from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Scene, Variation
from robomd_ros.terminal.live_view import CampaignView, TrialsPerMinute, prompt_panel

RED = Variation("cube_red", "color", "cube", "Make the cube red")


def drawn(view):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(view.render())
    return console.export_text()


def status(done=3, state=CampaignState.RUNNING, **changes):
    return CampaignStatus(state, done, 12, scene=Scene((RED,)), eta=75.0, **changes)


def ranking():
    modes = (FailureMode((RED,), 1, 3, 2, 0.6, 0.2, 0.9),)
    return FailureRanking("c", "lift", "p", "ppo", "discrete", modes, 3, 0.0, 1, 0.6, False)


def test_before_anything_arrives():
    assert "Waiting for the diagnosis" in drawn(CampaignView(rows=12))


def test_everything_is_shown():
    view = CampaignView(rows=12)
    view.on_status(status(invalid_trials=1, message="cells: cell_0", waiting_for="a cell"))
    for index, result in enumerate([Result.SUCCESS, Result.FAILURE, Result.FAILURE]):
        view.on_trial(Trial(index, "cell_0", NOMINAL, 0, Outcome(result)))
    view.on_trial(Trial(3, "cell_0", NOMINAL, 0, Outcome(Result.INVALID, detail="x")))
    view.on_ranking(ranking())
    text = drawn(view)
    for part in ("RUNNING", "3/12", "1:15 left", "cube_red", "1 invalid", "waiting for a cell"):
        assert part in text
    assert "·FF!" in text
    assert "0.60 (0.20 to 0.90)" in text


def test_the_line_for_logs():
    view = CampaignView(rows=12)
    view.on_status(status())
    view.on_ranking(ranking())
    assert "running 3/12 trials" in view.line()
    assert "cube_red 0.60" in view.line()


@pytest.mark.parametrize("state", list(CampaignState))
def test_over(state):
    view = CampaignView(rows=12)
    view.on_status(status(state=state))
    ends = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.FAILED)
    assert view.over == (state in ends)


def test_the_rate_counts_from_the_first_status_of_this_view():
    rate = TrialsPerMinute()
    rate.update(50, now=100.0)  # resumed: these took no time here
    assert math.isnan(rate.per_minute)
    rate.update(60, now=130.0)
    assert rate.per_minute == pytest.approx(20.0)


def test_the_operator_sees_the_request_and_what_was_typed():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(prompt_panel("--- Request 3\n  1. Change cube color to [red]\nType one of", "do"))
    text = console.export_text()
    assert "1. Change cube color to [red]" in text
    assert "> do" in text


def test_without_a_request_the_operator_is_told_to_keep_away():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(prompt_panel("", "x"))
    assert "Nothing is asked now" in console.export_text()
