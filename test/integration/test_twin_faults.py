# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults of the twin as the real ur_rtde client meets them."""

import importlib.util
import time

import pytest
from twin_session import own_address, run_client, start_twin

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("rtde_control") is None, reason="ur_rtde has no wheel here"
)


@pytest.fixture(scope="module")
def twin():
    with start_twin() as process:
        yield process


@pytest.fixture(autouse=True)
def healthy(twin):
    yield
    twin.client.clear()
    state = twin.client.state()
    assert state["faults"] == []


@pytest.mark.long
def test_a_protective_stop_must_be_old_and_play_resumes_the_old_motion(twin):
    """Why a node must never send `play`: the move goes on although the client was told False."""
    answer = run_client(
        twin,
        """
        r, c, d = receive(), control(), dashboard()
        start = r.getActualQ()
        goal = list(start); goal[0] += 0.6
        c.moveJ(goal, 0.6, 1.4, True)
        wait(lambda: r.getActualQ()[0] > start[0] + 0.1)
        twin.fault("protective_stop")
        happened = time.monotonic()
        wait(r.isProtectiveStopped)
        answer["modes"] = [r.getSafetyMode(), r.getRuntimeState(), r.getRobotMode()]
        answer["bits"] = r.getSafetyStatusBits()
        answer["move_refused"] = c.moveJ(start, 0.5, 1.0)
        answer["early"] = error_of(d.unlockProtectiveStop)
        wait(lambda: max(abs(v) for v in r.getActualQd()) < 1e-3)
        stopped = r.getActualQ()
        answer["way"] = goal[0] - stopped[0]
        time.sleep(max(0.0, happened + 5.1 - time.monotonic()))
        answer["unlock"] = error_of(d.unlockProtectiveStop)
        wait(lambda: not r.isProtectiveStopped())
        time.sleep(0.3)
        answer["rests"] = far(r.getActualQ(), stopped)
        answer["paused"] = r.getRuntimeState()
        d.play()
        wait(lambda: far(r.getActualQ(), goal) < 1e-3)
        answer["resumed"] = True
        c.moveJ(start, 1.0, 1.4)
        c.stopScript()
        """,
    )
    assert answer["modes"] == [3, 4, 7] and answer["bits"] == 0b100_0000_0100
    assert not answer["move_refused"]
    assert "Cannot unlock protective stop until 5s after occurrence" in answer["early"]
    assert answer["unlock"] == "" and answer["way"] > 0.1
    assert answer["rests"] < 1e-3 and answer["paused"] == 4 and answer["resumed"]


def test_after_a_dashboard_stop_the_old_motion_is_gone(twin):
    answer = run_client(
        twin,
        """
        r, c, d = receive(), control(), dashboard()
        start = r.getActualQ()
        goal = list(start); goal[0] += 0.6
        c.moveJ(goal, 0.6, 1.4, True)
        wait(lambda: r.getActualQ()[0] > start[0] + 0.05)
        d.pause()
        wait(lambda: max(abs(v) for v in r.getActualQd()) < 1e-3)
        d.stop()
        stopped = r.getActualQ()
        answer["play"] = error_of(d.play)
        time.sleep(0.3)
        answer["rests"] = far(r.getActualQ(), stopped)
        answer["upload"] = c.reuploadScript()
        wait(c.isProgramRunning)
        time.sleep(0.3)
        answer["moved_by_upload"] = far(r.getActualQ(), stopped)
        answer["home"] = c.moveJ(start, 1.0, 1.4)
        c.stopScript()
        """,
    )
    assert "play" in answer["play"] and answer["rests"] < 1e-3
    assert answer["upload"] and answer["moved_by_upload"] < 1e-3 and answer["home"]


def test_an_emergency_stop_needs_the_button_the_power_and_the_brakes(twin):
    answer = run_client(
        twin,
        """
        r, c, d = receive(), control(), dashboard()
        start = r.getActualQ()
        goal = list(start); goal[0] += 0.4
        c.moveJ(goal, 0.6, 1.4, True)
        wait(lambda: r.getActualQ()[0] > start[0] + 0.05)
        twin.fault("emergency_stop")
        wait(r.isEmergencyStopped)
        wait(lambda: max(abs(v) for v in r.getActualQd()) < 1e-3)
        answer["modes"] = [r.getSafetyMode(), r.getRobotMode(), r.getRuntimeState()]
        d.powerOn()
        time.sleep(0.3)
        answer["power_while_pressed"] = r.getRobotMode()
        twin.clear("emergency_stop")
        d.powerOn()
        wait(lambda: r.getRobotMode() == 5)
        d.brakeRelease()
        wait(lambda: r.getRobotMode() == 7)
        c.reuploadScript()
        wait(c.isProgramRunning)
        answer["home"] = c.moveJ(start, 1.0, 1.4)
        c.stopScript()
        """,
    )
    assert answer["modes"] == [7, 3, 1] and answer["power_while_pressed"] == 3
    assert answer["home"]


