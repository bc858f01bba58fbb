# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign on the twin whose cell breaks again and again: INVALID, never a label, and rest."""

import contextlib
import json
import random
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")
pytest.importorskip("rtde_control", reason="ur_rtde has no wheel here")

from graph import rows, valid, wait_for
from ur5e_run import AT_REST, CELL, Ur5eRun

from robomd_ros.core.operator.desk import RequestKind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
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
    "payload": ({"kg": 2.0}, ("payload is 2.0",)),
}
PARTS = ("camera", "gripper")
KILLED = {"policy_node": (CELL, 0.5), "diagnosis_node": ("/robomd", 0.5)}
"""Node -> its namespace, and s of robot time after which the arm rests when it is killed."""
LATE = 0.4
"""s that a busy machine may add to what is seen from outside."""
GIVEN = (POLICY, "search:=uniform", "max_attempts:=100", "confidence:=0.999",
         "variations:=cube_shift_left,light_bright")  # fmt: skip


def test_a_healthy_cell_gives_labels_with_what_was_measured(tmp_path, domain):
    with Ur5eRun(tmp_path, domain, *GIVEN, "budget:=3") as run:
        assert run.bringup.wait(600) == 0, run.bringup.output[-4000:]
    assert len(valid(run.out)) == 3
    invalid = " ".join(row["detail"] for row in rows(run.out, "result = 'INVALID'"))
    assert not any(word in invalid for _, words in FAULTS.values() for word in words), invalid
    facts = [json.loads(row["facts"]) for row in valid(run.out)]
    for known in facts:
        assert known["gripper_events"] and known["speed_scaling"] == 1.0, known
        assert known["payload"] == 0.9, known
        assert known.get("camera_lag", 0.0) < 1.0
    asked = [f for f in facts if "change_asked" in f and f.get("change_verified")]
    assert all(f["change_asked"] == 1 for f in asked), facts
    assert (run.out / "reference/ur5e.json").is_file()


def in_a_rollout(run, randomly):
    """Wait for a random moment of the next rollout."""
    began = len(scenes(run))
    wait_for(lambda: len(scenes(run)) > began, f"a scene; {run.bringup.output[-3000:]}", 200)
    time.sleep(randomly.uniform(4.0, 8.0))


def scenes(run):
    return [k for _, k in run.operator.began if k is RequestKind.APPLY_SCENE]


def label_again(run, labels):
    wait_for(lambda: len(valid(run.out)) > labels,
             f"a label of the whole cell; {run.bringup.output[-3000:]}", 200)  # fmt: skip


def strike(run, name, randomly):
    """What was wrong with how the campaign bore a fault; empty if nothing."""
    arguments, reasons = FAULTS[name]
    in_a_rollout(run, randomly)
    labels, ended = len(valid(run.out)), len(rows(run.out))
    run.twin.fault(name, **arguments)
    try:
        wait_for(
            lambda: [r for r in rows(run.out, f"result = 'INVALID' AND trial_index >= {ended - 1}")
                     if any(reason in r["detail"] for reason in reasons)],
            f"{name}: an invalid trial", 90,
        )  # fmt: skip
    except AssertionError as error:
        return f"{error}; {[r['detail'] for r in rows(run.out)[ended - 1 :]]}"
    finally:
        run.twin.clear()
    counted = len(valid(run.out)) - labels
    label_again(run, len(valid(run.out)))
    return "" if counted <= 1 else f"{name}: {counted} labels counted"  # one rollout was over


def seconds_to_rest(run, since):
    """s of robot time from `since` until the twin's arm stays at rest."""
    rest = since
    while (state := run.twin.state())["time"] - rest < 0.4:
        if state["speed"] > AT_REST:
            rest = state["time"]
        time.sleep(0.01)
    return rest - since


def kill(run, name, randomly):
    """s of robot time from the death of a node in mid-motion of a rollout until the arm rests."""
    in_a_rollout(run, randomly)
    process = run.bringup.node(f"robomd_ros.nodes.{name}", KILLED[name][0])
    wait_for(lambda: run.twin.state()["speed"] > 0.1, "motion", 60)
    labels, since = len(valid(run.out)), run.twin.state()["time"]
    process.kill()
    took = seconds_to_rest(run, since)
    label_again(run, labels)
    return took


@contextlib.contextmanager
def long_campaign(folder, domain):
    """A campaign that goes on, once it has had its first label."""
    with Ur5eRun(folder, domain, *GIVEN, "budget:=200") as run:
        run.operator.lets_lower = True
        wait_for(lambda: valid(run.out), f"a first label; {run.bringup.output[-3000:]}", 300)
        yield run


@pytest.mark.parametrize("group", [*PARTS, "robot"])
def test_a_broken_cell_gives_no_label(tmp_path, domain, group):
    kinds = ("camera", "gripper")
    names = [
        n for n in FAULTS if (n.partition("_")[0] if n.startswith(kinds) else "robot") == group
    ]
    assert len(names) > 2
    randomly, wrong = random.Random(group), []
    with long_campaign(tmp_path, domain) as run:
        for name in names:
            begun = time.monotonic()
            wrong.append(strike(run, name, randomly))
            print(f"{name}: {wrong[-1] or 'INVALID, never a label'}"
                  f" ({time.monotonic() - begun:.0f} s)", flush=True)  # fmt: skip
    assert not any(wrong), wrong


def test_a_node_that_is_killed_in_a_rollout_leaves_no_motion(tmp_path, domain):
    randomly = random.Random(4)
    with long_campaign(tmp_path, domain) as run:
        took = {}
        for name in KILLED:
            took[name] = [kill(run, name, randomly) for _ in range(3)]
            print(f"{name} killed: at rest after {took[name]} s of robot time", flush=True)
    assert all(t < KILLED[name][1] + LATE for name, times in took.items() for t in times)
