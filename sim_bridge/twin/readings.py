# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The URScript functions that only look or reckon: kinematics, poses and the arm's state."""

import math
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim_bridge.twin import kinematics
from sim_bridge.twin.motion import Array, ScriptPose
from sim_bridge.twin.urscript import ScriptError

if TYPE_CHECKING:
    from sim_bridge.twin.controller import Controller

_HISTORY = 500
_CONTACT_FORCE = 12.0


class ScriptReadings:
    """What a script can find out about one controller's arm."""

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller
        self._motion = controller.motion
        self.history: deque[Array] = deque(maxlen=_HISTORY)

    # kinematics

    def get_forward_kin(self, q: Sequence[float] | None = None, tcp: Any = None) -> ScriptPose:
        """The pose of the tool; the target's joints and the active tool by default."""
        joints = self._motion.q if q is None else six(q)
        return _pose(kinematics.forward_pose(joints, self._motion.tcp if tcp is None else six(tcp)))

    def get_inverse_kin(
        self,
        x: Sequence[float],
        qnear: Sequence[float] | None = None,
        maxPositionError: float = 1e-10,  # noqa: N803
        maxOrientationError: float = 1e-10,  # noqa: N803
        tcp: Any = None,
    ) -> list[float]:
        """Joint angles near qnear; the program ends if there are none."""
        found = self._solve(x, qnear)
        if found is None:
            raise ScriptError(f"no inverse kinematics solution for {shown(list(x))}")
        return [float(value) for value in found]

    def get_inverse_kin_has_solution(
        self,
        pose: Sequence[float],
        qnear: Sequence[float] | None = None,
        maxPositionError: float = 1e-10,  # noqa: N803
        maxOrientationError: float = 1e-10,  # noqa: N803
        tcp: Any = None,
    ) -> bool:
        """Whether get_inverse_kin would find one."""
        return self._solve(pose, qnear) is not None

    def _solve(self, x: Sequence[float], qnear: Sequence[float] | None) -> Any:
        # the client sends zeros for "no posture given"
        near = self._motion.q if qnear is None or not any(qnear) else six(qnear)
        return self._motion.inverse(six(x), near)

    def is_within_safety_limits(self, pose: Sequence[float]) -> bool:
        """Whether joint angles or a pose are inside what the arm can reach."""
        if isinstance(pose, ScriptPose):
            return self._solve(pose, None) is not None
        return bool(np.abs(six(pose)).max() <= 2 * math.pi)

    def pose_trans(self, p_from: Sequence[float], p_from_to: Sequence[float]) -> ScriptPose:
        """The second pose seen from the frame of the first."""
        return _pose(
            kinematics.pose_of(kinematics.homogeneous(p_from) @ kinematics.homogeneous(p_from_to))
        )

    def pose_inv(self, p_from: Sequence[float]) -> ScriptPose:
        """The inverse of a pose."""
        return _pose(kinematics.pose_of(np.linalg.inv(kinematics.homogeneous(p_from))))

    def pose_add(self, p_1: Sequence[float], p_2: Sequence[float]) -> ScriptPose:
        """Sum of the places, product of the turns."""
        return self._combined(p_1, p_2, 1.0)

    def pose_sub(self, p_to: Sequence[float], p_from: Sequence[float]) -> ScriptPose:
        """Difference of the places and of the turns."""
        return self._combined(p_to, p_from, -1.0)

    def _combined(self, p_1: Sequence[float], p_2: Sequence[float], sign: float) -> ScriptPose:
        one, two = six(p_1), six(p_2)
        turn = kinematics.matrix(one[3:]) @ kinematics.matrix(sign * two[3:])
        place = one[:3] + sign * two[:3]
        return _pose(np.concatenate((place, kinematics.rotation_vector(turn))))

    def norm(self, a: Any) -> float:
        """The length of a vector or the magnitude of a number."""
        return float(np.linalg.norm(np.array(a, dtype=np.float64)))

    # state

    def get_actual_joint_positions(self) -> list[float]:
        """Rad, measured."""
        return _numbers(self._controller.arm.q)

    def get_actual_joint_speeds(self) -> list[float]:
        """rad/s, measured."""
        return _numbers(self._controller.arm.qd)

    def get_target_joint_positions(self) -> list[float]:
        """Rad, the target."""
        return _numbers(self._motion.q)

    def get_target_joint_speeds(self) -> list[float]:
        """rad/s, the target."""
        return _numbers(self._motion.qd)

    def get_target_joint_accelerations(self) -> list[float]:
        """rad/s^2, the target."""
        return _numbers(self._motion.qdd)

    def get_actual_joint_positions_history(self, steps: int = 0) -> list[float]:
        """Rad, measured so many cycles ago."""
        past = int(steps)
        if not 0 <= past < max(1, len(self.history)):
            raise ScriptError(f"the history has {len(self.history)} cycles; got {steps}")
        return self.history[-1 - past].tolist() if self.history else self._motion.q.tolist()

    def get_actual_tcp_pose(self) -> ScriptPose:
        """The tool's pose, measured."""
        return _pose(kinematics.forward_pose(self._controller.arm.q, self._motion.tcp))

    def get_target_tcp_pose(self) -> ScriptPose:
        """The tool's pose, the target."""
        return _pose(kinematics.forward_pose(self._motion.q, self._motion.tcp))

    def get_actual_tool_flange_pose(self) -> ScriptPose:
        """The flange's pose, measured."""
        return _pose(kinematics.forward_pose(self._controller.arm.q))

    def get_target_waypoint(self) -> ScriptPose:
        """Where the move under way leads."""
        return _pose(kinematics.forward_pose(self._motion.goal, self._motion.tcp))

    def get_target_tcp_speed(self) -> list[float]:
        """m/s and rad/s in the base frame."""
        _, _, jacobian = kinematics.forward(self._motion.q, self._motion.tcp)
        return _numbers(jacobian @ self._motion.qd)

    def get_tcp_force(self) -> list[float]:
        """N and N m in the base frame, without the zero of zero_ftsensor."""
        return list(self._controller.sensor.read(self._motion.tcp))

    def get_joint_torques(self) -> list[float]:
        """N m per joint, gravity left out."""
        return _numbers(self._controller.arm.torque - self._controller.arm.coriolis())

    def get_mass_matrix(self) -> Any:
        """(6, 6) kg m^2."""
        return self._controller.arm.mass_matrix()

    def get_coriolis_and_centrifugal_torques(self) -> list[float]:
        """N m per joint, with gravity as the simulation has it."""
        return _numbers(self._controller.arm.coriolis())

    def get_jacobian(self) -> Any:
        """(6, 6) of the tool at the target."""
        return kinematics.forward(self._motion.q, self._motion.tcp)[2]

    def get_jacobian_time_derivative(self) -> Any:
        """(6, 6) 1/s of get_jacobian."""
        motion, step = self._motion, 1e-6
        later = kinematics.forward(motion.q + motion.qd * step, motion.tcp)[2]
        return (later - kinematics.forward(motion.q, motion.tcp)[2]) / step

    def is_steady(self) -> bool:
        """Whether the arm stands, measured."""
        return bool(np.abs(self._controller.arm.qd).max() < 1e-2 and not self._motion.qd.any())

    def tool_contact(self, direction: Sequence[float] = (0, 0, 0, 0, 0, 0)) -> int:
        """Cycles since the tool touches something in this direction; 0 for no contact."""
        force, way = np.array(self.get_tcp_force()[:3]), np.array(direction[:3])
        length = float(np.linalg.norm(way))
        against = -float(force @ way) / length if length > 0 else float(np.linalg.norm(force))
        return 1 if against > _CONTACT_FORCE else 0


def six(values: Any) -> Array:
    """Joint angles or a pose as an array; ScriptError unless six finite numbers."""
    array = np.array(values, dtype=np.float64)
    if array.shape != (6,) or not np.isfinite(array).all():
        raise ScriptError(f"six finite numbers are needed; got {shown(values)}")
    return array


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in values]


def _pose(values: Any) -> ScriptPose:
    return ScriptPose(float(value) for value in values)


def shown(value: Any) -> str:
    """A value as the log has it; a list only if it is short and flat."""
    if isinstance(value, list):
        parts = [str(part) for part in value[:10] if isinstance(part, int | float)]
        return f"[{', '.join(parts)}]"
    return str(value) if isinstance(value, int | float | str) else type(value).__name__
