# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arm's limits: a thousand random commands, and everything that was ever forgotten."""

import numpy as np
import pytest

from robomd_ros.arms.limits import ArmLimits, LimitError, LimitGuard
from robomd_ros.arms.ur5e.kinematics import link_frames, tool_pose
from robomd_ros.arms.ur5e.servo import ServoTarget
from robomd_ros.core.errors import ConfigurationError

HOME = np.array([0.0, -1.571, 1.571, -1.571, -1.571, 0.0])
TCP = (0.0, 0.0, 0.15, 0.0, 0.0, 0.0)
LIMITS = ArmLimits(workspace_lower=(-0.7, -0.7, 0.02), workspace_upper=(0.7, 0.7, 0.9))
GUARD = LimitGuard(LIMITS, TCP)
DT = 0.008


def inside(q, guard=GUARD):
    """Whether a joint position keeps the limits; computed here, one position at a time."""
    limits = guard.limits
    low, high = np.array(limits.joint_lower), np.array(limits.joint_upper)
    if not ((low - 1e-6 <= q) & (q <= high + 1e-6)).all():
        return False
    tool = tool_pose(q, TCP)[:3, 3]
    box = np.array(limits.workspace_lower), np.array(limits.workspace_upper)
    heights = link_frames(q)[1:, 2, 3]
    return bool(((box[0] - 1e-6 <= tool) & (tool <= box[1] + 1e-6)).all()
                and (heights >= box[0][2] - 1e-6).all())  # fmt: skip


def random_goals(seed, n=1000):
    """Goals of every kind: near, far, malformed."""
    random = np.random.default_rng(seed)
    for i in range(n):
        kind = i % 5
        if kind == 0:
            yield HOME + random.normal(0, 0.4, 6), random.uniform(0, 1.5), random.uniform(0, 2)
        elif kind == 1:
            yield random.uniform(-7, 7, 6), 0.0, 0.0
        elif kind == 2:
            goal = HOME + random.normal(0, 0.2, 6)
            goal[random.integers(6)] = random.choice([np.nan, np.inf, -np.inf])
            yield goal, 0.0, 0.0
        elif kind == 3:
            yield random.normal(0, 1, random.choice([0, 1, 5, 7, 12])), 0.0, 0.0
        else:
            bad = random.choice([np.nan, np.inf, -0.1, 1e9])
            yield HOME + 0.1, *random.permutation([bad, 0.3])


def test_of_a_thousand_random_goals_none_outside_passes():
    passed = refused = 0
    for goal, velocity, acceleration in random_goals(0):
        try:
            move = GUARD.move(HOME, goal, velocity, acceleration)
        except LimitError as error:
            refused += 1
            assert len(str(error)) > 20
            continue
        passed += 1
        assert 0 < move.velocity <= LIMITS.joint_speed_limit
        assert 0 < move.acceleration <= LIMITS.joint_acceleration_limit
        path = HOME + np.linspace(0, 1, 50)[:, None] * (np.array(move.q) - HOME)
        assert all(inside(q) for q in path)
    assert passed > 50
    assert refused > 700


def test_a_goal_that_is_inside_but_whose_way_is_not_is_refused():
    left, right = HOME.copy(), HOME.copy()
    left[0], right[0] = -1.0, 1.0
    narrow = LimitGuard(
        ArmLimits(workspace_lower=(-0.7, -0.7, 0.02), workspace_upper=(-0.2, 0.7, 0.9)), TCP
    )
    ahead = LimitGuard(
        ArmLimits(workspace_lower=(-0.45, -0.7, 0.02), workspace_upper=(0.7, 0.7, 0.9)), TCP
    )
    assert narrow.move(HOME, left, 0, 0)
    assert inside(left, ahead)
    assert inside(right, ahead)
    with pytest.raises(LimitError, match="% of the way"):
        ahead.move(left, right, 0, 0)


def test_a_move_is_slowed_down_to_the_tool_speed_limit():
    goal = HOME.copy()
    goal[0] = 1.0
    move = GUARD.move(HOME, goal, 1.05, 1.4)
    reach = np.hypot(*tool_pose(HOME, TCP)[:2, 3])
    assert move.velocity * reach == pytest.approx(LIMITS.tool_speed_limit, rel=1e-3)
    assert move.duration > 1.0 / move.velocity
    turn = HOME.copy()
    turn[5] = 1.0  # the tool only turns on the spot
    assert GUARD.move(HOME, turn, 1.05, 1.4).velocity == 1.05
    assert GUARD.move(HOME, HOME, 0, 0).duration < 0.1


@pytest.mark.parametrize(
    ("twist", "reason"),
    [
        ([0.3, 0, 0, 0, 0, 0], "tool speed is 0.3"),
        ([0.2, 0.2, 0, 0, 0, 0], "tool speed"),
        ([0, 0, 0, 0, 2, 0], "turning speed"),
        ([np.nan, 0, 0, 0, 0, 0], "finite"),
        ([0, 0, 0, 0, 0, np.inf], "finite"),
        ([0.1, 0, 0], "6 numbers"),
        ("fast", "6 numbers"),
    ],
)
def test_twists_are_refused_with_their_reason(twist, reason):
    with pytest.raises(LimitError, match=reason):
        GUARD.twist(HOME, twist)


def test_a_twist_that_leads_out_of_the_box_is_refused_and_one_that_leads_back_is_not():
    tool = tool_pose(HOME, TCP)[:3, 3]
    tight = LimitGuard(
        ArmLimits(workspace_lower=(-0.7, -0.7, tool[2] - 0.005), workspace_upper=(0.7, 0.7, 0.9)),
        TCP,
    )
    with pytest.raises(LimitError, match="z ="):
        tight.twist(HOME, [0, 0, -0.1, 0, 0, 0])
    assert tight.twist(HOME, [0, 0, 0.1, 0, 0, 0])


