# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The perturbation node over real DDS: what a person is asked, and whose answer counts."""

import json
import math
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from action_msgs.msg import GoalStatus
from graph import wait_for
from in_process import Graph, TableCell, overrides, stays
from rclpy.action import ActionClient, ActionServer, GoalResponse
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene
from robomd_msgs.msg import OperatorRequest
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.operator.desk import Answer
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import NOMINAL, Scene, load_catalogue
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import request_from_msg, scene_to_msg
from robomd_ros.ros.qos import LATCHED
from robomd_ros.terminal.request_text import request_text
from sim_bridge.sim_bridge_node import SimBridgeNode

CATALOGUE = load_catalogue(share_path("config/variations/lift.yaml"))
GREEN, BLUE, RED = (
    CATALOGUE[i] for i in ("cube_color_green", "table_color_blue", "robot_color_red")
)
PLACE = "/robomd/cell_0"
Result = ApplyScene.Result
Response = AnswerOperatorRequest.Response


class Perturbation(Graph):
    """A perturbation node, and a campaign's pause and stop services that count their calls."""

    def start(self, simulator=None, **parameters):
        """Add the nodes; with a cell as simulator, its node and the other share the executor."""
        self.told = []
        for name in ("pause", "stop"):
            self.client.create_service(Trigger, f"/robomd/{name}", self._campaign(name))
        bridge = None
        if simulator is not None:
            bridge = SimBridgeNode(lambda name, options: simulator, namespace=PLACE)
            self.add(bridge)
        self.node = PerturbationNode(
            bridge,
            namespace=PLACE,
            parameter_overrides=overrides(**{"countdown": 0.0, **parameters}),
        )
        self.add(self.node)
        self.requests = []
        self.client.create_subscription(
            OperatorRequest, f"{PLACE}/operator_request", self.requests.append, LATCHED
        )
        self.action = ActionClient(self.client, ApplyScene, f"{PLACE}/apply_scene")
        assert self.action.wait_for_server(10)
        wait_for(lambda: self.requests, "the first (empty) request", 10)

    def _campaign(self, name):
        def called(_request, response):
            self.told.append(name)
            response.success = True
            return response

        return called

    def send(self, *variations):
        """Ask for a scene; the goal handle."""
        goal = ApplyScene.Goal(scene=scene_to_msg(Scene(variations)))
        self.feedback = []
        future = self.action.send_goal_async(goal, lambda m: self.feedback.append(m.feedback))
        return self.result(future, "answer to the goal", 10)

    def end(self, handle, timeout=10.0):
        return self.result(handle.get_result_async(), "result", timeout)

    def asked(self):
        """The open request; waits for it."""
        wait_for(lambda: self.requests[-1].request_id, "request", 10)
        return self.requests[-1]

    def answer(self, request, answer, **fields):
        return self.call(
            AnswerOperatorRequest, f"{PLACE}/answer_operator_request",
            request_id=request.request_id, answer=int(answer), **fields,
        )  # fmt: skip

    def begin(self):
        """Say that the scene is nominal, which the node does not know after its start."""
        self.make()
        return self

    def make(self, *variations):
        """Ask for a scene, answer DONE, return the request."""
        handle = self.send(*variations)
        request = self.asked()
        assert self.answer(request, Answer.DONE).accepted
        assert self.end(handle).result.error_code == Result.NONE
        wait_for(lambda: not self.requests[-1].request_id, "the end of the request", 10)
        return request


class SlowCell(TableCell):
    """Makes a scene when it may."""

    def __init__(self):
        super().__init__()
        self.making = threading.Event()
        self.making.set()
        self.begun = False

    def observe(self, scene, seed):
        self.begun = not self.making.is_set()
        self.making.wait(10)
        return super().observe(scene, seed)


@pytest.fixture
def cell(domain):
    graphs = []

    def make(**parameters):
        graphs.append(Perturbation(domain))
        graphs[-1].start(**parameters)
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()


@pytest.fixture
def operator(cell):
    return cell(backend="operator").begin()


def ids(variations):
    return [v.id for v in variations]


def test_exactly_the_changes_are_asked(operator):
    first = operator.make(GREEN, BLUE)
    assert first.kind == OperatorRequest.APPLY_SCENE
    assert (ids(first.undo), ids(first.apply)) == ([], [GREEN.id, BLUE.id])
    assert first.header.frame_id == "cell_0"
    second = operator.make(BLUE, RED)
    assert (ids(second.undo), ids(second.apply)) == ([GREEN.id], [RED.id])
    back = operator.make(*NOMINAL)
    assert back.kind == OperatorRequest.RESTORE_NOMINAL
    assert (ids(back.undo), ids(back.apply)) == ([RED.id, BLUE.id], [])
    assert first.request_id < second.request_id < back.request_id


def test_a_scene_that_is_there_already_asks_nobody(operator):
    operator.make(GREEN)
    count = len(operator.requests)
    assert operator.end(operator.send(GREEN)).result.error_code == Result.NONE
    assert len(operator.requests) == count


