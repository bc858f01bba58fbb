# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulator's node over real DDS: what any subscriber receives, and what may be overridden."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, TableCell, overrides, stays
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, JointState

from robomd_ros.ros import transforms
from robomd_ros.ros.qos import LATCHED, STATE_OUT
from sim_bridge.sim_bridge_node import SimBridgeNode

PLACE = "/robomd/cell_0"
BEST_EFFORT = {f"qos_overrides.{PLACE}/joint_states.publisher.reliability": "best_effort"}
BASE = np.array([-0.56, 0.0, 0.9, 0.0, 0.0, 0.0, 1.0])
CAMERA = np.array([0.5, 0.0, 1.35, 0.65, 0.65, -0.27, -0.27])


class ArmCell(TableCell):
    def __init__(self):
        super().__init__()
        self.joint_positions = np.linspace(0.0, 0.6, 7)
        self.poses = {"base": BASE, "camera": CAMERA}


@pytest.fixture
def start(domain):
    graphs = []

    def make(**parameters):
        graph = Graph(domain)
        graphs.append(graph)
        graph.cell = ArmCell()
        given = overrides(idle_rate=10.0, **parameters)
        graph.add(
            SimBridgeNode(
                lambda name, options: graph.cell, namespace=PLACE, parameter_overrides=given
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


def test_reliability_may_be_overridden_and_for_the_named_topic_alone(start):
    graph = start(**BEST_EFFORT)
    assert published(graph, "joint_states").reliability is ReliabilityPolicy.BEST_EFFORT
    assert published(graph, "camera/image_raw").reliability is ReliabilityPolicy.RELIABLE
    assert STATE_OUT.reliability is ReliabilityPolicy.RELIABLE  # of every other publisher


def test_an_override_of_the_pictures_is_none_of_their_calibration(start):
    picture = f"qos_overrides.{PLACE}/camera/image_raw.publisher.reliability"
    graph = start(**{picture: "best_effort"})
    assert published(graph, "camera/image_raw").reliability is ReliabilityPolicy.BEST_EFFORT
    assert published(graph, "camera/camera_info").reliability is ReliabilityPolicy.RELIABLE


def test_where_base_and_camera_are_is_said_once_and_again_when_it_changes(start):
    tf = pytest.importorskip("tf2_msgs.msg", reason="tf2_msgs comes with an installation of ROS")
    graph = start()
    message = graph.latched(tf.TFMessage, "/tf_static", LATCHED)
    assert [t.header.frame_id for t in message.transforms] == ["world", "world"]
    assert [t.child_frame_id for t in message.transforms] == [
        "cell_0_base",
        "cell_0_camera_optical",
    ]
    place = message.transforms[1].transform
    assert (place.translation.z, place.rotation.w) == (1.35, -0.27)
    received = []
    graph.client.create_subscription(tf.TFMessage, "/tf_static", received.append, LATCHED)
    wait_for(lambda: received, "/tf_static", 10)
    assert stays(lambda: len(received) == 1)  # though pictures come ten times a second
    graph.cell.poses = {"base": BASE, "camera": CAMERA + 0.1 * np.eye(7)[1]}
    wait_for(lambda: len(received) == 2, "the moved camera", 10)
    assert received[1].transforms[1].transform.translation.y == 0.1


def test_without_tf2_msgs_the_node_works_all_the_same(start, monkeypatch):
    monkeypatch.setattr(transforms, "find_spec", lambda _name: None)
    graph = start()
    assert graph.latched(Image, f"{PLACE}/camera/image_raw", 10).encoding == "rgb8"
    assert not graph.client.get_publishers_info_by_topic("/tf_static")
