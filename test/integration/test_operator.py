# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaigns by hand over real DDS: a person makes, judges, recovers, and takes back."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

pytest.importorskip("mcap_ros2", reason="needs mcap-ros2-support")

from bare_cell import BareCell, TableTwin
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from graph import NO_CONTROL, ranking, rows, valid, wait_for
from in_process import Graph, overrides
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.action import ActionClient
from scripted_operator import ScriptedOperator

from robomd_msgs.action import ApplyScene, Diagnose, LabelOutcome
from robomd_msgs.msg import CampaignStatus, OperatorRequest, Outcome
from robomd_msgs.srv import AnswerOperatorRequest, RelabelTrial
from robomd_ros.cli.export import export
from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import scene_to_msg, status_from_msg
from robomd_ros.ros.qos import LATCHED, TRIALS

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
GREEN, DIM, MUG = IDS = ("cube_color_green", "light_dim", "distractor_red_mug")
PLACE = "/robomd/cell_0"
OF_PERTURBATION = {"operator_timeout", "reset_instruction"}
KINDS = (RequestKind.APPLY_SCENE, RequestKind.RESTORE_NOMINAL)


class ByHand(Graph):
    """A diagnosis whose only cell has a person; the person is a program."""

    def __init__(self, domain, folder):
        super().__init__(domain)
        self.out = folder / "campaign"
        self.statuses, self.kinds = [], []
        self.client.create_subscription(
            CampaignStatus, "/robomd/campaign_status", self._on_status, LATCHED
        )

        self.client.create_subscription(
            OperatorRequest,
            f"{PLACE}/operator_request",
            self._on_request,
            LATCHED,
        )

    def _on_request(self, message):
        self.kinds.append(message.kind)
        if message.kind == RequestKind.ROLLOUT_RUNS:
            self.while_it_runs(message)

    def while_it_runs(self, request):
        """What a person does at a rollout that runs; on the thread that spins."""

    def say(self, request, answer, **fields):
        """Answer on the thread that spins."""
        self.early.call_async(
            AnswerOperatorRequest.Request(
                request_id=request.request_id, answer=int(answer), operator_name="Ada", **fields
            )
        )

    def _on_status(self, message):
        self.statuses.append(status_from_msg(message))

    def start(self, fails_in=(), perturbation=True, rollout=0.0, **parameters):
        """Add the nodes; `perturbation` False: it is a process of its own; `rollout` in s."""
        self.twin = TableTwin(fails_in)
        self.cell = self.add(BareCell(self.twin, duration=rollout, namespace=PLACE))
        self.parameters = {"backend": "operator", "countdown": 0.0}
        self.parameters.update(
            {
                k: parameters.pop(k)
                for k in ("operator_timeout", "reset_instruction") & parameters.keys()
            }
        )
        if perturbation:
            self.add(PerturbationNode(namespace=PLACE, parameter_overrides=self.overrides()))
        values = {
            "campaign_dir": str(self.out), "policy": "python:table:policy", "search": "uniform",
            "task": "ur5e_tabletop", "catalogue": "ur5e_tabletop", "variations": ",".join(IDS),
            "confidence": 0.9999999, "scene_timeout": 0.0, "order_by_cost": True, "budget": 6,
            **NO_CONTROL, **parameters,
        }  # fmt: skip
        self.node = DiagnosisNode(
            namespace="/robomd", parameter_overrides=overrides(report=False, **values)
        )
        self.add(self.node)
        self.operator = self.add(ScriptedOperator(self.twin, namespace=PLACE))
        self.early = self.client.create_client(
            AnswerOperatorRequest, f"{PLACE}/answer_operator_request"
        )
        self.action = ActionClient(self.client, Diagnose, "/robomd/diagnose")
        assert self.action.wait_for_server(10)
        return self

    def overrides(self):
        return overrides(**self.parameters)

    def run(self, **fields):
        self.handle = self.begin(**fields)
        return self.end()

    def begin(self, **fields):
        future = self.action.send_goal_async(Diagnose.Goal(**fields))
        self.handle = self.result(future, "answer to the goal")
        return self.handle

    def end(self, timeout=60.0):
        return self.result(self.handle.get_result_async(), "end of the campaign", timeout).result

    def answer(self, number, answer, **fields):
        return self.call(
            AnswerOperatorRequest, f"{PLACE}/answer_operator_request",
            request_id=number, answer=int(answer), **fields,
        )  # fmt: skip

    def check_scenes(self):
        """Every rollout ran in the scene that its trial says."""
        scenes = [json.loads(row["scene"]) for row in rows(self.out) if row["source"] == "OPERATOR"]
        assert [sorted(s) for s in scenes] == [sorted(ids) for ids in self.cell.runs]


