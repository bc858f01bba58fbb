# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast the arm's node is on the twin at 500 Hz: states, servo latency, processor time.

Real processes, real client library, real DDS; the node's own processes and the twin are measured
in one run, at rest and while a stream of commands is followed. Run it with `make bench` or
`python test/bench/bench_ur5e.py [--steps 60] [--frequency 500]`.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import numpy as np
import psutil
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from robomd_msgs.msg import RobotStatus
from robomd_msgs.srv import HoldMotion
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.core.hosted.parent import program
from robomd_ros.ros.qos import COMMANDS, LATCHED, STATE_IN, TRIALS
from sim_bridge.twin.client import TwinProcess

PLACE = "/robomd/bench"
HOME = [-0.294, -1.556, 2.106, -2.12, -1.571, 1.277]
STEP = 0.04
"""rad of the last joint, by turns to either side."""
BEFORE = {
    "state rate": "496.5 Hz (324-418 under load)",
    "state rate in the node": "-",
    "interval p50": "2.0 ms nominal",
    "interval p99": "6.7 ms at 250 Hz",
    "servo to first motion p50": "2.3 ms (17 under load), bare client, unlimited step",
    "servo to first motion p99": "-",
    "twin, at rest": "24 % with receive and control",
    "node and control process, at rest": "15 % bare client",
    "twin, streaming": "23-33 % in moves",
    "node and control process, streaming": "-",
}
"""What was measured of the bare client library and a prototype of the twin, on a busy machine."""


@dataclass
class Listener:
    """What arrives at a subscriber."""

    arrivals: list[float] = field(default_factory=list)
    last: Any = None
    status: Any = None
    node_rates: list[float] = field(default_factory=list)
    news: threading.Event = field(default_factory=threading.Event)

    def on_joints(self, message: Any) -> None:
        """Note a joint state."""
        self.arrivals.append(time.perf_counter())
        self.last = message
        self.news.set()

    def on_diagnostics(self, message: Any) -> None:
        """Note at what rate the node itself receives states."""
        for value in (v for status in message.status for v in status.values):
            if value.key == "state_rate":
                self.node_rates.append(float(value.value.split()[0]))

    def on_status(self, message: Any) -> None:
        """Note a status."""
        self.status = message


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 60.0) -> None:
    """SystemExit where it never comes."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {timeout:g} s")
        time.sleep(0.02)


@contextmanager
def node_process(address: str, frequency: float) -> Iterator[subprocess.Popen[bytes]]:
    """ur5e_node in its own process."""
    parameters = {
        "robot_ip": address,
        "frequency": frequency,
        "home": HOME,
        "workspace_lower": [-0.9, -0.9, -0.12],
        "set_tool": True,
        "tcp_offset": [0.0, 0.0, 0.145, 0.0, 0.0, 0.0],
        "payload": 0.9,
        "state_timeout": 0.3,  # a busy machine must not end the bench
        "watchdog_rate": 5.0,
        "require_cell_state": False,
    }
    arguments = ["--ros-args", "-r", f"__ns:={PLACE}"]
    for name, value in parameters.items():
        arguments += ["-p", f"{name}:={json.dumps(value)}"]
    process = subprocess.Popen(
        program("robomd_ros.nodes.ur5e_node", *arguments), stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


class ProcessorTime:
    """Share of one core that processes and their children take."""

    def __init__(self, **roots: int) -> None:
        self._roots = roots
        self._start = {name: self._used(pid) for name, pid in roots.items()}
        self._began = time.perf_counter()

    @staticmethod
    def _used(pid: int) -> float:
        root = psutil.Process(pid)
        times = [p.cpu_times() for p in (root, *root.children(recursive=True))]
        ended = times[0].children_user + times[0].children_system  # a control process that died
        return float(sum(t.user + t.system for t in times) + ended)

    def shares(self) -> dict[str, float]:
        """Percent of a core since the start, by name."""
        elapsed = time.perf_counter() - self._began
        return {
            name: 100 * (self._used(pid) - self._start[name]) / elapsed
            for name, pid in self._roots.items()
        }


def measure_states(listener: Listener, seconds: float) -> dict[str, str]:
    """Rate and intervals of joint_states at a subscriber."""
    listener.arrivals.clear()
    listener.node_rates.clear()
    time.sleep(seconds)
    arrivals = np.array(listener.arrivals)
    gaps = 1e3 * np.diff(arrivals)
    return {
        "state rate": f"{len(gaps) / (arrivals[-1] - arrivals[0]):.1f} Hz",
        "state rate in the node": f"{np.median(listener.node_rates):.1f} Hz",
        "interval p50": f"{np.median(gaps):.2f} ms",
        "interval p99": f"{np.percentile(gaps, 99):.2f} ms (longest {gaps.max():.1f})",
    }


def measure_latency(
    listener: Listener, publish: Callable[[float], None], steps: int
) -> list[float]:
    """From publishing a joint target to the first joint state that moved, ms each."""
    joint = len(JOINT_NAMES) - 1
    delays = []
    for number in range(steps):
        settle(listener)
        rest = np.array([listener_position(listener, joint) for _ in range(20)])
        trembling = 4 * float(np.ptp(rest)) + 1e-5
        target = HOME[joint] + (STEP if number % 2 == 0 else -STEP)
        sent = time.perf_counter()
        publish(target)
        while abs(listener_position(listener, joint) - rest[-1]) < trembling:
            if time.perf_counter() - sent > 1.0:
                break
        else:
            delays.append(1e3 * (time.perf_counter() - sent))
    return delays


def listener_position(listener: Listener, joint: int) -> float:
    """The joint's position, rad, in the next state that comes."""
    listener.news.clear()
    listener.news.wait(1.0)
    return float(listener.last.position[joint])


