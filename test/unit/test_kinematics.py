# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arm's own kinematics against published poses, differences, and itself."""

import numpy as np
import pytest

from robomd_ros.arms.ur5e.kinematics import (
    jacobian,
    joint_velocity,
    link_frames,
    quat_xyzw,
    rotation_matrix,
    tool_pose,
    transform,
)

TCP = (0.01, -0.02, 0.15, 0.3, -0.2, 0.5)
BENT = np.array([0.3, -1.4, 1.6, -1.7, -1.5, 0.4])


def random_joints(seed, n):
    return np.random.default_rng(seed).uniform(-np.pi, np.pi, (n, 6))


def test_stretched_out_the_flange_is_where_the_dimensions_say():
    # all zero: upper arm and forearm along -x, the wrist offset along -y
    flange = tool_pose(np.zeros(6))
    assert flange[:3, 3] == pytest.approx([-0.425 - 0.3922, -0.1333 - 0.0996, 0.1625 - 0.0997])
    # upright: everything along z, only the wrist's offsets leave the axis
    flange = tool_pose([0, -np.pi / 2, 0, -np.pi / 2, 0, 0])
    height = 0.1625 + 0.425 + 0.3922 + 0.0997
    assert flange[:3, 3] == pytest.approx([0, -0.1333 - 0.0996, height], abs=1e-12)


def test_many_at_once_are_as_one_by_one():
    many = random_joints(0, 20)
    assert link_frames(many) == pytest.approx(np.array([link_frames(q) for q in many]))


@pytest.mark.parametrize("q", random_joints(1, 10))
def test_the_jacobian_is_the_derivative_of_the_pose(q):
    step = 1e-6
    here = tool_pose(q, TCP)
    for joint, column in enumerate(jacobian(q, TCP).T):
        ahead = q.copy()
        ahead[joint] += step
        change = (tool_pose(ahead, TCP) - here) / step
        spin = change[:3, :3] @ here[:3, :3].T
        assert change[:3, 3] == pytest.approx(column[:3], abs=1e-5)
        assert [spin[2, 1], spin[0, 2], spin[1, 0]] == pytest.approx(column[3:], abs=1e-5)


def test_a_twist_is_followed_exactly_where_the_arm_is_free():
    for q in BENT + 0.3 * random_joints(2, 20) / np.pi:
        twist = np.random.default_rng(3).normal(0, 0.1, 6)
        assert jacobian(q, TCP) @ joint_velocity(q, twist, TCP) == pytest.approx(twist, abs=1e-3)


def test_near_a_singularity_the_joints_stay_slow():
    q = BENT.copy()
    q[2] = 1e-4  # stretched elbow: radial motion is impossible
    place = tool_pose(q)[:3, 3]
    pulled = np.append(0.1 * place / np.linalg.norm(place), np.zeros(3))
    assert np.max(np.abs(joint_velocity(q, pulled))) < 3.0
    assert np.max(np.abs(np.linalg.pinv(jacobian(q)) @ pulled)) > 30.0  # what damping prevents


def test_rotation_vectors():
    assert rotation_matrix([0, 0, np.pi / 2]) == pytest.approx(
        np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]]), abs=1e-12
    )
    assert quat_xyzw([0, 0, np.pi / 2]) == pytest.approx([0, 0, 2**-0.5, 2**-0.5])
    assert quat_xyzw([0, 0, 0]) == pytest.approx([0, 0, 0, 1])
    assert quat_xyzw([1e-12, 0, 0]) == pytest.approx([0, 0, 0, 1])
    for vector in np.random.default_rng(4).normal(0, 1.5, (20, 3)):
        x, _, _, w = quat_xyzw(vector)
        matrix = rotation_matrix(vector)
        assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-12)
        assert matrix[2, 1] - matrix[1, 2] == pytest.approx(4 * w * x, abs=1e-9)
        assert np.trace(matrix) == pytest.approx(4 * w * w - 1)
    assert transform([1, 2, 3, 0, 0, 0])[:3, 3] == pytest.approx([1, 2, 3])
