# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm of your own, as a node in the cell's namespace.

python own_arm.py --ros-args -r __ns:=/robomd/arm
"""

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from robomd_msgs.msg import RobotStatus
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.ros.qos import LATCHED


class OwnArm(Node):
    """Offers what policy_node asks of an arm; replace the four lines marked with an arrow."""

    def __init__(self, **kwargs):
        super().__init__("own_arm", **kwargs)
        self.tool, self.twist = np.array([0.4, 0.0, 0.3]), np.zeros(3)
        self.heard, self.grip = 0.0, 0.0
        newest = QoSProfile(depth=1)
        self.joints = self.create_publisher(JointState, "joint_states", newest)
        self.poses = self.create_publisher(PoseStamped, "tcp_pose", newest)
        self.status = self.create_publisher(RobotStatus, "robot_status", LATCHED)
        self.create_subscription(TwistStamped, "servo_twist", self.on_twist, newest)
        self.create_subscription(Float64, "gripper_command", self.on_grip, newest)
        self.create_service(Trigger, "home", self.home)
        self.create_service(Trigger, "stop_motion", self.stop)
        self.create_service(Trigger, "recover", self.stop)
        self.status.publish(RobotStatus(ready=True))  # ready=False with a detail after a stop
        self.create_timer(0.02, self.cycle)

    def cycle(self):
        """50 times a second: move, and say where the arm is."""
        if self.now() - self.heard > 0.1:  # a stream that went silent moves nothing
            self.twist[:] = 0.0
        self.tool += 0.02 * self.twist  # <- send the velocity to your arm
        stamp = self.get_clock().now().to_msg()
        pose = PoseStamped()
        pose.header.stamp, pose.header.frame_id = stamp, "base"
        at, turn = pose.pose.position, pose.pose.orientation
        (at.x, at.y, at.z), turn.x, turn.w = self.tool.tolist(), 1.0, 0.0  # <- the tool's pose, m
        joints = JointState(name=JOINT_NAMES, position=[0.0] * 6)  # <- rad
        joints.header.stamp = stamp
        self.poses.publish(pose)
        self.joints.publish(joints)

    def on_twist(self, message):
        """A velocity in the base frame, m/s; check your limits here, before anything moves."""
        age = self.now() - message.header.stamp.sec - message.header.stamp.nanosec * 1e-9
        linear = message.twist.linear
        if 0.0 <= age < 0.1 and np.hypot(linear.x, linear.y) <= 0.25:
            self.twist, self.heard = np.array([linear.x, linear.y, linear.z]), self.now()

    def on_grip(self, message):
        """0 open to 1 closed."""
        self.grip = message.data  # <- close your gripper so far

    def home(self, _request, response):
        """Return when the arm is home, or say why it is not."""
        self.tool, self.twist = np.array([0.4, 0.0, 0.3]), np.zeros(3)
        response.success = True
        return response

    def stop(self, _request, response):
        """Return when the arm rests."""
        self.twist[:] = 0.0
        response.success = True
        return response

    def now(self):
        """Time in s."""
        return self.get_clock().now().nanoseconds * 1e-9


if __name__ == "__main__":
    rclpy.init()
    rclpy.spin(OwnArm())
