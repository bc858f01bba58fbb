# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics and Jacobian of the UR5e, without asking the controller.

The controller's own answers arrive milliseconds late and, through ur_rtde, partly from stale
registers; limits must be checked before anything is sent.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robomd_ros.arms.arm import ArmDescription

Array = NDArray[np.float64]

JOINT_NAMES = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
"""From base to wrist, as the official driver names them."""
UR5E = ArmDescription("ur5e", JOINT_NAMES)

# Denavit-Hartenberg parameters published by Universal Robots for the UR5e, m and rad
_A = (0.0, -0.425, -0.3922, 0.0, 0.0, 0.0)
_D = (0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996)
_ALPHA = (np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0)
_COS_ALPHA = np.cos(_ALPHA)
_SIN_ALPHA = np.sin(_ALPHA)

NO_TOOL = (0.0,) * 6
"""A tool centre point at the flange."""


def link_frames(q: ArrayLike) -> Array:
    """Poses of the six link frames in the robot's base frame.

    Args:
        q: (..., 6) joint positions, rad.

    Returns:
        (..., 6, 4, 4) homogeneous transforms; the last one is the flange.
    """
    q = np.asarray(q, float)
    cos, sin = np.cos(q), np.sin(q)
    local = np.zeros((*q.shape, 4, 4))
    local[..., 0, 0] = cos
    local[..., 0, 1] = -sin * _COS_ALPHA
    local[..., 0, 2] = sin * _SIN_ALPHA
    local[..., 0, 3] = _A * cos
    local[..., 1, 0] = sin
    local[..., 1, 1] = cos * _COS_ALPHA
    local[..., 1, 2] = -cos * _SIN_ALPHA
    local[..., 1, 3] = _A * sin
    local[..., 2, 1] = _SIN_ALPHA
    local[..., 2, 2] = _COS_ALPHA
    local[..., 2, 3] = _D
    local[..., 3, 3] = 1.0
    frames = np.empty_like(local)
    frames[..., 0, :, :] = local[..., 0, :, :]
    for i in range(1, 6):
        frames[..., i, :, :] = frames[..., i - 1, :, :] @ local[..., i, :, :]
    return frames


def tool_pose(q: ArrayLike, tcp: ArrayLike = NO_TOOL) -> Array:
    """Pose of the tool centre point in the base frame.

    Args:
        q: (..., 6) rad.
        tcp: (6,) tool in the flange frame: m and rotation vector, rad.

    Returns:
        (..., 4, 4) homogeneous transforms.
    """
    return link_frames(q)[..., -1, :, :] @ transform(tcp)


def jacobian(q: ArrayLike, tcp: ArrayLike = NO_TOOL) -> Array:
    """Geometric Jacobian of the tool centre point in the base frame.

    Args:
        q: (6,) rad.
        tcp: (6,) tool in the flange frame: m and rotation vector, rad.

    Returns:
        (6, 6): rows are linear velocity, m/s, then angular velocity, rad/s, for each rad/s.
    """
    frames = link_frames(q)
    tool = (frames[-1] @ transform(tcp))[:3, 3]
    # joint i turns about the z axis of the frame before it
    axes = np.vstack([[0.0, 0.0, 1.0], frames[:-1, :3, 2]])
    origins = np.vstack([np.zeros(3), frames[:-1, :3, 3]])
    return np.vstack([np.cross(axes, tool - origins).T, axes.T])


def joint_velocity(q: ArrayLike, twist: ArrayLike, tcp: ArrayLike = NO_TOOL) -> Array:
    """Joint velocity that moves the tool with a twist, by damped least squares.

    Near a singularity the damping keeps the joints slow at the price of the direction; far from
    one the error is below one part in a hundred.

    Args:
        q: (6,) rad.
        twist: (6,) m/s and rad/s in the base frame.
        tcp: (6,) tool in the flange frame.

    Returns:
        (6,) rad/s.
    """
    return damped_velocity(jacobian(q, tcp), twist)


def damped_velocity(matrix: Array, twist: ArrayLike) -> Array:
    """As `joint_velocity`, of any arm by its (6, n) Jacobian."""
    u, singular, vt = np.linalg.svd(matrix, full_matrices=False)
    # no damping where the arm is far from singular: the tool must go where it is told
    smallest = float(singular[-1])
    factor = _DAMPING**2 * max(0.0, 1.0 - (smallest / _FAR) ** 2)
    gains = singular / (singular**2 + factor)
    velocity: Array = vt.T @ (gains * (u.T @ np.asarray(twist, float)))
    return velocity


_DAMPING = 0.03
"""The largest damping factor of joint velocities, reached at a singularity."""
_FAR = 0.08
"""Smallest singular value from which on nothing is damped."""


def transform(pose: ArrayLike) -> Array:
    """(6,) position, m, and rotation vector, rad, as a (4, 4) homogeneous transform."""
    pose = np.asarray(pose, float)
    result = np.eye(4)
    result[:3, :3] = rotation_matrix(pose[3:])
    result[:3, 3] = pose[:3]
    return result


def rotation_matrix(vector: ArrayLike) -> Array:
    """(3,) rotation vector, rad, as a (3, 3) matrix (Rodrigues)."""
    x, y, z = np.asarray(vector, float)
    angle = float(np.sqrt(x * x + y * y + z * z))
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if angle < 1e-9:
        return np.eye(3) + cross
    cross /= angle
    turned: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return turned


def quat_xyzw(vector: ArrayLike) -> Array:
    """(3,) rotation vector, rad, as a unit quaternion (x, y, z, w)."""
    vector = np.asarray(vector, float)
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.array([*(vector / 2), 1.0])
    return np.array([*(vector / angle * np.sin(angle / 2)), np.cos(angle / 2)])
