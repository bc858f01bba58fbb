# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The physical side of the twin: a MuJoCo UR5e with its gripper that follows the target."""

from math import pi

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim_bridge.tasks.tabletop import HOME
from sim_bridge.twin import kinematics
from sim_bridge.twin.scene import Tabletop

Array = NDArray[np.float64]

_STIFFNESS, _DAMPING = 3600.0, 120.0
"""1/s^2 and 1/s: the error of the computed torque dies out within 50 ms."""

_GRIPPER_CLOSED = 0.8
"""rad, the finger joints when the gripper is closed."""

_FINGER_LENGTH = 0.1
"""m from the finger joint to the tip."""

_MAX_ERROR = 0.1
_MAX_SPEED = 1.1 * pi
_MAX_EXTERNAL = (90.0, 90.0, 60.0, 20.0, 20.0, 20.0)
"""N m per joint, what contact may do to the arm before it stops: about 150 N at the tool."""

_CONTACT_CYCLES = 5
_LOCKS_BELOW = 0.05
"""rad/s below which closed brakes hold the joints."""


class TwinArm:
    """The simulated arm.

    Attributes:
        q: (6,) rad, as measured.
        qd: (6,) rad/s.
        torque: (6,) N m, of the motors.
        external: (6,) N m, what contact does to the joints.
        tabletop: the scene that it stands in.
    """

    def __init__(self, tabletop: Tabletop, dt: float) -> None:
        """Put the arm at home, at rest.

        Args:
            tabletop: where it stands.
            dt: s, control cycle: a multiple of the model's time step.
        """
        self.tabletop = tabletop
        self._model, self._data = tabletop.model, tabletop.data
        self._substeps = round(dt / self._model.opt.timestep)
        self._mass = np.zeros((self._model.nv, self._model.nv))
        self._limits = self._model.actuator_ctrlrange[:6, 1].copy()
        joints = ("finger_joint", "right_outer_knuckle_joint")
        self._fingers = [int(self._model.joint(f"gripper0_right_{j}").qposadr[0]) for j in joints]
        self._finger_gain = float(self._model.actuator_gainprm[6, 0])
        self._gripper_lag = _GRIPPER_CLOSED
        base = self._model.body("robot0_base").id
        self._data.qpos[:6] = HOME
        mujoco.mj_forward(self._model, self._data)
        self._base = self._data.xpos[base].copy()
        self._contacts = 0
        self._gripper_target = 0.0
        self.torque = np.zeros(6)
        self.external = np.zeros(6)
        self.read()

    def read(self) -> None:
        """Take over the measured state."""
        self.q = self._data.qpos[:6].copy()
        self.qd = self._data.qvel[:6].copy()

    def step(self, q: Array, qd: Array, qdd: Array, brakes: bool = False) -> str:
        """Follow the target for one control cycle.

        Args:
            q: (6,) rad, the target at the end of the cycle.
            qd: (6,) rad/s.
            qdd: (6,) rad/s^2.
            brakes: are closed: once the arm is at rest nothing turns its joints.

        Returns:
            Why a protective stop is due; empty if none is.
        """
        model, data = self._model, self._data
        span = self._substeps * model.opt.timestep
        start = q - qd * span
        external = np.zeros(6)
        locked = data.qpos[:6].copy() if brakes and abs(self.qd).max() < _LOCKS_BELOW else None
        for number in range(self._substeps):
            part = (number + 1) / self._substeps
            wanted = start + (q - start) * part
            mujoco.mj_fullM(model, self._mass, data.qM)
            pull = _STIFFNESS * (wanted - data.qpos[:6]) + _DAMPING * (qd - data.qvel[:6]) + qdd
            torque = self._mass[:6, :6] @ pull + data.qfrc_bias[:6]
            data.ctrl[:6] = np.clip(torque, -self._limits, self._limits)
            self._drive_gripper()
            mujoco.mj_step(model, data)
            external += data.qfrc_constraint[:6]
            if locked is not None:
                data.qpos[:6], data.qvel[:6] = locked, 0.0
        self.torque = data.ctrl[:6].copy()
        self.external = external / self._substeps
        self.read()
        return self._fault(q)

    def _drive_gripper(self) -> None:
        """The fingers' motors pull towards the command: limiting the lag limits the force."""
        goal = self._gripper_target * _GRIPPER_CLOSED
        for motor, finger in enumerate(self._fingers, 6):
            place = float(self._data.qpos[finger])
            lag = min(max(goal - place, -self._gripper_lag), self._gripper_lag)
            self._data.ctrl[motor] = place + lag

    def _fault(self, target: Array) -> str:
        """Why the arm must stop now; plain numbers, because numpy is slow with six of them."""
        error = [abs(x) for x in (target - self.q).tolist()]
        if max(error) > _MAX_ERROR:
            return f"joint {error.index(max(error))} is {max(error):.2f} rad from its target"
        speed = max(map(abs, self.qd.tolist()))
        if speed > _MAX_SPEED:
            return f"a joint moves at {speed:.1f} rad/s"
        pushes = [abs(x) for x in self.external.tolist()]
        pushed = any(x > limit for x, limit in zip(pushes, _MAX_EXTERNAL, strict=True))
        self._contacts = self._contacts + 1 if pushed else 0
        if self._contacts < _CONTACT_CYCLES:
            return ""
        self._contacts = 0
        return f"contact turns the joints with {max(pushes):.0f} N m"

    @property
    def touched(self) -> bool:
        """Whether contact does more to the joints than their friction."""
        return max(map(abs, self.external.tolist())) > 0.5

    def coriolis(self) -> Array:
        """(6,) N m, Coriolis, centrifugal and gravity torques."""
        bias: Array = self._data.qfrc_bias[:6].copy()
        return bias

    def mass_matrix(self) -> Array:
        """(6, 6) kg m^2."""
        mujoco.mj_fullM(self._model, self._mass, self._data.qM)
        return self._mass[:6, :6].copy()

    def wrench(self, jacobian: Array) -> Array:
        """(6,) N and N m at the tool centre, in the base frame, that explain the contact."""
        # damped: near a singularity no wrench is sure
        square = jacobian @ jacobian.T + 1e-4 * np.eye(6)
        force: Array = np.linalg.solve(square, jacobian @ self.external)
        return force

    @property
    def gripper(self) -> float:
        """How far the gripper is closed, 0 to 1."""
        left, right = (float(self._data.qpos[finger]) for finger in self._fingers)
        return min(max((left + right) / (2 * _GRIPPER_CLOSED), 0.0), 1.0)

    def command_gripper(self, closed: float, force: float) -> None:
        """Where the fingers should go, 0 open to 1 closed, and with which force at most, N."""
        self._gripper_target = min(max(closed, 0.0), 1.0)
        self._gripper_lag = 0.5 * force * _FINGER_LENGTH / self._finger_gain

    def objects(self) -> dict[str, Array]:
        """Positions (3,), m, of the objects in the robot's base frame."""
        return {name: self.to_base(place) for name, place in self.tabletop.objects().items()}

    def to_base(self, place: Array) -> Array:
        """A world position (3,), m, in the base frame of the controller (x to the cable side)."""
        x, y, z = place - self._base
        return np.array((-x, -y, z))


class ForceSensor:
    """What contact does to the tool, as the arm's own torques tell it."""

    def __init__(self, arm: TwinArm) -> None:
        self._arm = arm
        self._zero = np.zeros(6)
        self.push = 0.0
        """N with which something pushes the tool down, besides what the simulation knows."""

    def read(self, tcp: Array) -> tuple[float, ...]:
        """(6,) N and N m at the tool centre `tcp`, in the base frame, since the last zero."""
        wrench = self._wrench(tcp) - self._zero
        wrench[2] -= self.push
        return tuple(wrench.tolist())

    def zero(self, tcp: Array) -> None:
        """Count from the present wrench on."""
        self._zero = self._wrench(tcp)

    def _wrench(self, tcp: Array) -> Array:
        if not self._arm.touched:
            return np.zeros(6)
        _, _, jacobian = kinematics.forward(self._arm.q, tcp)
        return self._arm.wrench(jacobian)
