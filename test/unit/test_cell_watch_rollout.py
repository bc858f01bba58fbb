# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a rollout: pace, gripper, robot; and what only the whole of it shows."""

import json
import math

import numpy as np
import pytest

from robomd_ros.core.cell_watch.gripper_events import GripperEvents
from robomd_ros.core.cell_watch.rollout_watch import RolloutWatch
from robomd_ros.core.policies.pace import ASKED_RATE, PaceMeter, slowness
from robomd_ros.core.trial import Outcome, Result


def test_the_pace_is_that_between_the_steps():
    meter = PaceMeter(10.0)
    assert math.isnan(meter.pace.achieved) and math.isnan(meter.pace.p50)
    for step in range(21):
        meter.step(100.0 + 0.2 * step, 0.1 if step % 10 else 0.9)
    pace = meter.pace
    assert pace.achieved == pytest.approx(5.0)
    assert pace.p50 == pytest.approx(0.1) and pace.p95 == pytest.approx(0.9)
    meter.begin()
    assert math.isnan(meter.pace.achieved)


@pytest.mark.parametrize(("achieved", "said"), [(7.9, True), (8.1, False), (math.nan, False)])
def test_a_policy_below_four_fifths_of_its_rate_is_told(achieved, said):
    outcome = Outcome(
        Result.SUCCESS, achieved_rate=achieved, inference_p50=0.12, facts={ASKED_RATE: 10.0}
    )
    sentence = slowness(outcome)
    assert bool(sentence) == said
    assert not said or ("7.9 Hz, not at the 10 Hz" in sentence and "0.12 s" in sentence)
    assert slowness(Outcome(Result.SUCCESS, achieved_rate=1.0)) == ""


def test_what_the_gripper_was_told_and_did():
    events = GripperEvents()
    events.begin(10.0)
    events.position(0.0, 10.0)
    events.command(1.0, 11.0)
    for i in range(10):
        events.position(min(0.47, 0.1 * i), 11.0 + 0.1 * i)
    for i in range(20):
        events.position(0.47, 12.0 + 0.1 * i)
        events.command(1.0, 12.0)
    events.command(0.0, 15.0)
    assert events.events == [(1.0, "told", 1.0), (1.8, "rests", 0.47), (5.0, "told", 0.0)]
    for i in range(1000):
        events.command(i / 1000, 20.0)
    assert len(events.events) == 100


def watch():
    made = RolloutWatch(still_pictures=False, picture_lag=1.0, cameras=["front"])
    made.robot({"payload": 0.9, "gripper_fault": ""}, 1.0)
    made.begin(0.0)
    return made


def test_the_facts_are_json_and_hold_the_slowest_speed():
    made = watch()
    made.robot({"payload": 0.9}, 0.4)
    made.robot({"payload": 0.9}, 1.0)
    made.gripper_told(1.0, 2.0)
    facts = made.facts()
    assert json.loads(json.dumps(facts)) == {
        "payload": 0.9, "speed_scaling": 0.4, "gripper_events": [[2.0, "told", 1.0]],
    }  # fmt: skip
    made.begin(5.0)
    assert made.facts()["speed_scaling"] == 1.0


def test_a_broken_gripper_is_a_fault_until_it_is_mended():
    made = watch()
    assert made.gripper_fault() == ""
    made.robot({"gripper_fault": "it does not answer"}, 1.0)
    assert made.gripper_fault() == "it does not answer"
    made.robot({}, 1.0)
    assert made.gripper_fault() == ""


@pytest.mark.parametrize("shown", [True, False])
def test_a_late_stream_is_a_flaw_where_the_camera_is_used(shown):
    cameras = ["front"] if shown else []
    made = RolloutWatch(still_pictures=True, picture_lag=1.0, cameras=cameras)
    made.begin(0.0)
    rng = np.random.default_rng(0)
    places = np.cumsum(rng.random(12).repeat(10) * 0.08 * (rng.random(12) > 0.4).repeat(10))

    def place(t):
        return float(np.interp(t, np.arange(120) / 10, places))

    for i in range(1150):
        t = i / 100
        made.joints([place(t)], [abs(place(t) - place(t - 0.01)) / 0.01], t)
        if i % 10 == 0:
            picture = np.full((48, 64, 3), 200, np.uint8)
            column = int(8 * place(t - 2.0)) % 50
            picture[:, column : column + 8] = 20
            assert made.picture("front", picture, (1e9 + t, t, 1e9 + t)) == ""
    if not shown:
        assert made.flaw() == "" and "camera_lag" not in made.facts()
        return
    assert "front: the camera's pictures come" in made.flaw()
    assert made.facts()["camera_lag"] == pytest.approx(2.0, abs=0.3)
