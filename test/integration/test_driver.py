# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who drives a cell: what runs for a diagnosis ends with it, and a second one keeps away."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import rows, wait_for
from in_process import Graph, TableCell, overrides
from rclpy.action import ActionClient

from robomd_msgs.action import ApplyScene, Diagnose, ExecutePolicy
from robomd_msgs.msg import CellState
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import load_catalogue
from robomd_ros.nodes import diagnosis_node
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.ros.driver import Driver
from robomd_ros.ros.qos import LATCHED
from sim_bridge.sim_bridge_node import SimBridgeNode

pytestmark = pytest.mark.ros
PLACE = "/robomd/cell_0"
CATALOGUE = load_catalogue(share_path("config/variations/lift.yaml"))
GREEN = CATALOGUE.scene(["cube_color_green"])
BLUE = CATALOGUE.scene(["table_color_blue"])
CODES = ExecutePolicy.Result


class DrivenCell(Graph):
    """A simulated cell of a table, and clients of all that it offers."""

    def __init__(self, domain, duration=0.0):
        super().__init__(domain)
        self.table = TableCell(duration=duration)
        self.bridge = self.add(SimBridgeNode(lambda name, options: self.table, namespace=PLACE))
        self.add(PerturbationNode(self.bridge, namespace=PLACE))
        self.scenes = ActionClient(self.client, ApplyScene, f"{PLACE}/apply_scene")
        self.stray = ActionClient(self.client, ApplyScene, f"{PLACE}/sim/apply_scene")
        self.policy = ActionClient(self.client, ExecutePolicy, f"{PLACE}/execute_policy")
        self.states = []
        self.client.create_subscription(
            CellState, f"{PLACE}/cell_state", self.states.append, LATCHED
        )
        for client in (self.scenes, self.stray, self.policy):
            assert client.wait_for_server(10)

    def begin(self, client, goal):
        handle = self.result(client.send_goal_async(goal), "answer to the goal", 10)
        assert handle.accepted
        return handle

    def end(self, handle):
        return self.result(handle.get_result_async(), "result", 20).result

    def apply(self, scene, client=None):
        goal = ApplyScene.Goal(scene=scene_to_msg(scene))
        return self.end(self.begin(client or self.scenes, goal))

    def execute(self, **goal):
        return self.end(self.begin(self.policy, ExecutePolicy.Goal(**goal)))

    def cell(self, **timeouts):
        """A diagnosis's view of the cell, from a node of its own."""
        asking = self.add(self.client.__class__("asking", namespace="/robomd"))
        cell = RosCell(asking, "cell_0", CellTimeouts(silence=3.0, **timeouts))
        wait_for(cell.available, "the cell", 20)
        return cell


@pytest.fixture
def driven(domain):
    graphs = []

    def make(**values):
        graphs.append(DrivenCell(domain, **values))
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()


def test_a_rollout_runs_in_the_scene_that_its_token_names_or_not_at_all(driven):
    graph = driven()
    refused = graph.execute(token="never-made")
    assert (refused.error_code, refused.token) == (CODES.NO_SCENE, "")
    first = graph.apply(GREEN)
    assert first.token and graph.states[-1].token == first.token
    assert [v.id for v in graph.states[-1].scene.variations] == ["cube_color_green"]
    ran = graph.execute(token=first.token, scene=scene_to_msg(GREEN))
    assert (ran.error_code, ran.token) == (CODES.NONE, first.token)
    wrong = graph.execute(token=first.token, scene=scene_to_msg(BLUE))
    assert wrong.error_code == CODES.WRONG_TOKEN and "cube_color_green" in wrong.error_msg
    # a peer changes the scene behind the perturbation node
    stray = graph.apply(BLUE, graph.stray)
    wait_for(lambda: graph.states[-1].token == stray.token, "the cell's state", 5)
    late = graph.execute(token=first.token, scene=scene_to_msg(GREEN))
    assert late.error_code == CODES.WRONG_TOKEN and first.token in late.error_msg
    assert late.token == stray.token
    assert graph.table.runs == [("cube_color_green",)]
    assert graph.execute().token == stray.token  # who quotes none gets what is in force


def test_instruction_and_time_limit_reach_the_policy(driven):
    graph = driven()
    cell = graph.cell()
    cell.instruction, cell.time_limit = "push the cube", 2.5
    assert cell.run(GREEN, 1).outcome.valid
    assert graph.table.wishes == [("push the cube", 2.5)]
    token = graph.apply(GREEN).token
    refused = graph.execute(token=token, scene=scene_to_msg(GREEN), time_limit=-1.0)
    assert refused.error_code == CODES.CELL_FAULT and "time_limit" in refused.error_msg


