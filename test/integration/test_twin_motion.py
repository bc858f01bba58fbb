# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arm of the twin, moved by the real ur_rtde client."""

import importlib.util

import pytest
from twin_session import run_client, start_twin

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("rtde_control") is None, reason="ur_rtde has no wheel here"
)


@pytest.fixture(scope="module")
def twin():
    with start_twin() as process:
        yield process


def test_moves_arrive_and_settings_hold(twin):
    answer = run_client(
        twin,
        """
        r, c = receive(), control()
        start = r.getActualQ()
        goal = list(start); goal[0] += 0.15
        answer["moveJ"] = c.moveJ(goal, 1.05, 1.4)
        answer["joint_error"] = far(r.getActualQ(), goal)
        answer["tcp"] = c.setTcp([0, 0, 0.145, 0, 0, 0]) and c.getTCPOffset()
        answer["payload_set"] = c.setPayload(0.9, [0.0, 0.0, 0.05])
        wait(lambda: r.getPayload() == 0.9)
        pose = r.getActualTCPPose(); pose[2] += 0.04
        answer["moveL"] = c.moveL(pose, 0.25, 1.2)
        answer["pose_error"] = far(r.getActualTCPPose(), pose)
        answer["fk_error"] = far(c.getForwardKinematics()[:3], pose[:3])
        answer["ik_error"] = far(c.getInverseKinematics(pose), r.getActualQ())
        answer["reachable"] = c.getInverseKinematicsHasSolution(pose)
        answer["unreachable"] = c.getInverseKinematicsHasSolution([2.0, 0, 0, 0, 0, 0])
        answer["steady"] = c.isSteady()
        answer["too_fast"] = error_of(lambda: c.moveJ(goal, 9.0, 1.4))
        c.moveJ(start, 1.05, 1.4)
        c.stopScript()
        """,
    )
    assert answer["moveJ"] and answer["moveL"] and answer["steady"] and answer["payload_set"]
    assert answer["joint_error"] < 1e-3 and answer["pose_error"] < 1e-3
    assert answer["tcp"] == [0, 0, 0.145, 0, 0, 0]
    assert answer["fk_error"] < 1e-3 and answer["ik_error"] < 5e-3
    assert answer["reachable"] and not answer["unreachable"]
    assert "[0;3.14]" in answer["too_fast"]


def test_asynchronous_moves_report_progress_and_can_be_stopped(twin):
    answer = run_client(
        twin,
        """
        r, c = receive(), control()
        start = r.getActualQ()
        goal = list(start); goal[0] += 0.6
        answer["started"] = c.moveJ(goal, 1.0, 1.4, True)
        wait(lambda: r.getActualQ()[0] > start[0] + 0.1)
        answer["running"] = c.getAsyncOperationProgress() >= 0
        c.stopJ(4.0)
        wait(lambda: max(abs(v) for v in r.getActualQd()) < 1e-3)
        answer["stopped_short"] = r.getActualQ()[0] < goal[0] - 0.1
        wait(lambda: c.getAsyncOperationProgress() < 0)
        answer["back"] = c.moveJ(start, 1.0, 1.4)
        c.stopScript()
        """,
    )
    assert all(answer.values()), answer


def test_streams_are_followed(twin):
    answer = run_client(
        twin,
        """
        r, c = receive(), control()
        start = r.getActualQ()
        goal = list(start); goal[5] += 0.08
        for _ in range(60):
            c.servoJ(goal, 0, 0, 0.008, 0.05, 300)
            time.sleep(0.02)
        answer["servo_error"] = far(r.getActualQ(), goal)
        c.servoStop()
        c.speedJ([0, 0, 0, 0, 0, -0.1], 0.8, 0.1)
        wait(lambda: abs(r.getActualQd()[5] + 0.1) < 0.01)
        c.speedStop()
        c.speedL([0, 0, 0.03, 0, 0, 0], 0.5, 0.1)
        wait(lambda: abs(r.getActualTCPSpeed()[2] - 0.03) < 0.003)
        c.speedStop()
        wait(lambda: max(abs(v) for v in r.getActualQd()) < 1e-3)
        c.moveJ(start, 1.0, 1.4)
        c.stopScript()
        """,
    )
    assert answer["servo_error"] < 2e-3


