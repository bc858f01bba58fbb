# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The dashboard client against a server that answers as the controller's tables say."""

import contextlib
import socket
import threading

import pytest

from robomd_ros.arms.ur5e import dashboard
from robomd_ros.arms.ur5e.dashboard import Dashboard, DashboardError, stop_program
from robomd_ros.arms.ur5e.status import version_reason

HEALTHY = {
    "is in remote control": "true",
    "robotmode": "Robotmode: RUNNING",
    "safetymode": "Safetymode: NORMAL",
    "running": "Program running: true",
    "PolyscopeVersion": "URSoftware 5.12.0.1101 (Jun 01 2022)",
    "stop": "Stopped",
    "close safety popup": "closing safety popup",
    "unlock protective stop": "Protective stop releasing",
}


@pytest.fixture
def server(monkeypatch):
    """Answers by command, which a test may change; None is silence."""
    answers = dict(HEALTHY)
    listening = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(dashboard, "DASHBOARD_PORT", listening.getsockname()[1])

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"Connected: Universal Robots Dashboard Server\n")
            for line in connection.makefile("r"):
                answer = answers.get(line.strip(), "could not understand: " + line.strip())
                if answer is not None:
                    for part in (answer[:3], answer[3:], "\n"):  # in pieces, as a network may
                        connection.sendall(part.encode())

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield answers
    listening.close()


def test_status_and_version(server):
    with Dashboard("127.0.0.1") as client:
        status = client.status()
        assert (status.robot_mode, status.safety_mode) == ("RUNNING", "NORMAL")
        assert status.program_running
        assert status.remote_control is True
        assert client.polyscope_version() == (5, 12, 0, 1101)
        server["is in remote control"] = "false"
        assert client.status().remote_control is False
        del server["is in remote control"]  # a controller without that mode
        assert client.status().remote_control is None


def test_a_refusal_is_an_error_with_the_answer(server):
    server["unlock protective stop"] = "Cannot unlock protective stop until 5s after occurrence."
    with (
        Dashboard("127.0.0.1") as client,
        pytest.raises(DashboardError, match="until 5s after occurrence"),
    ):
        client.unlock_protective_stop()


def test_stopping(server):
    stop_program("127.0.0.1")
    server["stop"] = "Failed to execute: stop"
    with pytest.raises(DashboardError, match="Failed to execute"):
        stop_program("127.0.0.1")
    server["running"] = "Program running: false"  # nothing was left to be stopped
    stop_program("127.0.0.1")


def test_silence_and_absence(server):
    server["robotmode"] = None
    with (
        Dashboard("127.0.0.1", timeout=0.2) as client,
        pytest.raises(DashboardError, match="does not answer"),
    ):
        client.status()
    with pytest.raises(DashboardError, match="open it first"):
        Dashboard("127.0.0.1").ask("robotmode")


def test_nobody_listens(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setattr(dashboard, "DASHBOARD_PORT", closed.getsockname()[1])
    with pytest.raises(DashboardError, match="does not answer"):
        stop_program("127.0.0.1", timeout=0.2)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ((5, 12, 0, 1101), ""),
        ((5, 4, 0), ""),
        ((5, 3, 9, 1), "PolyScope 5.3"),
        ((5, 0), "PolyScope 5.0"),
        ((3, 15, 8), ""),
        ((10, 7, 0), "PolyScope X"),
        ((), ""),
    ],
)
def test_versions_that_cannot_be_driven(version, reason):
    assert version_reason(version).startswith(reason)
    assert bool(version_reason(version)) == bool(reason)
