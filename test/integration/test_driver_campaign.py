# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign by topics: `robomd ur5e arm:=ros2_control` on a stand-in of the drivers."""

import json

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")
pytest.importorskip("mujoco")

from campaign_checks import check_complete
from driver_graph import StandIn
from driver_stand_in import CAMERA
from graph import Bringup, rows, valid, wait_for
from in_process import Graph
from std_msgs.msg import String
from twin_session import own_address
from ur5e_run import CELL, Person, Watch

from robomd_ros.arms.ur5e.dashboard import Dashboard
from robomd_ros.core.operator.desk import RequestKind
from robomd_ros.core.share import share_path
from sim_bridge.twin.client import TwinClient, TwinProcess

POLICY = "python:sim_bridge.twin.blob_policy:BlobPolicy"
SEEN, UNSEEN = "cube_shift_left", "cube_color_blue"


class DriverRun:
    """The twin, the stand-in, the bring-up and a person; use it as a context."""

    def __init__(self, folder, domain, *arguments):
        self.address, self.out = own_address(), folder / "campaign"
        self.twin_process = TwinProcess(f"address:={self.address}", "frequency:=125")
        self.twin = TwinClient(self.twin_process.ready["control"], timeout=3.0)
        self.stand_in = StandIn(self.address, folder, self.twin_process.ready["camera"])
        parameters = folder / "cell.yaml"
        twin = share_path("config/params/ur5e_twin.yaml").read_text()
        own = "  home: [-0.294, -1.556, 2.106, -2.12, -1.571, 1.277]\n"
        own += "    workspace_lower: [-0.9, -0.6, -0.12]\n    workspace_upper: [-0.2, 0.6, 0.7]\n"
        own += "    tcp_offset: [0.0, 0.0, 0.145, 0.0, 0.0, 0.0]\n    state_timeout: 1.0\n"
        own += "    command_timeout: 0.25\n    restart_program: resend\n"
        parameters.write_text(f"{twin}\n/**/driver_arm_node:\n  ros__parameters:\n  {own}")
        given = (
            "arm:=ros2_control", "driver_status:=program", "moves:=stream",
            f"robot_ip:={self.address}", f"cameras:={CAMERA}", f"policy:={POLICY}",
            f"params_file:={parameters}", f"out:={self.out}", "linger:=2",
        )  # fmt: skip
        self.bringup = Bringup(folder, [*given, *arguments], domain, command="ur5e")
        self.graph = Graph(domain)
        self.operator = Person(self.twin, self.address, namespace=CELL)
        self.graph.add(self.operator)
        self._faults = self.graph.client.create_publisher(String, "/stand_in/fault", 10)

    def state(self):
        return self.twin.state()

    def fault(self, kind):
        self._faults.publish(String(data=kind))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.graph.close()
        self.bringup.__exit__(*error)
        self.stand_in.close()
        self.twin_process.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_campaign_by_topics_from_the_first_question_to_the_ranking(tmp_path, domain):
    given = (f"variations:={SEEN},{UNSEEN}", "search:=uniform", "max_attempts:=20", "budget:=4")
    with DriverRun(tmp_path, domain, *given) as run:
        code = run.bringup.wait(500)
        assert code == 0, run.bringup.output[-4000:]
        check_complete(run.out, 4)
        results = {row["scene"]: row["result"] for row in valid(run.out)}
        assert results[f'["{SEEN}"]'] == "SUCCESS" and results[f'["{UNSEEN}"]'] == "FAILURE"
        assert run.operator.refused == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", ["program", "joints", "controllers", "policy"])
def test_a_fault_in_mid_rollout_makes_the_trial_invalid_and_the_campaign_goes_on(
    tmp_path, domain, what
):
    given = (f"variations:={SEEN}", "search:=uniform", "max_attempts:=20", "budget:=1")
    with DriverRun(tmp_path, domain, *given) as run:
        watch = Watch(run)
        moved = []

        def rollout():
            """Whether the arm is moved by the policy: after the scene, for the second time."""
            kinds = [asked.kind for asked in run.operator.asked]
            moved.append(run.state()["speed"] > 0.1)
            return RequestKind.APPLY_SCENE in kinds and sum(moved[-20:]) > 15

        wait_for(rollout, "a rollout", 200)
        if what == "program":
            with Dashboard(run.address) as pendant:
                pendant.order("stop")
        elif what == "policy":
            run.bringup.node("robomd_ros.nodes.policy_node").kill()
        else:
            run.fault({"joints": "freeze_joints", "controllers": "controllers_away"}[what])
        wait_for(lambda: rows(run.out, "result = 'INVALID'"), "an invalid trial", 60)
        run.fault("clear")
        code = run.bringup.wait(300)
        watch.close()
        assert code == 0, run.bringup.output[-4000:]
        assert len(valid(run.out)) == 1
        reason = json.dumps([row["detail"] for row in rows(run.out, "result = 'INVALID'")])
        words = {
            "program": "the program was stopped at the robot",
            "joints": "joint",
            "controllers": "is its controller",
            "policy": "",
        }
        assert words[what] in reason