@pytest.fixture
def by_hand(domain, tmp_path):
    graphs = []

    def make(**values):
        graphs.append(ByHand(domain, tmp_path))
        return graphs[-1].start(**values)

    yield make
    for graph in graphs:
        graph.close()


def of_kind(asked, *kinds):
    return [a for a in asked if a.kind in kinds]


def test_a_campaign_by_hand(by_hand):
    graph = by_hand(fails_in=[{MUG}])
    result = graph.run()
    assert result.error_code == Diagnose.Result.NONE and not graph.operator.refused
    assert {r["source"] for r in valid(graph.out)} == {"OPERATOR"}
    assert len(valid(graph.out)) == 6 and not rows(graph.out, "result = 'INVALID'")
    graph.check_scenes()
    mode = ranking(graph.out)["failure_modes"][0]
    assert [v["id"] for v in mode["variations"]] == [MUG]
    assert (mode["trials"], mode["failures"]) == (2, 2)
    asked = graph.operator.asked
    wait_for(lambda: len(asked) == 1 + 3 + 6, "all answers", 5)
    # what is in force is unknown at first; then every scene stays for its two trials
    assert asked[0].kind is RequestKind.RESTORE_NOMINAL and "does not know" in asked[0].instruction
    assert len(of_kind(asked, RequestKind.APPLY_SCENE)) == 3
    changes = [len(a.undo) + len(a.apply) for a in of_kind(asked, *KINDS)]
    assert changes == [0, 1, 2, 2]
    label = of_kind(asked, RequestKind.LABEL_OUTCOME)[0]
    assert (
        label.instruction
        == 'The policy was told: "lift the cube". Did it do the task? It took 2.5 s.'
    )
    assert {r["detail"] for r in rows(graph.out)} == {"labelled by script"}
    left = [s.message for s in graph.statuses if s.trials_done == 5]
    assert left and all(
        re.search(r"left: about \d+ changes?, ", m) and "min of the operator's work" in m
        for m in left
    )


def test_what_was_asked_answered_and_said_is_kept_and_exported(by_hand, tmp_path):
    """Requests, answers with who gave them, the robot's status, and the cell's diagnostics only."""
    graph = by_hand(fails_in=[{MUG}], budget=2)
    diagnostics = graph.client.create_publisher(DiagnosticArray, "/diagnostics", TRIALS)
    wait_for(lambda: diagnostics.get_subscription_count() == 1, "the diagnosis", 10)
    graph.cell.robot(ready=True)  # before there is a campaign: latched, and so still true in it

    def instead(request):
        if request.kind != OperatorRequest.LABEL_OUTCOME:
            return None
        graph.answer(request.request_id, Answer.DONE, operator_name="Bob")  # does not fit
        for name in (f"{PLACE}/arm", "/another/cell/arm"):
            message = DiagnosticArray(status=[DiagnosticStatus(name=name, message=name)])
            diagnostics.publish(message)
        return None

    graph.operator.instead = instead
    assert graph.run().error_code == Diagnose.Result.NONE
    (bag,), notes = export(graph.out, ("mcap",), tmp_path / "bag")
    assert not notes
    found = {}
    with bag.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for schema, channel, message, decoded in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append((schema.name, message.log_time, decoded))
    said = [m for _, _, m in found[f"{PLACE}/operator_request"] if m.request_id]
    requests = [m for m in said if m.kind != RequestKind.ROLLOUT_RUNS]
    assert {r.request_id for r in requests} == {a.number for a in graph.operator.asked}
    answers = answers_of(found[f"{PLACE}/answer_operator_request/_service_event"])
    counted = [(a.request_id, a.answer, a.operator_name) for a, said in answers if said.accepted]
    assert counted == [(a.number, int(a.answer), "script") for a in graph.operator.asked]
    refused = [(a.operator_name, said.error_code) for a, said in answers if not said.accepted]
    assert refused == [("Bob", AnswerOperatorRequest.Response.NOT_AN_ANSWER)] * 2
    assert [m.ready for _, _, m in found[f"{PLACE}/robot_status"]] == [True]
    told = {s.name for _, _, m in found["/diagnostics"] for s in m.status}
    assert told == {f"{PLACE}/arm"}
    times = [time for messages in found.values() for _, time, _ in messages]
    assert max(times) - min(times) < 60e9


