# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""ur5e_node as a process of its own: started before the robot, ended and killed in a motion."""

import json
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

from arm_graph import HOME, own_address, seconds_to_rest
from graph import wait_for

from robomd_ros.arms.ur5e.dashboard import Dashboard
from robomd_ros.core.hosted.parent import program
from sim_bridge.twin.client import TwinProcess

SLOW = pytest.mark.slow


class Node:
    """The node's process; everything that it says."""

    def __init__(self, domain, folder, **parameters):
        values = {
            "robot_ip": own_address(),
            "home": HOME,
            "workspace_lower": [-0.9, -0.9, -0.1],
            "state_timeout": 0.35,
            "watchdog_rate": 4.0,
            "require_cell_state": False,
            **parameters,
        }
        arguments = ["--ros-args", "-r", "__ns:=/robomd/ur5e"]
        for name, value in values.items():
            arguments += ["-p", f"{name}:={json.dumps(value)}"]
        self._log = folder / "node.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                program("robomd_ros.nodes.ur5e_node", *arguments),
                env={**os.environ, **domain},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self._log.read_text()

    def says(self, text, timeout=40.0):
        wait_for(lambda: text in self.output or self.process.poll() is not None, text, timeout)
        assert text in self.output, self.output

    def kill(self):
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def node(domain, tmp_path):
    nodes = []

    def start(**parameters):
        nodes.append(Node(domain, tmp_path, **parameters))
        return nodes[-1]

    yield start
    for started in nodes:
        started.kill()


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"robot_ip": ""}, "robot_ip is empty"),
        pytest.param(
            {"gripper": "magnetic"}, "parameter gripper of ur5e_node must be one of", marks=SLOW
        ),
        pytest.param({"joint_speed": 2.0}, "joint_speed is 2", marks=SLOW),
        pytest.param({"robot_op": "1.2.3.4"}, "did you mean 'robot_ip'", marks=SLOW),
    ],
)
def test_a_bad_parameter_is_one_line_and_exit_code_2(node, parameters, reason):
    started = node(**parameters)
    assert started.process.wait(40) == 2
    lines = [line for line in started.output.splitlines() if line.strip()]
    assert len(lines) == 1
    assert reason in lines[0]


@pytest.mark.parametrize("how", ["terminate", pytest.param("kill", marks=SLOW)])
def test_before_the_robot_is_there_and_when_the_node_ends_in_a_motion(node, domain, how):
    started = node()
    started.says("see that the robot is on and robot_ip is right")
    with TwinProcess(f"address:={own_address()}", "frequency:=125") as twin:
        started.says("]: ready")
        mover = _mover(domain)
        try:
            wait_for(lambda: twin.client.state()["speed"] > 0.1, "motion", 60)
            since = twin.client.state()["time"]
            getattr(started.process, how)()
            # the watchdog's time and half a second
            assert seconds_to_rest(twin.client, since) < 1.0
        finally:
            mover.kill()
            mover.wait(10)
        with Dashboard(own_address()) as dashboard:
            wait_for(lambda: not dashboard.status().program_running, "the end of the script", 10)
        assert started.process.wait(10) == (0 if how == "terminate" else -signal.SIGKILL)


MOVER = """
import json, sys, time, rclpy
from rclpy.action import ActionClient
from robomd_msgs.action import MoveToJoints
rclpy.init()
node = rclpy.create_node("mover")
client = ActionClient(node, MoveToJoints, "/robomd/ur5e/move_to_joints")
while True:  # on a busy computer the arm is not ready for a moment, or is stopped on its way
    client.wait_for_server()
    asked = client.send_goal_async(MoveToJoints.Goal(positions=json.loads(sys.argv[1])))
    rclpy.spin_until_future_complete(node, asked, timeout_sec=5.0)
    if asked.done() and asked.result().accepted:
        ended = asked.result().get_result_async()
        rclpy.spin_until_future_complete(node, ended, timeout_sec=20.0)
    time.sleep(0.3)
"""


def _mover(domain):
    """Another process that asks for a move until it is killed."""
    far = json.dumps([HOME[0] + 1.0, *HOME[1:]])
    return subprocess.Popen([sys.executable, "-c", MOVER, far], env={**os.environ, **domain})
