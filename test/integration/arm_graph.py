# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ur5e_node in the test's process, on a twin in its own; calls that wait."""

import contextlib
import os
import threading
import time

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from graph import wait_for
from in_process import Graph, overrides
from rclpy.action import ActionClient
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from robomd_msgs.action import MoveToJoints
from robomd_msgs.msg import RobotStatus
from robomd_msgs.srv import HoldMotion
from robomd_ros.arms.ur5e import process
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.nodes.ur5e_node import Ur5eNode
from robomd_ros.ros.qos import COMMANDS, LATCHED, TRIALS
from sim_bridge.twin.client import TwinClient, TwinError, TwinProcess

PLACE = "/robomd/ur5e"
HOME = [-0.294, -1.556, 2.106, -2.12, -1.571, 1.277]
"""Over the twin's table, the tool pointing down."""
SILENCE = process.SILENCE
"""s of the product; tests allow a control process that shares its core twice as much."""
NEAR_REST = 0.02
"""rad/s below which the twin's arm counts as at rest; its joints tremble a little."""


def own_address():
    """A loopback address of this process's own."""
    return f"127.7.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"


def remembering(kind):
    """A kind of node that keeps what it logs in `said`."""

    class Remembering(kind):
        def __init__(self, **kwargs):
            self.said = []
            super().__init__(**kwargs)

        def _log(self, text):
            self.said.append(text)
            super()._log(text)

    return Remembering


