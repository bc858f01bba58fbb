# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""robosuite's OSC_POSE arm controller with its gripper, written once over mj_step1 and mj_step2.

The law and the order of updates are those of robosuite 1.5's OSC_POSE with fixed impedance, so that
equal commands give equal states; test/integration/test_parity.py and test_robosuite_parity.py hold
it to that.
"""

from typing import Protocol

import mujoco
import numpy as np

from sim_bridge.engine.binding import Binding
from sim_bridge.engine.operational_space import Arm, ArmState, Array, Goal, arm_torques


class Stepper(Protocol):
    """What moves the robot of a simulation."""

    def reset(self) -> None:
        """An episode starts."""
        ...

    def step(self, action: Array) -> None:
        """Hold one command for one control period."""
        ...


class OscController:
    """Turns one command into the torques of one control period, and steps the simulation."""

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, control_freq: int, binding: Binding
    ) -> None:
        self._model = model
        self._data = data
        self._gains = binding.gains
        self._substeps = int(1.0 / control_freq / model.opt.timestep)
        self._site = binding.site
        self._base = binding.frame
        self._arm_ctrl = binding.arm_ctrl
        self._arm = Arm(
            binding.arm_qpos,
            binding.arm_dofs,
            model.actuator_ctrlrange[self._arm_ctrl].copy(),
            self._gains.stiffness,
            self._gains.posture_stiffness,
        )
        self._state = ArmState(
            data.qpos,
            data.qvel,
            data.qfrc_bias,
            np.zeros((model.nv, model.nv)),
            np.zeros((6, model.nv)),
            data.site_xpos[self._site],
            data.site_xmat[self._site].reshape(3, 3),
        )
        self._goal = Goal(np.zeros(3), np.eye(3), np.zeros(len(binding.arm_qpos)))
        self._gripper = binding.gripper
        self._finger_ctrl = binding.finger_ctrl
        finger_range = model.actuator_ctrlrange[self._finger_ctrl]
        self._finger_mid = 0.5 * (finger_range[:, 1] + finger_range[:, 0])
        self._finger_half = 0.5 * (finger_range[:, 1] - finger_range[:, 0])

    def reset(self) -> None:
        """An episode starts: the present joint positions become the posture of the null space."""
        self._goal.posture[:] = self._state.qpos[self._arm.qpos_index]
        self._gripper.reset()

    def step(self, action: Array) -> None:
        """Hold one command for one control period.

        Args:
            action: (7,) in [-1, 1], clipped there: displacement (3), rotation vector (3), both
                relative to the achieved pose in the frame of the robot's base, and the gripper,
                of which only the sign counts (negative opens, positive closes); (6,) where the
                hand has no motor.
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
            ctrl[self._arm_ctrl] = arm_torques(self._arm, state, self._goal)
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
        if self._finger_ctrl.size:
            opening = self._gripper.command(float(action[6]))
            self._data.ctrl[self._finger_ctrl] = self._finger_mid + self._finger_half * opening


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
