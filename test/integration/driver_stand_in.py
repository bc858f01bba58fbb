# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stands in for ur_robot_driver and a camera's driver: their topics and services, over the twin.

It behaves as they do where it matters: the forward velocity controller goes on with the last
velocity for ever, the trajectory controller goes on with its goal when whoever sent it has died,
and both forget everything when the program on the robot ends. Run as a process:
`python test/integration/driver_stand_in.py 127.0.0.2 http://127.0.0.2:8080/camera.mjpg`.
"""

import contextlib
import importlib
import math
import os
import sys
import threading
import time
import urllib.request

import numpy as np
import rclpy
import rtde_control
import rtde_receive
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, JointState
from std_msgs.msg import Bool, Float64, Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robomd_ros.arms.ur5e.dashboard import Dashboard, DashboardError
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.arms.ur5e.receive import PROGRAM_PLAYING
from robomd_ros.ros.qos import LATCHED, STATE_OUT

PERIOD = 0.008
TRAJECTORY = "/scaled_joint_trajectory_controller"
VELOCITY = "/forward_velocity_controller"
STATUS = "/io_and_status_controller"
CAMERA = "/camera/color/image_raw/compressed"
_FASTEST = 6.0
"""rad/s; a reference that jumps more is a bug of the test."""


def installed(module):
    """A module of messages that wheels do not have; None."""
    with contextlib.suppress(ImportError):
        return importlib.import_module(module)
    return None


class Spline:
    """Cubic pieces from a state through points of (time, position, velocity), all joints."""

    def __init__(self, q, v, points):
        self._times = np.array([0.0, *(t for t, _, _ in points)])
        self._q = np.array([q, *(p for _, p, _ in points)])
        self._v = np.array([v, *(w for _, _, w in points)])
        self.end = float(self._times[-1])

    def at(self, t):
        """Position and velocity at a time; at rest after the end."""
        if t >= self.end:
            return self._q[-1], np.zeros(6)
        i = max(0, int(np.searchsorted(self._times, t, "right")) - 1)
        h = self._times[i + 1] - self._times[i]
        s = (t - self._times[i]) / h
        a, b, va, vb = self._q[i], self._q[i + 1], self._v[i] * h, self._v[i + 1] * h
        c2, c3 = 3 * (b - a) - 2 * va - vb, 2 * (a - b) + va + vb
        return a + va * s + c2 * s**2 + c3 * s**3, (va + 2 * c2 * s + 3 * c3 * s**2) / h


class DriverStandIn(Node):
    """The driver: `fault` takes freeze_joints, controllers_away, clear."""

    def __init__(self, address, camera):
        super().__init__("ur_driver")
        self._address = address
        self._receive = rtde_receive.RTDEReceiveInterface(address, 125.0)
        interface = rtde_control.RTDEControlInterface
        self._control = interface(address, 125.0, interface.FLAG_UPLOAD_SCRIPT)
        self._lock = threading.Lock()
        self._reference = np.array(self._receive.getActualQ())
        self._velocity = np.zeros(6)
        self._spline, self._along, self._goal = None, 0.0, None
        self._frozen, self._away = False, False
        self._running, self._following = None, 0
        self._modes = (None, None)
        make = self.create_publisher
        self._states = make(JointState, "/joint_states", STATE_OUT)
        self._programs = make(Bool, f"{STATUS}/robot_program_running", LATCHED)
        self._scalings = make(Float64, "/speed_scaling_state_broadcaster/speed_scaling", STATE_OUT)
        self._dashboard_messages = installed("ur_dashboard_msgs.msg")
        if self._dashboard_messages is not None:
            kinds = self._dashboard_messages
            self._robot_modes = make(kinds.RobotMode, f"{STATUS}/robot_mode", LATCHED)
            self._safety_modes = make(kinds.SafetyMode, f"{STATUS}/safety_mode", LATCHED)
        for name in ("unlock_protective_stop", "play", "stop"):
            self.create_service(Trigger, f"/dashboard_client/{name}", self._dashboard(name))
        self.create_service(Trigger, f"{STATUS}/resend_robot_program", self._resend)
        self.create_subscription(String, "/stand_in/fault", self._on_fault, 10)
        self._offer()
        self.create_timer(0.02, self._publish)
        self.create_timer(0.05, self._publish_modes)
        self._pictures = make(CompressedImage, CAMERA, qos_profile_sensor_data)
        threading.Thread(target=self._drive, daemon=True).start()
        if camera:
            threading.Thread(target=self._film, args=(camera,), daemon=True).start()

    # controllers

    def _offer(self):
        group = ReentrantCallbackGroup()
        self._offered = [
            self.create_subscription(
                Float64MultiArray, f"{VELOCITY}/commands", self._on_velocity, 10
            ),
            self.create_subscription(
                JointTrajectory, f"{TRAJECTORY}/joint_trajectory", self._on_trajectory, 10
            ),
        ]
        self._server = None
        kinds = installed("control_msgs.action")
        if kinds is not None:
            self._kind = kinds.FollowJointTrajectory
            self._server = ActionServer(
                self, self._kind, f"{TRAJECTORY}/follow_joint_trajectory", self._follow,
                goal_callback=lambda _: GoalResponse.ACCEPT if self._running else
                GoalResponse.REJECT, cancel_callback=self._on_cancel, callback_group=group,
            )  # fmt: skip

    def _withdraw(self):
        for subscription in self._offered:
            self.destroy_subscription(subscription)
        self._forget()
        if self._server is not None:
            while self._following:  # a goal that is still to be told its end needs its server
                time.sleep(0.01)
            self._server.destroy()

    def _forget(self):
        with self._lock:
            self._velocity, self._spline, self._goal = np.zeros(6), None, None

    def _on_velocity(self, message):
        with self._lock:
            self._velocity = np.array(message.data)
            if self._velocity.any():
                self._spline = None

    def _on_trajectory(self, message):
        with self._lock:
            self._begin(message)
            self._goal = None

    def _begin(self, message):
        order = [message.joint_names.index(name) for name in JOINT_NAMES]
        points = [
            (
                p.time_from_start.sec + p.time_from_start.nanosec * 1e-9,
                np.array(p.positions)[order],
                np.array(p.velocities)[order] if p.velocities else np.zeros(6),
            )
            for p in message.points
        ]
        _, v = self._spline.at(self._along) if self._spline else (None, np.zeros(6))
        self._spline, self._along = Spline(self._reference, v, points), 0.0
        self._velocity = np.zeros(6)

    def _on_cancel(self, _handle):
        return CancelResponse.ACCEPT

    def _follow(self, handle):
        self._following += 1
        try:
            return self._follow_to_the_end(handle)
        finally:
            self._following -= 1

    def _follow_to_the_end(self, handle):
        with self._lock:
            self._begin(handle.request.trajectory)
            self._goal = handle
        result = self._kind.Result()
        while True:
            time.sleep(0.01)
            with self._lock:
                mine = self._goal is handle
                done = mine and self._spline is not None and self._along >= self._spline.end + 0.1
                if handle.is_cancel_requested and mine:
                    self._spline, self._goal = None, None
            if handle.is_cancel_requested:
                handle.canceled()
                return result
            if done:
                handle.succeed()
                return result
            if not mine:
                result.error_code, result.error_string = -4, "the controller was stopped"
                handle.abort()
                return result

    def _drive(self):
        due = time.monotonic()
        while True:
            due = max(due + PERIOD, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            running = (
                self._receive.getRuntimeState() == PROGRAM_PLAYING
                and self._control.isProgramRunning()
            )
            if not running:
                self._forget()
                self._reference = np.array(self._receive.getActualQ())
                continue
            self._control.kickWatchdog()
            before = self._reference
            with self._lock:
                self._step()
            assert np.abs(self._reference - before).max() < _FASTEST * PERIOD * 2
            self._control.servoJ(list(self._reference), 0.0, 0.0, PERIOD, 0.05, 400.0)

    def _step(self):
        if self._spline is not None:
            self._along += PERIOD * self._scaling()
            self._reference, _ = self._spline.at(self._along)
        else:
            self._reference = self._reference + PERIOD * self._velocity * self._scaling()

    def _scaling(self):
        return self._receive.getSpeedScaling() * self._receive.getTargetSpeedFraction()

    # what it says

    def _publish(self):
        if self._frozen:
            return
        order = [3, 1, 0, 5, 4, 2]  # a joint_state_broadcaster sorts as it likes
        q, qd = self._receive.getActualQ(), self._receive.getActualQd()
        message = JointState(name=[JOINT_NAMES[i] for i in order])
        message.position, message.velocity = [q[i] for i in order], [qd[i] for i in order]
        message.header.stamp = self.get_clock().now().to_msg()
        self._states.publish(message)
        self._scalings.publish(Float64(data=100.0 * self._scaling()))

    def _publish_modes(self):
        running = self._receive.getRuntimeState() == PROGRAM_PLAYING
        if running != self._running:
            self._running = running
            self._programs.publish(Bool(data=running))
        modes = (self._receive.getRobotMode(), self._receive.getSafetyMode())
        if self._dashboard_messages is not None and modes != self._modes:
            self._modes = modes
            self._robot_modes.publish(self._dashboard_messages.RobotMode(mode=modes[0]))
            self._safety_modes.publish(self._dashboard_messages.SafetyMode(mode=modes[1]))

    def _dashboard(self, name):
        def call(_request, response):
            try:
                with Dashboard(self._address) as dashboard:
                    if name == "unlock_protective_stop":
                        dashboard.ask("close safety popup")
                        dashboard.unlock_protective_stop()
                    else:
                        dashboard.order(name)
                response.success = True
            except DashboardError as error:
                response.message = str(error)
            return response

        return call

    def _resend(self, _request, response):
        response.success = bool(self._control.reuploadScript())
        return response

    def _on_fault(self, message):
        self._frozen = message.data == "freeze_joints"
        away = message.data == "controllers_away"
        if away != self._away:
            self._away = away
            self._withdraw() if away else self._offer()

    def _film(self, url):
        """Pass the twin's JPEGs on, as a camera's driver does that compresses."""
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as stream:
                data = b""
                while piece := stream.read1(65536):
                    data += piece
                    begin, end = data.find(b"\xff\xd8"), data.rfind(b"\xff\xd9")
                    if 0 <= begin < end:
                        begin = data.rfind(b"\xff\xd8", 0, end)
                        picture = CompressedImage(format="jpeg", data=data[begin : end + 2])
                        now = self.get_clock().now().nanoseconds - 10**8  # drawn before it came
                        picture.header.stamp.sec, picture.header.stamp.nanosec = divmod(now, 10**9)
                        picture.header.frame_id = "camera_color_optical_frame"
                        self._pictures.publish(picture)
                        data = data[end + 2 :]
            time.sleep(0.2)


def main():
    rclpy.init(args=[])
    node = DriverStandIn(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    assert math.isfinite(float(node._reference.sum()))
    print("READY", flush=True)
    executor = MultiThreadedExecutor(4)
    executor.add_node(node)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        executor.spin()
    os._exit(0)


if __name__ == "__main__":
    main()
