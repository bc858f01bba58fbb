# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""driver_arm_node on a stand-in of ur_robot_driver over the twin: motions, stops, who commands."""

import contextlib
import importlib.util
import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")
pytest.importorskip("mujoco")

import rclpy
from arm_graph import HOME, NEAR_REST, PLACE
from driver_graph import DriverGraph
from driver_stand_in import TRAJECTORY, VELOCITY
from graph import wait_for
from in_process import stays
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from robomd_msgs.action import MoveToJoints
from robomd_msgs.msg import CellState
from robomd_ros.arms.ur5e.dashboard import Dashboard
from robomd_ros.ros.qos import LATCHED

pytestmark = pytest.mark.slow
Result = MoveToJoints.Result
AWAY = [HOME[0] + 0.4, *HOME[1:]]
FAR = [HOME[0] + 0.9, *HOME[1:]]
PROMISED, BUSY = 0.3, 0.6
"""s within which the arm rests, and s that a busy machine may add to what is seen from outside."""
_HAS_ACTIONS = importlib.util.find_spec("control_msgs") is not None
_HAS_MODES = importlib.util.find_spec("ur_dashboard_msgs") is not None
WAYS = {
    "trajectory": {},
    "velocity": {"stream": "velocity"},
    "action": {"moves": "action"},
    "modes": {"moves": "action", "stream": "velocity", "driver_status": "ur"},
}
"""How the driver is used; messages that wheels do not have are needed for the last two."""