def test_the_watchdog_stops_a_stream_that_ends(twin):
    """A client that is gone leaves the arm moving, unless it has set the watchdog."""
    answer = run_client(
        twin,
        """
        r, c = receive(), control()
        c.setWatchdog(10.0)
        c.speedJ([0.1, 0, 0, 0, 0, 0], 0.5, 0.1)
        for _ in range(20):
            c.kickWatchdog()
            time.sleep(0.02)
        answer["kicked"] = c.isProgramRunning() and r.getActualQd()[0] > 0.05
        """,
    )
    assert answer["kicked"]
    state = twin.client.wait_for(program_running=False)
    assert "watchdog" in " ".join(state["log"])
    twin.client.wait_for(5.0, runtime_state="STOPPED")
    assert settled(twin)


def test_without_a_watchdog_the_arm_moves_on(twin):
    """The hazard for which the watchdog must be set: seen here, so that a node can be tested."""
    run_client(
        twin,
        """
        r, c = receive(), control()
        c.speedJ([-0.05, 0, 0, 0, 0, 0], 0.5, 0.0)
        wait(lambda: r.getActualQd()[0] < -0.045)
        """,
    )
    first = twin.client.state()
    while twin.client.state()["time"] < first["time"] + 0.5:
        pass
    later = twin.client.state()
    assert later["program_running"] and later["q"][0] < first["q"][0] - 0.02
    answer = run_client(twin, "d = dashboard(); d.stop(); answer['stopped'] = not d.running()")
    assert answer["stopped"] and settled(twin)


def settled(twin):
    """Whether the arm comes to rest within two seconds of robot time."""
    start = twin.client.state()["time"]
    while (state := twin.client.state())["time"] < start + 2.0:
        if state["speed"] < 1e-3:
            return True
    return False


def test_a_second_control_client_is_refused(twin):
    answer = run_client(
        twin,
        """
        first = control()
        answer["second"] = error_of(control)
        answer["first"] = first.isProgramRunning()
        first.stopScript()
        """,
    )
    assert "already in use" in answer["second"] and answer["first"]


def test_the_inputs_are_free_again_when_their_owner_is_gone(twin):
    for _ in range(2):
        assert run_client(twin, "c = control(); answer['ok'] = c.isProgramRunning()")["ok"]


def test_outputs_are_switched_and_the_slider_is_heard(twin):
    answer = run_client(
        twin,
        """
        from rtde_io import RTDEIOInterface
        r, io = receive(), RTDEIOInterface(IP)
        io.setStandardDigitalOut(3, True)
        wait(lambda: r.getDigitalOutState(3))
        io.setStandardDigitalOut(3, False)
        wait(lambda: not r.getDigitalOutState(3))
        io.setSpeedSlider(0.4)
        wait(lambda: abs(r.getTargetSpeedFraction() - 0.4) < 1e-9)
        io.setSpeedSlider(1.0)
        wait(lambda: r.getTargetSpeedFraction() == 1.0)
        answer["done"] = True
        """,
    )
    assert answer["done"]


def test_a_custom_function_and_a_path_run(twin):
    answer = run_client(
        twin,
        """
        r, c = receive(), control()
        start = r.getActualQ()
        mark = "  set_standard_digital_out(5, True)\\n"
        answer["custom"] = c.sendCustomScriptFunction("MARK", mark)
        wait(lambda: r.getDigitalOutState(5))
        answer["program"] = c.isProgramRunning() or c.reuploadScript()
        wait(c.isProgramRunning)
        one = [*start]; one[0] += 0.1
        two = [*start]; two[0] += 0.05; two[5] += 0.1
        answer["path"] = c.moveJ([[*q, 1.0, 1.4, 0.0] for q in (one, two)])
        answer["error"] = far(r.getActualQ(), two)
        c.stopScript()
        """,
    )
    assert answer["custom"] and answer["path"] and answer["error"] < 1e-3