class ArmGraph(Graph):
    """The node, a client of everything that it offers, and a client of the twin.

    A test that has it as its fixture `arm` is repeated if the machine was too busy for it, from
    `begin_anew`.
    """

    def __init__(self, domain, **parameters):
        super().__init__(domain)
        process.SILENCE = 2 * SILENCE
        self.address = own_address()
        self.start_twin()
        self.statuses = []
        self.client.create_subscription(
            RobotStatus, f"{PLACE}/robot_status", self.statuses.append, LATCHED
        )
        self.node = self.make_node(parameters)
        self.arm, self.said = self.node._arm, self.node.said
        self.add(self.node)
        self.twists = self.client.create_publisher(TwistStamped, f"{PLACE}/servo_twist", COMMANDS)
        self.targets = self.client.create_publisher(JointState, f"{PLACE}/servo_joints", COMMANDS)
        self.grips = self.client.create_publisher(Float64, f"{PLACE}/gripper_command", COMMANDS)
        self.holder = self.client.create_client(HoldMotion, f"{PLACE}/hold_motion")
        self.lease = ""
        self.diagnoses = {}
        self.client.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnosis, TRIALS)
        self.mover = ActionClient(self.client, MoveToJoints, f"{PLACE}/move_to_joints")
        assert self.mover.wait_for_server(10)

    def make_node(self, parameters):
        """The arm's node, not yet connected."""
        values = {
            "robot_ip": self.address,
            "home": HOME,
            "workspace_lower": [-0.9, -0.9, -0.1],
            "set_tool": True,
            "tcp_offset": [0.0, 0.0, 0.145, 0.0, 0.0, 0.0],
            "payload": 0.9,
            "payload_cog": [0.0, 0.0, 0.05],
            "recover_power": True,
            "gripper": "robotiq",
            # tests share their processor with others: twin and node may be late
            "command_timeout": 0.25,
            "state_timeout": 0.35,
            "watchdog_rate": 4.0,
            "require_cell_state": False,
            **parameters,
        }
        return remembering(Ur5eNode)(namespace=PLACE, parameter_overrides=overrides(**values))

    def start_twin(self):
        """Start the twin, at its old address if it has run before."""
        self.twin_process = TwinProcess(f"address:={self.address}", "frequency:=125")
        self.twin = TwinClient(self.twin_process.ready["control"])

    def close(self):
        super().close()
        process.SILENCE = SILENCE
        self.twin_process.close()

    @property
    def status(self):
        return self.statuses[-1]

    @property
    def q(self):
        return list(self.arm.state.q)

    def _on_diagnosis(self, message):
        for status in message.status:
            self.diagnoses[status.name.rsplit(" ", 1)[-1]] = status

    def result(self, future, what, timeout=30.0):
        """As the graph's, but without waiting for the next look: thousands are asked for."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        assert done.wait(timeout), f"{what} did not come within {timeout:g} s"
        return future.result()

    def ready(self, timeout=30.0):
        """Wait until a motion could start."""

        def can_move():
            return self.statuses and self.status.ready and not self.arm.obstacle()

        wait_for(can_move, "the arm's readiness", timeout)

    def trigger(self, name, timeout=40.0):
        """A Trigger's response."""
        client = self.client.create_client(Trigger, f"{PLACE}/{name}")
        wait_for(client.service_is_ready, name, 10)
        return self.result(client.call_async(Trigger.Request()), name, timeout)

    def start_move(self, positions, velocity=0.0, acceleration=0.0):
        """The goal handle of a move that was accepted."""
        self.feedback = []
        goal = MoveToJoints.Goal(
            positions=[float(p) for p in positions],
            velocity=float(velocity),
            acceleration=float(acceleration),
            lease=self.lease,
        )
        handle = self.result(
            self.mover.send_goal_async(goal, lambda m: self.feedback.append(m.feedback)), "goal"
        )
        assert handle.accepted
        return handle

    def end(self, handle, timeout=30.0):
        """The result of a move."""
        return self.result(handle.get_result_async(), "result of a move", timeout).result

    def move(self, positions, **fields):
        return self.end(self.start_move(positions, **fields))

    def ask_to_hold(self, lease="", duration=2.0, token="", holder=""):
        """What hold_motion answers; the test's client by default."""
        wait_for(self.holder.service_is_ready, "hold_motion", 10)
        request = HoldMotion.Request(
            holder=holder or self.client.get_fully_qualified_name(),
            token=token,
            lease=lease,
            duration=duration,
        )
        return self.result(self.holder.call_async(request), "hold_motion")

    @contextlib.contextmanager
    def holding(self, token=""):
        """The test's client holds the lease within this context, and renews it."""
        answer = self.ask_to_hold(token=token)
        assert answer.granted, answer.error_msg
        self.lease = answer.lease
        over = threading.Event()

        def renew():
            while not over.wait(0.3):
                self.ask_to_hold(self.lease)

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.ask_to_hold(self.lease, duration=0.0)
            self.lease = ""

    def stamp(self, age=0.0):
        """A stamp of so many s ago."""
        now = self.client.get_clock().now().nanoseconds - round(age * 1e9)
        return Time(sec=now // 10**9, nanosec=now % 10**9)

    def send_twist(self, x=0.0, y=0.0, z=0.0, frame="base", age=0.0):
        message = TwistStamped()
        message.header.frame_id = frame
        message.header.stamp = self.stamp(age)
        message.twist.linear.x, message.twist.linear.y, message.twist.linear.z = x, y, z
        self.twists.publish(message)

    def send_joints(self, positions, names=JOINT_NAMES):
        message = JointState(name=list(names), position=[float(p) for p in positions])
        message.header.stamp = self.stamp()
        self.targets.publish(message)

    def stream(self, seconds, send, rate=50.0):
        """Call `send` at a rate for some time, as the holder of the lease."""
        with contextlib.nullcontext() if self.lease else self.holding():
            self.send_for(seconds, send, rate)

    def send_for(self, seconds, send, rate=50.0):
        """As stream, without a lease of its own."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            send()
            time.sleep(1.0 / rate)

    def moving(self):
        """Wait until the twin's arm moves."""
        wait_for(lambda: self.twin.state()["speed"] > 5 * NEAR_REST, "motion of the twin", 10)

    def rests(self, within):
        """Assert that the twin's arm comes to rest within s of robot time, and stays."""
        since = self.twin.state()["time"]
        assert seconds_to_rest(self.twin, since) < within
        before = self.twin.state()["q"]
        time.sleep(0.3)
        assert np.allclose(self.twin.state()["q"], before, atol=5e-3)

    def noticed(self, word, timeout=10.0):
        """Wait until the status names something; the status."""
        wait_for(lambda: not self.status.ready and word in self.status.detail,
                 f"{word!r} in the status", timeout)  # fmt: skip
        return self.status

    def begin_anew(self):
        """What the fixture `arm` does before a test."""
        self.heal()

    def heal(self):
        """End every fault and bring the arm home; again if a stall of the machine came between."""
        self.twin.clear()
        if self.arm._moving.locked():
            self.trigger("stop_motion")
        for _ in range(4):
            if self.arm.latch.reason:
                response = self.trigger("recover")
                assert response.success, response.message
            self.ready()
            response = self.trigger("home")
            if response.success:
                return
            time.sleep(0.5)
        raise AssertionError(response.message)


def seconds_to_rest(twin, since):
    """s of robot time from `since` until the twin's arm rests; it slips as the twin does."""
    rest = since
    deadline = time.monotonic() + 10
    while (state := twin.state())["time"] - rest < 0.2:
        assert time.monotonic() < deadline, "the arm goes on moving"
        if state["speed"] > NEAR_REST:
            rest = state["time"]
        time.sleep(0.01)
    return rest - since


class Watch:
    """Samples the twin's state in a thread: pairs of monotonic time, s, and state."""

    def __init__(self, twin):
        self._twin = twin
        self.samples = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    @property
    def states(self):
        return [state for _, state in self.samples]

    def _run(self):
        while not self._ending.wait(0.02):
            with contextlib.suppress(TwinError):  # it may be dead on purpose
                self.samples.append((time.monotonic(), self._twin.state()))
