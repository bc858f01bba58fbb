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


@numba.njit(cache=True)
def _cholesky(matrix: Array) -> tuple[Array, bool]:
    """Lower triangular factor of a symmetric matrix, and whether it is positive definite."""
    n = matrix.shape[0]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = rest / lower[j, j]
            elif rest <= 1e-12 * matrix[i, i]:
                return lower, False
            else:
                lower[i, i] = np.sqrt(rest)
    return lower, True


@numba.njit(cache=True)
def _inverse(matrix: Array) -> Array:
    """Inverse of a symmetric positive definite matrix; the pseudo-inverse where it is singular.

    Written out because LAPACK's call overhead is most of its time at these sizes.
    """
    lower, definite = _cholesky(matrix)
    if not definite:
        return np.ascontiguousarray(np.linalg.pinv(matrix))
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
def _orientation_error(goal: Array, now: Array) -> Array:
    """(3,) rotation from now to goal, world frame: half the sum of the axes' cross products."""
    error = np.zeros(3)
    for axis in range(3):
        a, b = now[:, axis], goal[:, axis]
        error[0] += 0.5 * (a[1] * b[2] - a[2] * b[1])
        error[1] += 0.5 * (a[2] * b[0] - a[0] * b[2])
        error[2] += 0.5 * (a[0] * b[1] - a[1] * b[0])
    return error


@numba.njit(cache=True)
def _desired_acceleration(state: _State, goal: _Goal, stiffness: float) -> Array:
    """(6,) critically damped PD of the hand: m/s^2 and rad/s^2 in the world frame."""
    desired = np.zeros(6)
    desired[:3] = stiffness * (goal.pos - state.pos)
    desired[3:] = stiffness * _orientation_error(goal.mat, state.mat)
    damping = 2.0 * np.sqrt(stiffness)
    for dof in range(len(state.qvel)):
        for row in range(6):
            desired[row] -= damping * state.jacobian[row, dof] * state.qvel[dof]
    return desired


@numba.njit(cache=True)
def _torques(arm: _Arm, state: _State, goal: _Goal) -> Array:
    """Joint torques, N m: Khatib's operational space law with position and orientation decoupled.

    torque = J^T [Lambda_p a; Lambda_r alpha] + bias + N^T M (posture PD), clipped to the motors.
    """
    n = len(arm.dofs)
    jacobian, mass = np.empty((6, n)), np.empty((n, n))
    velocity, posture_error, torque = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        dof = arm.dofs[i]
        velocity[i], torque[i] = state.qvel[dof], state.bias[dof]
        posture_error[i] = goal.posture[i] - state.qpos[arm.qpos_index[i]]
        for row in range(6):
            jacobian[row, i] = state.jacobian[row, dof]
        for j in range(n):
            mass[i, j] = state.mass[dof, arm.dofs[j]]

    weighted = jacobian @ _inverse(mass)
    inertia_inverse = weighted @ jacobian.T
    desired = _desired_acceleration(state, goal, arm.stiffness)
    wrench = np.empty(6)
    wrench[:3] = _inverse(inertia_inverse[:3, :3].copy()) @ desired[:3]
    wrench[3:] = _inverse(inertia_inverse[3:, 3:].copy()) @ desired[3:]

    damping = 2.0 * np.sqrt(arm.posture_stiffness)
    posture = mass @ (arm.posture_stiffness * posture_error - damping * velocity)
    # N^T x = x - J^T Lambda J M^-1 x, without forming N.
    wrench -= _inverse(inertia_inverse) @ (weighted @ posture)
    torque += jacobian.T @ wrench + posture
    for i in range(n):
        torque[i] = min(max(torque[i], arm.limits[i, 0]), arm.limits[i, 1])
    return torque