def test_the_first_answer_counts_and_the_second_front_end_is_told(operator, capfd):
    handle = operator.send(GREEN)
    request = operator.asked()
    before = time.time()
    first = operator.answer(request, Answer.DONE, operator_name="Ada", comment="green cube 2")
    assert first.accepted and first.error_code == Response.NONE
    second = operator.answer(request, Answer.SKIP, operator_name="Bob")
    assert not second.accepted and second.error_code == Response.ALREADY_ANSWERED
    applied = operator.end(handle).result.applied
    assert before <= applied.sec + applied.nanosec * 1e-9 <= time.time()
    logged = [line for line in capfd.readouterr().err.splitlines() if "operator answer" in line]
    records = [json.loads(line.split("operator answer ")[1]) for line in logged]
    assert [(r["operator"], r["answer"], r["counted"]) for r in records] == [
        ("Ada", Answer.DONE, True), ("Bob", Answer.SKIP, False),
    ]  # fmt: skip
    assert records[0]["comment"] == "green cube 2" and records[0]["request"] == request.request_id
    assert before <= float(logged[0].split("[")[2].split("]")[0]) <= time.time()


@pytest.mark.parametrize("answer", [Answer.UNKNOWN, Answer.SUCCESS, Answer.FAILURE, 99])
def test_an_answer_of_the_wrong_kind_leaves_the_request_open(operator, answer):
    handle = operator.send(GREEN)
    request = operator.asked()
    refused = operator.answer(request, answer)
    assert not refused.accepted and refused.error_code == Response.NOT_AN_ANSWER
    assert "APPLY_SCENE" in refused.error_msg and "DONE" in refused.error_msg
    assert operator.requests[-1].request_id == request.request_id
    assert operator.answer(request, Answer.DONE).accepted
    assert operator.end(handle).result.error_code == Result.NONE


def test_an_answer_to_what_is_not_asked(operator):
    nothing = OperatorRequest(request_id=7)
    refused = operator.answer(nothing, Answer.DONE)
    assert not refused.accepted and refused.error_code == Response.NO_SUCH_REQUEST
    assert "request 7 is not open" in refused.error_msg


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (Answer.SKIP, Result.SKIPPED, []),
        (Answer.INVALID, Result.INVALID, []),
        (Answer.STOP, Result.CANCELED, ["stop"]),
    ],
)
def test_answers_that_end_the_trial(operator, answer, code, told):
    handle = operator.send(GREEN)
    operator.answer(operator.asked(), answer)
    response = operator.end(handle)
    assert response.status == GoalStatus.STATUS_ABORTED
    assert response.result.error_code == code and response.result.error_msg
    wait_for(lambda: operator.told == told, "what the campaign is told", 5)
    # nothing was made: the same change is asked again
    operator.send(GREEN)
    assert ids(operator.asked().apply) == [GREEN.id]


def test_pause_leaves_the_request_open(operator):
    handle = operator.send(GREEN)
    request = operator.asked()
    assert operator.answer(request, Answer.PAUSE).accepted
    wait_for(lambda: operator.told == ["pause"], "the campaign's pause", 5)
    assert operator.requests[-1].request_id == request.request_id
    assert operator.answer(request, Answer.DONE).accepted
    assert operator.end(handle).result.error_code == Result.NONE


def test_nobody_answers(cell):
    graph = cell(backend="operator", operator_timeout=0.6)
    before = time.time()
    handle = graph.send(GREEN)
    deadline = graph.asked().deadline
    assert deadline.sec + deadline.nanosec * 1e-9 == pytest.approx(before + 0.6, abs=0.5)
    response = graph.end(handle)
    assert response.result.error_code == Result.TIMEOUT
    assert response.result.error_msg == "no answer of the operator within 0.6 s"
    wait_for(lambda: not graph.requests[-1].request_id, "the end of the request", 5)


def test_cancelled_while_asking(operator):
    handle = operator.send(GREEN)
    request = operator.asked()
    assert request.deadline.sec == 0  # none: a person may take as long as it takes
    wait_for(lambda: operator.feedback and operator.feedback[-1].elapsed > 0.2, "feedback", 5)
    assert operator.feedback[-1].waiting_for == "operator"
    operator.result(handle.cancel_goal_async(), "cancel", 5)
    response = operator.end(handle)
    assert response.status == GoalStatus.STATUS_CANCELED
    assert response.result.error_code == Result.CANCELED
    wait_for(lambda: not operator.requests[-1].request_id, "the end of the request", 5)
    refused = operator.answer(request, Answer.DONE)
    assert not refused.accepted
    assert ids(operator.make(GREEN).apply) == [GREEN.id]


def test_a_second_goal_is_rejected_while_one_is_asked(operator):
    handle = operator.send(GREEN)
    request = operator.asked()
    assert not operator.send(BLUE).accepted
    operator.answer(request, Answer.DONE)
    assert operator.end(handle).result.error_code == Result.NONE


def test_a_late_front_end_sees_the_open_request(operator):
    operator.send(GREEN)
    request = operator.asked()
    late = operator.latched(OperatorRequest, f"{PLACE}/operator_request", LATCHED)
    assert late.request_id == request.request_id and ids(late.apply) == [GREEN.id]