def test_servo_targets_too_far_from_the_arm_are_refused():
    step = LIMITS.joint_speed_limit * LIMITS.command_timeout + LIMITS.servo_step
    near, far = HOME.copy(), HOME.copy()
    near[5] += 0.99 * step
    far[5] += 1.01 * step
    assert GUARD.joints(HOME, near)
    with pytest.raises(LimitError, match="wrist_3_joint"):
        GUARD.joints(HOME, far)
    for bad in (HOME[:5], [*HOME, 0.0], np.full(6, np.nan), None):
        with pytest.raises(LimitError):
            GUARD.joints(HOME, bad)


def follow(target, ticks, dt=DT):
    """Targets of some ticks, (n + 1, 6)."""
    path = [target.q.copy()]
    for _ in range(ticks):
        path.append(target.step(dt).copy())
    return np.array(path)


def assert_smooth(path, dt=DT, guard=GUARD):
    """Speed, acceleration, place: whatever was commanded."""
    limits = guard.limits
    speed = np.diff(path, axis=0) / dt
    assert np.abs(speed).max() <= limits.joint_speed_limit * 1.001
    tools = guard.tool_positions(path)
    tool_speed = np.linalg.norm(np.diff(tools, axis=0), axis=1).max() / dt
    assert tool_speed <= limits.tool_speed_limit * 1.1
    assert all(inside(q, guard) for q in path[::10])
    return speed


def test_random_streams_never_leave_the_limits():
    random = np.random.default_rng(5)
    target = ServoTarget(GUARD, HOME)
    for _ in range(200):
        if random.random() < 0.5:
            target.follow_twist(np.append(random.normal(0, 0.1, 3), random.normal(0, 0.4, 3)))
        else:
            target.follow_joints(HOME + random.normal(0, 0.6, 6))
        assert_smooth(follow(target, 12))


def test_a_twist_moves_the_tool_straight_and_a_stop_ends_it_soon():
    target = ServoTarget(GUARD, HOME)
    target.follow_twist([0, 0, 0.1, 0, 0, 0])
    path = follow(target, 125)
    tools = GUARD.tool_positions(path)
    assert tools[-1, 2] - tools[0, 2] == pytest.approx(0.1, abs=0.01)
    assert np.abs(tools[:, :2] - tools[0, :2]).max() < 1e-3
    target.stop()
    rest = follow(target, 25)
    assert target.at_rest
    assert np.abs(np.diff(rest, n=2, axis=0)).max() / DT**2 <= 6.0 * 1.01


def test_a_joint_target_is_reached_without_overshoot():
    target = ServoTarget(GUARD, HOME)
    goal = HOME + np.array([0.1, -0.05, 0.05, 0.1, 0.0, -0.1])
    target.follow_joints(goal)
    path = follow(target, 250)
    speed = assert_smooth(path)
    assert target.q == pytest.approx(goal, abs=1e-4)
    assert (np.abs(path - HOME) <= np.abs(goal - HOME) + 1e-4).all()
    change = np.abs(np.diff(speed, axis=0)) / DT
    assert change.max() <= 1.4 * 1.01


def test_a_stream_into_the_wall_stops_in_front_of_it():
    target = ServoTarget(GUARD, HOME)
    target.follow_twist([0, 0, -0.2, 0, 0, 0])
    path = follow(target, 1000)
    heights = GUARD.tool_positions(path)[:, 2]
    assert heights.min() >= 0.02
    assert heights.min() < 0.06
    assert target.at_rest
    assert "z =" in target.held
    target.follow_twist([0, 0, 0.1, 0, 0, 0])
    follow(target, 50)
    assert not target.held
    assert GUARD.tool_positions(target.q[None])[0, 2] > heights.min() + 0.01


def test_a_target_waits_for_an_arm_that_does_not_follow():
    target = ServoTarget(GUARD, HOME)
    target.follow_joints(HOME + np.array([2.0, 0, 0, 0, 0, 0]))
    for _ in range(1000):
        target.step(DT, HOME)
    assert "lags" in target.held
    assert target.at_rest
    assert 0.2 < target.q[0] - HOME[0] < 0.5


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"joint_lower": (0.0,) * 5}, "joint_lower of ur5e_node must be a list of 6 numbers"),
        ({"joint_lower": (-6.2832,) + (-1.0,) * 5}, "shoulder_pan_joint"),
        ({"joint_upper": (1.0, 1.0, 4.0, 1.0, 1.0, 1.0)}, "elbow_joint"),
        ({"joint_upper": (-6.25, 1.0, 1.0, 1.0, 1.0, 1.0)}, "nothing is left"),
        ({"joint_lower": (np.nan,) * 6}, "must be a list of 6 numbers; got nan"),
        ({"workspace_lower": (0.0, 0.0, 2.0)}, "along z"),
        ({"joint_speed": 2.0}, "joint_speed is 2"),
        ({"joint_acceleration": 9.0}, "joint_acceleration"),
        ({"joint_speed_limit": 0.0}, "joint_speed_limit"),
        ({"tool_speed_limit": -1.0}, "tool_speed_limit"),
        ({"command_timeout": np.nan}, "command_timeout"),
    ],
)
def test_limits_that_contradict_themselves_are_refused(values, reason):
    with pytest.raises(ConfigurationError, match=reason):
        ArmLimits(**values)
