# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin's dashboard answers, line by line, and through the real client."""

import importlib.util
import socket

import pytest
from twin_session import run_client, start_twin

LOCAL = (
    "Command is not allowed due to safety reasons, please switch robot to Remote Control mode and "
    "reconnect to port 29999"
)


@pytest.fixture(scope="module")
def twin():
    with start_twin() as process:
        yield process


class Lines:
    """A dashboard client that shows every byte."""

    def __init__(self, twin):
        address = (twin.ready["address"], twin.ready["ports"]["dashboard"])
        self._file = socket.create_connection(address, timeout=10).makefile("rw", newline="\n")
        self.greeting = self._file.readline()

    def __call__(self, line):
        self._file.write(line + "\n")
        self._file.flush()
        return self._file.readline()


@pytest.fixture
def ask(twin):
    yield Lines(twin)
    twin.client.clear()


def test_the_greeting(ask):
    assert ask.greeting == "Connected: Universal Robots Dashboard Server\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("robotmode", "Robotmode: RUNNING"),
        ("safetymode", "Safetymode: NORMAL"),
        ("safetystatus", "Safetystatus: NORMAL"),
        ("PolyscopeVersion", "URSoftware 5.12.0.1101 (twin)"),
        ("get robot model", "UR5"),
        ("get serial number", "20215500001"),
        ("is in remote control", "true"),
        ("running", "Program running: false"),
        ("programState", "STOPPED null"),
        ("get loaded program", "No program loaded"),
        ("isProgramSaved", "true"),
        ("load nothing.urp", "File not found: nothing.urp"),
        ("play", "Failed to execute: play"),
        ("pause", "Failed to execute: pause"),
        ("stop", "Stopped"),
        ("popup hello", "showing popup"),
        ("close popup", "closing popup"),
        ("close safety popup", "closing safety popup"),
        ("addToLog something", "Added log message"),
        ("setUserRole operator", "Setting user role: operator"),
        ("setUserRole emperor", "Failed setting user role: emperor"),
        ("unlock protective stop", "Protective stop releasing"),
        ("make coffee", "could not understand: 'make coffee'"),
        ("quit", "Disconnected"),
    ],
)
def test_answers_of_an_idle_robot(ask, line, answer):
    assert ask(line) == answer + "\n"


def test_a_loaded_program_plays_pauses_and_stops(ask):
    assert ask("load pick.urp") == "Loading program: pick.urp\n"
    assert ask("get loaded program") == "Loaded program: pick.urp\n"
    assert ask("isProgramSaved") == "true pick.urp\n"
    assert ask("play") == "Starting program\n"
    assert ask("running") == "Program running: true\n"
    assert ask("programState") == "PLAYING pick.urp\n"
    assert ask("load place.urp") == "Error while loading program: place.urp\n"
    assert ask("pause") == "Pausing program\n"
    assert ask("programState") == "PAUSED pick.urp\n"
    assert ask("play") == "Starting program\n"
    assert ask("stop") == "Stopped\n"
    assert ask("programState") == "STOPPED pick.urp\n"


def test_power_goes_off_and_on(ask, twin):
    assert ask("power off") == "Powering off\n"
    assert ask("robotmode") == "Robotmode: POWER_OFF\n"
    assert ask("play") == "Failed to execute: play\n"
    assert ask("power on") == "Powering on\n"
    twin.client.wait_for(robot_mode="IDLE")
    assert ask("robotmode") == "Robotmode: IDLE\n"
    assert ask("brake release") == "Brake releasing\n"
    twin.client.wait_for(robot_mode="RUNNING")
    assert ask("restart safety") == "Restarting safety\n"
    twin.client.wait_for(robot_mode="POWER_OFF")
    assert ask("brake release") == "Brake releasing\n"
    twin.client.wait_for(robot_mode="RUNNING")


@pytest.mark.parametrize(
    "line",
    [
        *("play", "stop", "pause", "load pick.urp", "power on", "power off", "brake release"),
        *("restart safety", "unlock protective stop", "popup x", "close popup"),
        "close safety popup",
    ],
)
def test_local_mode_refuses_every_action(ask, twin, line):
    twin.client.fault("local_mode")
    assert ask(line) == LOCAL + "\n"
    assert ask("robotmode") == "Robotmode: RUNNING\n"
    assert ask("is in remote control") == "false\n"


def test_stops_are_reported_and_a_young_one_stays(ask, twin):
    twin.client.fault("protective_stop")
    assert ask("safetystatus") == "Safetystatus: PROTECTIVE_STOP\n"
    refusal = "Cannot unlock protective stop until 5s after occurrence. "
    refusal += "Always inspect cause of protective stop before unlocking\n"
    assert ask("unlock protective stop") == refusal
    assert ask("safetymode") == "Safetymode: PROTECTIVE_STOP\n"
    assert ask("power off") == "Powering off\n"  # as turning it off and on does on the arm
    twin.client.fault("emergency_stop")
    assert ask("safetystatus") == "Safetystatus: ROBOT_EMERGENCY_STOP\n"
    assert ask("power on") == "Powering on\n"
    assert ask("robotmode") == "Robotmode: POWER_OFF\n"
    twin.client.clear("emergency_stop")
    assert ask("brake release") == "Brake releasing\n"
    twin.client.wait_for(robot_mode="RUNNING")


@pytest.mark.skipif(importlib.util.find_spec("rtde_control") is None, reason="no ur_rtde here")
def test_the_real_client_understands_the_answers(twin):
    answer = run_client(
        twin,
        """
        d = dashboard()
        answer["queries"] = [d.robotmode(), d.safetymode(), d.safetystatus(), d.polyscopeVersion()]
        answer["serial"] = d.getSerialNumber()
        answer["remote"] = d.isInRemoteControl()
        answer["missing"] = error_of(lambda: d.loadURP("missing.urp"))
        d.loadURP("pick.urp")
        answer["loaded"] = d.getLoadedProgram()
        d.play()
        answer["running"] = d.running()
        d.pause(); d.stop(); d.popup("hello"); d.closePopup(); d.addToLog("a line")
        answer["stopped"] = d.running()
        answer["state"] = d.programState()
        """,
    )
    assert answer["queries"][:3] == [
        *("Robotmode: RUNNING", "Safetymode: NORMAL", "Safetystatus: NORMAL")
    ]
    assert answer["queries"][3] == "5.12.0.1101" and answer["serial"] == "20215500001"
    assert answer["remote"] and answer["missing"] and "pick.urp" in answer["loaded"]
    assert answer["running"] and not answer["stopped"] and "STOPPED" in answer["state"]
