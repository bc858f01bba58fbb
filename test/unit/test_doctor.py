# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the doctor says of what it finds."""

import json
import os
import socket
import subprocess
import sys

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")

from robomd_ros.arms.camera.camera import CameraState
from robomd_ros.arms.camera.controls import Control
from robomd_ros.arms.camera.parameters import CameraConfig
from robomd_ros.bringup.arguments import resolve
from robomd_ros.bringup.ur5e import SET_BY_UR5E, Ur5eArguments, full_names
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.hosted.priority import measured_jitter
from robomd_ros.doctor import camera, conclusion, host, robot
from robomd_ros.doctor.findings import CheckState, bad, good, note, probe, skipped, tell

ARM = {
    "set_tool": True,
    "payload": 1.0,
    "tcp_offset": [0.0, 0.0, 0.174, 0.0, 0.0, 0.0],
    "gripper": "robotiq",
}
PENDANT = {**ARM, "set_tool": False}


def test_a_finding_shows_its_remedy_below():
    text = str(bad("safety mode", "PROTECTIVE_STOP", "clear it"))
    first, second = text.splitlines()
    assert first.split() == ["BAD", "safety", "mode", "PROTECTIVE_STOP"]
    assert second.strip() == "-> clear it"
    assert "\n" not in str(good("ports", "all open"))


def test_findings_are_told_as_they_come(capsys):
    told = tell(iter([good("a", "1"), bad("b", "2", "3")]))
    next(told)
    assert "b" not in capsys.readouterr().out
    next(told)
    assert "2" in capsys.readouterr().out


def test_the_conclusion_names_what_is_bad():
    text = conclusion([good("a", ""), note("b", "", ""), bad("c", "", ""), skipped("d", "")])
    assert text == "1 ok, 1 note, 1 BAD, 1 skipped; mend first: c"
    assert conclusion([good("a", "")]).endswith("all that is needed holds")


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ((5, 12, 0, 1101), CheckState.GOOD),
        ((3, 15, 8), CheckState.NOTE),
        ((10, 7, 0), CheckState.BAD),
        ((5, 3, 1), CheckState.BAD),
        ((5, 4, 0), CheckState.GOOD),
        ((), CheckState.BAD),
    ],
)
def test_polyscope(version, state):
    assert robot.polyscope(version).state is state


@pytest.mark.parametrize(
    ("on", "version", "state"),
    [
        (True, (5, 12, 0), CheckState.GOOD),
        (False, (5, 12, 0), CheckState.BAD),
        (None, (3, 15, 0), CheckState.SKIPPED),
        (False, (5, 4, 0), CheckState.SKIPPED),
    ],
)
def test_remote_control(on, version, state):
    assert robot.remote_control(on, version).state is state


@pytest.mark.parametrize(
    ("mode", "state", "remedy"),
    [
        ("NORMAL", CheckState.GOOD, ""),
        ("REDUCED", CheckState.GOOD, ""),
        ("PROTECTIVE_STOP", CheckState.BAD, "5 s"),
        ("ROBOT_EMERGENCY_STOP", CheckState.BAD, "release the emergency stop button"),
        ("SAFEGUARD_STOP", CheckState.BAD, "safeguard"),
        ("SOMETHING_NEW", CheckState.BAD, "pendant"),
    ],
)
def test_safety_mode(mode, state, remedy):
    finding = robot.safety_mode(mode)
    assert finding.state is state
    assert remedy in finding.remedy


@pytest.mark.parametrize("mode", ["IDLE", "POWER_OFF", "NO_CONTROLLER"])
def test_an_arm_that_is_not_running(mode):
    finding = robot.robot_mode(mode)
    assert finding.state is CheckState.BAD
    assert mode in finding.found


def test_a_foreign_program_and_none():
    assert robot.program(False).state is CheckState.GOOD
    assert "two clients" in robot.program(True).remedy


@pytest.mark.parametrize(
    ("state", "arm", "expected"),
    [
        ({"payload": 1.02}, ARM, CheckState.GOOD),
        ({"payload": 0.0}, ARM, CheckState.NOTE),
        ({}, ARM, CheckState.SKIPPED),
        ({"payload": 0.9}, PENDANT, CheckState.GOOD),
        ({"payload": 0.0}, PENDANT, CheckState.NOTE),
        ({"payload": 0.0}, {**PENDANT, "gripper": "none"}, CheckState.GOOD),
        ({}, PENDANT, CheckState.SKIPPED),
    ],
)
def test_payload(state, arm, expected):
    assert robot.payload(state, arm).state is expected


@pytest.mark.parametrize(
    ("state", "arm", "expected"),
    [
        ({"tcp_offset": (0, 0, 0.1741, 0, 0, 0)}, ARM, CheckState.GOOD),
        ({"tcp_offset": (0, 0, 0, 0, 0, 0)}, ARM, CheckState.NOTE),
        ({}, ARM, CheckState.SKIPPED),
        ({"tcp_offset": (0, 0, 0.15, 0, 0, 0)}, PENDANT, CheckState.GOOD),
        ({"tcp_offset": (0, 0, 0, 0, 0, 0)}, PENDANT, CheckState.NOTE),
    ],
)
def test_tcp(state, arm, expected):
    assert robot.tcp(state, arm).state is expected


