# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell whose camera or gripper breaks in a campaign on the twin: INVALID, never a label."""

import json
import random
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")
pytest.importorskip("rtde_control", reason="ur_rtde has no wheel here")

from graph import rows, valid, wait_for
from ur5e_run import Ur5eRun

from robomd_ros.core.operator.desk import RequestKind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
POLICY = "policy:=python:sim_bridge.twin.blob_policy:BlobPolicy"
FAULTS = {
    "camera_frozen": ({}, ("frozen", "I see no change")),
    "camera_late": ({"seconds": 2.5}, ("late",)),
    "camera_black": ({}, ("black",)),
    "camera_half": ({}, ("of the picture at its bottom",)),
    "camera_resized": ({}, ("now they are 320 x 240",)),
    "camera_swapped": ({}, ("red and blue",)),
    "gripper_silent": ({}, ("does not answer",)),
    "gripper_stuck": ({}, ("told to", "did not open")),
    "gripper_fault": ({"code": 5}, ("fault 5",)),
    "gripper_lost": ({}, ("lost its activation",)),
    "speed_slider": ({"percent": 10.0}, ("speed scaling",)),
    "reduced_mode": ({}, ("safety mode",)),
}


@pytest.fixture
def run(tmp_path, domain):
    given = (POLICY, "budget:=3", "search:=uniform", "max_attempts:=20", "confidence:=0.999",
             "variations:=cube_shift_left,light_bright")  # fmt: skip
    with Ur5eRun(tmp_path, domain, *given) as run:
        yield run


def test_a_healthy_cell_gives_labels_with_what_was_measured(run):
    assert run.bringup.wait(600) == 0, run.bringup.output[-4000:]
    assert len(valid(run.out)) == 3
    invalid = " ".join(row["detail"] for row in rows(run.out, "result = 'INVALID'"))
    assert not any(word in invalid for _, words in FAULTS.values() for word in words), invalid
    facts = [json.loads(row["facts"]) for row in valid(run.out)]
    for known in facts:
        assert known["gripper_events"] and known["speed_scaling"] == 1.0, known
        assert known.get("camera_lag", 0.0) < 1.0
    asked = [f for f in facts if "change_asked" in f and f.get("change_verified")]
    assert all(f["change_asked"] == 1 for f in asked), facts
    assert (run.out / "reference/ur5e.json").is_file()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_cell_gives_no_label(run, name):
    arguments, reasons = FAULTS[name]
    wait_for(lambda: valid(run.out), f"a first label; {run.bringup.output[-3000:]}", 300)
    began = len([k for _, k in run.operator.began if k is RequestKind.APPLY_SCENE])
    wait_for(
        lambda: len([k for _, k in run.operator.began if k is RequestKind.APPLY_SCENE]) > began,
        f"a scene; {run.bringup.output[-3000:]}", 200,
    )  # fmt: skip
    time.sleep(random.Random(name).uniform(4.0, 8.0))
    labels = len(valid(run.out))
    run.twin.fault(name, **arguments)
    wait_for(
        lambda: [r for r in rows(run.out, "result = 'INVALID'")
                 if any(reason in r["detail"] for reason in reasons)],
        f"an invalid trial; {run.bringup.output[-3000:]}", 200,
    )  # fmt: skip
    assert len(valid(run.out)) <= labels + 1, "at most the one whose rollout was over"
    run.twin.clear()
    assert run.bringup.wait(600) == 0, run.bringup.output[-4000:]
    assert len(valid(run.out)) == 3
