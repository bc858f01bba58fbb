# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaigns of `robomd ur5e` on the twin: the real client and nodes, a scripted person."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")

from campaign_checks import check_complete
from graph import mode_ids, ranking, rows, valid, wait_for
from ur5e_run import Ur5eRun

from robomd_msgs.msg import FailureRanking
from robomd_ros.core.operator.desk import RequestKind
from robomd_ros.ros.qos import LATCHED

SEEN = "cube_shift_left"
UNSEEN = "cube_color_blue"
"""The example policy looks for something red."""


def run_campaign(folder, domain, budget, *arguments, timeout):
    """Run to the end; the campaign's folder, the operator, and the last ranking on the topic."""
    with Ur5eRun(folder, domain, f"budget:={budget}", *arguments) as run:
        rankings = []
        run.graph.client.create_subscription(
            FailureRanking, "/robomd/failure_ranking", rankings.append, LATCHED
        )
        code = run.bringup.wait(timeout)
        assert code == 0, run.bringup.output[-4000:]
        wait_for(lambda: rankings and rankings[-1].trials == budget, "the last ranking", 10)
        assert run.operator.refused == []
        return run.out, run.operator.asked, rankings[-1]


def check_outcomes(out, asked, published, budget):
    check_complete(out, budget)
    assert {row["source"] for row in valid(out)} == {"OPERATOR"}
    labels = [a for a in asked if a.kind is RequestKind.LABEL_OUTCOME]
    assert len(labels) >= budget
    stored = ranking(out)
    assert stored["trials"] == budget == published.trials
    order = [m.variations[0].id for m in published.failure_modes]
    assert order == [mode_ids(m)[0] for m in stored["failure_modes"]]
    for row in rows(out):
        if row["image_path"]:
            assert (out / row["image_path"]).is_file()


def test_a_campaign_by_hand_from_the_first_question_to_the_ranking(tmp_path, domain):
    given = (f"variations:={SEEN},{UNSEEN}", "search:=uniform", "max_attempts:=20")
    out, asked, published = run_campaign(tmp_path, domain, 2, *given, timeout=240)
    check_outcomes(out, asked, published, 2)
    results = {row["scene"]: row["result"] for row in valid(out)}
    assert results == {f'["{SEEN}"]': "SUCCESS", f'["{UNSEEN}"]': "FAILURE"}
    assert asked[0].kind is RequestKind.RESTORE_NOMINAL


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_trials_over_the_whole_catalogue(tmp_path, domain):
    given = ("search:=uniform", "seed:=3", "max_attempts:=20", "confidence:=0.999")
    out, asked, published = run_campaign(tmp_path, domain, 20, *given, timeout=3400)
    check_outcomes(out, asked, published, 20)
    assert {row["result"] for row in valid(out)} == {"SUCCESS", "FAILURE"}
    assert len({row["scene"] for row in valid(out)}) == 20
