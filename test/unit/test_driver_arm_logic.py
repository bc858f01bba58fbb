# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm behind a driver without ROS: moves, streams, stops and latches on a driver of numbers."""

import threading
import time

import numpy as np
import pytest

from robomd_ros.arms.limits import ArmLimits, LimitError, LimitGuard
from robomd_ros.arms.motion import ArmFault, MoveCode, NotReadyError
from robomd_ros.arms.ros2_control.arm import DriverArm
from robomd_ros.arms.ros2_control.commands import Follows
from robomd_ros.arms.ros2_control.health import DriverReport
from robomd_ros.arms.ros2_control.line import LineTarget
from robomd_ros.arms.ros2_control.link import DriverLink, DriverMove, HeardJoints
from robomd_ros.arms.ros2_control.parameters import DriverArmParameters
from robomd_ros.arms.ros2_control.recovery import recover_driver
from robomd_ros.arms.ros2_control.settings import driver_options
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.core.errors import ConfigurationError

HOME = [-0.294, -1.556, 2.106, -2.12, -1.571, 1.277]
AWAY = [HOME[0] + 0.2, *HOME[1:]]
READY = {"robot_mode": 7, "safety_mode": 1, "program_running": True}


class NumbersLink:
    """A driver whose arm is at once where it is told; what is broken is set."""

    def __init__(self, streams_twists=False):
        self.streams_twists = streams_twists
        self.q, self.v = np.array(HOME), np.zeros(6)
        self.sent, self.twists, self.calls, self.cancelled, self.halts = [], [], [], 0, 0
        self.stuck = self.frozen = False
        self.trouble = self.who = ""
        self.refuses = {}
        self.action = None
        self._last = 0.0

    def start(self, hear):
        self.hear = hear

    def joints(self):
        if not self.frozen:
            self._last = time.monotonic()
        return HeardJoints(
            self._last,
            dict(zip(JOINT_NAMES, self.q.tolist(), strict=True)),
            dict(zip(JOINT_NAMES, self.v.tolist(), strict=True)),
        )

    def description(self):
        return ""

    def problem(self):
        return self.trouble

    def rival(self):
        return self.who

    def send(self, q, v, q_actual):
        self.sent.append((time.monotonic(), q))
        if not self.stuck:
            self.q, self.v = q, v

    def send_twist(self, twist):
        self.twists.append(tuple(twist))

    def send_rest(self, q):
        self.v = np.zeros(6)

    def start_move(self, points):
        self.points, self.action = points, DriverMove()
        return self.action

    def cancel_moves(self):
        self.cancelled += 1

    def halt(self):
        self.halts += 1

    def call(self, service, timeout):
        self.calls.append(service)
        if service == "unlock_protective_stop":
            self.hear(safety_mode=1)
        elif service in ("resend_robot_program", "play"):
            self.hear(program_running=True)
        return self.refuses.get(service, "")

    def close(self):
        pass


_IS_A_LINK: DriverLink = NumbersLink()


@pytest.fixture
def make():
    made = []

    def make(link=None, **values):
        link = link or NumbersLink()
        given = {
            "home": HOME, "workspace_lower": [-0.9, -0.9, -0.1], "moves": "stream",
            "servo_rate": 100.0, "state_timeout": 0.5, **values,
        }  # fmt: skip
        told = []
        listener = ArmListener(broken=told.append)
        arm = DriverArm(driver_options(DriverArmParameters(**given)), link, listener)
        arm.told = told
        made.append(arm)
        arm.connect()
        link.hear(**READY)
        within(lambda: arm.status.ready or arm.options.says != "ur", 2.0)
        within(lambda: not arm.obstacle(), 2.0)
        return arm, link

    yield make
    for arm in made:
        arm.link.frozen = False
        arm.close()


def within(condition, limit=1.0):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def in_background(work):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(work()))
    thread.start()
    return thread, ends