def test_a_robot_that_is_not_there():
    """Nothing listens on this loopback address; the checks end after the ports."""
    found = list(robot.check_robot({"robot_ip": "127.0.0.253"}, ARM))
    assert [f.check for f in found] == ["ports"]
    assert found[0].state is CheckState.BAD
    assert "ping 127.0.0.253" in found[0].remedy


def test_a_controller_with_some_services_switched_off():
    with socket.create_server(("127.0.0.252", robot.RTDE_PORT)):
        finding = robot.check_ports("127.0.0.252")
    assert finding.state is CheckState.BAD
    assert "29999 (dashboard)" in finding.found and "30004" not in finding.found
    assert "Services" in finding.remedy


def test_a_controller_that_accepts_but_does_not_answer(monkeypatch):
    monkeypatch.setattr(robot, "_TIMEOUT", 0.5)
    servers = [socket.create_server(("127.0.0.251", port)) for port in robot._PORTS]
    try:
        assert robot.check_ports("127.0.0.251").state is CheckState.GOOD
        dashboard = list(robot.check_dashboard("127.0.0.251"))
        rtde = list(robot.check_rtde("127.0.0.251", ARM))
    finally:
        for server in servers:
            server.close()
    assert [f.state for f in dashboard] == [CheckState.BAD]
    assert "frozen" in dashboard[0].remedy
    assert [f.state for f in rtde] == [CheckState.BAD]
    assert "does not answer" in rtde[0].found


def test_without_an_address_the_robot_is_left_out():
    assert [f.state for f in robot.check_robot({"robot_ip": ""}, ARM)] == [CheckState.SKIPPED]


def video(path, level=120, count=60):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (64, 48))
    for i in range(count):
        writer.write(np.full((48, 64, 3), level + i % 3, np.uint8))
    writer.release()
    return CameraConfig(source=str(path))


def calibration(path, **changes):
    camera_matrix = {"rows": 3, "cols": 3, "data": [50, 0, 32, 0, 50, 24, 0, 0, 1]}
    document = {
        "image_width": 64,
        "image_height": 48,
        "camera_name": "c",
        "camera_matrix": camera_matrix,
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0, 0, 0, 0, 0]},
        "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
        "projection_matrix": {
            "rows": 3,
            "cols": 4,
            "data": [50, 0, 32, 0, 0, 50, 24, 0, 0, 0, 1, 0],
        },
        **changes,
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_a_camera_that_works(tmp_path, monkeypatch):
    monkeypatch.setattr(camera, "_LOOK", 1.0)
    config = video(tmp_path / "v.avi")
    found = {f.check: f for f in camera.check_camera(config, calibration(tmp_path / "c.yaml"))}
    assert found["camera"].state is CheckState.GOOD
    assert "64 x 48" in found["camera"].found
    assert found["camera rate"].state is CheckState.GOOD
    assert found["calibration"].state is CheckState.GOOD


def test_a_dark_picture_and_a_calibration_of_another_size(tmp_path, monkeypatch):
    monkeypatch.setattr(camera, "_LOOK", 0.5)
    config = video(tmp_path / "v.avi", level=2)
    path = calibration(tmp_path / "c.yaml", image_width=640)
    found = {f.check: f for f in camera.check_camera(config, path)}
    assert found["camera"].state is CheckState.NOTE
    assert found["calibration"].state is CheckState.BAD
    assert "640 x 48" in found["calibration"].found and "64 x 48" in found["calibration"].found


def grainy(seed):
    return np.random.default_rng(seed).integers(90, 110, (48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("seen", "state", "says"),
    [
        ([grainy(i) for i in range(8)], CheckState.GOOD, "8 pictures"),
        ([grainy(0)] * 8, CheckState.BAD, "the same, bit for bit: it is frozen"),
        ([np.full((48, 64, 3), 120, np.uint8)] * 8, CheckState.BAD, "one plain colour"),
        ([np.zeros((48, 64, 3), np.uint8)], CheckState.BAD, "black"),
    ],
)
def test_a_camera_that_is_frozen_or_shows_nothing(seen, state, says):
    finding = camera.alive("camera picture", seen)
    assert finding.state is state and says in finding.found
    assert finding.remedy or state is CheckState.GOOD


def test_a_picture_is_no_camera(tmp_path, monkeypatch):
    monkeypatch.setattr(camera, "_LOOK", 0.5)
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), grainy(0))
    found = {f.check: f for f in camera.check_camera(CameraConfig(source=str(path)), "")}
    assert found["camera picture"].state is CheckState.BAD
    assert "it is a picture, no camera" in found["camera picture"].found


