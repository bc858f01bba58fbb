# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A whole real cell on the twin: arm, camera and policy nodes as processes, and a client."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from graph import wait_for
from in_process import Graph
from rclpy.action import ActionClient

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import RobotStatus
from robomd_ros.ros.qos import LATCHED
from sim_bridge.twin.client import TwinProcess

ROOT = Path(__file__).parents[2]
NAMESPACE = "/robomd/ur5e"


class TwinCell:
    """Starts everything; use it as a context."""

    def __init__(self, domain, folder, address, *, policy, twin_arguments=(), **policy_values):
        self._env = {**os.environ, **domain, "OMP_NUM_THREADS": "1"}
        self._folder = folder
        self._processes = {}
        self._logs = []
        self.twin = TwinProcess(f"address:={address}", *twin_arguments)
        parameters = ROOT / "config/params/ur5e_twin.yaml"
        self._common = ["--ros-args", "-r", f"__ns:={NAMESPACE}", "--params-file", str(parameters)]
        self.start("ur5e_node", robot_ip=address, gripper="robotiq", require_cell_state=False)
        self.start("camera_node", source=self.twin.ready["camera"])
        self.start("policy_node", policy=policy, **policy_values)
        self.graph = Graph(domain)
        self.status = []
        self.graph.client.create_subscription(
            RobotStatus, f"{NAMESPACE}/robot_status", self.status.append, LATCHED
        )
        self.action = ActionClient(self.graph.client, ExecutePolicy, f"{NAMESPACE}/execute_policy")
        self.feedback = []

    def start(self, node, **values):
        """Start a node's process."""
        given = [
            a
            for k, v in values.items()
            for a in ("-p", f"{k}:={str(v).lower() if isinstance(v, bool) else v}")
        ]
        command = [sys.executable, "-m", f"robomd_ros.nodes.{node}", *self._common, *given]
        log = (self._folder / f"{node}.txt").open("ab")
        self._logs.append(log)
        self._processes[node] = subprocess.Popen(command, stdout=log, stderr=log, env=self._env)

    def log(self, node):
        return (self._folder / f"{node}.txt").read_text()

    def process(self, node):
        return self._processes[node]

    def ready(self, timeout=60.0):
        """Wait until a trial could start."""
        wait_for(lambda: self.status and self.status[-1].ready, "a ready robot", timeout)
        wait_for(self.action.server_is_ready, "execute_policy", timeout)

    def begin(self, **goal):
        """The handle of an accepted goal."""
        self.feedback.clear()
        future = self.action.send_goal_async(
            ExecutePolicy.Goal(token=self.graph.new_scene(NAMESPACE), **goal),
            feedback_callback=lambda m: self.feedback.append((time.monotonic(), m.feedback)),
        )
        handle = self.graph.result(future, "acceptance")
        assert handle.accepted
        return handle

    def run(self, timeout=120.0, **goal):
        """The result of a rollout."""
        return self.end(self.begin(**goal), timeout)

    def end(self, handle, timeout=120.0):
        return self.graph.result(handle.get_result_async(), "the result", timeout).result

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.graph.close()
        for process in self._processes.values():
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.twin.close()
        for log in self._logs:
            log.close()
