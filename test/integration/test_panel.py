# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The panel over the real nodes: a campaign, a person's request, two front ends at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import rclpy
from diagnostic_msgs.msg import KeyValue
from graph import NO_CONTROL, wait_for
from in_process import Graph, TableCell, overrides
from panel_feed import QtCore, application, pass_time, until
from rclpy.action import ActionClient
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene, Diagnose
from robomd_msgs.msg import CampaignStatus, FailureRanking, OperatorRequest, RobotStatus
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.operator.desk import Answer
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.ros.qos import LATCHED
from robomd_ros.rqt.app import GraphThread
from robomd_ros.rqt.feed import Feed
from robomd_ros.rqt.panel import Panel
from sim_bridge.sim_bridge_node import SimBridgeNode

CATALOGUE = load_catalogue(share_path("config/variations/lift.yaml"))
GREEN, BLUE = CATALOGUE["cube_color_green"], CATALOGUE["table_color_blue"]
PLACE = "/robomd/cell_0"


class FrontEnd:
    """A panel with a node and a thread of its own, as `robomd panel` has."""

    def __init__(self, name):
        self.node = rclpy.create_node(name)
        self.feed = Feed(self.node, "/robomd")
        self.panel = Panel(self.feed)
        self.graph = GraphThread(self.node)
        self.panel.resize(1280, 800)
        self.panel.show()
        self.request, self.cell = self.panel.request, self.panel.cell

    def told(self):
        return self.request.notice.text()

    def wait_for_buttons(self):
        until(
            lambda: (
                self.request.buttons and all(b.isEnabled() for b in self.request.buttons.values())
            ),
            "buttons that take a press",
        )

    def close(self):
        self.panel.close_panel()
        self.feed.close()
        self.graph.stop()
        self.panel.hide()
        self.node.destroy_node()


class Cell(Graph):
    """A perturbation node that asks a person, and panels."""

    def __init__(self, domain):
        super().__init__(domain)
        application()
        self.panels = []

    def start_operator(self):
        self.node = PerturbationNode(
            namespace=PLACE, parameter_overrides=overrides(backend="operator", countdown=0.0)
        )
        self.add(self.node)
        self.action = ActionClient(self.client, ApplyScene, f"{PLACE}/apply_scene")
        assert self.action.wait_for_server(30)
        self._begin_at_nominal()

    def _begin_at_nominal(self):
        """A node that has just started asks for the nominal scene before anything else."""
        requests = []
        self.client.create_subscription(
            OperatorRequest, f"{PLACE}/operator_request", requests.append, LATCHED
        )
        scene, answered = self.ask(), set()

        def made():
            number = requests[-1].request_id if requests else 0
            if number and number not in answered:
                answered.add(number)
                self.call(
                    AnswerOperatorRequest, f"{PLACE}/answer_operator_request",
                    request_id=number, answer=int(Answer.DONE),
                )  # fmt: skip
            return scene.done()

        wait_for(made, "the nominal scene", 20)

    def stop_operator(self):
        """End the perturbation node, as if its process had ended."""
        self.node.close()
        pass_time(0.5)  # the request that it has open is withdrawn by its thread
        done = threading.Event()

        def leave():
            self._executor.remove_node(self.node)
            self._nodes.remove(self.node)
            self.node.destroy_node()
            done.set()

        self._executor.create_task(leave)  # on the thread that spins it
        assert done.wait(10)

    def open_panel(self, name="panel_a"):
        self.panels.append(FrontEnd(name))
        return self.panels[-1]

    def ask(self, *variations):
        """Ask for a scene; the future of the result."""
        goal = ApplyScene.Goal(scene=scene_to_msg(Scene(variations)))
        handle = self.result(self.action.send_goal_async(goal), "answer to the goal", 10)
        assert handle.accepted
        return handle.get_result_async()

    def end(self, future):
        """The error code of the end of a scene."""
        until(future.done, "end of the scene")
        return future.result().result.error_code

    def close(self):
        for panel in self.panels:
            panel.close()
        super().close()


@pytest.fixture
def cell(domain):
    graph = Cell(domain)
    yield graph
    graph.close()


def test_the_panel_answers_a_request(cell):
    cell.start_operator()
    panel = cell.open_panel()
    until(lambda: panel.request.chip.text() == "nothing is asked", "the cell")
    scene = cell.ask(GREEN, BLUE)
    panel.wait_for_buttons()
    assert panel.cell.cell == "cell_0"
    for sentence in (GREEN.description, BLUE.description):
        assert sentence in panel.request.text.text()
    pass_time(0.3)
    assert not scene.done()  # nothing is answered by itself
    panel.request.buttons[Answer.DONE].click()
    assert cell.end(scene) == ApplyScene.Result.NONE
    until(lambda: "counted" in panel.told(), "that it counted")
    until(lambda: not panel.request.buttons, "the end of the request")