def answers_of(events):
    """Pairs of request and response of a service, from its events; with their moments checked."""
    pairs = {}
    for name, moment, event in events:
        assert name == "robomd_msgs/srv/AnswerOperatorRequestEvent"
        stamp = event.info.stamp.sec * 10**9 + event.info.stamp.nanosec
        assert abs(stamp - moment) < 5e9
        key = (tuple(event.info.client_gid), event.info.sequence_number)
        pairs.setdefault(key, []).extend([*event.request, *event.response])
    return list(pairs.values())


def test_the_last_label_is_undone_while_the_next_request_is_open(by_hand):
    graph = by_hand()
    undone, once = [], itertools.count()

    def instead(request):
        if request.kind == OperatorRequest.LABEL_OUTCOME and len(graph.cell.runs) == 2:
            return Answer.FAILURE  # a slip
        scene = request.kind == OperatorRequest.APPLY_SCENE
        if scene and len(graph.cell.runs) == 2 and next(once) == 0:
            by = {"operator_name": "Ada"}
            number = request.request_id
            undone.append(graph.answer(number, Answer.UNDO, comment="wrong key", **by))
            undone.append(graph.answer(number, Answer.UNDO, **by))
            undone.append(rows(graph.out))
        return None

    graph.operator.instead = instead
    result = graph.run()
    first, second, then = undone
    assert first.accepted and not first.error_msg
    assert not second.accepted and "label FAILURE taken back by Ada: wrong key" in second.error_msg
    assert second.error_code == AnswerOperatorRequest.Response.NOT_AN_ANSWER
    taken = then[1]
    assert (taken["result"], taken["source"]) == ("INVALID", "OPERATOR")
    assert result.error_code == Diagnose.Result.NONE
    assert len(valid(graph.out)) == 6
    assert [r["detail"] for r in rows(graph.out, "result = 'INVALID'")] == [taken["detail"]]
    assert sum(m["failures"] for m in ranking(graph.out)["failure_modes"]) == 0
    assert any("label FAILURE taken back" in s.message for s in graph.statuses)
    graph.check_scenes()


def test_nothing_to_undo(by_hand):
    graph = by_hand(budget=1)
    refusals = []

    def instead(request):
        refusals.append(graph.answer(request.request_id, Answer.UNDO).error_msg)

    graph.operator.instead = instead
    assert graph.run().error_code == Diagnose.Result.NONE
    assert set(refusals) == {"no label was given by a person in cell_0; there is nothing to undo"}
    assert len(refusals) == 3


def test_a_skipped_scene_comes_last_and_an_invalid_one_at_once(by_hand):
    graph = by_hand(budget=3)
    answers = {2: Answer.SKIP, 4: Answer.INVALID}
    count = itertools.count(1)
    graph.operator.instead = lambda request: answers.get(next(count))
    assert graph.run().error_code == Diagnose.Result.NONE
    wait_for(lambda: graph.statuses[-1].trials_done == 3, "the last status", 5)
    details = [(r["scene"], r["detail"]) for r in rows(graph.out)]
    skipped = details[0][0]
    assert details[0][1] == "the scene was not made: the operator skipped this scene"
    assert details[1] == (details[2][0], "the operator declared the trial invalid")
    assert [scene for scene, _ in details].index(skipped, 1) == 4
    undone = of_kind(graph.operator.asked, RequestKind.APPLY_SCENE)[1]
    assert "What was asked last was not done" in undone.instruction


def test_a_label_while_the_rollout_runs_ends_it_and_counts(by_hand):
    graph = by_hand(budget=4, rollout=20.0)
    answers = iter([Answer.SUCCESS, Answer.FAILURE, Answer.INVALID, Answer.SUCCESS, Answer.SUCCESS])
    graph.while_it_runs = lambda request: graph.say(request, next(answers), tag="grasped slipped")
    begun = time.monotonic()
    assert graph.run().error_code == Diagnose.Result.NONE
    assert time.monotonic() - begun < 15.0  # four rollouts of 20 s, and one that did not count
    stored = rows(graph.out)
    results = [row["result"] for row in stored]
    assert results == ["SUCCESS", "FAILURE", "INVALID", "SUCCESS", "SUCCESS"]
    assert {row["source"] for row in stored} == {"OPERATOR"}
    assert stored[1]["detail"] == "labelled by Ada"
    assert (stored[1]["stage"], json.loads(stored[1]["tags"])) == ("grasped", ["slipped"])
    assert graph.cell.cancels == 5
    assert not of_kind(graph.operator.asked, RequestKind.LABEL_OUTCOME)


