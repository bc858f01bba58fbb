# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy needs and a cell gives: what is impossible, and what does not fit, is named."""

import json
import math

import pytest

from robomd_ros.core.errors import PolicyLoadError, SpacesError
from robomd_ros.core.spaces import (
    ANY_SIZE,
    ActionSpec,
    Quantity,
    Spaces,
    misfits,
    require_fit,
    seen_cameras,
)

DELTA = ActionSpec("delta_pose", 7, (-1.0,), (1.0,), rate=20.0)
CELL = Spaces(
    cameras={"agentview": (84, 84)},
    proprioception={
        "eef_pos": Quantity(3, "m", "base"),
        "eef_quat_xyzw": Quantity(4),
        "joint_pos": Quantity(6, "rad"),
    },
    action=DELTA,
)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Quantity(0), "size of a quantity must be a whole number of at least 1; got 0"),
        (lambda: Quantity(3.5), "got 3.5"),
        (lambda: Quantity(3, unit=1), "unit of a quantity must be text; got 1"),
        (lambda: ActionSpec("torque", 7), "unknown kind of action 'torque'; it is one of delta_p"),
        (lambda: ActionSpec("pose", -1), "size of an action must be .* got -1"),
        (lambda: ActionSpec("pose", True), "got True"),
        (lambda: ActionSpec("pose", 7, chunk=0), "chunk of an action must be .* got 0"),
        (lambda: ActionSpec("pose", 7, (0.0, 1.0)), r"low .* one number, or 7, .* got \(0.0, 1.0"),
        (lambda: ActionSpec("pose", 2, ("a", 1)), "low of an action"),
        (lambda: ActionSpec("pose", 2, (math.nan,)), "low of an action"),
        (lambda: ActionSpec("pose", 2, (1.0,), (1.0,)), "low must be below high"),
        (lambda: ActionSpec("pose", 2, rate=-1.0), "rate of actions must be at least 0 Hz; got -1"),
        (lambda: Spaces({"a": (84,)}), r"size of camera 'a' must be \(height, width\)"),
        (lambda: Spaces({"a": 84}), "got 84"),
        (lambda: Spaces({"a": "84"}), "got '84'"),
        (lambda: Spaces({"a": (0, 84)}), r"got \(0, 84\)"),
        (lambda: Spaces({3: (84, 84)}), "the name of a camera must be text; got 3"),
        (lambda: Spaces(proprioception={"q": 6}), "proprioception 'q' must be a Quantity; got 6"),
        (lambda: Spaces(action="delta_pose"), "action must be an ActionSpec; got 'delta_pose'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_value(make, reason):
    with pytest.raises(SpacesError, match=reason):
        make()


def test_one_bound_stands_for_all_values():
    assert ActionSpec("pose", 3, (-1.0,), 2.0).high == (2.0, 2.0, 2.0)
    assert ActionSpec("pose", 2).low == (-math.inf, -math.inf)


def test_what_fits_has_no_misfit():
    needs = Spaces(
        {"agentview": (84, 84)},
        {"eef_pos": Quantity(3, "m", "base"), "joint_pos": Quantity(6)},
        ActionSpec("delta_pose", 7, (-0.5,), (1.0,), rate=20.0),
    )
    assert misfits(needs, CELL) == []
    assert misfits(Spaces(), CELL) == []
    assert misfits(Spaces({"agentview": ANY_SIZE}, action=ActionSpec("delta_pose", 7)), CELL) == []


NEEDS = [
    (Spaces({"wrist": (84, 84)}), ["camera 'wrist' (84 x 84 pixels)", "gives 'agentview' (84 x"]),
    (Spaces({"agentview": (224, 200)}), ["of 224 x 200 pixels", "gives 84 x 84 pixels"]),
    (
        Spaces(proprioception={"joint_vel": Quantity(6, "rad/s")}),
        ["'joint_vel' (6 values in rad/s)", "gives eef_pos (3 values in m in the frame 'base'), "],
    ),
    (
        Spaces(proprioception={"joint_pos": Quantity(7, "rad")}),
        ["'joint_pos' as 7 values in rad", "gives 6 values in rad"],
    ),
    (
        Spaces(proprioception={"eef_pos": Quantity(3, "mm")}),
        ["as 3 values in mm", "gives 3 values in m "],
    ),
    (
        Spaces(proprioception={"eef_pos": Quantity(3, "m", "world")}),
        ["in the frame 'world'", "in the frame 'base'"],
    ),
    (Spaces(state=True), ["wants_state", "the cell has none"]),
    (
        Spaces(action=ActionSpec("joint_target", 7)),
        ["commands joint_target (7,)", "takes delta_pose (7,) in [-1, 1] at 20 Hz"],
    ),
    (Spaces(action=ActionSpec("delta_pose", 8)), ["delta_pose (8,)", "delta_pose (7,)"]),
    (
        Spaces(action=ActionSpec("delta_pose", 7, (*[-1] * 6, 0), (*[1] * 6, 255))),
        ["value 6 in [0, 255] where [-1, 1] is taken", "scale"],
    ),
    (Spaces(action=ActionSpec("delta_pose", 7, rate=10.0)), ["at 10 Hz, the cell at 20 Hz"]),
    (Spaces(action=ActionSpec("delta_pose", 7, chunk=16)), ["16 commands at a time", "takes 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("needs", "says"), NEEDS)
def test_a_misfit_names_both_sides(needs, says):
    [found] = misfits(needs, CELL)
    for part in says:
        assert part in found
    assert ": " in found  # the remedy follows


def test_everything_that_is_missing_comes_in_one_message():
    needs = Spaces(
        {"wrist": (84, 84), "agentview": (224, 224)},
        {"force": Quantity(3, "N")},
        ActionSpec("pose", 7, chunk=8),
    )
    with pytest.raises(PolicyLoadError) as caught:
        require_fit(needs, CELL, "mine", "the cell ur5e")
    message = str(caught.value)
    assert message.startswith("the policy mine does not fit the cell ur5e: ")
    for part in ("'wrist'", "224 x 224", "'force'", "pose (", "8 commands"):
        assert part in message
    assert message.count("; the policy") == 4
    require_fit(Spaces(), CELL, "mine", "the cell ur5e")


def test_a_cell_that_draws_any_size_gives_what_is_asked_for():
    drawn = Spaces({"agentview": (84, 84)}, any_size=True)
    assert misfits(Spaces({"agentview": (224, 224)}), drawn) == []
    needs = Spaces({"agentview": (224, 200)})
    assert seen_cameras(needs, drawn) == {"agentview": (224, 200)}
    assert seen_cameras(Spaces({"agentview": ANY_SIZE}), drawn) == {"agentview": (84, 84)}


@pytest.mark.parametrize(
    ("cameras", "shown"),
    [
        ({"agentview": (128, 128), "wrist": (84, 84)}, {"agentview": (128, 128)}),
        ({"front": (48, 64)}, {"front": (48, 64)}),
        ({"": ANY_SIZE}, {"agentview": (84, 84)}),
        ({"": (224, 224)}, {"agentview": (224, 224)}),
        ({}, {}),
    ],
)
def test_a_policy_that_says_nothing_is_shown_what_the_cell_has(cameras, shown):
    assert seen_cameras(Spaces(cameras=None), Spaces(cameras)) == shown
    assert misfits(Spaces(cameras=None), Spaces(cameras)) == []


def test_a_camera_without_a_name_takes_the_policys_for_its_only_one():
    cell = Spaces({"": ANY_SIZE}, any_size=True)
    assert seen_cameras(Spaces({"front": (84, 84)}), cell) == {"front": (84, 84)}
    assert misfits(Spaces({"front": (84, 84)}), cell) == []
    [missing] = misfits(Spaces({"front": (84, 84), "wrist": (84, 84)}), cell)
    assert "'wrist'" in missing and "gives 'front' (any size)" in missing


def test_plain_values_are_read_and_written():
    plain = {
        "cameras": {"agentview": [84, 84]},
        "proprioception": {"eef_pos": {"size": 3, "unit": "m"}},
        "action": {"kind": "delta_pose", "size": 7, "low": [-1.0], "high": [1.0]},
    }
    made = Spaces.from_mapping(plain)
    assert made.cameras == {"agentview": (84, 84)}
    assert made.action == ActionSpec("delta_pose", 7, (-1.0,), (1.0,))
    assert Spaces.from_mapping(made.to_mapping()) == made
    assert Spaces.from_mapping(json.loads(json.dumps(CELL.to_mapping()))) == CELL
    assert Spaces.from_mapping(Spaces().to_mapping()) == Spaces()
    assert Spaces.from_mapping(Spaces(None).to_mapping()).cameras is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"camera": {}}, "spaces: unknown key 'camera'; known: cameras, proprioception, action"),
        ({"cameras": [84, 84]}, r"cameras must be a mapping of name to size; got \[84, 84\]"),
        ({"proprioception": ["eef_pos"]}, "proprioception must be a mapping"),
        ({"proprioception": {"eef_pos": 3}}, "proprioception 'eef_pos' must be a mapping with si"),
        ({"action": {"kind": "pose", "length": 7}}, "action: unknown key 'length'; known: kind"),
        ("all", "spaces must be a mapping"),
    ],
)
def test_plain_values_that_are_wrong(values, reason):
    with pytest.raises(SpacesError, match=reason):
        Spaces.from_mapping(values)


def test_an_action_without_its_size_is_one_clear_error():
    with pytest.raises(SpacesError, match="action: size is missing"):
        Spaces.from_mapping({"action": {"kind": "pose"}})