def test_a_skipped_scene_and_one_that_is_asked_before_the_panel_starts(cell):
    cell.start_operator()
    scene = cell.ask(GREEN)
    panel = cell.open_panel()  # late: the request is latched
    panel.wait_for_buttons()
    panel.request.buttons[Answer.SKIP].click()
    assert cell.end(scene) == ApplyScene.Result.SKIPPED


def test_two_front_ends_at_once_and_the_first_answer_counts(cell):
    cell.start_operator()
    one, other = cell.open_panel("panel_a"), cell.open_panel("panel_b")
    scene = cell.ask(GREEN)
    one.wait_for_buttons()
    other.wait_for_buttons()
    one.request.buttons[Answer.DONE].click()  # neither has heard of the other's press
    for _ in range(2):  # it asks back
        other.request.buttons[Answer.INVALID].click()
    code = cell.end(scene)
    until(lambda: "did not count" in one.told() + other.told(), "the refusal")
    until(lambda: "counted." in one.told() + other.told(), "the acceptance")
    first, late = (one, other) if "counted." in one.told() else (other, one)
    assert code == (ApplyScene.Result.NONE if first is one else ApplyScene.Result.INVALID)
    word = "done" if first is one else "invalid"
    assert f"too late and did not count: somebody answered {word}" in late.told()
    assert "counted." not in late.told() and "did not count" not in first.told()


@pytest.mark.long
def test_who_has_not_pressed_is_told_that_another_answered(cell):
    cell.start_operator()
    cell.client.create_subscription(
        OperatorRequest, "/robomd/cell_9/operator_request", lambda _: None, LATCHED
    )
    one, other = cell.open_panel("panel_a"), cell.open_panel("panel_b")
    scene = cell.ask(GREEN)
    one.wait_for_buttons()
    other.wait_for_buttons()
    assert one.cell.choice.count() == 1  # who only listens at a cell does not make one
    other.request.buttons[Answer.DONE].click()
    assert cell.end(scene) == ApplyScene.Result.NONE
    until(lambda: "answered by another front end" in one.told(), "word of the other's answer")
    assert not one.request.buttons


@pytest.mark.long
def test_the_node_goes_and_comes_back(cell):
    cell.start_operator()
    panel = cell.open_panel()
    cell.ask(GREEN)
    panel.wait_for_buttons()
    cell.stop_operator()
    until(lambda: panel.request.chip.text() == "not connected", "the loss")
    assert not panel.request.buttons and "not connected" in panel.cell.choice.itemText(0)
    cell.start_operator()
    until(lambda: panel.request.chip.text() == "nothing is asked", "the return")
    scene = cell.ask(GREEN)
    panel.wait_for_buttons()
    panel.request.buttons[Answer.DONE].click()
    assert cell.end(scene) == ApplyScene.Result.NONE


def test_a_closed_panel_leaves_nothing_on_a_node_that_is_not_its_own(cell):
    """As in rqt, whose node and thread serve the other plug-ins on."""
    cell.start_operator()
    node = cell.client
    before = [len(list(getattr(node, kind))) for kind in ("subscriptions", "clients", "timers")]
    feed = Feed(node, "/robomd")
    panel = Panel(feed)
    until(lambda: panel.request.chip.text() == "nothing is asked", "the cell")
    panel.close_panel()
    feed.close()
    wait_for(
        lambda: (
            before
            == [len(list(getattr(node, kind))) for kind in ("subscriptions", "clients", "timers")]
        ),
        "the end of its subscriptions, clients and timer",
        10,
    )
    cell.ask(GREEN)  # who spins the node still does


def test_of_a_flood_of_rankings_few_are_drawn_and_the_last_one_stays(cell):
    front = cell.open_panel("panel")
    publisher = cell.client.create_publisher(FailureRanking, "/robomd/failure_ranking", LATCHED)
    drawn, begun = [], time.monotonic()
    front.feed.ranking_changed.connect(drawn.append)
    for number in range(300):
        publisher.publish(FailureRanking(trials=number))
        pass_time(0.005)
    until(lambda: drawn and drawn[-1].trials == 299, "the last ranking")
    assert 2 <= len(drawn) <= 2 + (time.monotonic() - begun)  # once a second


