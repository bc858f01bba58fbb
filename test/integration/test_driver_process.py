# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""driver_arm_node as a process that is killed in mid-motion: the arm rests all the same."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")
pytest.importorskip("mujoco")

import psutil
from arm_graph import HOME, NEAR_REST, PLACE, ArmGraph
from driver_graph import VALUES, StandIn
from geometry_msgs.msg import TwistStamped
from graph import wait_for
from in_process import Graph, stays
from rclpy.action import ActionClient

from robomd_msgs.action import MoveToJoints
from robomd_msgs.msg import RobotStatus
from robomd_msgs.srv import HoldMotion
from robomd_ros.ros.qos import COMMANDS, LATCHED
from sim_bridge.twin.client import TwinClient, TwinProcess

pytestmark = pytest.mark.slow
_HAS_ACTIONS = importlib.util.find_spec("control_msgs") is not None
WAYS = {
    "velocity": {"stream": "velocity"},
    "trajectory": {"stream": "trajectory"},
    "action": {"moves": "action"},
}


class NodeProcess(Graph):
    """The node in a process of its own; `how` is one of WAYS."""

    ask_to_hold, holding, stamp = ArmGraph.ask_to_hold, ArmGraph.holding, ArmGraph.stamp
    send_twist, moving = ArmGraph.send_twist, ArmGraph.moving
    lease = ""

    def __init__(self, domain, folder, how):
        super().__init__(domain)
        self.address = f"127.8.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
        self.twin_process = TwinProcess(f"address:={self.address}", "frequency:=125")
        self.twin = TwinClient(self.twin_process.ready["control"])
        self.stand_in = StandIn(self.address, folder)
        values = {**VALUES, "robot_ip": self.address, **WAYS[how]}
        given = [
            part
            for name, value in values.items()
            for part in ("-p", f"{name}:={json.dumps(value)}")
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "robomd_ros.nodes.driver_arm_node", "--ros-args",
             "-r", f"__ns:={PLACE}", *given],
        )  # fmt: skip
        self.statuses = []
        make = self.client
        make.create_subscription(
            RobotStatus, f"{PLACE}/robot_status", self.statuses.append, LATCHED
        )
        self.twists = make.create_publisher(TwistStamped, f"{PLACE}/servo_twist", COMMANDS)
        self.holder = make.create_client(HoldMotion, f"{PLACE}/hold_motion")
        self.mover = ActionClient(make, MoveToJoints, f"{PLACE}/move_to_joints")
        wait_for(lambda: self.statuses and self.statuses[-1].ready, "readiness", 60)

    def close(self):
        self.process.kill()
        self.process.wait()
        super().close()
        self.stand_in.close()
        self.twin_process.close()


@pytest.mark.parametrize(
    "how",
    [
        "velocity",
        "trajectory",
        pytest.param(
            "action", marks=pytest.mark.skipif(not _HAS_ACTIONS, reason="needs control_msgs")
        ),
    ],
)
def test_an_arm_whose_node_was_killed_rests(domain, tmp_path, how):
    run = NodeProcess(domain, tmp_path, how)
    try:
        [sentinel] = psutil.Process(run.process.pid).children()
        begun = time.monotonic()
        if how == "action":
            goal = MoveToJoints.Goal(positions=[HOME[0] + 1.0, *HOME[1:]])
            wait_for(run.mover.server_is_ready, "move_to_joints", 10)
            run.mover.send_goal_async(goal)
            run.moving()
            os.kill(run.process.pid, signal.SIGKILL)
            begun = time.monotonic()
        else:
            answer = run.ask_to_hold()
            assert answer.granted, answer.error_msg
            while run.twin.state()["speed"] < 5 * NEAR_REST:
                run.send_twist(z=0.05)
                time.sleep(0.02)
                assert time.monotonic() - begun < 5.0
            os.kill(run.process.pid, signal.SIGKILL)
            begun = time.monotonic()
        wait_for(lambda: run.twin.state()["speed"] < NEAR_REST, "rest", 5)
        assert time.monotonic() - begun < 0.5 + 0.4
        assert stays(lambda: run.twin.state()["speed"] < NEAR_REST, 1.0)
        wait_for(lambda: not sentinel.is_running(), "the sentinel's end", 10)
    finally:
        run.close()