def test_an_executor_that_cannot_be_cancelled_ends_by_itself_and_the_early_label_counts(by_hand):
    graph = by_hand(budget=1, rollout=1.0)
    graph.cell.can_cancel = False
    graph.while_it_runs = lambda request: graph.say(request, Answer.FAILURE)
    assert graph.run().error_code == Diagnose.Result.NONE
    (stored,) = rows(graph.out)
    assert (stored["result"], stored["duration_s"], stored["steps"]) == ("FAILURE", 2.5, 25)


def test_nobody_who_says_nothing_is_hurried(by_hand):
    graph = by_hand(budget=2, rollout=0.5)
    assert graph.run().error_code == Diagnose.Result.NONE
    assert graph.kinds.count(RequestKind.ROLLOUT_RUNS) == 2
    assert len(of_kind(graph.operator.asked, RequestKind.LABEL_OUTCOME)) == 2
    assert graph.cell.cancels == 0 and len(rows(graph.out)) == 2


def test_an_earlier_trial_is_relabelled_while_the_campaign_runs(by_hand):
    graph = by_hand(budget=6)
    said = []

    def relabel(request):
        label = request.kind == OperatorRequest.LABEL_OUTCOME
        if label and len(graph.cell.runs) == 4 and not said:
            call = partial(graph.call, RelabelTrial, "/robomd/relabel_trial")
            said.append(call(index=1, result=Outcome.FAILURE, operator_name="Ada", tag="slipped"))
            said.append(call(index=77, result=Outcome.FAILURE))
            said.append(call(index=0, result=Outcome.UNKNOWN))

    graph.operator.instead = relabel
    assert graph.run().error_code == Diagnose.Result.NONE
    codes = RelabelTrial.Response
    assert [(r.accepted, r.error_code) for r in said] == [
        (True, codes.NONE), (False, codes.NO_SUCH_TRIAL), (False, codes.NOT_A_LABEL),
    ]  # fmt: skip
    assert "there is no trial 77" in said[1].error_msg
    assert [r["result"] for r in rows(graph.out)].count("FAILURE") == 1
    assert sum(m["failures"] for m in ranking(graph.out)["failure_modes"]) == 1
    late = graph.call(RelabelTrial, "/robomd/relabel_trial", index=0, result=Outcome.FAILURE)
    assert late.error_code == codes.NO_CAMPAIGN and "robomd relabel" in late.error_msg


def test_objects_are_put_back_before_every_trial(by_hand):
    graph = by_hand(reset_instruction="Put the cube on its mark.", budget=4)
    assert graph.run().error_code == Diagnose.Result.NONE
    wait_for(lambda: len(graph.operator.asked) == 1 + 4 + 4, "all answers", 5)
    scenes = of_kind(graph.operator.asked, *KINDS)[1:]
    assert all(a.instruction.startswith("Put the cube on its mark.") for a in scenes)
    same = [a for a in scenes if not a.undo and not a.apply]
    assert same and all("Change nothing else" in a.instruction for a in same)


@pytest.mark.long
def test_the_robot_is_recovered_before_a_scene(by_hand):
    graph = by_hand(budget=2)
    graph.cell.stubborn = 1
    graph.cell.robot(ready=False)
    wait_for(lambda: graph.client.count_subscribers(f"{PLACE}/robot_status"), "subscriber", 10)
    assert graph.run().error_code == Diagnose.Result.NONE
    asked = graph.operator.asked
    wait_for(lambda: len(asked) >= 6, "all answers", 5)
    assert [a.kind.name for a in asked[:3]] == [
        "RECOVER_ROBOT", "RECOVER_ROBOT", "RESTORE_NOMINAL",
    ]  # fmt: skip
    assert "Protective stop; clear the workspace." in asked[0].instruction
    assert "The recovery failed: the elbow is blocked." in asked[1].instruction
    assert (graph.cell.recoveries, graph.twin.cleared) == (2, 2)
    assert not rows(graph.out, "result = 'INVALID'")