def test_a_slow_service_holds_nothing(cell):
    """The GUI goes on while a robot recovers; recovery is called once, after the question."""
    called, go_on = [], threading.Event()

    def recover(_request, response):
        called.append(time.monotonic())
        go_on.wait(10)
        response.success, response.message = False, "the emergency stop is still pressed"
        return response

    cell.client.create_service(Trigger, f"{PLACE}/recover", recover)
    status = cell.client.create_publisher(RobotStatus, f"{PLACE}/robot_status", LATCHED)
    status.publish(
        RobotStatus(
            detail="release the emergency stop",
            stop_latched=True,
            facts=[KeyValue(key="safety_mode", value='"ROBOT_EMERGENCY_STOP"')],
        )
    )
    panel = cell.open_panel()
    robot = panel.panel.robot
    until(lambda: robot.detail.text() == "release the emergency stop", "the robot's state")
    until(robot.recover.button.isEnabled, "the service")
    assert robot.chip.text() == "✘ NOT READY" and not robot.stop.isEnabled()
    assert "stopped until recovered" in robot.facts.text()
    assert "safety mode robot emergency stop" in robot.facts.text()
    ticks = []
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(20)
    robot.recover.button.click()
    robot.recover.yes.click()
    until(lambda: called, "the call")
    before = len(ticks)
    pass_time(1.0)
    assert len(ticks) - before >= 10
    go_on.set()
    until(lambda: "emergency stop is still pressed" in robot.told.text(), "the answer")
    assert len(called) == 1


def test_a_message_of_another_version_is_told_and_ends_nothing(cell):
    publisher = cell.client.create_publisher(CampaignStatus, "/robomd/campaign_status", LATCHED)
    publisher.publish(CampaignStatus(state=99))
    panel = cell.open_panel()
    until(lambda: "99" in panel.panel.problem.text(), "the complaint")
    publisher.publish(CampaignStatus(state=CampaignStatus.PAUSED, trials_budget=9))
    until(lambda: "PAUSED" in panel.panel.campaign.chip.text(), "the next message")


@pytest.mark.long
def test_a_campaign_is_shown_and_paused_and_its_pictures_are_read(cell, tmp_path):
    place = {"namespace": PLACE}
    table = TableCell(fails_in=[[GREEN.id]], duration=0.15)
    cell.add(SimBridgeNode(lambda name, options: table, **place))
    cell.add(PerturbationNode(parameter_overrides=overrides(backend="simulator"), **place))
    values = {
        "campaign_dir": str(tmp_path / "campaign"), "policy": "python:table:policy",
        "search": "uniform", "variations": f"{GREEN.id},{BLUE.id}", "confidence": 0.9999999,
        "budget": 14, **NO_CONTROL,
    }  # fmt: skip
    cell.add(
        DiagnosisNode(namespace="/robomd", parameter_overrides=overrides(report=False, **values))
    )
    front = cell.open_panel()
    bar, trials, ranking = front.panel.campaign, front.panel.trials, front.panel.ranking
    until(lambda: "NO CAMPAIGN YET" in bar.chip.text(), "the diagnosis")
    action = ActionClient(cell.client, Diagnose, "/robomd/diagnose")
    assert action.wait_for_server(30)
    cell.result(action.send_goal_async(Diagnose.Goal()), "goal")
    until(lambda: trials.model.rowCount() > 0 and bar.pause.isEnabled(), "trials", 30)
    bar.pause.click()
    until(lambda: "PAUSED" in bar.chip.text(), "the pause")
    trials.table.selectRow(0)
    until(lambda: trials.picture.image is not None, "the recorded picture")
    assert trials.picture.image.width() == 84
    until(lambda: front.cell.picture.image is not None, "the camera's picture")
    bar.resume.click()
    until(lambda: "FINISHED" in bar.chip.text(), "the end", 40)
    until(lambda: ranking.model.modes and ranking.model.modes[0].trials, "the ranking")
    worst = ranking.model.modes[0]
    assert worst.ids == (GREEN.id,) and worst.failures == worst.trials
    assert bar.progress.value() == 14 and not bar.stop.button.isEnabled()


def test_the_panel_as_a_process(domain, tmp_path):
    """`robomd panel` without a screen: it joins the graph and ends at once when asked."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **domain}
    rclpy.init(domain_id=int(domain["ROS_DOMAIN_ID"]))
    node = rclpy.create_node("looks_for_the_panel")
    requests = node.create_publisher(OperatorRequest, f"{PLACE}/operator_request", LATCHED)
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "robomd_ros.cli.main", "panel"],
        env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        wait_for(requests.get_subscription_count, "the panel's subscription", 40)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        log.seek(0)
        assert "Traceback" not in log.read()
    finally:
        process.kill()
        process.wait()
        node.destroy_node()
        rclpy.shutdown()
