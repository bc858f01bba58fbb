# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Kinematics of the UR5e in its own base frame, from the DH table that the controller uses."""

from collections.abc import Sequence
from math import acos, atan2, cos, hypot, isfinite, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Joints = Sequence[float] | Array

D1, A2, A3, D4, D5, D6 = 0.1625, -0.425, -0.3922, 0.1333, 0.0997, 0.0996
"""m, the lengths of the DH table of a UR5e; the twists are pi/2, 0, 0, pi/2, -pi/2, 0."""

_SINGULAR = 1e-9


def forward(q: Joints, tcp: Array | None = None) -> tuple[Array, Array, Array]:
    """Where the tool is and how it moves.

    Args:
        q: six joint angles, rad.
        tcp: (6,) pose of the tool centre in the flange, m and rotation vector; None is the flange.

    Returns:
        Position (3,) m, rotation (3, 3) and Jacobian (6, 6): m/s and rad/s per rad/s.
    """
    # numpy's own scalars are slow to reckon with
    q1, q2, q3, q4, q5, q6 = q.tolist() if isinstance(q, np.ndarray) else q
    c1, s1, c5, s5, c6, s6 = cos(q1), sin(q1), cos(q5), sin(q5), cos(q6), sin(q6)
    c2, s2, c23, s23 = cos(q2), sin(q2), cos(q2 + q3), sin(q2 + q3)
    c234, s234 = cos(q2 + q3 + q4), sin(q2 + q3 + q4)
    elbow = (A2 * c1 * c2, A2 * s1 * c2, D1 + A2 * s2)
    wrist1 = (elbow[0] + A3 * c1 * c23, elbow[1] + A3 * s1 * c23, elbow[2] + A3 * s23)
    axis4 = (c1 * s234, s1 * s234, -c234)  # the second wrist turns about it
    wrist2 = (wrist1[0] + D4 * s1, wrist1[1] - D4 * c1, wrist1[2])
    wrist3 = (
        wrist2[0] + D5 * axis4[0],
        wrist2[1] + D5 * axis4[1],
        wrist2[2] + D5 * axis4[2],
    )
    y4 = (s1, -c1, 0.0)
    x5 = (c5 * c1 * c234 + s5 * s1, c5 * s1 * c234 - s5 * c1, c5 * s234)
    axis5 = (c5 * s1 - s5 * c1 * c234, -c5 * c1 - s5 * s1 * c234, -s5 * s234)
    rotation = np.array(
        [
            (c6 * x - s6 * z4, -s6 * x - c6 * z4, z5)
            for x, z4, z5 in zip(x5, axis4, axis5, strict=True)
        ]
    )
    px, py, pz = (o + D6 * z for o, z in zip(wrist3, axis5, strict=True))
    if tcp is not None and tcp.any():
        offset = rotation @ tcp[:3]
        px, py, pz = px + offset[0], py + offset[1], pz + offset[2]
        if tcp[3:].any():
            rotation = rotation @ matrix(tcp[3:])
    axes = ((0.0, 0.0, 1.0), y4, y4, y4, axis4, axis5)
    origins = ((0.0, 0.0, 0.0), (0.0, 0.0, D1), elbow, wrist1, wrist2, wrist3)
    rows = []
    for (ax, ay, az), (ox, oy, oz) in zip(axes, origins, strict=True):
        dx, dy, dz = px - ox, py - oy, pz - oz
        rows.append((ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx, ax, ay, az))
    jacobian = np.array(rows).T
    return np.array((px, py, pz)), rotation, jacobian


def forward_pose(q: Joints, tcp: Array | None = None) -> Array:
    """(6,) pose of the tool: m and rotation vector."""
    position, rotation, _ = forward(q, tcp)
    return np.concatenate((position, rotation_vector(rotation)))


def inverse(target: Array, near: Joints, tcp: Array | None = None) -> Array | None:
    """The solution nearest to a posture.

    Args:
        target: (6,) pose of the tool: m and rotation vector.
        near: six joint angles, rad.
        tcp: (6,) pose of the tool centre in the flange; None is the flange.

    Returns:
        (6,) rad, within one turn of zero; None if there is no solution.
    """
    if not all(isfinite(x) for x in target):
        return None
    flange = homogeneous(target)
    if tcp is not None:
        flange = flange @ np.linalg.inv(homogeneous(tcp))
    best, distance = None, float("inf")
    for solution in _solutions(flange, near[5]):
        turned = np.array([_nearest_turn(x, y) for x, y in zip(solution, near, strict=True)])
        far = float(np.abs(turned - near).sum())
        if far < distance:
            best, distance = turned, far
    return best