def test_a_move_goes_straight_and_ends_at_its_goal(make):
    arm, link = make()
    end = arm.move(AWAY)
    assert (end.code, end.reason) == (MoveCode.NONE, "")
    np.testing.assert_allclose(link.q, AWAY, atol=1e-3)
    ways = np.array([q for _, q in link.sent]) - HOME
    assert np.abs(ways[:, 1:]).max() < 1e-9 and (np.diff(ways[:, 0]) >= -1e-12).all()
    within(lambda: not arm.status.moving)
    assert not arm.status.at_home


def test_a_move_outside_the_limits_sends_nothing(make):
    arm, link = make()
    assert arm.move([0.0] * 5).code is MoveCode.OUT_OF_LIMITS
    assert arm.move([HOME[0], 0.5, *HOME[2:]]).code is MoveCode.OUT_OF_LIMITS
    with pytest.raises(LimitError):
        arm.stream_twist([1.0, 0, 0, 0, 0, 0])
    assert link.sent == []


def test_a_stream_ends_when_its_command_is_stale(make):
    arm, link = make()
    arm.stream_twist([0.0, 0.0, 0.05, 0.0, 0.0, 0.0])
    within(lambda: len(link.sent) > 3)
    within(lambda: not arm._commands.busy)
    count = len(link.sent)
    time.sleep(0.1)
    assert len(link.sent) == count and not link.v.any()
    assert arm.state.tcp_pose[2] > arm.guard.tool_pose(HOME)[2, 3] + 1e-4


def test_a_move_waits_for_no_stream_and_a_stream_for_its_end(make):
    arm, _ = make()
    thread, ends = in_background(lambda: arm.move(AWAY))
    within(lambda: arm._commands.on_line)
    with pytest.raises(NotReadyError, match="a move is being done"):
        arm.stream_twist([0.0] * 6)
    assert arm.move(HOME).code is MoveCode.BUSY
    thread.join()
    assert ends[0].code is MoveCode.NONE


@pytest.mark.parametrize("by", ["stop", "cancelled", "forbidden"])
def test_a_move_is_broken_off(make, by):
    arm, link = make()
    wishes = {"cancelled": False, "forbidden": ""}
    thread, ends = in_background(
        lambda: arm.move(
            AWAY,
            cancelled=lambda: wishes["cancelled"],
            forbidden=lambda: wishes["forbidden"],
        )
    )
    within(lambda: arm.status.moving)
    begun = time.monotonic()
    if by == "stop":
        arm.stop("somebody said so")
    else:
        wishes[by] = True if by == "cancelled" else "a person is inside"
    thread.join()
    assert time.monotonic() - begun < 0.5 and not link.v.any()
    code = MoveCode.CANCELED if by == "cancelled" else MoveCode.STOPPED
    assert ends[0].code is code
    assert np.abs(link.q - AWAY).max() > 0.05


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"program_running": False}, "the program was stopped at the robot, not by this node"),
        ({"safety_mode": 3}, "protective stop"),
        ({"safety_mode": 12}, "safeguard stop of the automatic mode"),
        ({"robot_mode": 5}, "the robot's mode became IDLE"),
        ({"rival": "another node commands the arm: /rival"}, "/rival"),
    ],
)
def test_what_somebody_did_to_the_arm_stays_a_stop_until_recover(make, said, reason):
    arm, link = make()
    within(lambda: arm.status.ready)
    arm.stream_twist([0.0, 0.0, 0.05, 0.0, 0.0, 0.0])
    if "rival" in said:
        link.who = said["rival"]
    else:
        link.hear(**said)
    within(lambda: arm.latch.reason)
    assert reason in arm.latch.reason
    within(lambda: not arm._commands.busy, 0.5)
    link.who = ""
    link.hear(**READY)  # it looks well again, and yet
    within(lambda: arm.status.stop_latched)
    assert arm.move(HOME).code is MoveCode.NOT_READY
    with pytest.raises(NotReadyError):
        arm.stream_twist([0.0] * 6)
    assert reason in recover_driver(arm, "person")
    assert arm.move(AWAY).code is MoveCode.NONE


