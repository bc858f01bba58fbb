"""The doctor looks at a controller: healthy, and with each of its faults; nothing moves."""

import json
import time
import urllib.request

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")

from twin_process import running_twin

from robomd_ros.doctor.findings import State
from robomd_ros.doctor.robot import check_robot
from robomd_ros.hardware.dashboard import Dashboard
from robomd_ros.hardware.rtde_probe import IN_USE, NOT_FOUND, RtdeProbe

ARM = {"set_tool": True, "payload": 0.0, "tcp_offset": [0.0] * 6, "gripper": "none"}


@pytest.fixture(scope="module")
def twin():
    with running_twin() as twin:
        yield twin


def call(twin, path, **body):
    """A POST to the twin's control port, or a GET without a body."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"http://{twin.address}:8080{path}", data=data)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def diagnosed(twin):
    """What the doctor finds of the robot, by check."""
    return {f.check: f for f in check_robot({"robot_ip": twin.address}, ARM)}


def bad(found):
    return {name for name, finding in found.items() if finding.state is State.BAD}


def test_a_healthy_robot(twin):
    before = call(twin, "/state")["q"]
    found = diagnosed(twin)
    assert not bad(found), found
    assert "5.12" in found["PolyScope"].found
    for name in ("ports", "remote control", "robot mode", "safety mode", "program", "registers"):
        assert found[name].state is State.GOOD, found[name]
    after = call(twin, "/state")
    assert after["q"] == pytest.approx(before, abs=1e-4)
    assert not after["program_running"]


@pytest.mark.parametrize(
    ("fault", "arguments", "cause"),
    [
        ("protective_stop", {}, {"safety mode": "PROTECTIVE_STOP"}),
        ("local_mode", {}, {"remote control": "local mode"}),
        ("freeze", {"seconds": 60.0, "what": "controller"}, {"dashboard": "", "RTDE": ""}),
        # last: the arm stays powered off
        ("emergency_stop", {}, {"safety mode": "ROBOT_EMERGENCY_STOP", "robot mode": "POWER_OFF"}),
    ],
)
def test_each_fault_is_named(twin, fault, arguments, cause):
    call(twin, "/fault", kind=fault, **arguments)
    try:
        found = diagnosed(twin)
    finally:
        call(twin, "/clear", kind="all")
    if fault == "protective_stop":
        _unlock(twin)
    assert bad(found) == set(cause), found
    for check, text in cause.items():
        assert text in found[check].found
        assert found[check].remedy


def _unlock(twin):
    """As a person would at the pendant: after 5 s."""
    time.sleep(5.2)
    with Dashboard(twin.address) as dashboard:
        dashboard.unlock_protective_stop()


def test_registers_that_another_client_owns_are_found(twin):
    with RtdeProbe(twin.address) as other:
        assert other.inputs(["no_such_register"]) == {"no_such_register": NOT_FOUND}
        assert other.inputs(["input_int_register_0"]) == {"input_int_register_0": "INT32"}
        with RtdeProbe(twin.address) as second:
            assert second.inputs(["input_int_register_0"])["input_int_register_0"] == IN_USE
        found = diagnosed(twin)["registers"]
    assert found.state is State.BAD
    assert "input_int_register_0" in found.found
    assert diagnosed(twin)["registers"].state is State.GOOD


def test_the_state_is_read_without_control(twin):
    with RtdeProbe(twin.address) as probe:
        values = probe.read(["robot_mode", "no_such_output", "actual_q", "safety_mode"])
        version = probe.controller_version()
    assert set(values) == {"robot_mode", "actual_q", "safety_mode"}
    assert values["actual_q"] == pytest.approx(call(twin, "/state")["q"], abs=1e-3)
    assert version[:2] == (5, 12)
