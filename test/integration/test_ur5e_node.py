# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""ur5e_node on the twin, through the real client library: motions, limits, and every fault."""

import json
import math
import os
import signal
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

from arm_graph import HOME, PLACE, ArmGraph, Watch
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped, WrenchStamped
from graph import wait_for
from in_process import stays
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from robomd_msgs.action import MoveToJoints
from robomd_msgs.msg import RobotStatus
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES, tool_pose
from robomd_ros.ros.qos import LATCHED, STATE_IN

Result = MoveToJoints.Result
_FINE = DiagnosticStatus(level=DiagnosticStatus.OK)
AWAY = [HOME[0] + 0.8, *HOME[1:]]
"""Some seconds away from home."""


@pytest.fixture(scope="module")
def graph(module_domain):
    graph = ArmGraph(module_domain)
    try:
        yield graph
    finally:
        graph.close()


@pytest.fixture
def arm(graph):
    """The graph with a healthy arm at home."""
    graph.heal()
    return graph


def test_it_connects_and_tells_its_state(arm):
    wait_for(lambda: arm.status.at_home, "the news that it is at home", 5)
    status = arm.latched(RobotStatus, f"{PLACE}/robot_status", LATCHED)
    assert status.ready
    assert status.detail == ""
    facts = {fact.key: json.loads(fact.value) for fact in status.facts}
    assert (facts["robot_mode"], facts["safety_mode"]) == ("RUNNING", "NORMAL")
    assert facts["tcp"] == pytest.approx([0.0, 0.0, 0.145, 0.0, 0.0, 0.0])
    assert facts["program_running"] and facts["remote_control"] and facts["gripper"] == "robotiq"
    assert status.at_home and not (status.moving or status.needs_person or status.holds_object)
    joints = arm.latched(JointState, f"{PLACE}/joint_states", 10)  # default QoS
    assert tuple(joints.name) == JOINT_NAMES
    assert list(joints.position) == pytest.approx(HOME, abs=0.01)
    assert joints.header.frame_id == "base"
    pose = arm.latched(PoseStamped, f"{PLACE}/tcp_pose", STATE_IN).pose
    own = tool_pose(arm.q, arm.arm.supervisor.guard.tcp)
    assert [pose.position.x, pose.position.y, pose.position.z] == pytest.approx(
        own[:3, 3], abs=2e-3
    )
    w = pose.orientation.w
    assert np.trace(own[:3, :3]) == pytest.approx(4 * w * w - 1, abs=1e-2)
    assert arm.latched(WrenchStamped, f"{PLACE}/wrench", STATE_IN).header.frame_id == "base"


def test_a_move_arrives_and_tells_its_progress(arm):
    goal = [HOME[0] + 0.25, *HOME[1:]]
    result = arm.move(goal)
    assert (result.error_code, result.error_msg) == (Result.NONE, "")
    assert list(result.positions) == pytest.approx(goal, abs=0.01)
    assert arm.twin.state()["q"] == pytest.approx(goal, abs=0.01)
    remaining = [f.remaining for f in arm.feedback]
    assert len(remaining) > 3
    assert remaining[-1] < remaining[0]