def test_a_program_that_never_ran_is_an_obstacle_and_no_stop(make):
    arm, link = make(driver_status="program")
    link.hear(program_running=False)
    arm.clear_recovery()
    link.hear(program_running=None)
    assert "has not said whether its program runs" in arm.obstacle()
    link.hear(program_running=False)
    assert "External Control" in arm.obstacle() and not arm.latch.reason


def test_recover_leads_out_of_a_stop_or_says_what_a_person_must_do(make, monkeypatch):
    monkeypatch.setattr("robomd_ros.arms.ros2_control.recovery._UNLOCK_AFTER", 0.1)
    arm, link = make()
    link.hear(safety_mode=7)
    with pytest.raises(ArmFault, match="emergency stop: release the button"):
        recover_driver(arm, "resend")
    link.hear(safety_mode=3, program_running=False)
    with pytest.raises(ArmFault, match="External Control"):
        recover_driver(arm, "person")  # it is unlocked, but nobody starts the program
    assert link.calls == ["unlock_protective_stop"]
    assert "recovered from: emergency stop" in recover_driver(arm, "resend")
    assert link.calls[-1] == "resend_robot_program" and not arm.obstacle()
    link.hear(program_running=False)
    link.refuses["play"] = "the dashboard said: no"
    with pytest.raises(ArmFault, match="said: no"):
        recover_driver(arm, "play")
    link.who = "another node commands the arm: /rival"
    with pytest.raises(ArmFault, match="/rival"):
        recover_driver(arm, "resend")


def test_joint_states_that_freeze_end_a_move(make):
    arm, link = make()
    thread, ends = in_background(lambda: arm.move(AWAY))
    within(lambda: arm.status.moving)
    link.frozen = True
    thread.join(3.0)
    assert ends[0].code is MoveCode.STOPPED and "no new joint states" in ends[0].reason
    assert not arm._commands.busy and link.halts
    assert not arm.status.ready


def test_an_arm_that_does_not_follow_ends_the_motion(make):
    arm, link = make()
    link.stuck = True
    end = arm.move(AWAY)
    assert end.code is MoveCode.STOPPED and "does not follow its commands" in end.reason
    assert arm.told and "does not follow" in arm.told[0]


def test_a_driver_that_hears_nothing_moves_nothing(make):
    arm, link = make()
    link.trouble = "nobody listens on /x; is its controller active?"
    assert "nobody listens on /x" in arm.move(AWAY).reason
    assert link.sent == []


def test_a_move_by_action_is_the_controller_s_and_is_cancelled(make):
    arm, link = make(moves="action")
    thread, ends = in_background(lambda: arm.move(AWAY))
    within(lambda: link.action is not None)
    times = [t for t, _, _ in link.points]
    assert times == sorted(times) and not link.points[-1][2].any()
    np.testing.assert_allclose(link.points[-1][1], AWAY, atol=1e-6)
    link.q = np.array(AWAY)
    within(lambda: np.allclose(arm.state.q, AWAY))
    link.action.ended = True
    thread.join()
    assert ends[0].code is MoveCode.NONE
    link.action = None
    thread, ends = in_background(lambda: arm.move(HOME))
    within(lambda: link.action is not None)
    link.action.reason, link.action.ended = "the controller refused the move", True
    thread.join()
    assert (ends[0].code, ends[0].reason) == (MoveCode.STOPPED, "the controller refused the move")
    link.action = None
    link.v = np.full(6, 0.1)  # it moves
    within(lambda: arm.state.speed > 0.05)
    thread, ends = in_background(lambda: arm.move(HOME))
    within(lambda: link.action is not None)
    link.hear(program_running=False)
    within(lambda: link.cancelled > 0)
    link.v = np.zeros(6)
    thread.join()
    assert ends[0].code is MoveCode.STOPPED