@pytest.fixture(
    scope="module",
    params=[
        "trajectory",
        "velocity",
        pytest.param(
            "action",
            marks=pytest.mark.skipif(not _HAS_ACTIONS, reason="needs control_msgs"),
        ),
        pytest.param(
            "modes",
            marks=pytest.mark.skipif(
                not (_HAS_ACTIONS and _HAS_MODES),
                reason="needs control_msgs and ur_dashboard_msgs",
            ),
        ),
    ],
)
def arm(request, module_domain, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in module_domain.items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp("driver")
        made = DriverGraph(module_domain, folder, **WAYS[request.param])
        try:
            made.ready()
            yield made
        finally:
            made.close()


@pytest.fixture
def home(arm):
    """The arm at home, with nothing wrong."""
    arm.begin_anew()
    yield arm
    arm.fault("clear")


def test_a_move_the_way_home_and_twists(home):
    end = home.move(AWAY)
    assert end.error_code == Result.NONE, end.error_msg
    assert home.twin.state()["q"] == pytest.approx(AWAY, abs=0.02)
    response = home.trigger("home")
    assert response.success, response.message
    assert home.twin.state()["q"] == pytest.approx(HOME, abs=0.02)
    wait_for(lambda: home.status.at_home and not home.status.moving, "at home", 5)
    before = home.arm.state.tcp_pose
    home.stream(1.0, lambda: home.send_twist(z=0.05))
    home.rests(within=1.0)
    after = home.arm.state.tcp_pose
    assert after[2] - before[2] == pytest.approx(0.05, abs=0.02)
    assert after[:2] == pytest.approx(before[:2], abs=0.01)


def test_joint_targets_are_followed(home):
    target = [HOME[0] + 0.1, *HOME[1:]]

    def send():
        q = home.arm.state.q[0]
        home.send_joints([q + float(np.clip(target[0] - q, -0.05, 0.05)), *HOME[1:]])

    home.stream(1.5, send)
    home.rests(within=1.0)
    assert home.twin.state()["q"][0] == pytest.approx(target[0], abs=0.02)


def test_limits_are_checked_before_anything_is_sent(home):
    for goal in (HOME[:5], [HOME[0], 0.5, *HOME[2:]]):
        end = home.move(goal)
        assert end.error_code == Result.OUT_OF_LIMITS, end.error_msg
    home.stream(0.3, lambda: home.send_twist(z=0.5))
    assert home.twin.state()["speed"] < NEAR_REST
    with home.holding():
        pass
    home.send_for(0.3, lambda: home.send_twist(z=0.05))  # by nobody who holds the lease
    assert home.twin.state()["speed"] < NEAR_REST


@contextlib.contextmanager
def moved_by(arm, how):
    """The arm moves, and the end of a move is in the list, within this context."""
    ends = []
    if how == "stream":
        over = threading.Event()

        def stream():
            with arm.holding():
                while not over.wait(0.02):
                    arm.send_twist(z=0.05)

        thread = threading.Thread(target=stream)
    else:
        over = threading.Event()
        thread = threading.Thread(target=lambda: ends.append(arm.move(FAR)))
    thread.start()
    try:
        arm.moving()
        yield ends
    finally:
        over.set()
        thread.join()


def nothing_more(arm):
    """Assert that another move is refused, once the one that was stopped has ended."""
    wait_for(lambda: not arm.node._server.busy, "the end of the move", 5)
    end = arm.move(HOME)
    assert end.error_code in (Result.NOT_READY, Result.NO_LEASE), end.error_msg


def stopped(arm, word, begun):
    """Assert that the arm rests in time, that the stop is latched, and moves nothing."""
    wait_for(lambda: arm.twin.state()["speed"] < NEAR_REST, "rest", PROMISED + BUSY + 1.0)
    assert time.monotonic() - begun < PROMISED + BUSY
    wait_for(lambda: arm.status.stop_latched, "the latch", 5)
    assert word in arm.status.detail, arm.status.detail
    assert not arm.status.ready
    nothing_more(arm)
    q = arm.twin.state()["q"]
    assert stays(lambda: np.allclose(arm.twin.state()["q"], q, atol=5e-3), 0.5)


@pytest.mark.parametrize("how", ["stream", "move"])
def test_stop_motion_latches(home, how):
    with moved_by(home, how) as ends:
        begun = time.monotonic()
        assert home.trigger("stop_motion").success
        stopped(home, "stop_motion was called", begun)
    assert all(end.error_code == Result.STOPPED for end in ends)


@pytest.mark.parametrize("how", ["stream", "move"])
def test_a_program_that_somebody_stops_stays_stopped(home, how):
    with moved_by(home, how) as ends:
        begun = time.monotonic()
        with Dashboard(home.address) as pendant:
            pendant.order("stop")
        stopped(home, "the program was stopped at the robot", begun)
    assert all(end.error_code == Result.STOPPED for end in ends)
    response = home.trigger("recover")  # the program is sent anew, and nothing moves by that
    assert response.success, response.message
    home.rests(within=0.1)


@pytest.mark.parametrize("how", ["stream", "move"])
def test_a_protective_stop_is_left_by_recover_only(home, how):
    with moved_by(home, how) as ends:
        home.twin.fault("protective_stop")
        words = "protective stop" if home.arm.options.says == "ur" else "program was stopped"
        stopped(home, words, time.monotonic())
    assert all(end.error_code == Result.STOPPED for end in ends)
    if home.arm.options.says == "ur":
        response = home.trigger("recover")
    else:  # the driver does not say what stopped the robot: a person unlocks it
        time.sleep(5.1)
        with Dashboard(home.address) as pendant:
            pendant.ask("close safety popup")
            pendant.unlock_protective_stop()
        response = home.trigger("recover")
    assert response.success, response.message
    home.rests(within=0.1)


@pytest.mark.parametrize("how", ["move", "stream"])
def test_frozen_joint_states_stop_the_arm(home, how):
    with moved_by(home, how) as ends:
        home.fault("freeze_joints")
        begun = time.monotonic()
        wait_for(lambda: home.twin.state()["speed"] < NEAR_REST, "rest", 5)
        assert time.monotonic() - begun < 1.0 + PROMISED + BUSY  # state_timeout goes before
        home.noticed("no new joint states")
        nothing_more(home)
    assert all(end.error_code == Result.STOPPED for end in ends)


@pytest.mark.parametrize("how", ["stream", "move"])
def test_a_controller_that_goes_away_is_named(home, how):
    with moved_by(home, how) as ends:
        home.fault("controllers_away")
        wait_for(lambda: home.twin.state()["speed"] < NEAR_REST, "rest", 5)
        home.noticed("is its controller")
        nothing_more(home)
    assert all(end.error_code == Result.STOPPED for end in ends)


def rival_publisher(arm):
    """A foreign node on the topic by which the arm is commanded, and its message of rest."""
    kind, topic = JointTrajectory, f"{TRAJECTORY}/joint_trajectory"
    if arm.arm.link._mode == "velocity":
        kind, topic = Float64MultiArray, f"{VELOCITY}/commands"
    rival = rclpy.create_node("rival")
    rival.create_publisher(kind, topic, 10)
    return rival


@pytest.mark.parametrize("how", ["stream", "move"])
def test_a_second_publisher_is_a_stop(home, how):
    with moved_by(home, how) as ends:
        rival = rival_publisher(home)
        try:
            home.noticed("another node commands the arm", 5)
            wait_for(lambda: home.twin.state()["speed"] < NEAR_REST, "rest", 1.0)
            stopped(home, "/rival", time.monotonic())
            refused = home.trigger("recover")
            assert not refused.success and "/rival" in refused.message
        finally:
            rival.destroy_node()
    assert all(end.error_code == Result.STOPPED for end in ends)


def test_nothing_moves_beside_a_person(home):
    publisher = home.client.create_publisher(CellState, f"{PLACE}/cell_state", LATCHED)
    over = threading.Event()
    inside = [False]

    def say():
        while not over.wait(0.1):
            publisher.publish(CellState(person_inside=inside[0], token="t"))

    thread = threading.Thread(target=say)
    thread.start()
    try:
        time.sleep(0.3)
        with home.holding(token="t"):
            stream = threading.Thread(
                target=lambda: home.send_for(2.0, lambda: home.send_twist(z=0.05))
            )
            stream.start()
            home.moving()
            inside[0] = True
            begun = time.monotonic()
            wait_for(lambda: home.twin.state()["speed"] < NEAR_REST, "rest", 5)
            assert time.monotonic() - begun < 0.1 + PROMISED + BUSY
            assert home.move(HOME).error_code in (Result.LOCKED, Result.NO_LEASE)
            stream.join()
        assert not home.trigger("home").success
        inside[0] = False
        time.sleep(0.3)
    finally:
        over.set()
        thread.join()
        home.node._gate.guard._cell = None  # nobody says anything of the cell in the other tests
        home.client.destroy_publisher(publisher)
