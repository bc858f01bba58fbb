# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulator's node over real DDS: what any subscriber receives, and what may be overridden."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, TableCell, overrides
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, JointState

from sim_bridge.sim_bridge_node import SimBridgeNode

PLACE = "/robomd/cell_0"
BEST_EFFORT = {f"qos_overrides.{PLACE}/joint_states.publisher.reliability": "best_effort"}


class ArmCell(TableCell):
    def __init__(self):
        super().__init__()
        self.joint_positions = np.linspace(0.0, 0.6, 7)


@pytest.fixture
def start(domain):
    graphs = []

    def make(**parameters):
        graph = Graph(domain)
        graphs.append(graph)
        given = overrides(idle_rate=10.0, **parameters)
        graph.add(
            SimBridgeNode(
                lambda name, options: ArmCell(), namespace=PLACE, parameter_overrides=given
            )
        )
        return graph

    yield make
    for graph in graphs:
        graph.close()


def published(graph, topic):
    """The QoS of the one who publishes a topic; waits for it."""
    name = f"{PLACE}/{topic}"
    wait_for(lambda: graph.client.get_publishers_info_by_topic(name), name, 10)
    return graph.client.get_publishers_info_by_topic(name)[0].qos_profile


def test_a_subscriber_with_default_qos_receives_states_and_pictures(start):
    graph = start()
    plain = 10  # reliable and volatile, as `ros2 topic echo` and most nodes ask for
    joints = graph.latched(JointState, f"{PLACE}/joint_states", plain)
    assert joints.name[0] == "panda_joint1" and len(joints.position) == 7
    assert graph.latched(Image, f"{PLACE}/camera/image_raw", plain).encoding == "rgb8"
    assert graph.latched(CameraInfo, f"{PLACE}/camera/camera_info", plain).width == 84
    for topic in ("joint_states", "camera/image_raw"):
        assert published(graph, topic).reliability is ReliabilityPolicy.RELIABLE
        assert published(graph, topic).durability is DurabilityPolicy.VOLATILE


def test_reliability_may_be_overridden(start):
    graph = start(**BEST_EFFORT)
    assert published(graph, "joint_states").reliability is ReliabilityPolicy.BEST_EFFORT
    assert published(graph, "camera/image_raw").reliability is ReliabilityPolicy.RELIABLE
