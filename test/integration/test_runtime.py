# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node that has nothing to do sleeps, and ends at once when it is told to."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("rclpy")

import rclpy
from rclpy.executors import SingleThreadedExecutor

from robomd_ros.ros.runtime import Ticker

pytestmark = pytest.mark.ros
IDLE = """
import rclpy.executors, sys
from rclpy.node import Node
from robomd_ros.ros import runtime

class Counted(runtime.SingleThreadedExecutor):
    spins = 0
    def spin_once(self, *given, **more):
        Counted.spins += 1
        super().spin_once(*given, **more)

class Idle(Node):
    def connect(self):
        print("up", flush=True)

runtime.SingleThreadedExecutor = Counted
code = runtime.run_node(lambda: Idle("idle"))
print(Counted.spins, flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_idle_node_wakes_up_for_a_signal_only(module_domain, number):
    node = subprocess.Popen(
        [sys.executable, "-c", IDLE],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **module_domain},
    )
    try:
        assert node.stdout.readline() == "up\n"
        time.sleep(1.0)
        node.send_signal(number)
        spins, _ = node.communicate(timeout=10.0)
    finally:
        node.kill()
    assert node.returncode == 0
    # the signal, and what a node's making and its end leave to do
    assert int(spins) <= 5


@pytest.fixture
def spun(domain):
    rclpy.init()
    executor = SingleThreadedExecutor()
    node = rclpy.create_node("ticked")
    executor.add_node(node)
    yield node, executor
    node.destroy_node()
    rclpy.try_shutdown()


def test_a_ticker_rests_while_nobody_needs_it(spun):
    node, executor = spun
    ticker = Ticker(node, 0.02)
    ticks: list[float] = []

    def spin(seconds):
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            executor.spin_once(timeout_sec=0.05)

    called = threading.Event()
    with ticker.calling(lambda: ticks.append(time.monotonic())):
        with ticker.calling(called.set):
            spin(0.2)
        before = len(ticks)
        spin(0.2)
        assert called.is_set() and before > 0
        assert len(ticks) > before, "the first is called after the second has left"
    over = len(ticks)
    (timer,) = node.timers
    assert timer.is_canceled()
    spin(0.1)
    assert len(ticks) == over
    with ticker.calling(lambda: ticks.append(time.monotonic())):
        spin(0.2)
    assert len(ticks) > over, "it begins again"


def test_what_waits_when_its_node_goes_ends_without_an_error(spun):
    node, _ = spun
    with Ticker(node, 0.02).calling(lambda: None):
        node.destroy_node()