def test_a_scene_that_a_peer_changes_before_the_rollout_makes_the_trial_invalid(
    driven, monkeypatch
):
    graph = driven()
    cell = graph.cell()
    picture_since = cell._picture_since

    def then_somebody_else(applied):
        picture = picture_since(applied)
        graph.apply(BLUE, graph.stray)
        return picture

    monkeypatch.setattr(cell, "_picture_since", then_somebody_else)
    trial = cell.run(GREEN, 1)
    assert not trial.outcome.valid and "is not in force" in trial.outcome.detail
    assert graph.table.runs == []
    monkeypatch.undo()
    trial = cell.run(GREEN, 1)
    assert trial.outcome.valid and trial.token == graph.states[-1].token


OTHER = """
import sys, threading, rclpy
from robomd_msgs.action import ApplyScene, ExecutePolicy
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import load_catalogue
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from rclpy.executors import SingleThreadedExecutor
rclpy.init()
node = rclpy.create_node("diagnosis_node", namespace="/robomd")
executor = SingleThreadedExecutor()
executor.add_node(node)
cell = RosCell(node, "cell_0", CellTimeouts())
cell.driver.drive()
threading.Thread(target=executor.spin, daemon=True).start()
while not cell.available():
    pass
scene = load_catalogue(share_path("config/variations/lift.yaml")).scene(["cube_color_green"])
cell.run(scene, 1)
"""


@pytest.mark.long
def test_a_rollout_ends_with_the_diagnosis_that_asked_for_it(driven, domain):
    graph = driven(duration=60.0)
    other = subprocess.Popen([sys.executable, "-c", OTHER], env={**os.environ, **domain})
    try:
        wait_for(lambda: graph.table.runs, "the rollout", 30)
        time.sleep(0.4)
        other.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        wait_for(lambda: not graph.bridge._execute_server.busy, "the end of the rollout", 5)
        assert time.monotonic() - killed < 1.5  # 0.2 to 0.4 s on a machine of one's own
    finally:
        other.kill()
        other.wait()


def diagnosis(folder, **values):
    given = {
        "campaign_dir": str(folder), "policy": "python:table:policy", "search": "uniform",
        "budget": 200, "confidence": 0.9999999, "report": False, **values,
    }  # fmt: skip
    return DiagnosisNode(namespace="/robomd", parameter_overrides=overrides(**given))


class NoHostLock:
    """As on another machine, which this host's lock does not reach."""

    def __init__(self, *_arguments):
        pass

    def release(self):
        pass


def test_a_second_diagnosis_of_another_machine_keeps_away(driven, tmp_path, monkeypatch):
    graph = driven(duration=0.05)
    monkeypatch.setattr(diagnosis_node, "Driving", NoHostLock)
    first = graph.add(diagnosis(tmp_path / "first"))
    action = ActionClient(graph.client, Diagnose, "/robomd/diagnose")
    assert action.wait_for_server(10)
    begun = graph.begin(action, Diagnose.Goal())
    wait_for(lambda: len(rows(tmp_path / "first", "state = 'DONE'")) > 3, "trials", 30)
    second = graph.add(diagnosis(tmp_path / "second"))
    wait_for(second._cells[0].driver.rival, "the sign of the first", 10)
    who = "another diagnosis drives cell_0: /robomd/diagnosis_node"
    with pytest.raises(ConfigurationError, match=who):
        second._open(Diagnose.Goal())
    assert not (tmp_path / "second").exists()
    # it may not have heard of the first at its start
    monkeypatch.setattr(second._cells[0], "require_own", lambda: None)
    second._open(Diagnose.Goal())
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match=who):
        second._run()
    assert not rows(tmp_path / "second", "result IN ('SUCCESS', 'FAILURE')")
    count = len(rows(tmp_path / "first", "state = 'DONE'"))
    wait_for(lambda: len(rows(tmp_path / "first", "state = 'DONE'")) > count, "more trials", 10)
    first._stop_campaign()
    graph.end(begun)
    assert not rows(tmp_path / "first", "result = 'INVALID'")


def test_what_a_driver_says_is_read_or_is_nothing():
    assert Driver.from_text("{}") is None and Driver.from_text("[1]") is None
    driver = Driver("x", 1.5, "me")
    assert Driver.from_text(driver.text) == driver
