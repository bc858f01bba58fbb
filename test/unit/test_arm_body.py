# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Links of the arm that meet each other, the floor or a box; the way home."""

import numpy as np
import pytest

from robomd_ros.arms.body import distances
from robomd_ros.arms.homing import way_home
from robomd_ros.arms.limits import ArmLimits, LimitError, LimitGuard
from robomd_ros.arms.ur5e.kinematics import joint_velocity
from robomd_ros.core.errors import ConfigurationError

HOME = np.array([-0.294, -1.556, 2.106, -2.12, -1.571, 1.277])
TOOL = (0.0, 0.0, 0.145, 0.0, 0.0, 0.0)


def guard(**limits):
    return LimitGuard(ArmLimits(workspace_lower=(-0.9, -0.9, -0.1), **limits), TOOL)


def changed(joint, angle):
    q = HOME.copy()
    q[joint] = angle
    return q


@pytest.mark.parametrize(
    ("one", "two", "gap"),
    [
        (((0, 0, 0), (1, 0, 0)), ((0, 1, 0), (1, 1, 0)), 1.0),  # side by side
        (((0, 0, 0), (1, 0, 0)), ((0.5, -1, 1), (0.5, 1, 1)), 1.0),  # crossing above
        (((0, 0, 0), (1, 0, 0)), ((2, 0, 0), (3, 0, 0)), 1.0),  # one behind the other
        (((0, 0, 0), (1, 0, 0)), ((1, 3, 4), (1, 3, 4)), 5.0),  # a point
        (((0, 0, 0), (2, 2, 0)), ((2, 0, 0), (0, 2, 0)), 0.0),  # cutting
    ],
)
def test_the_distance_of_two_segments(one, two, gap):
    points = [np.array([p], float) for p in (*one, *two)]
    assert distances(*points) == pytest.approx([gap], abs=1e-9)
    assert distances(*points[2:], *points[:2]) == pytest.approx([gap], abs=1e-9)


def test_the_distance_of_two_segments_is_that_of_their_nearest_points():
    random = np.random.default_rng(0)
    ends = random.normal(size=(4, 200, 3))
    share = np.linspace(0, 1, 60)[:, None]
    for i, found in enumerate(distances(*ends)):
        a, a_end, b, b_end = ends[:, i]
        one, two = a + share * (a_end - a), b + share * (b_end - b)
        nearest = np.linalg.norm(one[:, None] - two[None], axis=-1).min()
        assert found <= nearest + 1e-9
        assert found > nearest - 0.1


@pytest.mark.parametrize(
    ("q", "word"),
    [
        (changed(2, 2.95), "meet"),  # the elbow is folded
        (changed(2, -2.95), "meet"),
        (np.array([0.0, -1.571, 2.6, -2.6, -1.571, 0.0]), ""),
        (np.array([0.0, -1.571, 1.571, -1.571, -1.571, 0.0]), ""),
        (np.array([0.0, -1.571, 0.0, -1.571, 0.0, 0.0]), ""),
        (HOME, ""),
    ],
)
def test_links_keep_away_from_each_other(q, word):
    reason = guard(workspace_upper=(1.5, 1.5, 1.5)).permits(q)
    assert word in reason
    assert bool(word) == bool(reason), reason


def test_a_move_past_the_body_is_refused_before_it_begins():
    with pytest.raises(LimitError, match=r"would meet .* % of the way"):
        guard().move(HOME, changed(2, 2.95), 0.0, 0.0)


def test_the_whole_arm_keeps_out_of_boxes_and_above_the_floor():
    assert not guard(keep_out="1,1,1,2,2,2").permits(HOME)
    # around the elbow, far from the tool
    reason = guard(keep_out="1,1,1,2,2,2; -0.3,-0.3,0.5,0.3,0.3,0.7").permits(HOME)
    assert "would enter the box from (-0.3, -0.3, 0.5)" in reason
    low = np.array([0.0, 0.3, -1.6, -0.5, -1.571, 0.0])  # the elbow's centre is at z = 0.037
    wide = {"workspace_upper": (2, 2, 2)}
    reason = LimitGuard(ArmLimits(workspace_lower=(-2, -2, 0.0), **wide), TOOL).permits(low)
    assert "the upper arm would be down to z = -0.02" in reason
    assert not LimitGuard(ArmLimits(workspace_lower=(-2, -2, -0.1), **wide), TOOL).permits(low)


@pytest.mark.parametrize("text", ["1,2,3", "a", "0,0,0,1,1,-1", "0,0,0,1,1,1;2"])
def test_a_box_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="keep_out needs six numbers"):
        ArmLimits(keep_out=text)


def down(limits, q, depth):
    for _ in range(40):
        q = q + joint_velocity(q, [0, 0, -depth / 40, 0, 0, 0], limits.tcp)
    return q


def test_the_way_home_goes_straight_up_first():
    limits = guard()
    low = down(limits, changed(0, 0.3), 0.2)
    way = way_home(limits, low, HOME, 0.12)
    assert way.lift == pytest.approx(0.12, abs=1e-3)
    assert way.points[-1] == pytest.approx(HOME)
    start = limits.tool_positions(low[None])[0]
    for a, b in zip([low, *way.points[:-2]], way.points[:-1], strict=True):
        path = a + np.linspace(0, 1, 20)[:, None] * (np.array(b) - a)
        assert np.abs(limits.tool_positions(path)[:, :2] - start[:2]).max() < 2e-3
    assert way.sweep > 0.12 + 0.2


def test_an_arm_as_high_as_home_is_not_lifted_and_a_ceiling_ends_the_lift():
    assert way_home(guard(), changed(0, 0.0), HOME, 0.1).lift == pytest.approx(0.0)
    limits = guard()
    low = down(limits, HOME, 0.2)
    height = limits.tool_positions(low[None])[0, 2]
    ceiling = guard(workspace_upper=(0.9, 0.9, height + 0.032))
    way = way_home(ceiling, low, HOME, 0.1)
    assert 0.02 < way.lift < 0.033


@pytest.mark.parametrize(
    ("here", "goes_to"), [(-4.9, 1.277 - 2 * np.pi), (4.0, 1.277), (6.2, 1.277)]
)
def test_the_way_home_takes_no_whole_turn_where_the_limits_allow(here, goes_to):
    way = way_home(guard(), changed(5, here), HOME, 0.1)
    assert way.points[-1][5] == pytest.approx(goes_to)


def test_a_whole_turn_of_the_base_is_a_long_way():
    assert way_home(guard(), changed(0, 6.2), changed(0, -0.2), 0.1).sweep < 0.5
    assert way_home(guard(), changed(0, 6.2), changed(0, 0.0), 0.1).sweep > 2.0
