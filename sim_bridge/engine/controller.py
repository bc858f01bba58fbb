# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""robosuite's OSC_POSE arm controller with its gripper, written once over mj_step1 and mj_step2.

The law, the gains and the order of updates are those of robosuite 1.5's default Panda controller
(robosuite/controllers/config/robots/default_panda.json), so that equal commands give equal states;
test/integration/test_parity.py holds it to that.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from sim_bridge.engine.operational_space import Arm, ArmState, Array, Goal, arm_torques


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
        self._arm = Arm(
            np.array([joint.qposadr[0] for joint in joints]),
            np.array([joint.dofadr[0] for joint in joints]),
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
        self._goal = Goal(np.zeros(3), np.eye(3), np.zeros(len(joints)))
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