def test_a_malformed_scene(operator):
    goal = ApplyScene.Goal(scene=scene_to_msg(Scene((GREEN,))))
    goal.scene.variations[0].parameters[0].value = "{not json"
    handle = operator.result(operator.action.send_goal_async(goal), "answer", 10)
    result = operator.end(handle).result
    assert result.error_code == Result.UNKNOWN_VARIATION and "not JSON" in result.error_msg


# The simulator back end


def test_no_simulator(cell):
    graph = cell(backend="simulator", simulator_timeout=0.7)
    begun = time.monotonic()
    response = graph.end(graph.send(GREEN))
    assert time.monotonic() - begun < 3.0
    assert response.result.error_code == Result.CELL_FAULT
    assert "sim/apply_scene is not offered after 0.7 s" in response.result.error_msg
    assert "sim_bridge_node" in response.result.error_msg


def test_the_simulator_makes_the_scene(cell):
    graph = cell(backend="simulator")
    table = TableCell()
    graph.add(SimBridgeNode(lambda name, options: table, namespace=PLACE))
    response = graph.end(graph.send(GREEN, BLUE))
    assert response.status == GoalStatus.STATUS_SUCCEEDED
    assert response.result.error_code == Result.NONE and response.result.applied.sec > 0
    assert stays(lambda: not graph.requests[-1].request_id, 0.2)  # no person was asked


def test_the_simulator_in_the_same_process_makes_the_scene(cell):
    table = SlowCell()
    graph = cell(simulator=table, backend="simulator")
    response = graph.end(graph.send(GREEN, BLUE))
    assert response.result.error_code == Result.NONE and response.result.applied.sec > 0
    own = ActionClient(graph.client, ApplyScene, f"{PLACE}/sim/apply_scene")
    assert own.wait_for_server(10), "the graph is the same as of two processes"
    goal = ApplyScene.Goal(scene=scene_to_msg(Scene((RED,))))
    handle = graph.result(own.send_goal_async(goal), "answer to the goal", 10)
    assert graph.end(handle).result.error_code == Result.NONE
    table.making.clear()  # one scene at a time, whichever action it came by
    first = graph.send(GREEN)
    wait_for(lambda: table.begun, "the making of the scene", 10)
    second = graph.result(own.send_goal_async(goal), "answer to the goal", 10)
    result = graph.end(second).result
    assert result.error_code == Result.BUSY and "another scene is being made" in result.error_msg
    table.making.set()
    assert graph.end(first).result.error_code == Result.NONE


class SilentSimulator:
    """Takes a goal and says nothing more, as a process that was killed."""

    def __init__(self, graph, accepts=True):
        answer = GoalResponse.ACCEPT if accepts else GoalResponse.REJECT
        self.server = ActionServer(
            graph.client, ApplyScene, f"{PLACE}/sim/apply_scene", lambda handle: None,
            goal_callback=lambda _: answer, handle_accepted_callback=lambda _: None,
        )  # fmt: skip


def test_a_simulator_that_falls_silent_does_not_block_the_cell(cell):
    graph = cell(backend="simulator", simulator_timeout=0.8)
    SilentSimulator(graph)
    for _ in range(2):  # the second goal is taken: the node is free again
        result = graph.end(graph.send(GREEN)).result
        assert result.error_code == Result.CELL_FAULT
        assert "the simulator is silent for 0.8 s" in result.error_msg


def test_cancelled_while_the_simulator_is_silent(cell):
    graph = cell(backend="simulator", simulator_timeout=30.0)
    SilentSimulator(graph)
    handle = graph.send(GREEN)
    time.sleep(0.3)
    graph.result(handle.cancel_goal_async(), "cancel", 5)
    assert graph.end(handle, 5.0).status == GoalStatus.STATUS_CANCELED


def test_a_busy_simulator(cell):
    graph = cell(backend="simulator")
    SilentSimulator(graph, accepts=False)
    assert graph.end(graph.send(GREEN)).result.error_code == Result.BUSY


# The terminal front end's functions


def test_a_message_is_read_as_a_request():
    scene = scene_to_msg(Scene((GREEN, BLUE))).variations
    message = OperatorRequest(
        request_id=5, kind=OperatorRequest.APPLY_SCENE, instruction="Put it back.",
        apply=[scene[0]], undo=[scene[1]], holds_object=True, arm_position="at home",
    )  # fmt: skip
    request = request_from_msg(message)
    assert math.isnan(request.steps.apply[0].change_cost)
    lines = request_text(request, "bench_2").splitlines()
    assert lines[0] == "--- Request 5 at bench_2: change the scene"
    text = " ".join(" ".join(lines).split())
    assert f" 1. take back: {BLUE.description}" in text and f" 2. {GREEN.description}" in text
    assert "The arm rests: at home. The gripper HOLDS an object." in text
    words = "done / really done / skip / invalid / undo / pause / stop"
    assert lines[-1] == f"Type: {words}   (? explains)"
