# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The annotated picture of a trial."""

import math

import cv2
import numpy as np
import pytest

from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.campaign.trial_picture import scene_estimates, trial_picture
from robomd_ros.core.evidence.failure_colours import FAILS, INVALID, SAFE
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Scene, Variation

RED, GREEN = (Variation(i, "color", i, f"Make it {i}") for i in ("red", "green"))
STATUS = CampaignStatus(CampaignState.RUNNING, 5, 12, invalid_trials=1)


def ranking(*modes):
    return FailureRanking("c", "lift", "p", "ppo", "discrete", modes, 5, 0.0, 1, 0.6, False)


def mode(*variations, p=0.6, seen=True):
    return FailureMode(variations, 1, 3, 2, p, 0.2, 0.9, seen=seen)


def trial(*variations, result=Result.FAILURE, picture=True, detail=""):
    image = np.full((42, 84, 3), (10, 200, 30), np.uint8) if picture else None
    return Trial(4, "cell_0", Scene(variations), 1, Outcome(result, detail=detail), image)


def has(picture, colour):
    """Dots of about this colour."""
    wanted = np.round(255 * np.asarray(colour))
    return int((np.abs(picture.astype(int) - wanted).max(axis=2) <= 3).sum())


def test_the_picture_is_whole_and_in_its_colours():
    drawn = trial_picture(trial(RED), ranking(mode(RED)), STATUS, width=400)
    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (400, 3)
    assert has(drawn, (10 / 255, 200 / 255, 30 / 255)) == 400 * 200


@pytest.mark.parametrize(
    ("result", "colour"),
    [(Result.SUCCESS, SAFE), (Result.FAILURE, FAILS), (Result.INVALID, INVALID)],
)
def test_the_outcome_has_its_colour(result, colour):
    for other in (SAFE, FAILS, INVALID):
        drawn = trial_picture(trial(RED, result=result, detail="x"))
        assert (has(drawn[:25], other) > 200) == (other == colour)


def test_every_text_that_is_shown_changes_the_picture():
    drawn = trial_picture(trial(RED), ranking(mode(RED)), STATUS)
    others = [
        trial_picture(trial(GREEN), ranking(mode(RED)), STATUS),
        trial_picture(trial(RED), ranking(mode(RED, p=0.61)), STATUS),
        trial_picture(trial(RED), ranking(mode(RED)), CampaignStatus(STATUS.state, 6, 12)),
        trial_picture(trial(RED), ranking(mode(RED, seen=False)), STATUS),
    ]
    for other in others:
        assert other.shape != drawn.shape or (other != drawn).any()


def test_the_whole_scene_comes_before_its_parts():
    both, red, green = mode(RED, GREEN), mode(RED), mode(GREEN)
    assert scene_estimates(trial(RED, GREEN), ranking(red, both, green)) == [both]
    assert scene_estimates(trial(RED, GREEN), ranking(red, green)) == [red, green]
    assert scene_estimates(trial(RED), ranking(both, green)) == []
    assert scene_estimates(trial(), ranking(red)) == []
    assert scene_estimates(trial(RED), None) == []


def test_nothing_known_is_no_error():
    unknown = mode(RED, p=math.nan)
    for drawn in (
        trial_picture(trial(picture=False)),
        trial_picture(Trial(0, "c", NOMINAL, 0, Outcome(Result.UNKNOWN))),
        trial_picture(trial(RED), ranking(unknown)),
    ):
        assert drawn.shape[1] == 480


def test_long_texts_stay_inside_and_letters_beyond_ascii_are_no_error():
    detail = "die Strategie warf einen Fehler: größer als " + 40 * "sehr "
    long = [Variation(f"v{i}_" + 30 * "x", "color", f"t{i}", "x") for i in range(6)]
    modes = ranking(*(mode(v) for v in long))
    drawn = trial_picture(trial(*long, result=Result.INVALID, detail=detail), modes, STATUS, 320)
    assert drawn.shape[1] == 320
    # three lines of scene, two of reason, three estimates and how many more there are
    assert drawn.shape[0] == 160 + 22 * (1 + 3 + 2 + 4 + 1) + 20
    margin = drawn[:, -9:].astype(int)
    outside = np.r_[0 : 22 * 6, drawn.shape[0] - 22 * 5 : drawn.shape[0]]
    assert np.ptp(margin[outside], axis=(0, 1)).max() == 0


def test_a_picture_that_is_too_narrow_is_refused():
    with pytest.raises(ValueError, match="at least 320 px wide; got 100"):
        trial_picture(trial(RED), width=100)


def test_it_can_be_stored(tmp_path):
    path = tmp_path / "trial.png"
    drawn = trial_picture(trial(RED), ranking(mode(RED)), STATUS)
    assert cv2.imwrite(str(path), drawn[:, :, ::-1])
    assert (cv2.imread(str(path))[:, :, ::-1] == drawn).all()
