# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole campaigns in simulation over the real nodes."""

import shutil
import sqlite3

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

import rclpy
from campaign_checks import check_integrity
from graph import (
    Bringup,
    check_refusal,
    mode_ids,
    ranking,
    robomd,
    rows,
    valid,
    wait_for,
)

from robomd_msgs.msg import FailureMode, FailureRanking
from robomd_ros.ros.qos import LATCHED

PLANTED = "policy:=python:planted_policy:Policy"
COLUMNS = set(
    "trial_index state cell scene seed result source steps duration_s image_path asked_at "
    "finished_at detail".split()
)
FEW = "variations:=cube_color_green,table_color_blue,robot_color_red,light_color_gray"
SAME = (PLANTED, FEW, "search:=uniform", "seed:=1", "nominal_trials:=0", "nominal_share:=0.0")


def receive_latched(message_type, topic, domain_id, timeout=20.0):
    """One latched message by a subscriber that starts now."""
    rclpy.init(domain_id=domain_id)
    try:
        node = rclpy.create_node("late_subscriber")
        received = []
        node.create_subscription(message_type, topic, received.append, LATCHED)
        wait_for(lambda: rclpy.spin_once(node, timeout_sec=0.2) or received, topic, timeout)
        return received[0]
    finally:
        rclpy.shutdown()


@pytest.fixture(scope="module")
def planted(tmp_path_factory, module_domain):
    """(folder, the latched ranking, output) of a campaign in which one change was planted."""
    folder = tmp_path_factory.mktemp("planted")
    out = folder / "campaign"
    arguments = [*SAME, "budget:=16", f"out:={out}", "linger:=30"]
    with Bringup(folder, arguments, module_domain, "table_color_blue") as bringup:
        wait_for(lambda: len(valid(out)) == 16 or not bringup.running, "16 trials", 180)
        wait_for(
            lambda: (out / "ranking.json").exists() and ranking(out)["trials"] == 16, "ranking"
        )
        domain_id = int(module_domain["ROS_DOMAIN_ID"])
        late = receive_latched(FailureRanking, "/robomd/failure_ranking", domain_id)
        bringup.interrupt()
        bringup.wait(15)
    return out, late, bringup.output


def test_planted_variation_is_ranked_first(planted):
    out, late, _ = planted
    stored = ranking(out)
    first = stored["failure_modes"][0]
    assert mode_ids(first) == ["table_color_blue"]
    assert first["failures"] == first["trials"] == 4
    assert all(m["failures"] < m["trials"] for m in stored["failure_modes"][1:])
    assert [m.variations[0].id for m in late.failure_modes] == [
        mode_ids(m)[0] for m in stored["failure_modes"]
    ]
    assert late.trials == 16


def test_ranking_json_has_the_names_of_the_message(planted):
    out, _, output = planted
    assert "ranking" in output and "trials.db" in output
    stored = ranking(out)
    assert set(stored) == set(FailureRanking.get_fields_and_field_types())
    assert set(stored["failure_modes"][0]) == set(FailureMode.get_fields_and_field_types())
    for mode in stored["failure_modes"]:
        assert 0 <= mode["lower"] <= mode["failure_probability"] <= mode["upper"] <= 1
    columns = {
        row[1] for row in sqlite3.connect(out / "trials.db").execute("PRAGMA table_info(trials)")
    }
    assert columns >= COLUMNS
    assert all((out / row["image_path"]).is_file() for row in rows(out))


@pytest.mark.usefixtures("own_environment")
def test_folder_of_another_configuration_lists_the_differences(planted, sim):
    other = [given for given in SAME if not given.startswith("seed:=")]
    code, message = sim(f"out:={planted[0]}", *other, "budget:=17", "seed:=9")
    says = ["another configuration", "seed: there 1, here 9", "budget and confidence may be others"]
    check_refusal(code, message, says)
    assert "there 16, here 17" not in message


@pytest.mark.long
def test_finished_campaign_ends_at_once_with_its_table(planted, module_domain):
    out = planted[0]
    arguments = (*SAME, "budget:=16", "cells:=1", "linger:=0")
    done = robomd(out.parent, module_domain, f"out:={out}", *arguments)
    assert done.returncode == 0, done.stderr
    assert "cube_color_green" in done.stdout


@pytest.mark.usefixtures("own_environment")
def test_damaged_database(planted, sim, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(planted[0], copy)
    for extra in copy.glob("trials.db-*"):
        extra.unlink()
    data = bytearray((copy / "trials.db").read_bytes())
    data[100:2000] = b"\xff" * 1900
    (copy / "trials.db").write_bytes(data)
    code, message = sim(f"out:={copy}", *SAME, "budget:=16")
    assert code != 0
    assert message.startswith("error: ") and "trials.db" in message
    assert "Traceback" not in message


def test_integrity_of_the_finished_campaign(planted):
    check_integrity(planted[0])


@pytest.mark.slow  # quick: test_evidence.py plants a pair in a table
def test_planted_pair_is_a_failure_mode_of_its_own_and_first(tmp_path, domain):
    out = tmp_path / "campaign"
    variations = (
        "variations:=cube_color_green,table_color_blue,robot_color_red,light_color_gray,"
        "robot_color_cyan,table_color_gray"
    )
    arguments = [PLANTED, variations, "budget:=80", "search:=ppo", "seed:=3", f"out:={out}"]
    pair = "table_color_blue+robot_color_red"
    with Bringup(tmp_path, [*arguments, "linger:=0"], domain, pair) as bringup:
        assert bringup.wait(400) == 0, bringup.output
    first = ranking(out)["failure_modes"][0]
    assert set(mode_ids(first)) == {"table_color_blue", "robot_color_red"}
    assert first["failures"] == first["trials"] > 0
    singles = [m for m in ranking(out)["failure_modes"] if len(m["variations"]) == 1]
    assert all(m["failure_probability"] < 0.5 for m in singles if m["trials"])
