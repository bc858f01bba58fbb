# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaigns of `robomd ur5e` on the twin: the real client and nodes, a scripted person."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")

from campaign_checks import check_complete
from graph import mode_ids, ranking, rows, valid, wait_for
from ur5e_run import CELL, IN_PLACE, Ur5eRun, Watch

from robomd_msgs.msg import CellState, FailureRanking
from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.ros.qos import LATCHED
from sim_bridge.tasks.tabletop import HOME

SEEN = "cube_shift_left"
UNSEEN = "cube_color_blue"
"""The example policy looks for something red."""


class Order:
    """What the cell said and the twin's arm did, to be compared with each other.

    Attributes:
        states: (monotonic s, person inside, token, robot's state of that moment or None).
    """

    def __init__(self, run):
        self.watch = Watch(run)
        self.states = []
        run.graph.client.create_subscription(
            CellState, f"{CELL}/cell_state", self._on_state, LATCHED
        )

    def _on_state(self, message):
        changed = not self.states or self.states[-1][1:] != (message.person_inside, message.token)
        if changed:
            self.states.append((time.monotonic(), message.person_inside, message.token))

    def locked(self):
        """Pairs of moments between which the cell was locked."""
        inside = [(at, inside) for at, inside, _ in self.states]
        begun = None
        for at, is_inside in [*inside, (time.monotonic(), False)]:
            if is_inside and begun is None:
                begun = at
            elif not is_inside and begun is not None:
                yield begun, at
                begun = None

    def check(self, run):
        """Nothing moved while a person was inside; every scene came into force at home."""
        spans = list(self.locked())
        assert len(spans) > 2
        for begin, end in spans:
            speed, strayed = self.watch.moved_between(begin, end, grace=0.1)
            assert strayed < IN_PLACE, (begin, end, speed, strayed)
        made = {}
        for at, _, token in self.states:
            made.setdefault(token, at)
        assert len(made) > 2
        for at in (at for token, at in made.items() if token):
            where = min(self.watch.samples, key=lambda sample: abs(sample[0] - at))[2]
            assert where == pytest.approx(HOME, abs=IN_PLACE)


def run_campaign(folder, domain, budget, *arguments, timeout, lets_lower=False):
    """Run to the end; the campaign's folder, the operator, and the last ranking on the topic."""
    with Ur5eRun(folder, domain, f"budget:={budget}", *arguments) as run:
        run.operator.lets_lower = lets_lower
        order = Order(run)
        rankings = []
        run.graph.client.create_subscription(
            FailureRanking, "/robomd/failure_ranking", rankings.append, LATCHED
        )
        code = run.bringup.wait(timeout)
        assert code == 0, run.bringup.output[-4000:]
        wait_for(lambda: rankings and rankings[-1].trials == budget, "the last ranking", 10)
        # on a busy machine the robot may need somebody for a moment, and then nobody any more
        assert all("withdrawn" in reason for reason in run.operator.refused)
        order.watch.close()
        order.check(run)
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


@pytest.mark.long
def test_a_campaign_by_hand_from_the_first_question_to_the_ranking(tmp_path, domain):
    given = (f"variations:={SEEN},{UNSEEN}", "search:=uniform", "max_attempts:=20")
    out, asked, published = run_campaign(tmp_path, domain, 2, *given, timeout=240)
    check_outcomes(out, asked, published, 2)
    results = {row["scene"]: row["result"] for row in valid(out)}
    assert results == {f'["{SEEN}"]': "SUCCESS", f'["{UNSEEN}"]': "FAILURE"}
    assert asked[0].kind is RequestKind.RESTORE_NOMINAL
    kinds = [a.kind for a in asked]
    lifted = next(i for i, a in enumerate(asked) if a.answer is Answer.SUCCESS)
    # held by the person, opened, taken out; then the next scene, from home
    assert [a.answer for a in asked[lifted + 1 : lifted + 3]] == [Answer.OPEN_GRIPPER, Answer.DONE]
    assert kinds.count(RequestKind.RELEASE_OBJECT) >= 2
    tokens = [row["token"] for row in valid(out)]
    assert all(tokens) and len(set(tokens)) == 2