@pytest.mark.long
def test_a_robot_that_recovers_by_itself_needs_no_answer(by_hand):
    graph = by_hand(budget=1)
    graph.operator.silent.set()
    graph.cell.robot(ready=False)
    wait_for(lambda: graph.client.count_subscribers(f"{PLACE}/robot_status"), "subscriber", 10)
    graph.begin()
    recover = OperatorRequest.RECOVER_ROBOT
    wait_for(lambda: graph.kinds[-1:] == [recover], "the request to recover", 10)
    graph.cell.robot(ready=True)
    graph.operator.silent.clear()
    assert graph.end().error_code == Diagnose.Result.NONE
    assert graph.cell.recoveries == 0
    assert not of_kind(graph.operator.asked, RequestKind.RECOVER_ROBOT)


def test_a_silent_operator_costs_a_try_not_the_campaign(by_hand):
    graph = by_hand(budget=2, operator_timeout=1.0, max_attempts=20)
    graph.operator.silent.set()
    graph.begin()
    wait_for(lambda: rows(graph.out, "result = 'INVALID'"), "a lapsed trial", 20)
    graph.operator.silent.clear()
    assert graph.end().error_code == Diagnose.Result.NONE
    details = {r["detail"] for r in rows(graph.out, "result = 'INVALID'")}
    assert details == {"the scene was not made: no answer of the operator within 1 s"}
    assert len(valid(graph.out)) == 2


def test_a_label_request_that_a_killed_diagnosis_left_is_withdrawn(by_hand):
    graph = by_hand(budget=1)
    graph.operator.silent.set()
    orphan = ActionClient(graph.client, LabelOutcome, f"{PLACE}/label_outcome")
    assert orphan.wait_for_server(10)
    left = graph.result(orphan.send_goal_async(LabelOutcome.Goal()), "answer")
    assert left.accepted
    graph.begin()
    ended = graph.result(left.get_result_async(), "end of the request that was left", 10)
    assert ended.result.error_code == LabelOutcome.Result.CANCELED
    graph.operator.silent.clear()
    assert graph.end().error_code == Diagnose.Result.NONE
    assert not rows(graph.out, "result = 'INVALID'")


def test_one_thing_is_asked_at_a_time(by_hand):
    graph = by_hand()
    graph.operator.silent.set()
    scenes = ActionClient(graph.client, ApplyScene, f"{PLACE}/apply_scene")
    labels = ActionClient(graph.client, LabelOutcome, f"{PLACE}/label_outcome")
    assert scenes.wait_for_server(10) and labels.wait_for_server(10)
    goal = ApplyScene.Goal(scene=scene_to_msg(Scene((CATALOGUE[GREEN],))))
    assert graph.result(scenes.send_goal_async(goal), "answer").accepted
    assert not graph.result(labels.send_goal_async(LabelOutcome.Goal()), "answer").accepted


class PerturbationProcess:
    """The perturbation node as a process that may be killed."""

    def __init__(self, domain):
        self._domain = domain
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "robomd_ros.nodes.perturbation_node", "--ros-args",
                "-r", f"__ns:={PLACE}", "-p", "backend:=operator", "-p", "countdown:=0.0",
            ],
            env={**os.environ, **self._domain},
        )  # fmt: skip

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.mark.slow
def test_a_perturbation_node_that_is_killed_while_it_asks_for_a_label(by_hand, domain):
    process = PerturbationProcess(domain)
    try:
        graph = by_hand(perturbation=False, budget=3, silence_timeout=1.5)
        killed = []

        def instead(request):
            if request.kind == OperatorRequest.LABEL_OUTCOME and not killed:
                killed.append(request.request_id)
                process.kill()
                process.start()

        graph.operator.instead = instead
        graph.begin()
        assert graph.end(90).error_code == Diagnose.Result.NONE
        # the rollout was as good as before; the scene had to be made sure of again
        assert len(graph.cell.runs) == 3 and not rows(graph.out, "result = 'INVALID'")
        kinds = [a.kind.name for a in graph.operator.asked if a.number > killed[0]]
        assert kinds[:3] == ["LABEL_OUTCOME", "RESTORE_NOMINAL", "APPLY_SCENE"]
        graph.check_scenes()
    finally:
        process.kill()
