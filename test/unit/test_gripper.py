# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Grippers: the Robotiq's text protocol as a server hears it, and every way not to answer."""

import contextlib
import math
import socket
import threading
import time

import pytest

from robomd_ros.arms.gripper.gripper import (
    DigitalOutputGripper,
    GripperFault,
    NoGripper,
    RobotiqGripper,
)
from robomd_ros.arms.gripper.motion_check import MotionCheck
from robomd_ros.arms.gripper.worker import GripperWorker
from robomd_ros.core.errors import RoboMDError


def robotiq(port, **values):
    return RobotiqGripper("127.0.0.1", **{"port": port, "speed": 1.0, "force": 0.3, **values})


class Server:
    """Answers as the URCap does; `answers` overrides single questions, None is silence."""

    def __init__(self):
        self.variables = {"ACT": 0, "STA": 0, "POS": 3, "FLT": 0, "GTO": 0, "SPE": 0, "FOR": 0}
        self.variables["OBJ"] = 3
        self.answers = {}
        self.heard = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            for line in connection.makefile("r"):
                answer = self._answer(line.strip())
                if answer is not None:
                    connection.sendall(answer.encode())

    def _answer(self, line):
        self.heard.append(line)
        if line in self.answers:
            return self.answers[line]
        words = line.split()
        if words[0] == "GET":
            return f"{words[1]} {self.variables[words[1]]}\n"
        values = dict(zip(words[1::2], map(int, words[2::2]), strict=True))
        self.variables.update(values)
        if "ACT" in values:
            self.variables["STA"] = 3 * values["ACT"]
        return "ack"

    def close(self):
        self._socket.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def gripper(server):
    gripper = robotiq(server.port, timeout=0.5, activation_timeout=0.3)
    yield gripper
    gripper.close()


def test_connecting_moves_nothing_and_the_first_command_activates(server, gripper):
    gripper.connect()
    assert server.heard == ["GET STA"]
    gripper.command(1.0)
    assert server.variables["ACT"] == 1
    assert server.variables["POS"] == 255
    assert server.variables["GTO"] == 1
    assert gripper.position() == 1.0
    gripper.command(0.0)
    assert server.variables["POS"] == 0
    assert server.heard.count("SET ACT 1") == 1


def test_an_active_gripper_is_not_activated_again(server, gripper):
    server.variables.update(ACT=1, STA=3)
    gripper.command(0.5)
    assert server.variables["POS"] == 128
    assert not [line for line in server.heard if "ACT" in line]


@pytest.mark.parametrize("closure", [math.nan, math.inf, -0.01, 1.01])
def test_commands_that_no_gripper_can_do(server, gripper, closure):
    with pytest.raises(GripperFault, match="from 0"):
        gripper.command(closure)
    assert server.heard == []


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("GET STA", None, "does not answer"),
        ("GET STA", "?\n", "answered '\\?'"),
        ("GET POS", "FLT 3\n", "answered 'FLT 3'"),
        ("GET FLT", "FLT 9\n", "fault 9"),
        ("SET POS 255 GTO 1", "nak", "refused"),
        ("SET ACT 1", "ack", "did not become active"),
    ],
)
def test_a_gripper_that_fails_says_how(server, gripper, question, answer, reason):
    server.answers[question] = answer
    with pytest.raises(GripperFault, match=reason):
        gripper.command(1.0)
        gripper.position()
    del server.answers[question]
    gripper.command(1.0)
    assert server.variables["POS"] == 255


@pytest.mark.parametrize("reconnected", [False, True])
def test_a_gripper_that_lost_its_activation_waits_for_a_person(server, gripper, reconnected):
    gripper.command(1.0)
    server.variables.update(ACT=0, STA=0, POS=0)  # as after an emergency stop
    if reconnected:
        gripper.close()
    for ask in (gripper.position, lambda: gripper.command(0.5), gripper.position):
        with pytest.raises(GripperFault, match=r"lost its activation .status 0.*call recover"):
            ask()
    assert server.variables["ACT"] == 0, "its fingers did not move by themselves"
    gripper.recover()
    assert server.variables["ACT"] == 1
    gripper.command(0.5)
    assert gripper.position() == pytest.approx(128 / 255)


def test_recovery_activates_nothing_that_was_never_active(server, gripper):
    gripper.recover()
    assert server.variables["ACT"] == 0


@pytest.mark.parametrize(("code", "meaning"), [(5, "must be activated"), (7, "not activated")])
def test_a_fault_is_seen_while_nobody_commands(server, gripper, code, meaning):
    gripper.command(1.0)
    server.variables["FLT"] = code
    with pytest.raises(GripperFault, match=f"fault {code} .*{meaning}"):
        gripper.position()
    server.variables["FLT"] = 0
    assert gripper.position() == 1.0


@pytest.mark.parametrize(
    ("start", "target", "seen", "stopped_by", "fault"),
    [
        (3, 255, 3, 0, "told to close to 1.00 and stays at 0.01"),
        (3, 255, 3, 2, "told to close"),  # nothing stops fingers that are wide open
        (3, 255, 120, 2, ""),  # it holds something
        (120, 255, 120, 2, ""),  # and is told to go on holding it
        (230, 0, 230, 0, "told to open to 0.00 and stays at 0.90"),
        (3, 0, 3, 3, ""),
    ],
)
def test_a_gripper_that_does_not_move_is_a_fault(start, target, seen, stopped_by, fault):
    check = MotionCheck()
    check.command(target, start, 10.0)
    check.look(start, 0, 11.0)
    if not fault:
        check.look(seen, stopped_by, 12.0)
        return
    for now in (12.0, 20.0):
        with pytest.raises(GripperFault, match=fault):
            check.look(seen, stopped_by, now)
    check.forget()
    check.look(seen, stopped_by, 21.0)


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(GripperFault, match=f"127.0.0.1:{port} does not answer"):
        robotiq(port, timeout=0.2).connect()


def test_a_late_answer_is_not_taken_for_the_next_one(server, gripper):
    gripper.connect()
    server.answers["GET POS"] = None
    with pytest.raises(GripperFault):
        gripper.position()
    del server.answers["GET POS"]
    server.variables["POS"] = 255
    assert gripper.position() == 1.0


def test_digital_output():
    written = []
    gripper = DigitalOutputGripper(written.append)
    gripper.connect()
    assert math.isnan(gripper.position())
    for closure in (0.2, 0.9, 1.0, 0.0):
        gripper.command(closure)
    assert written == [False, True, False]
    assert gripper.position() == 0.0

    def fail(_on):
        raise RoboMDError("no controller")

    broken = DigitalOutputGripper(fail)
    with pytest.raises(GripperFault, match="no controller"):
        broken.command(1.0)
    assert math.isnan(broken.position())


def test_no_gripper():
    with pytest.raises(GripperFault, match="parameter gripper"):
        NoGripper().command(1.0)
    assert math.isnan(NoGripper().position())


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_worker_tells_faults_and_goes_on_when_the_gripper_is_back(server):
    positions, faults = [], []
    worker = GripperWorker(robotiq(server.port, timeout=0.3), positions.append, faults.append)
    worker.start()
    worker.command(1.0)
    wait_for(lambda: positions and positions[-1] == 1.0)
    server.answers["GET POS"] = None
    wait_for(lambda: worker.fault)
    assert "does not answer" in faults[-1]
    worker.command(0.0)  # asked while nobody answers: void
    time.sleep(0.5)
    del server.answers["GET POS"]
    wait_for(lambda: not worker.fault)
    assert faults[-1] == ""
    with pytest.raises(GripperFault):
        worker.command(math.nan)
    worker.close()
