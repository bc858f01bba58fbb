# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The example of an arm of one's own does what policy_node asks of an arm."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import TwistStamped
from graph import wait_for
from in_process import Graph, overrides, stays
from rclpy.action import ActionClient
from sensor_msgs.msg import Image

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import Outcome
from robomd_ros.nodes.policy_node import PolicyNode
from robomd_ros.ros.qos import IMAGE_OUT
from robomd_ros.ros.standard import image_to_msg

pytestmark = pytest.mark.ros
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def example():
    path = HERE.parents[1] / "examples" / "own_arm.py"
    spec = importlib.util.spec_from_file_location("own_arm", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def graph(module_domain):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        for name, value in module_domain.items():
            patch.setenv(name, value)
        started = Graph(module_domain)
        yield started
        started.close()


def test_a_policy_moves_it_and_it_goes_home(graph, example):
    arm = graph.add(example.OwnArm(namespace="/cell"))
    images = graph.client.create_publisher(Image, "/cell/camera/image_raw", IMAGE_OUT)
    random = np.random.default_rng(0)

    def send_picture():
        noise = random.integers(0, 256, (84, 84, 3), np.uint8)  # a sensor's: no two are the same
        images.publish(image_to_msg(noise, graph.client.get_clock().now().to_msg(), "camera"))

    graph.client.create_timer(0.05, send_picture)
    values = {"policy": "python:arm_policies:Forward", "time_limit": 1.0, "state_timeout": 2.0}
    graph.add(
        PolicyNode(
            namespace="/cell",
            parameter_overrides=overrides(**values, image_timeout=2.0, open_gripper_first=False),
        )
    )
    action = ActionClient(graph.client, ExecutePolicy, "/cell/execute_policy")
    wait_for(action.server_is_ready, "execute_policy", 20)
    goal = ExecutePolicy.Goal(token=graph.new_scene("/cell"))
    handle = graph.result(action.send_goal_async(goal), "acceptance")
    future = handle.get_result_async()
    wait_for(lambda: arm.tool[0] > 0.42, "a motion along x", 20)
    outcome = graph.result(future, "the result").result.outcome
    assert outcome.result == Outcome.UNKNOWN and outcome.steps > 3, outcome.detail
    wait_for(lambda: arm.tool.tolist() == [0.4, 0.0, 0.3], "home", 10)
    assert arm.grip == 1.0


@pytest.mark.parametrize("age", [10.0, -10.0])
def test_a_command_of_another_time_moves_nothing(graph, example, age):
    arm = graph.add(example.OwnArm(namespace=f"/stale{age > 0:d}"))
    message = TwistStamped()
    now = graph.client.get_clock().now().nanoseconds - round(age * 1e9)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 10**9)
    message.twist.linear.x = 0.1
    arm.on_twist(message)
    assert stays(lambda: arm.tool[0] == 0.4, 0.3)
