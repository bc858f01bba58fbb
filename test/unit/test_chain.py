# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Kinematics from a robot description: the same as the UR5e's own, and what is refused."""

import numpy as np
import pytest

from robomd_ros.arms.limits import ArmLimits, LimitError, LimitGuard
from robomd_ros.arms.ros2_control.chain import Chain, rotation_vector
from robomd_ros.arms.ur5e import kinematics as ur5e
from robomd_ros.core.errors import ConfigurationError

HALF = 1.570796326794897
TOOL = (0.01, -0.02, 0.145, 0.1, 0.2, -0.3)


def ur5e_urdf(extra=""):
    """The UR5e as its description has it, from the published Denavit-Hartenberg parameters."""
    rows = [  # xyz and rpy of each joint in the link before: the DH row of the joint before it
        ("0 0 0", "0 0 0"),
        ("0 0 0.1625", f"{HALF} 0 0"),
        ("-0.425 0 0", "0 0 0"),
        ("-0.3922 0 0", "0 0 0"),
        ("0 0 0.1333", f"{HALF} 0 0"),
        ("0 0 0.0997", f"{-HALF} 0 0"),
    ]
    links = ["base", *(f"link_{i}" for i in range(6)), "tool0"]
    joints = "".join(
        f'<joint name="{name}" type="revolute"><origin xyz="{xyz}" rpy="{rpy}"/>'
        f'<parent link="{links[i]}"/><child link="{links[i + 1]}"/><axis xyz="0 0 1"/>'
        f'<limit lower="-{6.28 if i != 2 else 3.14}" upper="6.28" velocity="3.14"/></joint>'
        for i, (name, (xyz, rpy)) in enumerate(zip(ur5e.JOINT_NAMES, rows, strict=True))
    )
    flange = (
        '<joint name="flange" type="fixed"><origin xyz="0 0 0.0996"/><parent link="link_5"/>'
        '<child link="tool0"/></joint>'
    )
    named = "".join(f'<link name="{name}"/>' for name in links)
    return f'<robot name="ur">{named}{joints}{flange}{extra}</robot>'


def chain(text=None, names=ur5e.JOINT_NAMES, base="base", tool="tool0"):
    return Chain(text or ur5e_urdf(), names, base, tool)


def test_a_description_of_the_ur5e_gives_the_ur5e_s_own_kinematics():
    rng = np.random.default_rng(0)
    arm = chain()
    q = rng.uniform(-3, 3, (20, 6))
    frames, own = arm.link_frames(q), ur5e.link_frames(q)
    np.testing.assert_allclose(frames[:, -1], own[:, -1], atol=1e-9)
    twist = [0.02, -0.05, 0.1, 0.1, 0.0, -0.2]
    for one in q:
        np.testing.assert_allclose(arm.jacobian(one, TOOL), ur5e.jacobian(one, TOOL), atol=1e-9)
        np.testing.assert_allclose(
            arm.joint_velocity(one, twist, TOOL), ur5e.joint_velocity(one, twist, TOOL), atol=1e-9
        )


def test_the_jacobian_is_the_derivative():
    arm, q, d = chain(), np.array([0.3, -1.2, 1.5, -1.9, -1.4, 0.7]), 1e-6
    for i in range(6):
        step = np.eye(6)[i] * d
        ends = [arm.link_frames(q + s)[-1] @ ur5e.transform(TOOL) for s in (-step, step)]
        moved = (ends[1][:3, 3] - ends[0][:3, 3]) / (2 * d)
        np.testing.assert_allclose(arm.jacobian(q, TOOL)[:3, i], moved, atol=1e-6)


def test_limits_are_kept_with_the_description_s_kinematics():
    limits = ArmLimits(workspace_lower=(-0.9, -0.9, -0.1), workspace_upper=(0.9, 0.9, 1.1))
    home = [-0.294, -1.556, 2.106, -2.12, -1.571, 1.277]
    own, guard = LimitGuard(limits, TOOL), LimitGuard(limits, TOOL, chain().kinematics)
    goal = np.array(home) + 0.3
    assert guard.move(home, goal, 0.0, 0.0).duration == pytest.approx(
        own.move(home, goal, 0.0, 0.0).duration
    )
    for bad in (np.add(home, [0, 1.5, 0, 0, 0, 0]), [0.0] * 7):
        with pytest.raises(LimitError):
            guard.move(home, bad, 0.0, 0.0)
    lower, upper, speed = chain().limits()
    assert (lower[2], upper[2], speed[0]) == (-3.14, 6.28, 3.14)


@pytest.mark.parametrize("vector", [[0, 0, 0], [0.1, -0.2, 0.3], [np.pi, 0, 0], [0, -3.1, 0.2]])
def test_rotations_and_their_vectors(vector):
    matrix = ur5e.rotation_matrix(vector)
    np.testing.assert_allclose(ur5e.rotation_matrix(rotation_vector(matrix)), matrix, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": "<robot"}, "no URDF"),
        ({"text": "not xml"}, "no URDF"),
        ({"text": '<!DOCTYPE x [<!ENTITY a "b">]><robot/>'}, "plain URDF"),
        ({"tool": "hand"}, "it ends at 'hand'"),
        ({"base": "world"}, "base_link 'world'"),
        ({"names": ur5e.JOINT_NAMES[::-1]}, "in the order from base to wrist"),
        ({"text": ur5e_urdf().replace("0 0 0.1625", "0 0 nan")}, "three numbers"),
        ({"text": ur5e_urdf().replace("revolute", "prismatic", 1)}, "is no joint that turns"),
        ({"text": ur5e_urdf().replace('"0 0 1"', '"0 0 0"', 1)}, "no direction"),
    ],
)
def test_descriptions_that_are_refused(given, says):
    with pytest.raises(ConfigurationError) as refused:
        chain(**given)
    assert says in str(refused.value)
