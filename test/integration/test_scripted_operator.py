# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The scripted operator against the real twin: changes, labels and recovery by its control port."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, overrides
from rclpy.action import ActionClient
from scripted_operator import ScriptedOperator
from twin_session import start_twin

from robomd_msgs.action import ApplyScene, LabelOutcome
from robomd_msgs.msg import Outcome, RobotStatus
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.ros.qos import LATCHED

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
GREEN, DIM, MUG = (CATALOGUE[i] for i in ("cube_color_green", "light_dim", "distractor_red_mug"))
PLACE = "/robomd/cell_0"


@pytest.fixture
def twin():
    with start_twin() as process:
        yield process.client


@pytest.mark.long
def test_what_is_asked_is_done_in_the_twin(domain, twin):
    graph = Graph(domain)
    try:
        operator = graph.add(ScriptedOperator(twin, namespace=PLACE))
        by_person = overrides(backend="operator", countdown=0.0)
        graph.add(PerturbationNode(namespace=PLACE, parameter_overrides=by_person))
        scenes = ActionClient(graph.client, ApplyScene, f"{PLACE}/apply_scene")
        labels = ActionClient(graph.client, LabelOutcome, f"{PLACE}/label_outcome")
        assert scenes.wait_for_server(10) and labels.wait_for_server(10)

        def put(*variations):
            goal = ApplyScene.Goal(scene=scene_to_msg(Scene(variations)))
            handle = graph.result(scenes.send_goal_async(goal), "answer")
            result = graph.result(handle.get_result_async(), "scene").result
            assert result.error_code == ApplyScene.Result.NONE, result.error_msg
            return sorted(twin.state()["scene"])

        twin.set_scene([MUG])  # left from before: nobody knows of it
        assert put(GREEN, DIM) == sorted([GREEN.id, DIM.id])
        assert put(DIM, MUG) == sorted([DIM.id, MUG.id])
        asked = operator.asked
        wait_for(lambda: len(asked) == 3, "three answers", 5)
        assert asked[2].undo == (GREEN.id,) and asked[2].apply == (MUG.id,)

        handle = graph.result(labels.send_goal_async(LabelOutcome.Goal()), "answer")
        outcome = graph.result(handle.get_result_async(), "label").result.outcome
        assert outcome.result == Outcome.FAILURE  # nothing lifts the cube
        assert not twin.state()["lifted"]

        twin.fault("local_mode")
        assert twin.state()["faults"]
        status = graph.client.create_publisher(RobotStatus, f"{PLACE}/robot_status", LATCHED)
        status.publish(RobotStatus(ready=False, detail="The robot is in local mode"))
        wait_for(status.get_subscription_count, "the perturbation node", 10)
        goal = ApplyScene.Goal(scene=scene_to_msg(Scene((DIM,))))
        graph.result(scenes.send_goal_async(goal), "answer")
        wait_for(lambda: not twin.state()["faults"], "the end of the fault", 10)
        status.publish(RobotStatus(ready=True))
        wait_for(lambda: twin.state()["scene"] == [DIM.id], "the scene", 10)
    finally:
        graph.close()
