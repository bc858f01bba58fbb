# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Khatib's operational space law, compiled: from the state of the arm and a goal to torques."""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Arm(NamedTuple):
    """What the law needs to know of the arm: indices, N m, 1/s^2."""

    qpos_index: NDArray[np.int64]
    dofs: NDArray[np.int64]
    limits: Array
    stiffness: float
    posture_stiffness: float


class ArmState(NamedTuple):
    """Views into mjData and the buffers beside it; fetching them anew costs more than the law."""

    qpos: Array
    qvel: Array
    bias: Array
    mass: Array
    jacobian: Array
    pos: Array
    mat: Array


class Goal(NamedTuple):
    """Where the hand and, in the null space, the joints should be; written in place."""

    pos: Array
    mat: Array
    posture: Array


# Matrix products and inverses are loops below: numba compiles its linear algebra for ten seconds,
# and at these sizes the calls into LAPACK are most of its time.


@numba.njit(cache=True)
def _product(a: Array, b: Array) -> Array:
    """(n, m) matrix product of (n, k) and (k, m)."""
    result = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                result[i, j] += a[i, k] * b[k, j]
    return result


@numba.njit(cache=True)
def _apply(a: Array, x: Array) -> Array:
    """(n,) product of a matrix (n, k) and a vector (k,)."""
    result = np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            result[i] += a[i, k] * x[k]
    return result


@numba.njit(cache=True)
def _cholesky(matrix: Array) -> Array:
    """Lower triangular factor of a symmetric positive definite matrix.

    A pivot that rounding has made zero or negative, in a singular posture, is held at 1e-12 of
    its diagonal element; robosuite takes the pseudo-inverse, which never differs elsewhere.
    """
    n = matrix.shape[0]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = rest / lower[j, j]
            else:
                lower[i, i] = np.sqrt(max(rest, 1e-12 * matrix[i, i]))
    return lower


@numba.njit(cache=True)
def _inverse(matrix: Array) -> Array:
    """Inverse of a symmetric positive definite matrix."""
    lower = _cholesky(matrix)
    n = matrix.shape[0]
    result = np.zeros((n, n))
    for column in range(n):
        for i in range(column, n):
            rest = 1.0 if i == column else 0.0
            for k in range(column, i):
                rest -= lower[i, k] * result[k, column]
            result[i, column] = rest / lower[i, i]
        for i in range(n - 1, -1, -1):
            rest = result[i, column]
            for k in range(i + 1, n):
                rest -= lower[k, i] * result[k, column]
            result[i, column] = rest / lower[i, i]
    return result


@numba.njit(cache=True)
def _desired_acceleration(state: ArmState, goal: Goal, stiffness: float) -> Array:
    """(6,) critically damped PD of the hand: m/s^2 and rad/s^2 in the world frame.

    The orientation error is half the sum of the cross products of present and desired axes.
    """
    desired = np.zeros(6)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        desired[i] = stiffness * (goal.pos[i] - state.pos[i])
        for axis in range(3):
            cross = state.mat[j, axis] * goal.mat[k, axis] - state.mat[k, axis] * goal.mat[j, axis]
            desired[3 + i] += stiffness * 0.5 * cross
    damping = 2.0 * np.sqrt(stiffness)
    for dof in range(len(state.qvel)):
        for row in range(6):
            desired[row] -= damping * state.jacobian[row, dof] * state.qvel[dof]
    return desired


@numba.njit(cache=True)
def _decoupled_wrench(inertia_inverse: Array, desired: Array) -> Array:
    """(6,) N and N m: position and orientation each with an inertia of its own."""
    wrench, block, part = np.empty(6), np.empty((3, 3)), np.empty(3)
    for first in range(0, 6, 3):
        for i in range(3):
            part[i] = desired[first + i]
            for j in range(3):
                block[i, j] = inertia_inverse[first + i, first + j]
        force = _apply(_inverse(block), part)
        for i in range(3):
            wrench[first + i] = force[i]
    return wrench


@numba.njit(cache=True)
def arm_torques(arm: Arm, state: ArmState, goal: Goal) -> Array:
    """Joint torques, N m: Khatib's operational space law with position and orientation decoupled.

    torque = J^T [Lambda_p a; Lambda_r alpha] + bias + N^T M (posture PD), clipped to the motors.
    """
    n = len(arm.dofs)
    jacobian, transposed, mass = np.empty((6, n)), np.empty((n, 6)), np.empty((n, n))
    posture = np.empty(n)
    damping = 2.0 * np.sqrt(arm.posture_stiffness)
    for i in range(n):
        dof = arm.dofs[i]
        error = goal.posture[i] - state.qpos[arm.qpos_index[i]]
        posture[i] = arm.posture_stiffness * error - damping * state.qvel[dof]
        for row in range(6):
            jacobian[row, i] = transposed[i, row] = state.jacobian[row, dof]
        for j in range(n):
            mass[i, j] = state.mass[dof, arm.dofs[j]]

    weighted = _product(jacobian, _inverse(mass))
    inertia_inverse = _product(weighted, transposed)
    wrench = _decoupled_wrench(inertia_inverse, _desired_acceleration(state, goal, arm.stiffness))
    posture_torque = _apply(mass, posture)
    # N^T x = x - J^T Lambda J M^-1 x, without forming N.
    reaction = _apply(_inverse(inertia_inverse), _apply(weighted, posture_torque))
    for i in range(6):
        wrench[i] -= reaction[i]
    torque = _apply(transposed, wrench)
    for i in range(n):
        torque[i] += state.bias[arm.dofs[i]] + posture_torque[i]
        torque[i] = min(max(torque[i], arm.limits[i, 0]), arm.limits[i, 1])
    return torque
