# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where arm and gripper are in a compiled model: all that the control loop knows of a robot."""

from dataclasses import dataclass, field
from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class OscGains:
    """Parameters of the controller.

    Attributes:
        stiffness: 1/s^2, of position and orientation.
        posture_stiffness: 1/s^2, of the joints in the null space.
        position_scale: m per unit of command.
        rotation_scale: rad per unit of command.
    """

    stiffness: float = 150.0
    posture_stiffness: float = 10.0
    position_scale: float = 0.05
    rotation_scale: float = 0.5


class GripperDrive(Protocol):
    """Turns the sign of one command into what its actuators do."""

    def reset(self) -> None:
        """An episode starts."""
        ...

    def command(self, closing: float) -> Array:
        """(n,) in [-1, 1] for each actuator, for one control step; 1 is the top of its range."""
        ...


class TwoFingers:
    """robosuite's PandaGripper: two fingers that open and close by 0.2 of their range a step."""

    speed = 0.2

    def __init__(self) -> None:
        self._opening = np.zeros(2)

    def reset(self) -> None:
        """An episode starts: half open."""
        self._opening = np.zeros(2)

    def command(self, closing: float) -> Array:
        """Negative opens, positive closes."""
        change = np.array([-1.0, 1.0]) * (self.speed * np.sign(closing))
        self._opening = np.clip(self._opening + change, -1.0, 1.0)
        return self._opening


@dataclass(frozen=True, eq=False)
class Binding:
    """Indices of one robot in one model.

    Attributes:
        arm_qpos: (n,) of the arm's joints in qpos.
        arm_dofs: (n,) of them in qvel.
        arm_ctrl: (n,) of their motors in ctrl.
        site: the point between the fingers, which is controlled.
        frame: the site whose axes commands are meant in.
        base: the body that the arm stands on.
        finger_qpos: (m,) of the gripper's joints in qpos; m is 0 where it has none.
        finger_ctrl: (k,) of its motors in ctrl.
        gripper: what a command means to them.
        gains: of the controller.
    """

    arm_qpos: Indices
    arm_dofs: Indices
    arm_ctrl: Indices
    site: int
    frame: int
    base: int
    finger_qpos: Indices
    finger_ctrl: Indices
    gripper: GripperDrive = field(default_factory=TwoFingers)
    gains: OscGains = field(default_factory=OscGains)


def panda(model: mujoco.MjModel) -> Binding:
    """Robosuite's Panda with its own gripper, found in the model alone: robosuite is not needed."""
    joints = [model.joint(f"robot0_joint{i}") for i in range(1, 8)]
    fingers = [model.joint(f"gripper0_right_finger_joint{i}") for i in (1, 2)]
    motors = [f"robot0_torq_j{i}" for i in range(1, 8)]
    finger_motors = [f"gripper0_right_gripper_finger_joint{i}" for i in (1, 2)]
    return Binding(
        arm_qpos=np.array([joint.qposadr[0] for joint in joints]),
        arm_dofs=np.array([joint.dofadr[0] for joint in joints]),
        arm_ctrl=np.array([model.actuator(name).id for name in motors]),
        site=model.site("gripper0_right_grip_site").id,
        frame=model.site("robot0_right_center").id,
        base=model.body("robot0_base").id,
        finger_qpos=np.array([finger.qposadr[0] for finger in fingers]),
        finger_ctrl=np.array([model.actuator(name).id for name in finger_motors]),
    )
