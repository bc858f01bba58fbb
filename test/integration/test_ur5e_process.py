# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""ur5e_node as a process of its own: started before the robot, ended and killed in a motion."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

from arm_graph import HOME, own_address
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
            wait_for(lambda: twin.client.state()["speed"] > 0.1, "motion", 30)
            getattr(started.process, how)()
            _comes_to_rest(twin)
        finally:
            mover.kill()
            mover.wait(10)
        with Dashboard(own_address()) as dashboard:
            wait_for(lambda: not dashboard.status().program_running, "the end of the script", 10)
        assert started.process.wait(10) == (0 if how == "terminate" else -signal.SIGKILL)


def _mover(domain):
    """Another process that asks for a move."""
    code = (
        "import rclpy\n"
        "from rclpy.action import ActionClient\n"
        "from robomd_msgs.action import MoveToJoints\n"
        "rclpy.init()\n"
        "node = rclpy.create_node('mover')\n"
        "client = ActionClient(node, MoveToJoints, '/robomd/ur5e/move_to_joints')\n"
        "client.wait_for_server(20)\n"
        f"goal = MoveToJoints.Goal(positions={[HOME[0] + 1.0, *HOME[1:]]})\n"
        "rclpy.spin_until_future_complete(node, client.send_goal_async(goal))\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **domain})


def _comes_to_rest(twin):
    deadline = time.monotonic() + 1.0  # the watchdog's time and half a second
    while twin.client.state()["speed"] > 0.02:
        assert time.monotonic() < deadline, "the arm still moves"
        time.sleep(0.01)