def test_the_disk_and_how_late_a_loop_is(tmp_path, monkeypatch):
    assert host.disk(tmp_path / "new" / "campaign").state is not CheckState.BAD
    usage = type("Usage", (), {"free": 2e8})
    monkeypatch.setattr(host.shutil, "disk_usage", lambda path: usage)
    finding = host.disk(tmp_path / "new" / "campaign")
    assert finding.state is CheckState.BAD and "0.2 GB free" in finding.found
    for worst, state in ((0.005, "GOOD"), (0.05, "NOTE"), (0.2, "BAD")):
        said = json.dumps({"p99": 0.001, "worst": worst, "priority": "real-time priority 10"})
        monkeypatch.setattr(host, "probe", lambda *_, said=said, **__: (True, said))
        finding = host.servo_jitter()
        assert finding.state is CheckState[state]
        assert f"the worst {1000 * worst:.1f} ms; real-time priority 10" in finding.found


def test_a_loop_is_measured_and_the_priority_is_told():
    found = measured_jitter(200.0, 0.2)
    assert 0.0 <= found.p99 <= found.worst
    code = "from robomd_ros.core.hosted.priority import raise_priority; print(raise_priority())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "priority" in said.stdout


def test_a_camera_that_is_absent(tmp_path, monkeypatch):
    monkeypatch.setattr(camera, "_PATIENCE", 0.5)
    found = list(camera.check_camera(CameraConfig(source="/dev/video97"), "/no/such.yaml"))
    assert [f.state for f in found] == [CheckState.BAD, CheckState.BAD]
    assert "/dev/video97" in found[0].found
    assert "/no/such.yaml" in found[1].found


def test_exposure_that_the_camera_keeps_changing():
    state = CameraState(controls=(Control("exposure", False, 0.0, "keeps its automatic on"),))
    [finding] = camera.exposure(state)
    assert finding.state is CheckState.NOTE
    assert "keeps its automatic on" in finding.found
    [finding] = camera.exposure(CameraState(controls=(Control("white_balance", True, 4600.0),)))
    assert finding.state is CheckState.GOOD


@pytest.mark.parametrize(
    ("rate", "state"), [(0.0, CheckState.BAD), (4.0, CheckState.BAD), (20.0, CheckState.GOOD)]
)
def test_rate(rate, state):
    assert camera.rate(CameraState(rate=rate)).state is state


def values_of(*given):
    return resolve(parse_arguments(given, Ur5eArguments), Ur5eArguments, SET_BY_UR5E, full_names)


def test_no_policy_and_one_that_does_not_load():
    assert host.policy(values_of()).state is CheckState.BAD
    finding = host.policy(values_of("policy:=python:no_such_module:Policy"))
    assert finding.state is CheckState.BAD
    assert "no_such_module" in finding.found
    assert host.policy(values_of("start_policy_node:=false")).state is CheckState.SKIPPED


def test_two_processes_of_this_machine_meet():
    finding = host.discovery()
    assert finding.state is CheckState.GOOD, finding
    assert "two processes met" in finding.found


def test_drawing_that_does_not_work_is_bad_only_where_it_is_needed(monkeypatch):
    assert host.rendering(needed=True).state is CheckState.GOOD
    monkeypatch.setitem(os.environ, "MUJOCO_GL", "no_such_backend")
    assert host.rendering(needed=True).state is CheckState.BAD
    assert host.rendering(needed=False).state is CheckState.NOTE


def test_a_probe_that_hangs_is_ended():
    works, what = probe("talk", "hangs", timeout=1.0)
    assert not works
    assert "1 s" in what


@pytest.mark.parametrize(
    ("seen", "check", "says"),
    [
        ({"mean": 5.0}, "camera", "dark: 5 of 255"),
        ({"rate": 2.0}, "camera rate", "2.0 Hz; at least 5"),
        ({"age": None}, "camera stamps", "unstamped"),
        ({"same": True}, "camera picture", "60 pictures are the same"),
        ({"age": 60.0}, "camera stamps", "60.00 s old"),
        ({"age": -2.5}, "camera stamps", "2.50 s in the future"),
    ],
)
def test_what_is_wrong_with_a_driver_s_pictures(seen, check, says):
    usual = {"size": [64, 48], "encoding": "rgb8", "rate": 30.0, "mean": 90.0, "age": 0.02,
             "pictures": 60, "same": False}  # fmt: skip
    good = {f.check: f for f in camera.topic_findings("camera", "/front/image", usual)}
    assert all(f.state is CheckState.GOOD for f in good.values())
    found = {f.check: f for f in camera.topic_findings("camera", "/front/image", {**usual, **seen})}
    assert found[check].state in (CheckState.BAD, CheckState.NOTE) and says in found[check].found


def test_a_camera_s_topic_that_is_silent(monkeypatch):
    monkeypatch.setattr(camera, "probe", lambda *_, **__: (False, "nobody publishes it"))
    [found] = camera.check_topics({"wrist": "/wrist/image"})
    assert (found.check, found.state) == ("camera wrist", CheckState.BAD)
    assert "nobody publishes it" in found.found and "start the camera's driver" in found.remedy
