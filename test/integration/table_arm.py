# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm that is only a table of numbers, with a camera: what policy_node needs of a cell."""

import time

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from robomd_msgs.msg import RobotStatus, Scene
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.ros.cell_state import PERIOD, CellStatePublisher, new_token
from robomd_ros.ros.conversions import facts_to_msg
from robomd_ros.ros.qos import COMMANDS, IMAGE_OUT, LATCHED, STATE_OUT
from robomd_ros.ros.standard import image_to_msg

HOME = np.array([0.4, 0.0, 0.3])


class TableArm(Node):
    """Moves its tool as servo_twist says, and keeps every command with its arrival."""

    def __init__(self, image_qos=IMAGE_OUT, **kwargs):
        super().__init__("table_arm", **kwargs)
        self.active = True
        self._rng = np.random.default_rng(0)
        self._images = self.create_publisher(Image, "camera/image_raw", image_qos)
        self._states = self.create_publisher(JointState, "joint_states", STATE_OUT)
        self._poses = self.create_publisher(PoseStamped, "tcp_pose", STATE_OUT)
        self._grippers = self.create_publisher(Float64, "gripper_position", STATE_OUT)
        self._status = self.create_publisher(RobotStatus, "robot_status", LATCHED)
        self.state = CellStatePublisher(self, "table", period=0.0)
        self.create_timer(PERIOD, self._publish_cell)
        self.create_subscription(TwistStamped, "servo_twist", self._on_twist, COMMANDS)
        self.create_subscription(JointState, "servo_joints", self._on_joints, COMMANDS)
        self.create_subscription(Float64, "gripper_command", self._on_grip, COMMANDS)
        self.create_service(Trigger, "home", self._home)
        self.create_service(Trigger, "stop_motion", self._stop)
        self.create_timer(0.02, self._publish_state)
        self.create_timer(0.05, self._publish_image)
        self.begin_anew()

    def begin_anew(self):
        """As it was built, with nothing heard."""
        self.position = HOME.copy()
        self.joints = np.array([0.1, -1.5, 1.6, -1.6, -1.5, 0.2])
        self.grip = 0.8
        self.colour = (200, 30, 40)
        self.silent = set()
        self.stamp_offset = 0.0
        self.spoil = lambda image: image
        self.gripper_works = True
        self.home_answer = (True, "")
        self.homes, self.stops = [], []
        self.twists, self.targets, self.grips = [], [], []
        self.be_ready()
        self.state.unlock()

    def _publish_cell(self):
        if "cell_state" not in self.silent:
            self.state.publish()

    def new_scene(self):
        """The token of a scene that has just been put in force; its goals quote it."""
        token = new_token()
        self.state.in_force(Scene(), token)
        return token

    def be_ready(self, detail="", facts=None, speed_scaling=1.0):
        status = RobotStatus(ready=not detail, detail=detail, facts=facts_to_msg(facts or {}))
        status.speed_scaling = speed_scaling
        self._status.publish(status)

    def sent_since(self, moment):
        """Twists that arrived after a moment of time.monotonic() and are not zero."""
        return [t for at, t in self.twists if at > moment and np.abs(t).max() > 0]

    def _publish_state(self):
        if not self.active:
            return
        stamp = self.get_clock().now().to_msg()
        if "joint_states" not in self.silent:
            # in another order than the arm's own
            names = list(reversed(JOINT_NAMES))
            message = JointState(name=names, position=self.joints[::-1].tolist())
            message.velocity = [0.01 * number for number in range(6, 0, -1)]
            message.header.stamp = stamp
            self._states.publish(message)
        if "tcp_pose" not in self.silent:
            pose = PoseStamped()
            pose.header.stamp, pose.header.frame_id = stamp, "base"
            at = pose.pose.position
            at.x, at.y, at.z = self.position.tolist()
            pose.pose.orientation.x, pose.pose.orientation.w = 1.0, 0.0
            self._poses.publish(pose)
        if "gripper_position" not in self.silent:
            self._grippers.publish(Float64(data=self.grip))

    def _publish_image(self):
        if not self.active or "image" in self.silent:
            return
        image = np.full((48, 64, 3), self.colour, np.uint8)
        if "noise" not in self.silent:
            image[::4] += self._rng.integers(0, 2, image[::4].shape, np.uint8)
        image = self.spoil(image)
        now = self.get_clock().now().nanoseconds + round(self.stamp_offset * 1e9)
        stamp = self.get_clock().now().to_msg()
        stamp.sec, stamp.nanosec = now // 10**9, now % 10**9
        self._images.publish(image_to_msg(image, stamp, "camera_optical"))

    def _on_twist(self, message):
        linear, angular = message.twist.linear, message.twist.angular
        twist = np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])
        assert message.header.frame_id == "base"
        self.twists.append((time.monotonic(), twist))
        self.position += 0.02 * twist[:3]

    def _on_joints(self, message):
        by_name = dict(zip(message.name, message.position, strict=True))
        self.targets.append((time.monotonic(), [by_name[name] for name in JOINT_NAMES]))

    def _on_grip(self, message):
        self.grips.append(message.data)
        if self.gripper_works:
            self.grip = message.data

    def _home(self, _request, response):
        self.homes.append(time.monotonic())
        self.position = HOME.copy()
        response.success, response.message = self.home_answer
        return response

    def _stop(self, _request, response):
        self.stops.append(time.monotonic())
        response.success = True
        return response
