# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The cell of the ROS graph, asked from a campaign's threads: no answer is lost on its way."""

import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, TableCell
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle

from robomd_ros.core.share import share_path
from robomd_ros.core.variations import load_catalogue
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from sim_bridge.sim_bridge_node import SimBridgeNode

pytestmark = pytest.mark.ros
PLACE = "/robomd/cell_0"


@pytest.fixture
def cell(domain):
    """A cell whose simulator is a table, asked by a node in the same process."""
    graph = Graph(domain)
    bridge = graph.add(SimBridgeNode(lambda name, options: TableCell(), namespace=PLACE))
    graph.add(PerturbationNode(bridge, namespace=PLACE))
    asking = graph.add(graph.client.__class__("asking", namespace="/robomd"))
    cell = RosCell(asking, "cell_0", CellTimeouts(silence=2.0))
    wait_for(cell.available, "the cell", 20)
    yield cell
    cell.close()
    graph.close()


def test_every_question_is_put_by_the_thread_that_hears_the_answer(cell, monkeypatch):
    """On another one an answer may come before the question is noted, and is then dropped."""
    asked = []

    def spied(owner, name):
        original = getattr(owner, name)

        def ask(*arguments, **named):
            asked.append((name, threading.current_thread()))
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, ask)

    spied(ActionClient, "send_goal_async")
    spied(ClientGoalHandle, "get_result_async")
    scene = load_catalogue(share_path("config/variations/lift.yaml")).scene(["cube_color_green"])
    assert cell.run(scene, 1).outcome.valid
    assert [name for name, _ in asked] == ["send_goal_async", "get_result_async"] * 2
    assert {thread for _, thread in asked} != {threading.current_thread()}
    assert len({thread for _, thread in asked}) == 1


@pytest.mark.slow
def test_of_a_thousand_trials_none_is_lost(cell):
    scene = load_catalogue(share_path("config/variations/lift.yaml")).scene([])
    assert all(cell.run(scene, seed).outcome.valid for seed in range(1000))