def test_a_cancelled_move_stops_on_the_way(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    wait_for(lambda: arm.q[0] > HOME[0] + 0.02, "some of the way", 10)
    arm.result(handle.cancel_goal_async(), "cancellation")
    arm.rests(within=1.0)
    result = arm.end(handle)
    assert result.error_code == Result.CANCELED
    assert HOME[0] + 0.01 < result.positions[0] < AWAY[0] - 0.1
    assert arm.move(HOME).error_code == Result.NONE


def test_stop_motion_ends_a_move_and_a_second_goal_is_rejected(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    goal = MoveToJoints.Goal(positions=HOME)
    assert not arm.result(arm.mover.send_goal_async(goal), "second goal").accepted
    assert arm.trigger("stop_motion").success
    arm.rests(within=0.5)
    result = arm.end(handle)
    assert result.error_code == Result.STOPPED
    assert "stop_motion" in result.error_msg


def test_a_twist_moves_the_tool_and_a_stale_stream_stops_it(arm):
    before = arm.twin.state()["tcp_pose"]
    arm.stream(1.2, lambda: arm.send_twist(z=0.05))
    arm.rests(within=0.2 + 0.6)  # the time-out, then the way to stop
    after = arm.twin.state()["tcp_pose"]
    assert 0.03 < after[2] - before[2] < 0.09
    assert after[:2] == pytest.approx(before[:2], abs=3e-3)
    wait_for(lambda: arm.arm.supervisor.child.mode == "idle", "the end of the stream", 5)
    assert arm.status.ready


def test_joint_targets_are_followed_by_name(arm):
    goal = np.array(HOME)
    goal[5] += 0.12
    order = [5, 3, 0, 1, 4, 2]
    names = [JOINT_NAMES[i] for i in order]
    arm.stream(1.5, lambda: arm.send_joints(goal[order], names))
    wait_for(lambda: np.allclose(arm.q, goal, atol=5e-3), "the target", 5)
    arm.rests(within=1.0)


@pytest.mark.long
def test_a_move_follows_a_stream_and_a_stream_waits_for_a_move(arm):
    with arm.holding():
        arm.stream(0.5, lambda: arm.send_twist(z=0.05))
        handle = arm.start_move(AWAY)  # while the stream is still in force
        arm.moving()
        refused = arm.node._refused["twist"]
        arm.stream(0.2, lambda: arm.send_twist(z=0.05))
        assert arm.node._refused["twist"] > refused
        assert arm.end(handle).error_code == Result.NONE
    assert arm.q == pytest.approx(AWAY, abs=0.01)


def bad_goals(seed, count):
    random = np.random.default_rng(seed)
    for i in range(count):
        goal = np.array(HOME) + random.normal(0, 0.3, 6)
        velocity = acceleration = 0.0
        kind = i % 6
        if kind == 0:
            goal[random.integers(6)] = random.choice([np.nan, np.inf, -np.inf])
        elif kind == 1:
            goal = random.normal(0, 1, random.choice([0, 1, 5, 7, 30]))
        elif kind == 2:
            goal[random.integers(6)] = random.choice([-1, 1]) * random.uniform(6.3, 50)
        elif kind == 3:
            velocity = random.choice([-1.0, 1.06, 3.2, np.nan, np.inf])
        elif kind == 4:
            acceleration = random.choice([-1.0, 1.41, 50.0, np.nan])
        else:
            goal = np.array(HOME)
            goal[1] += random.uniform(1.0, 1.5)  # through the table
        yield goal, velocity, acceleration


def bad_commands(arm, seed, count):
    """Functions that each send one command that lies outside the limits."""
    random = np.random.default_rng(seed)
    for i in range(count):
        kind = i % 6
        q = np.array(HOME)
        if kind == 0:
            yield lambda: arm.send_twist(z=random.choice([np.nan, np.inf]))
        elif kind == 1:
            x, y = random.choice([-1, 1], 2) * random.uniform(0.26, 5, 2)
            yield lambda x=x, y=y: arm.send_twist(x, y)
        elif kind == 2:
            yield lambda: arm.send_twist(z=0.01, frame="camera")
        elif kind == 3:
            q[random.integers(6)] += random.choice([-1, 1]) * random.uniform(0.5, 5)
            yield lambda q=q: arm.send_joints(q)
        elif kind == 4:
            q[random.integers(6)] = random.choice([np.nan, np.inf, 1e300])
            yield lambda q=q: arm.send_joints(q)
        else:
            yield lambda q=q: arm.send_joints(q[:5], JOINT_NAMES[:5])


@pytest.mark.parametrize(
    ("goals", "commands"),
    [
        (24, 36),
        pytest.param(60, 90, marks=pytest.mark.long),
        pytest.param(400, 600, marks=pytest.mark.slow),
    ],
)
def test_nothing_outside_the_limits_reaches_the_arm(arm, goals, commands):
    """Goals and commands, all outside; the twin's arm does not move at all."""
    with Watch(arm.twin) as watch, arm.holding():
        for goal, velocity, acceleration in bad_goals(0, goals):
            result = arm.move(goal, velocity=velocity, acceleration=acceleration)
            assert result.error_code == Result.OUT_OF_LIMITS, goal
            assert len(result.error_msg) > 20
        counted = sum(arm.node._refused.values())
        for number, send in enumerate(bad_commands(arm, 1, commands), 1):
            send()
            deadline = time.monotonic() + 5
            while sum(arm.node._refused.values()) < counted + number:
                assert time.monotonic() < deadline, f"command {number} was not refused"
                time.sleep(0.001)
    assert sum(arm.node._refused.values()) == counted + commands
    assert arm.status.ready
    q = np.array([s["q"] for s in watch.states])
    assert len(q) > 5
    assert np.abs(q - np.array(HOME)).max() < 5e-3


@pytest.mark.slow
def test_the_wall_of_the_workspace_stops_a_stream(arm):
    with Watch(arm.twin) as watch:
        arm.stream(2.5, lambda: arm.send_twist(z=-0.2))
        arm.rests(within=1.0)
    lowest = min(s["tcp_pose"][2] for s in watch.states)
    assert lowest > -0.1
    assert lowest < arm.twin.state()["tcp_pose"][2] + 0.01
    assert arm.move(HOME).error_code == Result.NONE


def test_the_gripper_and_its_silence(arm):
    grips = []
    arm.client.create_subscription(Float64, f"{PLACE}/gripper_position", grips.append, STATE_IN)
    with arm.holding():
        for closure in (1.0, 0.0):
            arm.grips.publish(Float64(data=closure))
            wait_for(lambda c=closure: abs(arm.twin.state()["gripper"] - c) < 0.2, "motion", 15)
            wait_for(lambda c=closure: abs(grips[-1].data - c) < 0.2, "its position", 5)
        arm.grips.publish(Float64(data=1.5))
        wait_for(lambda: arm.node._refused["gripper"], "refusal", 5)
    arm.twin.fault("gripper_silent")
    arm.diagnoses.clear()
    wait_for(lambda: arm.diagnoses.get("gripper", _FINE).level == DiagnosticStatus.ERROR,
             "diagnosis", 15)  # fmt: skip
    assert "does not answer" in arm.diagnoses["gripper"].message
    assert arm.diagnoses["arm"].level == DiagnosticStatus.OK
    assert arm.move([HOME[0] + 0.02, *HOME[1:]]).error_code == Result.NONE
    arm.twin.clear("gripper_silent")
    wait_for(lambda: arm.diagnoses["gripper"].level == DiagnosticStatus.OK, "the gripper", 15)


@pytest.mark.long
def test_protective_stop_in_a_move(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    stopped = time.monotonic()
    arm.twin.fault("protective_stop")
    arm.noticed("protective stop")
    arm.rests(within=0.5)
    assert arm.end(handle).error_code == Result.STOPPED
    result = arm.move(HOME)
    assert result.error_code == Result.NOT_READY
    assert "recover" in result.error_msg
    assert not arm.trigger("home").success
    refused = arm.node._refused["twist"]
    arm.send_for(0.2, lambda: arm.send_twist(z=0.05))
    assert arm.node._refused["twist"] > refused
    where = arm.twin.state()["q"]
    response = arm.trigger("recover")
    assert response.success, response.message
    assert time.monotonic() - stopped > 5.0
    assert arm.status.ready
    # the goal that was interrupted is void: nothing moves until something new is asked
    assert stays(lambda: np.allclose(arm.twin.state()["q"], where, atol=5e-3), 1.0)
    assert arm.move(HOME).error_code == Result.NONE


@pytest.mark.slow
def test_protective_stop_in_a_stream(arm):
    with arm.holding():
        arm.stream(0.5, lambda: arm.send_twist(z=0.05))
        arm.twin.fault("protective_stop")
        arm.stream(0.5, lambda: arm.send_twist(z=0.05))  # a policy that did not notice
    arm.rests(within=0.5)
    arm.noticed("protective stop")
    assert arm.trigger("recover").success
    assert stays(lambda: arm.twin.state()["speed"] < 0.02, 0.5)


def test_emergency_stop(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.twin.fault("emergency_stop")
    arm.noticed("emergency stop")
    arm.rests(within=0.5)
    assert arm.end(handle).error_code == Result.STOPPED
    response = arm.trigger("recover")
    assert not response.success
    assert "release" in response.message
    where = arm.twin.state()["q"]
    arm.twin.clear("emergency_stop")
    response = arm.trigger("recover")
    assert response.success, response.message
    assert np.allclose(arm.twin.state()["q"], where, atol=0.02)


@pytest.mark.long
def test_local_mode(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.twin.fault("local_mode")
    arm.noticed("local mode")
    arm.rests(within=0.5)
    assert arm.end(handle).error_code == Result.STOPPED
    facts = {fact.key: json.loads(fact.value) for fact in arm.status.facts}
    assert not facts["remote_control"] and arm.status.needs_person
    assert not arm.trigger("recover").success
    arm.twin.clear("local_mode")
    assert stays(lambda: not arm.status.ready, 1.0)  # somebody was at the pendant
    assert arm.trigger("recover").success
    assert stays(lambda: arm.twin.state()["speed"] < 0.02, 0.5)


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)]
)
def test_the_control_process_dies_or_hangs_in_a_move(arm, number):
    handle = arm.start_move(AWAY)
    arm.moving()
    pid = arm.arm.supervisor.child.pid
    os.kill(pid, number)
    struck = time.monotonic()
    wait_for(lambda: arm.arm.supervisor.child is None or arm.arm.supervisor.child.pid != pid,
             "notice of the fault", 5)  # fmt: skip
    assert time.monotonic() - struck < 0.5 + 0.5  # half a second, and as much for a busy machine
    arm.rests(within=0.5)
    result = arm.end(handle)
    assert result.error_code == Result.STOPPED
    assert "control process" in result.error_msg
    arm.ready()
    assert stays(lambda: arm.twin.state()["speed"] < 0.02, 0.5)
    assert result.positions[0] < AWAY[0] - 0.1


@pytest.mark.parametrize(
    "how",
    [pytest.param("fin", marks=pytest.mark.long), pytest.param("rst", marks=pytest.mark.slow)],
)
def test_the_connection_to_the_controller_is_dropped(arm, how):
    handle = arm.start_move(AWAY)
    arm.moving()
    pid = arm.arm.supervisor.child.pid
    arm.twin.fault("rtde_drop", how=how)
    assert arm.end(handle).error_code == Result.STOPPED
    arm.rests(within=0.5)
    arm.twin.clear()
    arm.ready()
    assert arm.arm.supervisor.child.pid != pid
    assert stays(lambda: arm.twin.state()["speed"] < 0.02, 0.5)


@pytest.mark.slow
def test_a_frozen_controller(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.twin.fault("freeze", seconds=3)
    arm.noticed("silent")
    result = arm.end(handle)
    assert result.error_code == Result.STOPPED
    assert arm.move(HOME).error_code == Result.NOT_READY
    arm.ready()
    assert arm.q[0] < AWAY[0] - 0.1
    assert stays(lambda: arm.twin.state()["speed"] < 0.02, 0.5)


@pytest.mark.slow
def test_a_controller_that_is_killed_comes_back(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.twin_process.kill()
    assert arm.end(handle).error_code == Result.STOPPED
    arm.noticed("")
    assert not math.isfinite(arm.status.speed_scaling) or not arm.status.ready
    assert stays(lambda: not arm.status.ready, 1.0)
    arm.start_twin()
    arm.ready()
    assert arm.move(HOME).error_code == Result.NONE