def _solutions(flange: Array, q6_free: float) -> list[tuple[float, ...]]:
    """Up to eight postures that put the flange there; q6 is free when both wrist axes align."""
    found = []
    wx, wy = (float(x) for x in flange[:2, 3] - D6 * flange[:2, 2])
    reach = hypot(wx, wy)
    if reach < D4:
        return []
    for shoulder in (1, -1):
        q1 = atan2(wy, wx) + shoulder * acos(D4 / reach) + pi / 2
        s1, c1 = sin(q1), cos(q1)
        cosine = (float(flange[0, 3]) * s1 - float(flange[1, 3]) * c1 - D4) / D6
        if abs(cosine) > 1.0 + 1e-9:
            continue
        for wrist in (1, -1):
            q5 = wrist * acos(max(-1.0, min(1.0, cosine)))
            q6 = q6_free
            if abs(sin(q5)) > 1e-6:
                side = 1.0 if sin(q5) > 0 else -1.0
                q6 = atan2(
                    side * float(-flange[0, 1] * s1 + flange[1, 1] * c1),
                    side * float(flange[0, 0] * s1 - flange[1, 0] * c1),
                )
            found += _arm(flange, q1, q5, q6)
    return found


def _arm(flange: Array, q1: float, q5: float, q6: float) -> list[tuple[float, ...]]:
    """Both elbows for a shoulder pan and a wrist: the planar arm of joints 2 to 4."""
    s1, c1, s5, c5, s6, c6 = sin(q1), cos(q1), sin(q5), cos(q5), sin(q6), cos(q6)
    x6, y6 = flange[:3, 0], flange[:3, 1]
    x5, axis4 = c6 * x6 - s6 * y6, -s6 * x6 - c6 * y6
    x4 = c5 * x5 - s5 * flange[:3, 2]
    q234 = atan2(float(x4[2]), float(c1 * x4[0] + s1 * x4[1]))
    wrist1 = flange[:3, 3] - D6 * flange[:3, 2] - D5 * axis4
    x, z = float(c1 * wrist1[0] + s1 * wrist1[1]), float(wrist1[2]) - D1
    cosine = (x * x + z * z - A2 * A2 - A3 * A3) / (2 * A2 * A3)
    if abs(cosine) > 1.0 + _SINGULAR:
        return []
    found: list[tuple[float, ...]] = []
    for sign in (1, -1):
        q3 = sign * acos(max(-1.0, min(1.0, cosine)))
        q2 = atan2(z, x) - atan2(A3 * sin(q3), A2 + A3 * cos(q3))
        found.append((q1, q2, q3, q234 - q2 - q3, q5, q6))
    return found


def _nearest_turn(angle: float, near: float) -> float:
    turned = angle + 2 * pi * round((near - angle) / (2 * pi))
    while turned > 2 * pi:
        turned -= 2 * pi
    while turned < -2 * pi:
        turned += 2 * pi
    return turned


def matrix(vector: Sequence[float] | Array) -> Array:
    """(3, 3) rotation of a rotation vector (3,), rad."""
    x, y, z = (float(v) for v in vector)
    angle = sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return np.array(((1.0, -z, y), (z, 1.0, -x), (-y, x, 1.0)))
    x, y, z = x / angle, y / angle, z / angle
    c, s = cos(angle), sin(angle)
    t = 1.0 - c
    return np.array(
        (
            (c + x * x * t, x * y * t - z * s, x * z * t + y * s),
            (y * x * t + z * s, c + y * y * t, y * z * t - x * s),
            (z * x * t - y * s, z * y * t + x * s, c + z * z * t),
        )
    )


def rotation_vector(rotation: Array) -> Array:
    """(3,) rotation vector, rad, of length up to pi, of a rotation (3, 3)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = zy - yz, xz - zx, yx - xy
    sine, cosine = sqrt(x * x + y * y + z * z) / 2, (xx + yy + zz - 1) / 2
    angle = atan2(sine, cosine)
    if sine > 1e-6:
        return np.array((x, y, z)) * (angle / (2 * sine))
    if cosine > 0:
        return np.array((x, y, z)) / 2
    # half a turn: the antisymmetric part only tells the sign, the rest is (1 - cos) axis axis^T
    columns = (rotation + rotation.T) / 2 - cosine * np.eye(3)
    axis = columns[:, int(np.argmax(np.diag(columns)))]
    sign = -1.0 if float(axis @ (x, y, z)) < 0 else 1.0
    return axis * (sign * angle / float(np.linalg.norm(axis)))


def homogeneous(pose: Sequence[float] | Array) -> Array:
    """(4, 4) of a pose (6,): m and rotation vector."""
    result = np.eye(4)
    result[:3, :3] = matrix(pose[3:])
    result[:3, 3] = pose[:3]
    return result


def pose_of(transform: Array) -> Array:
    """(6,) pose of a (4, 4)."""
    return np.concatenate((transform[:3, 3], rotation_vector(transform[:3, :3])))
