# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd ur5e` refuses what is wrong with one clear error, before anything connects or starts."""

import socket
import subprocess
import sys
import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from robomd_ros.cli.main import main

pytestmark = pytest.mark.usefixtures("own_environment", "domain")
PORTS = (29999, 30003, 30004, 63352)
HOST = "127.0.0.249"
POLICY = "policy:=python:sim_bridge.twin.blob_policy:BlobPolicy"


@pytest.fixture
def controller():
    """Listens on the controller's ports, and counts who connects."""
    servers = [socket.create_server((HOST, port)) for port in PORTS]
    visits = []

    def watch(server):
        while True:
            try:
                visits.append(server.accept())
            except OSError:
                return

    for server in servers:
        threading.Thread(target=watch, args=(server,), daemon=True).start()
    yield visits
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """The one line that the command says; nothing was created."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        capfd.readouterr()
        code = main(["ur5e", f"out:={tmp_path / 'campaign'}", *arguments])
        return _refusal(tmp_path, code, capfd.readouterr().err)

    return run


def _refusal(folder, code, said):
    assert code == 2, said
    [message] = said.strip().splitlines()
    assert message.startswith("error: ")
    assert not (folder / "campaign").exists()
    return message


@pytest.mark.parametrize(
    ("given", "text", "says"),
    [
        ([POLICY, "gripper:=claw"], "", ["gripper", "claw", "robotiq"]),
        ([POLICY, "calibration:=/no/such/file.yaml"], "", ["calibration", "/no/such/file.yaml"]),
        ([POLICY, "calibration:={folder}/my.yaml"], "width: 3", ["my.yaml", "distortion_model"]),
        ([POLICY, "params_file:={folder}/my.yaml"], "joint_speed_limit: 9.0", ["9.0", "3.14"]),
        ([POLICY, "params_file:={folder}/my.yaml"], "workspace_upper: [0, 0, 0]", ["workspace"]),
        ([POLICY, "params_file:={folder}/my.yaml"], "joint_sped_limit: 1.0", ["joint_speed_limit"]),
        (["policy:=python:nowhere:Policy"], "", ["nowhere"]),
    ],
)
def test_nothing_connects_before_the_parameters_are_right(
    refused, tmp_path, controller, given, text, says
):
    if "params_file" in given[-1]:
        text = f"/**/ur5e_node: {{ros__parameters: {{{text}}}}}"
    (tmp_path / "my.yaml").write_text(text)
    given = [g.replace("{folder}", str(tmp_path)) for g in given]
    message = refused(f"robot_ip:={HOST}", *given)
    for part in says:
        assert part in message
    assert controller == []


def test_no_address(refused):
    assert "robot_ip is missing" in refused(POLICY)


def test_an_address_at_which_nothing_answers(tmp_path):
    arguments = [f"out:={tmp_path / 'campaign'}", "robot_ip:=127.0.0.248", POLICY]
    command = [sys.executable, "-m", "robomd_ros.cli.main", "ur5e", *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    message = _refusal(tmp_path, done.returncode, done.stderr)
    assert "127.0.0.248" in message and "29999" in message and "doctor" in message
