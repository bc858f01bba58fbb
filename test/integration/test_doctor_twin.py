# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The doctor looks at a controller: healthy, and with each of its faults; nothing moves."""

import subprocess
import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")

from twin_session import start_twin

from robomd_ros.arms.ur5e.dashboard import Dashboard
from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.arms.ur5e.rtde_probe import IN_USE, NOT_FOUND, RtdeProbe
from robomd_ros.doctor.findings import CheckState
from robomd_ros.doctor.robot import check_robot

ARM = dict(ArmParameters(robot_ip="127.0.0.2", set_tool=True, gripper="robotiq"))


@pytest.fixture(scope="module")
def twin():
    with start_twin() as twin:
        yield twin


def diagnosed(twin):
    """What the doctor finds of the robot, by check."""
    return {f.check: f for f in check_robot({"robot_ip": twin.ready["address"]}, ARM)}


def bad(found):
    return {name for name, finding in found.items() if finding.state is CheckState.BAD}


def test_a_healthy_robot(twin):
    before = twin.client.state()["q"]
    found = diagnosed(twin)
    assert not bad(found), found
    assert "5.12" in found["PolyScope"].found
    assert found["gripper"].state is CheckState.NOTE and "fingers move" in found["gripper"].remedy
    names = ("ports", "remote control", "robot mode", "safety mode", "program", "registers")
    for name in (*names, "workspace", "way home"):
        assert found[name].state is CheckState.GOOD, found[name]
    after = twin.client.state()
    assert after["q"] == pytest.approx(before, abs=1e-4)
    assert not after["program_running"]


def doctor(twin, *arguments):
    """`robomd doctor` against the twin: its exit code and what it printed."""
    address = twin.ready["address"]
    command = [sys.executable, "-m", "robomd_ros.cli.main", "doctor", f"robot_ip:={address}"]
    policy = "policy:=python:sim_bridge.twin.blob_policy:BlobPolicy"
    camera = f"camera:={twin.ready['camera']}"
    done = subprocess.run(
        [*command, policy, camera, *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
def test_the_command_passes_a_healthy_cell_and_names_a_lost_camera(twin):
    twin.client.wait_for(30, robot_mode="RUNNING")
    code, text = doctor(twin)
    assert code == 0, text
    assert "640 x 480" in text and "all that is needed holds" in text
    twin.client.fault("camera_loss")
    try:
        code, text = doctor(twin)
    finally:
        twin.client.clear()
    assert code == 1, text
    assert "mend first: camera" in text


@pytest.mark.parametrize(
    ("fault", "arguments", "cause"),
    [
        # it is unlocked when it is 5 s old
        pytest.param(
            "protective_stop", {}, {"safety mode": "PROTECTIVE_STOP"}, marks=pytest.mark.long
        ),
        ("local_mode", {}, {"remote control": "local mode"}),
        ("gripper_silent", {}, {"gripper": "63352"}),
        ("freeze", {"seconds": 60.0, "what": "controller"}, {"dashboard": "", "RTDE": ""}),
        # last: the arm stays powered off
        ("emergency_stop", {}, {"safety mode": "ROBOT_EMERGENCY_STOP", "robot mode": "POWER_OFF"}),
    ],
)
def test_each_fault_is_named(twin, fault, arguments, cause):
    twin.client.fault(fault, **arguments)
    try:
        found = diagnosed(twin)
    finally:
        twin.client.clear()
    if fault == "protective_stop":
        _unlock(twin)
    assert bad(found) == set(cause), found
    for check, text in cause.items():
        assert text in found[check].found
        assert found[check].remedy


def _unlock(twin):
    """As a person would at the pendant: after 5 s."""
    time.sleep(5.2)
    with Dashboard(twin.ready["address"]) as dashboard:
        dashboard.unlock_protective_stop()


def test_registers_that_another_client_owns_are_found(twin):
    with RtdeProbe(twin.ready["address"]) as other:
        assert other.inputs(["no_such_register"]) == {"no_such_register": NOT_FOUND}
        assert other.inputs(["input_int_register_0"]) == {"input_int_register_0": "INT32"}
        with RtdeProbe(twin.ready["address"]) as second:
            assert second.inputs(["input_int_register_0"])["input_int_register_0"] == IN_USE
        found = diagnosed(twin)["registers"]
    assert found.state is CheckState.BAD
    assert "input_int_register_0" in found.found
    assert diagnosed(twin)["registers"].state is CheckState.GOOD


def test_the_state_is_read_without_control(twin):
    with RtdeProbe(twin.ready["address"]) as probe:
        values = probe.read(["robot_mode", "no_such_output", "actual_q", "safety_mode"])
        version = probe.controller_version()
    assert set(values) == {"robot_mode", "actual_q", "safety_mode"}
    assert values["actual_q"] == pytest.approx(twin.client.state()["q"], abs=1e-3)
    assert version[:2] == (5, 12)