def test_twists_for_servo_are_passed_on_and_end_with_zero(make):
    arm, link = make(NumbersLink(streams_twists=True), moves="action", stream="twist")
    arm.stream_twist([0.0, 0.0, 0.05, 0.0, 0.0, 0.0])
    within(lambda: link.twists and not any(link.twists[-1]))
    assert link.twists[0] == (0.0, 0.0, 0.05, 0.0, 0.0, 0.0)
    with pytest.raises(NotReadyError, match="joint targets cannot be followed"):
        arm.stream_joints(HOME)


def test_a_line_stops_within_its_ramp_and_its_points_are_the_whole_move():
    guard = LimitGuard(ArmLimits(workspace_lower=(-0.9, -0.9, -0.1)))
    move = guard.move(HOME, AWAY, 0.0, 0.0)
    line = LineTarget(HOME, move, 0.3)
    while line.v[0] < 0.3:
        line.step(0.01, line.q)
    line.stop()
    count = 0
    while not line.at_rest:
        line.step(0.01, line.q)
        count += 1
    assert count < 15 and line.q[0] < AWAY[0]
    times, places, speeds = zip(*LineTarget(HOME, move, 0.3).points(0.1), strict=True)
    assert times[-1] == pytest.approx(move.duration, abs=0.25)
    assert places[-1] == pytest.approx(AWAY) and not speeds[-1].any()
    assert max(abs(v[0]) for v in speeds) <= move.velocity + 1e-9


def test_whether_an_arm_follows():
    follows, q = Follows(), np.zeros(6)
    assert not any(follows.look(0.02 * i, q + 0.01 * i, 0.01) for i in range(80))
    follows.reset()
    said = [follows.look(0.02 * i, q, 0.01) for i in range(90)]
    assert not said[5] and "0.000 rad where" in said[-1]
    follows.reset()
    assert not any(follows.look(0.02 * i, q, 0.0001) for i in range(80))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "has not said the robot's mode"),
        ({**READY, "robot_mode": 3}, "robot mode is POWER_OFF"),
        ({**READY, "safety_mode": 9}, "safety fault"),
        (READY, ""),
    ],
)
def test_what_a_driver_says_of_its_robot(said, reason):
    found = DriverReport("ur", **said).obstacle()
    assert (reason in found) if reason else not found
    assert DriverReport("none").obstacle() == ""


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"home": HOME[:5]}, "home has 5 numbers, and joint_names has 6 names"),
        ({"joint_names": ("a", "b", "c", "d", "e", "f")}, "give robot_description:="),
        ({"joint_names": ("a",) * 6}, "must be different names"),
        ({"moves": "stream", "stream": "twist"}, "MoveIt Servo does no moves"),
        ({"gripper": "robotiq"}, "robot_ip is empty"),
        ({"robot_description": "/x", "keep_out": "0,0,0,1,1,1"}, "known of a UR5e only"),
        ({"gripper": "action", "gripper_open": 0.1, "gripper_closed": 0.1}, "are both 0.1"),
        ({"joint_upper": [1.0] * 6}, "home is outside the limits"),
        ({"joint_lower": [0.0] * 6, "joint_upper": [0.01] * 6}, "nothing is left between them"),
        ({"workspace_lower": [0.0] * 3, "workspace_upper": [0.0] * 3}, "must be below"),
    ],
)
def test_parameters_that_contradict_each_other(values, says):
    with pytest.raises(ConfigurationError) as refused:
        driver_options(DriverArmParameters(**{"home": HOME, **values}))
    assert says in str(refused.value)


def test_an_arm_of_seven_joints_needs_a_description_and_gets_its_own_limits():
    values = DriverArmParameters(
        joint_names=tuple(f"j{i}" for i in range(7)), joint_lower=(-2.5,) * 7,
        joint_upper=(2.5,) * 7, home=(0.1,) * 7, robot_description="/robot_description",
    )  # fmt: skip
    assert len(driver_options(values).limits.joint_lower) == 7
