# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes in the test's own process: a graph whose simulator is a table, and calls that wait."""

import threading
import time

import numpy as np
import rclpy
from graph import wait_for
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from robomd_msgs.msg import Scene as SceneMsg
from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import CellFault
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Scene
from robomd_ros.ros.cell_state import CellStatePublisher, new_token


class TableCell:
    """Fails where the scene holds one of the groups of ids; a trial takes `duration` s."""

    def __init__(self, name="table", fails_in=(), duration=0.0):
        self._name = name
        self._fails_in = [set(group) for group in fails_in]
        self._duration = duration
        self._cancelled = threading.Event()
        self.runs, self.wishes = [], []
        self.joint_positions = None
        self.poses = {}

    @property
    def name(self) -> str:
        return self._name

    def connect(self):
        pass

    def run(self, scene: Scene, seed: int, *wish) -> Trial:
        self._cancelled.clear()
        self.runs.append(scene.ids)
        self.wishes.append(wish)
        if self._cancelled.wait(self._duration):
            raise CellFault("cancelled")
        failed = any(group <= set(scene.ids) for group in self._fails_in)
        result = Result.FAILURE if failed else Result.SUCCESS
        outcome = Outcome(result, Source.SIMULATOR, duration=1.5, steps=30)
        return Trial(-1, self._name, scene, seed, outcome, self.observe(scene, seed))

    def observe(self, scene: Scene, seed: int) -> np.ndarray:
        return np.full((84, 84, 3), 90 + len(scene), np.uint8)

    def available(self) -> bool:
        return True

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self.cancel()


_IS_A_CELL: Cell = TableCell()


class Graph:
    """Nodes that spin on one thread, and a client node that asks them."""

    def __init__(self, domain):
        rclpy.init(domain_id=int(domain["ROS_DOMAIN_ID"]))
        self._executor = SingleThreadedExecutor()
        self._nodes = []
        self._states = {}
        self._ending = threading.Event()
        self.client = rclpy.create_node("test_client")
        self.add(self.client)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def add(self, node, connect=True):
        self._nodes.append(node)
        self._executor.add_node(node)
        if connect and hasattr(node, "connect"):
            node.connect()
        return node

    def rest(self, *nodes):
        """Spin them no more until `wake`: what ticks costs everybody else time."""
        for node in nodes:
            self._executor.remove_node(node)

    def wake(self, *nodes):
        """Spin them again."""
        for node in nodes:
            self._executor.add_node(node)

    def _spin(self):
        while not self._ending.is_set():
            try:
                self._executor.spin_once(timeout_sec=0.1)
            except AttributeError as error:
                # rclpy shows the executor an action client that a test's thread is still building
                if "ActionClient" not in str(error):
                    raise

    def close(self):
        for node in self._nodes:
            getattr(node, "close", lambda: None)()
        self._ending.set()
        self._thread.join()
        for node in self._nodes:
            node.destroy_node()
        rclpy.shutdown()

    def call(self, service_type, name, **fields):
        """A service's response."""
        client = self.client.create_client(service_type, name)
        wait_for(client.service_is_ready, name, 10)
        return self.result(client.call_async(service_type.Request(**fields)), name)

    def result(self, future, what, timeout=60.0):
        wait_for(future.done, what, timeout)
        return future.result()

    def new_scene(self, place):
        """The token of a scene that is in force in a cell from now on; nobody is inside."""
        topic = f"{place}/cell_state"
        if place not in self._states:
            self._states[place] = CellStatePublisher(self.client, place, topic)
            wait_for(lambda: self.client.count_subscribers(topic), topic, 10)
        token = new_token()
        self._states[place].in_force(SceneMsg(), token)
        return token

    def latched(self, message_type, topic, profile):
        """What a subscriber that starts now receives first."""
        received = []
        subscription = self.client.create_subscription(
            message_type, topic, received.append, profile
        )
        wait_for(lambda: received, topic, 20)
        self.client.destroy_subscription(subscription)
        return received[0]


def overrides(**values):
    """Parameter overrides of a node."""
    return [Parameter(name, value=value) for name, value in values.items()]


def stays(condition, seconds=0.5):
    """Whether it is true all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.02)
    return True
