# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cameras of a user's drivers: several by name, other encodings, compressed, and the relay."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, overrides, stays
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from table_arm import TableArm

from robomd_msgs.action import ExecutePolicy
from robomd_ros.doctor.camera import check_topics
from robomd_ros.doctor.findings import CheckState
from robomd_ros.nodes.camera_relay_node import CameraRelayNode
from robomd_ros.nodes.policy_node import PolicyNode
from robomd_ros.ros.image_topic import ImageTopic
from robomd_ros.ros.qos import IMAGE_IN
from robomd_ros.ros.standard import image_from_msg, time_from_msg

pytestmark = pytest.mark.ros
RED, GREEN = (200, 10, 20), (10, 150, 20)
CAMERAS = ["agentview=/front/color/image_raw", "wrist=/wrist/image_raw/compressed"]


class Drivers(Node):
    """A colour camera as RealSense's driver may have it, and a compressed one at the wrist."""

    def __init__(self):
        super().__init__("drivers")
        self._rng = np.random.default_rng(0)
        self.silent = set()
        self.stamped = True
        self.encoding = "bgra8"
        self._front = self.create_publisher(Image, "/front/color/image_raw", 1)
        self._wrist = self.create_publisher(
            CompressedImage, "/wrist/image_raw/compressed", qos_profile_sensor_data
        )
        self.create_timer(0.05, self._publish)

    def _publish(self):
        stamp = self.get_clock().now().to_msg()
        bgra = np.full((48, 64, 4), (*RED[::-1], 255), np.uint8)
        bgra[..., :3] += self._rng.integers(0, 3, (48, 64, 1), np.uint8)  # a sensor's noise
        front = Image(height=48, width=64, encoding=self.encoding, data=bgra.tobytes())
        if self.stamped:
            front.header.stamp = stamp
        front.header.frame_id = "front_optical"
        if "front" not in self.silent:
            self._front.publish(front)
        bgr = np.full((24, 32, 3), GREEN[::-1], np.uint8)
        bgr += self._rng.integers(0, 12, (24, 32, 1), np.uint8)  # so much that JPEG keeps some
        wrist = CompressedImage(format="jpeg", data=cv2.imencode(".jpg", bgr)[1].tobytes())
        wrist.header.stamp = stamp
        if "wrist" not in self.silent:
            self._wrist.publish(wrist)


class Cameras:
    """The drivers, a policy that sees both, and the relay."""

    def __init__(self, domain):
        self.graph = Graph(domain)
        self.drivers = self.graph.add(Drivers())
        self.arm = self.graph.add(TableArm(namespace="/cell"))
        self.arm.silent.add("image")
        values = {
            "policy": "python:arm_policies:TwoCameras",
            "cameras": CAMERAS,
            "home_first": False,
            "open_gripper_first": False,
            "time_limit": 0.6,
            "state_timeout": 1.5,
            "image_timeout": 1.0,
            "input_timeout": 1.5,
            "linear_scale": 1.0,
        }
        policy = PolicyNode(namespace="/cell", parameter_overrides=overrides(**values))
        self.policy = self.graph.add(policy)
        relay = {"topic": "/front/color/image_raw", "rate": 20.0}
        self.graph.add(CameraRelayNode(namespace="/cell", parameter_overrides=overrides(**relay)))
        self.action = ActionClient(self.graph.client, ExecutePolicy, "/cell/execute_policy")
        wait_for(self.action.server_is_ready, "execute_policy", 20)

    def run(self):
        goal = ExecutePolicy.Goal(token=self.arm.new_scene())
        wait_for(lambda: self.policy._bond.in_force == goal.token, "the cell's state", 10)
        handle = self.graph.result(self.action.send_goal_async(goal), "acceptance")
        return self.graph.result(handle.get_result_async(), "the result").result


@pytest.fixture(scope="module")
def cameras(module_domain):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        for name, value in module_domain.items():
            patch.setenv(name, value)
        made = Cameras(module_domain)
        yield made
        made.graph.close()


def test_a_policy_sees_several_cameras_by_name_whatever_their_drivers_send(cameras):
    result = cameras.run()
    assert result.error_code == 0, result.error_msg
    sent = cameras.arm.sent_since(0.0)[0]
    assert sent[0] == pytest.approx(RED[0] / 255, abs=0.01)
    assert sent[1] == pytest.approx(GREEN[1] / 255, abs=0.02)


@pytest.mark.parametrize(
    ("camera", "topic"), [("front", "/front/color/image_raw"), ("wrist", CAMERAS[1][6:])]
)
def test_each_camera_must_send(cameras, camera, topic):
    cameras.drivers.silent.add(camera)
    try:
        wait_for(lambda: not stays(lambda: False, 0.1), "a moment")
        result = cameras.run()
    finally:
        cameras.drivers.silent.clear()
    assert result.error_code == ExecutePolicy.Result.CELL_FAULT
    assert topic in result.error_msg


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoding": "16UC1"}, "/front/color/image_raw: image encoding must be one of"),
        ({"stamped": False}, "pictures on /front/color/image_raw are unstamped"),
    ],
)
def test_pictures_that_cannot_be_used_make_a_rollout_invalid(cameras, change, says):
    before = {name: getattr(cameras.drivers, name) for name in change}
    try:
        for name, value in change.items():
            setattr(cameras.drivers, name, value)
        stays(lambda: True, 0.2)
        result = cameras.run()
    finally:
        for name, value in before.items():
            setattr(cameras.drivers, name, value)
    assert result.error_code == ExecutePolicy.Result.CELL_FAULT
    assert says in result.error_msg


def test_the_relay_shows_the_first_camera_with_its_drivers_stamp(cameras):
    seen = []
    cameras.graph.client.create_subscription(Image, "/cell/camera/image_raw", seen.append, IMAGE_IN)
    wait_for(lambda: len(seen) > 2, "pictures of the relay", 10)
    assert seen[-1].encoding == "rgb8" and seen[-1].header.frame_id == "front_optical"
    assert np.abs(image_from_msg(seen[-1]).astype(int) - RED).max() < 3
    stamps = [time_from_msg(m.header.stamp) for m in seen]
    assert all(b > a for a, b in itertools.pairwise(stamps))
    assert cameras.graph.client.get_clock().now().nanoseconds * 1e-9 - stamps[-1] < 5.0
    cameras.drivers.silent.add("front")  # an old picture is not shown again
    try:
        stays(lambda: True, 0.3)
        count = len(seen)
        assert stays(lambda: len(seen) == count, 0.4)
    finally:
        cameras.drivers.silent.clear()


def test_a_topic_that_is_no_camera_is_named(cameras):
    cameras.graph.client.create_publisher(String, "/words", 1)
    topic = ImageTopic(cameras.graph.client, "/words", lambda _: None)
    wait_for(lambda: topic.foreign, "the reason", 5)
    assert "/words is published as std_msgs/msg/String; a camera's topic is one of" in topic.foreign


def test_the_doctor_looks_at_the_topics_of_cameras(cameras):
    found = {f.check: f for f in check_topics({"agentview": "/front/color/image_raw"})}
    assert found["camera agentview"].state is CheckState.GOOD
    assert "64 x 48 (bgra8)" in found["camera agentview"].found
    assert found["camera agentview rate"].state is CheckState.GOOD
    assert found["camera agentview stamps"].state is CheckState.GOOD
