"""robosuite's OSC_POSE arm controller with its gripper, written once over mj_step1 and mj_step2.

The law, the gains and the order of updates are those of robosuite 1.5's default Panda controller
(robosuite/controllers/config/robots/default_panda.json), so that equal commands give equal states;
test/integration/test_parity.py holds it to that.
"""

from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OscGains:
    """Parameters of the controller.

    Attributes:
        stiffness: 1/s^2, of position and orientation.
        posture_stiffness: 1/s^2, of the joints in the null space.
        position_scale: m per unit of command.
        rotation_scale: rad per unit of command.
        gripper_speed: change of the gripper's normalised opening per control step.
    """

    stiffness: float = 150.0
    posture_stiffness: float = 10.0
    position_scale: float = 0.05
    rotation_scale: float = 0.5
    gripper_speed: float = 0.2


class _Arm(NamedTuple):
    """What the law needs to know of the arm: indices, N m, 1/s^2."""

    qpos_index: NDArray[np.int64]
    dofs: NDArray[np.int64]
    limits: Array
    stiffness: float
    posture_stiffness: float


class _State(NamedTuple):
    """Views into mjData and the buffers beside it; fetching them anew costs more than the law."""

    qpos: Array
    qvel: Array
    bias: Array
    mass: Array
    jacobian: Array
    pos: Array
    mat: Array


class _Goal(NamedTuple):
    """Where the hand and, in the null space, the joints should be; written in place."""

    pos: Array
    mat: Array
    posture: Array


class OscController:
    """Turns one command into the torques of one control period, and steps the simulation.

    Names are those of the model: the arm's joints and actuators are `robot0_joint*` and
    `robot0_torq_j*`, the point that is controlled is the site `gripper0_right_grip_site`.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        control_freq: int,
        gains: OscGains | None = None,
    ) -> None:
        self._model = model
        self._data = data
        self._gains = gains or OscGains()
        self._substeps = int(1.0 / control_freq / model.opt.timestep)
        self._site = model.site("gripper0_right_grip_site").id
        self._base = model.site("robot0_right_center").id
        joints = [model.joint(f"robot0_joint{i}") for i in range(1, 8)]
        self._arm_ctrl = np.array([model.actuator(f"robot0_torq_j{i}").id for i in range(1, 8)])
        self._arm = _Arm(
            np.array([joint.qposadr[0] for joint in joints]),
            np.array([joint.dofadr[0] for joint in joints]),
            model.actuator_ctrlrange[self._arm_ctrl].copy(),
            self._gains.stiffness,
            self._gains.posture_stiffness,
        )
        self._state = _State(
            data.qpos,
            data.qvel,
            data.qfrc_bias,
            np.zeros((model.nv, model.nv)),
            np.zeros((6, model.nv)),
            data.site_xpos[self._site],
            data.site_xmat[self._site].reshape(3, 3),
        )
        self._goal = _Goal(np.zeros(3), np.eye(3), np.zeros(len(joints)))
        fingers = [model.actuator(f"gripper0_right_gripper_finger_joint{i}").id for i in (1, 2)]
        self._finger_ctrl = np.array(fingers)
        finger_range = model.actuator_ctrlrange[self._finger_ctrl]
        self._finger_mid = 0.5 * (finger_range[:, 1] + finger_range[:, 0])
        self._finger_half = 0.5 * (finger_range[:, 1] - finger_range[:, 0])
        self._opening = np.zeros(2)

    def reset(self) -> None:
        """An episode starts: the present joint positions become the posture of the null space."""
        self._goal.posture[:] = self._state.qpos[self._arm.qpos_index]
        self._opening = np.zeros(2)

    def step(self, action: Array) -> None:
        """Hold one command for one control period.

        Args:
            action: (7,) in [-1, 1], clipped there: displacement (3), rotation vector (3), both
                relative to the achieved pose in the frame of the robot's base, and the gripper,
                of which only the sign counts (negative opens, positive closes).
        """
        model, data, state = self._model, self._data, self._state
        jac_pos, jac_rot = state.jacobian[:3], state.jacobian[3:]
        inertia, ctrl = data.qM, data.ctrl
        for substep in range(self._substeps):
            mujoco.mj_step1(model, data)
            if substep == 0:
                self._set_goal(action)
            mujoco.mj_jacSite(model, data, jac_pos, jac_rot, self._site)
            mujoco.mj_fullM(model, state.mass, inertia)
            ctrl[self._arm_ctrl] = _torques(self._arm, state, self._goal)
            mujoco.mj_step2(model, data)

    def _set_goal(self, action: Array) -> None:
        """The goal update that robosuite calls "achieved": from where the hand is now."""
        gains, state = self._gains, self._state
        base_pos = self._data.site_xpos[self._base]
        base = self._data.site_xmat[self._base].reshape(3, 3)
        command = np.clip(action[:6], -1.0, 1.0)
        local = base.T @ (state.pos - base_pos) + gains.position_scale * command[:3]
        self._goal.pos[:] = base_pos + base @ local
        turn = rotation_from_vector(gains.rotation_scale * command[3:])
        self._goal.mat[:] = base @ (turn @ (base.T @ state.mat))
        closing = gains.gripper_speed * np.sign(action[6])
        self._opening = np.clip(self._opening + np.array([-1.0, 1.0]) * closing, -1.0, 1.0)
        self._data.ctrl[self._finger_ctrl] = self._finger_mid + self._finger_half * self._opening


def rotation_from_vector(vector: Array) -> Array:
    """(3, 3) rotation matrix of a (3,) rotation vector, rad.

    Note: rounded to float32 where robosuite does; with full precision the two engines drift apart
    by more than 1e-6 rad in 40 steps.
    """
    angle = float(np.linalg.norm(vector))
    if angle == 0.0:
        return np.eye(3)
    imaginary = vector / angle * np.sin(angle / 2)
    quat = np.array([np.cos(angle / 2), *imaginary]).astype(np.float32)
    doubled = quat.astype(np.float64) * np.sqrt(2.0 / float(np.dot(quat, quat)))
    q = np.outer(doubled.astype(np.float32), doubled.astype(np.float32))
    _, x, y, z = np.diag(q).astype(np.float64)
    return np.array(
        [
            [1.0 - y - z, q[1, 2] - q[3, 0], q[1, 3] + q[2, 0]],
            [q[1, 2] + q[3, 0], 1.0 - x - z, q[2, 3] - q[1, 0]],
            [q[1, 3] - q[2, 0], q[2, 3] + q[1, 0], 1.0 - x - y],
        ],
        dtype=np.float64,
    )


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
def _desired_acceleration(state: _State, goal: _Goal, stiffness: float) -> Array:
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
def _torques(arm: _Arm, state: _State, goal: _Goal) -> Array:
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