def test_local_mode_refuses_control(twin):
    answer = run_client(
        twin,
        """
        d = dashboard()
        twin.fault("local_mode")
        answer["remote"] = d.isInRemoteControl()
        answer["mode"] = d.robotmode()
        answer["play"] = error_of(d.play)
        answer["control"] = error_of(control)
        """,
    )
    assert not answer["remote"] and answer["mode"] == "Robotmode: RUNNING"
    assert answer["play"] and "enable remote control" in answer["control"]


def test_a_failing_inverse_ends_the_program(twin):
    answer = run_client(
        twin,
        """
        r, c = receive(), control()
        pose = r.getActualTCPPose(); pose[2] += 0.03
        answer["before"] = c.getInverseKinematicsHasSolution(pose)
        twin.fault("ik_failure")
        answer["during"] = c.getInverseKinematicsHasSolution(pose)
        answer["move"] = c.moveL(pose, 0.1, 0.5)
        wait(lambda: not c.isProgramRunning())
        twin.clear("ik_failure")
        c.reuploadScript()
        wait(c.isProgramRunning)
        answer["after"] = c.moveL(pose, 0.1, 0.5)
        c.stopScript()
        """,
    )
    assert answer["before"] and not answer["during"]
    assert not answer["move"] and answer["after"]


@pytest.mark.parametrize("how", ["fin", pytest.param("rst", marks=pytest.mark.slow)])
def test_dropped_connections_stop_a_watched_motion(twin, how):
    answer = run_client(
        twin,
        f"""
        r, c = receive(), control()
        c.setWatchdog(10.0)
        start = r.getActualQ()
        goal = list(start); goal[0] += 0.5
        c.moveJ(goal, 0.5, 1.4, True)
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            c.kickWatchdog()
            time.sleep(0.02)
        answer["goal"], answer["start"] = goal, start
        twin.fault("rtde_drop", how="{how}")
        """,
    )
    state = twin.client.wait_for(program_running=False)
    end = time.monotonic() + 10
    while (state := twin.client.state())["speed"] > 1e-3:
        assert time.monotonic() < end, state
    assert answer["start"][0] < state["q"][0] < answer["goal"][0] - 0.1
    run_client(twin, f"control().moveJ({answer['start']}, 1.0, 1.4); dashboard().stop()")


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("link", marks=pytest.mark.long),
        pytest.param("controller", marks=pytest.mark.slow),
    ],
)
def test_a_frozen_controller_is_silent_and_comes_back(twin, what):
    answer = run_client(
        twin,
        f"""
        r = receive()
        before = r.getTimestamp()
        twin.fault("freeze", seconds=3.5, what="{what}")
        wait(lambda: not r.isConnected(), 4.0)
        answer["faults"] = twin.state()["faults"]
        answer["last_value_kept"] = r.getTimestamp() >= before and len(r.getActualQ()) == 6
        """,
    )
    assert answer["faults"] == ["freeze"] and answer["last_value_kept"]
    twin.client.wait_for(faults=[])
    assert run_client(twin, "r = receive(); answer['ok'] = r.isConnected()")["ok"]


def test_a_frozen_link_leaves_the_watchdog_at_work(twin):
    run_client(
        twin,
        """
        r, c = receive(), control()
        c.setWatchdog(10.0)
        c.speedJ([0.05, 0, 0, 0, 0, 0], 0.5, 0.1)
        for _ in range(10):
            c.kickWatchdog()
            time.sleep(0.02)
        twin.fault("freeze", seconds=1.0)
        """,
    )
    state = twin.client.wait_for(program_running=False)
    assert "watchdog" in " ".join(state["log"])


@pytest.mark.slow
def test_contact_stops_the_arm(twin):
    answer = run_client(
        twin,
        """
        r, c, d = receive(), control(), dashboard()
        start = r.getActualQ()
        down = r.getActualTCPPose(); down[2] -= 0.4
        c.moveL(down, 0.2, 1.0)
        answer["stopped"] = r.isProtectiveStopped()
        wait(lambda: max(abs(v) for v in r.getActualQd()) < 1e-3)
        answer["force"] = abs(r.getActualTCPForce()[2])
        happened = time.monotonic()
        time.sleep(5.1)
        d.unlockProtectiveStop()
        d.stop()
        c.reuploadScript()
        wait(c.isProgramRunning)
        answer["home"] = c.moveJ(start, 0.5, 1.0)
        c.stopScript()
        """,
    )
    assert answer["stopped"] and answer["home"]
    assert "contact" in " ".join(twin.client.state()["log"])


@pytest.mark.slow
def test_a_killed_controller_can_be_started_again():
    address = own_address()
    with start_twin(address=address) as first:
        run_client(first, "r = receive(); answer['ok'] = r.isConnected()")
        first.kill()
        with start_twin(address=address) as second:
            answer = run_client(second, "c = control(); answer['ok'] = c.isProgramRunning()")
            assert answer["ok"]
