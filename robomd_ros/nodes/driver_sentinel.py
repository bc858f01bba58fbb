# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stops the arm of a driver when the node that moves it has died.

A velocity controller goes on with the last velocity, and a trajectory controller with its goal,
when whoever commanded them is gone. This process waits until its parent's end of a pipe is closed,
by whatever end the parent came to, and then sends rest and cancels what is being done. Before that
it sends nothing.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass

import rclpy
from action_msgs.srv import CancelGoal
from geometry_msgs.msg import TwistStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Float64MultiArray

from robomd_ros.core.hosted.parent import program
from robomd_ros.ros.qos import COMMANDS

_READY, _BYE = "ready", "bye"
_LAST_WORDS = 1.5
"""s for which rest is sent after the parent's end."""
_PERIOD = 0.02
_CANCEL_PERIOD = 0.2
_AGAIN = 1.0
"""s before a sentinel that died is started again."""


@dataclass(frozen=True)
class SentinelTask:
    """What a sentinel does at the end; empty topics: nothing of the kind.

    Attributes:
        namespace: of its node.
        name: of its node.
        velocities: topic of joint velocities.
        joints: how many there are.
        twists: topic of twists.
        action: of the trajectory controller.
        frame: of the twists.
    """

    namespace: str
    name: str
    velocities: str
    joints: int
    twists: str
    action: str
    frame: str


class Sentinel:
    """The parent's side: starts it, and knows whether it watches."""

    def __init__(self, task: SentinelTask) -> None:
        """Prepare; `start` begins."""
        self._task = task
        self._process: subprocess.Popen[str] | None = None
        self._watches = False
        self._begun = 0.0

    def start(self) -> None:
        """Start it, or start it again where it has died; returns at once."""
        if time.monotonic() - self._begun < _AGAIN:
            return
        self._begun, self._watches = time.monotonic(), False
        command = program("robomd_ros.nodes.driver_sentinel", json.dumps(asdict(self._task)))
        self._process = process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, who ends first
        )
        threading.Thread(
            target=self._await, args=(process,), name="sentinel-start", daemon=True
        ).start()

    def _await(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._watches = line.strip() == _READY and process is self._process
        process.wait()

    def problem(self) -> str:
        """Why the arm would not be stopped if this process died; empty if it would."""
        process = self._process
        if process is None or process.poll() is not None:
            self.start()
            return "the process that stops the arm if this node dies is being started"
        return "" if self._watches else "the process that stops the arm if this node dies starts up"

    def close(self) -> None:
        """Let it go: the arm rests."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(f"{_BYE}\n")
            process.stdin.close()
            process.wait(2.0)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()


def main() -> None:
    """Watch the parent; leaves at once, so that no library's exit handler can hang."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    task = SentinelTask(**json.loads(sys.argv[1]))
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(task.name, namespace=task.namespace, use_global_arguments=False)
    rest = []
    if task.velocities:
        velocities = node.create_publisher(Float64MultiArray, task.velocities, COMMANDS)
        rest.append(lambda: velocities.publish(Float64MultiArray(data=[0.0] * task.joints)))
    if task.twists:
        twists = node.create_publisher(TwistStamped, task.twists, COMMANDS)
        rest.append(lambda: twists.publish(_zero_twist(node, task.frame)))
    cancel = None
    if task.action:
        cancel = node.create_client(CancelGoal, f"{task.action}/_action/cancel_goal")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    sys.stdout.write(f"{_READY}\n")
    sys.stdout.flush()
    told = sys.stdin.readline().strip()
    until, cancelled = time.monotonic() + (_LAST_WORDS if told != _BYE else 0.0), 0.0
    while time.monotonic() < until:
        for send in rest:
            send()
        now = time.monotonic()
        if cancel is not None and now - cancelled >= _CANCEL_PERIOD and cancel.service_is_ready():
            cancel.call_async(CancelGoal.Request())  # all zero: every goal
            cancelled = now
        time.sleep(_PERIOD)
    os._exit(0)


def _zero_twist(node: Node, frame: str) -> TwistStamped:
    twist = TwistStamped()
    twist.header.stamp, twist.header.frame_id = node.get_clock().now().to_msg(), frame
    return twist


if __name__ == "__main__":
    main()