def settle(listener: Listener) -> None:
    """Wait until the arm has stood still for a while: the next stream starts from rest."""
    still = 0
    while still < 150:
        listener_position(listener, 0)
        still = still + 1 if max(abs(v) for v in listener.last.velocity) < 2e-3 else 0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60, help="servo steps")
    parser.add_argument("--seconds", type=float, default=10.0, help="s for each rate")
    parser.add_argument("--frequency", type=float, default=500.0, help="Hz of twin and node")
    given = parser.parse_args()
    address = f"127.8.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
    with (
        TwinProcess(f"address:={address}", f"frequency:={int(given.frequency)}") as twin,
        node_process(address, given.frequency) as node,
    ):
        figures = measure(given, twin.pid, node.pid)
    load = os.getloadavg()[0]
    print(
        f"twin and node at {given.frequency:g} Hz, load average {load:.1f}, {os.cpu_count()} cores"
    )
    for name, value in figures.items():
        print(f"  {name:<38} {value:<28} before: {BEFORE[name]}")
    return 0


def hold(client: Node) -> None:
    """Hold the lease from now on, as whoever streams must."""
    service = client.create_client(HoldMotion, f"{PLACE}/hold_motion")
    wait_for(service.service_is_ready, "hold_motion")

    def ask(lease: str) -> HoldMotion.Response:
        holder = client.get_fully_qualified_name()
        future = service.call_async(HoldMotion.Request(holder=holder, lease=lease, duration=2.0))
        wait_for(future.done, "an answer of hold_motion")
        return future.result()

    lease = ask("").lease

    def renew() -> None:
        while rclpy.ok():
            ask(lease)
            time.sleep(0.3)

    threading.Thread(target=renew, daemon=True).start()


def measure(given: argparse.Namespace, twin: int, node: int) -> dict[str, str]:
    """All figures by name."""
    rclpy.init()
    client = rclpy.create_node("bench_client")
    listener = Listener()
    client.create_subscription(JointState, f"{PLACE}/joint_states", listener.on_joints, STATE_IN)
    client.create_subscription(RobotStatus, f"{PLACE}/robot_status", listener.on_status, LATCHED)
    client.create_subscription(DiagnosticArray, "/diagnostics", listener.on_diagnostics, TRIALS)
    targets = client.create_publisher(JointState, f"{PLACE}/servo_joints", COMMANDS)
    home = client.create_client(Trigger, f"{PLACE}/home")
    executor = SingleThreadedExecutor()
    executor.add_node(client)
    threading.Thread(target=spin, args=(executor,), daemon=True).start()

    def publish(last: float) -> None:
        message = JointState(name=JOINT_NAMES, position=[*HOME[:-1], last])
        message.header.stamp = client.get_clock().now().to_msg()
        targets.publish(message)

    wait_for(lambda: listener.status is not None and listener.status.ready, "the arm's readiness")
    done = home.call_async(Trigger.Request())
    wait_for(done.done, "home")
    hold(client)
    figures = {}
    used = ProcessorTime(twin=twin, node=node)
    figures |= measure_states(listener, given.seconds)
    rest = used.shares()
    delays = measure_latency(listener, publish, given.steps)
    used = ProcessorTime(twin=twin, node=node)
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        publish(HOME[-1] + STEP * float(np.sin(2 * time.monotonic())))
        time.sleep(0.02)
    streaming = used.shares()
    figures["servo to first motion p50"] = f"{np.median(delays):.1f} ms ({len(delays)} steps)"
    figures["servo to first motion p99"] = f"{np.percentile(delays, 99):.1f} ms"
    for what, shares in (("at rest", rest), ("streaming", streaming)):
        figures[f"twin, {what}"] = f"{shares['twin']:.0f} % of a core"
        figures[f"node and control process, {what}"] = f"{shares['node']:.0f} % of a core"
    rclpy.shutdown()
    return figures


def spin(executor: SingleThreadedExecutor) -> None:
    """Until the graph is shut down."""
    with suppress(ExternalShutdownException):
        executor.spin()


if __name__ == "__main__":
    sys.exit(main())
