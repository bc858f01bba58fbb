# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the controller's motion functions do to the target of the arm, cycle by cycle.

Each function is a generator that takes one step per control cycle. A step starts from where the
target is and how fast it moves, so a motion that was paused goes on from rest.
"""

from collections.abc import Generator, Sequence
from math import pi

import numpy as np
from numpy.typing import NDArray

from sim_bridge.twin import kinematics
from sim_bridge.twin.urscript import ScriptError

Array = NDArray[np.float64]
Steps = Generator[None, None, None]

MAX_SPEED = pi
"""rad/s, what the joints of a UR5e can do."""

_COAST = 5.0
"""rad/s^2, how the arm slows down when nothing commands it any more."""

_MAX_ACCELERATION = 40.0
_NEAR = 1e-9


class Motion:
    """The target of the arm.

    Attributes:
        q: (6,) rad.
        qd: (6,) rad/s.
        qdd: (6,) rad/s^2, of the last cycle.
        dt: s, the control cycle.
        speed_fraction: of the speed slider, in (0, 1].
        tcp: (6,) pose of the tool centre in the flange.
        goal: (6,) rad, of the move under way or the last one.
        no_inverse: a fault: the inverse kinematics finds nothing.
    """

    def __init__(self, q: Array, dt: float) -> None:
        self.q = np.array(q, dtype=np.float64)
        self.qd = np.zeros(6)
        self.qdd = np.zeros(6)
        self.dt = dt
        self.speed_fraction = 1.0
        self.tcp = np.zeros(6)
        self.goal = self.q.copy()
        self.no_inverse = False
        self._commanded = False

    # what a control cycle does

    def begin_cycle(self) -> None:
        """Before the script runs: nothing has commanded the arm yet."""
        self._commanded = False

    def end_cycle(self, deceleration: float = _COAST) -> None:
        """After the script ran: slow down if nothing has commanded the arm."""
        if not self._commanded:
            self._slow(deceleration)

    def _step(self, velocity: Array) -> None:
        """Let the target move at this joint velocity for one cycle."""
        self._commanded = True
        self.qdd = (velocity - self.qd) / self.dt
        self.qd = velocity
        self.q = self.q + velocity * self.dt

    def _slow(self, deceleration: float) -> bool:
        """One cycle of braking along the present direction; whether the arm now stands."""
        speed = max(map(abs, self.qd.tolist()))
        left = max(0.0, speed - deceleration * self.dt)
        self._step(self.qd * (left / speed) if speed > _NEAR else np.zeros(6))
        return left <= _NEAR

    def hold(self, q: Array) -> None:
        """Put the target where the arm is, at rest: the brakes are on, or the arm was moved."""
        self.q, self.qd, self.qdd = np.array(q, dtype=np.float64), np.zeros(6), np.zeros(6)

    # moves

    def movej(
        self, q: Sequence[float], a: float = 1.4, v: float = 1.05, t: float = 0.0, r: float = 0.0
    ) -> Steps:
        """Along a straight line of joint space; trapezoidal speed of the leading joint.

        The goal is joint angles or a pose; r (a blend radius, m) is not blended.
        """
        goal = self._inverse(np.array(q), self.q) if isinstance(q, ScriptPose) else self._joints(q)
        self.goal = goal
        a, v = _positive("a", a), _positive("v", v)
        if t > 0.0:
            v = max(v, 2.0 * float(np.abs(goal - self.q).max()) / t)
        yield from self._settle_sideways(goal - self.q, a)
        while True:
            rest = goal - self.q
            length = float(np.abs(rest).max())
            speed = self._profile(float(np.abs(self.qd).max()), length, a, v)
            if length <= max(speed * self.dt, _NEAR):
                break
            self._step(rest * (speed / length))
            yield
        self._arrive(goal)
        yield

    def movel(
        self, pose: Sequence[float], a: float = 1.2, v: float = 0.25, t: float = 0.0, r: float = 0.0
    ) -> Steps:
        """Along a straight line of space; r (a blend radius, m) is not blended.

        Raises:
            ScriptError: no inverse kinematics on the way, or joints would be too fast.
        """
        a, v = _positive("a", a), _positive("v", v)
        target, goal = self._line(pose)
        self.goal = goal
        speed = 0.0
        yield from self._settle_sideways(goal - self.q, 4.0 * a)
        while True:
            position, rotation, jacobian = kinematics.forward(self.q, self.tcp)
            turn = kinematics.rotation_vector(target[:3, :3] @ rotation.T)
            rest = np.concatenate((target[:3, 3] - position, turn))
            # a turn of 1 rad takes as long as a way of 0.4 m
            length = max(float(np.linalg.norm(rest[:3])), 0.4 * float(np.linalg.norm(turn)))
            speed = 0.0 if not self.qd.any() else speed
            speed = self._profile(speed, length, a, v)
            if length <= max(speed * self.dt, 1e-7):
                break
            self._step(self._joint_velocity(jacobian, rest * (speed / length)))
            yield
        self._arrive(self._inverse(kinematics.pose_of(target), self.q))
        yield

    def movep(
        self, pose: Sequence[float], a: float = 1.2, v: float = 0.25, r: float = 0.0
    ) -> Steps:
        """As movel: a constant tool speed from one point to the next needs blends."""
        yield from self.movel(pose, a, v)

    def _line(self, pose: Sequence[float]) -> tuple[Array, Array]:
        """The (4, 4) of a pose, or of the joint angles given instead of one, and its joints."""
        if isinstance(pose, ScriptPose):
            joints = self._inverse(np.array(pose, dtype=np.float64), self.q)
            return kinematics.homogeneous(pose), joints
        joints = self._joints(pose)
        return kinematics.homogeneous(kinematics.forward_pose(joints, self.tcp)), joints

    def _profile(self, speed: float, length: float, a: float, v: float) -> float:
        """The speed of the next cycle: faster, as fast as allowed, or braking for the goal."""
        allowed = v * self.speed_fraction
        change = a * self.dt
        braking = float(np.sqrt(change * change + 2.0 * a * length)) - change  # stops on the goal
        return min(max(speed - a * self.dt, min(speed + a * self.dt, allowed)), braking)

    def _settle_sideways(self, direction: Array, a: float) -> Steps:
        """Brake first if the arm moves, but not towards the goal."""
        while True:
            speed, length = float(np.linalg.norm(self.qd)), float(np.linalg.norm(direction))
            aligned = length > 0 and float(self.qd @ direction) > 0.999 * speed * length
            if speed < 1e-6 or aligned or self._slow(max(a, 1.0)):
                return
            yield

    def _arrive(self, goal: Array) -> None:
        self._step((goal - self.q) / self.dt)
        self.q, self.qd = goal.copy(), np.zeros(6)

    # streams

    def servoj(
        self,
        q: Sequence[float],
        a: float = 0.0,
        v: float = 0.0,
        t: float = 0.002,
        lookahead_time: float = 0.1,
        gain: float = 300,
    ) -> Steps:
        """Follow a stream of joint angles: the target lags by about the lookahead time."""
        goal = self._joints(q)
        self.goal = goal
        lookahead = min(max(_positive("lookahead_time", lookahead_time), 0.03), 0.2)
        rate = min(_positive("gain", gain) / 300.0, 2.0) / lookahead
        for _ in range(self._cycles(t)):
            wanted = np.clip((goal - self.q) * rate, -MAX_SPEED, MAX_SPEED)
            self._step(self._towards(wanted, _MAX_ACCELERATION))
            yield

    def servoc(
        self, pose: Sequence[float], a: float = 1.2, v: float = 0.25, r: float = 0.0
    ) -> Steps:
        """Follow a stream of poses, at most at v; r (m) is not blended."""
        goal = self._inverse(np.array(pose, dtype=np.float64), self.q)
        _, _, jacobian = kinematics.forward(self.q, self.tcp)
        velocity = (goal - self.q) / 0.1
        fast = float(np.linalg.norm(jacobian[:3] @ velocity)) / _positive("v", v)
        self._step(self._towards(velocity / max(fast, 1.0), _MAX_ACCELERATION))
        yield

    def speedj(self, qd: Sequence[float], a: float = 1.0, t: float = 0.0) -> Steps:
        """Move at joint speeds for t s, or until they are reached."""
        wanted = np.clip(self._joints(qd), -MAX_SPEED, MAX_SPEED)
        a = _positive("a", a)
        cycles = self._cycles(t) if t > 0.0 else None
        while cycles is None or cycles > 0:
            self._step(self._towards(wanted, a))
            yield
            if cycles is not None:
                cycles -= 1
            elif np.allclose(self.qd, wanted, atol=1e-6):
                return

    def speedl(
        self,
        xd: Sequence[float],
        a: float = 0.5,
        t: float = 0.0,
        aRot: float = 0.0,  # noqa: N803
    ) -> Steps:
        """Move the tool at a speed in the base frame for t s, or until it is reached."""
        wanted = self._joints(xd)
        a = _positive("a", a)
        cycles = self._cycles(t) if t > 0.0 else None
        while cycles is None or cycles > 0:
            _, _, jacobian = kinematics.forward(self.q, self.tcp)
            present = jacobian @ self.qd
            change = wanted - present
            size = max(float(np.linalg.norm(change[:3])), 0.4 * float(np.linalg.norm(change[3:])))
            share = min(1.0, a * self.dt / size) if size > 0.0 else 1.0
            self._step(self._joint_velocity(jacobian, present + change * share))
            yield
            if cycles is not None:
                cycles -= 1
            elif share == 1.0:
                return

    def stopj(self, a: float = 2.0) -> Steps:
        """Brake in joint space."""
        while not self._slow(_positive("a", a)):
            yield
        yield

    def stopl(self, a: float = 1.0, aRot: float = 0.0) -> Steps:  # noqa: N803
        """Brake the tool at a (m/s^2), along its path as far as joint space has it."""
        _, _, jacobian = kinematics.forward(self.q, self.tcp)
        tool = float(np.linalg.norm((jacobian @ self.qd)[:3]))
        joint = float(np.abs(self.qd).max())
        rate = _positive("a", a) * joint / tool if tool > 1e-3 else 2.0
        yield from self.stopj(min(max(rate, 0.5), _MAX_ACCELERATION))

    # shared

    def inverse(self, pose: Array, near: Array) -> Array | None:
        """Joint angles that put the tool centre there; None if there are none."""
        return None if self.no_inverse else kinematics.inverse(pose, near, self.tcp)

    def _inverse(self, pose: Array, near: Array) -> Array:
        found = self.inverse(pose, near)
        if found is None:
            raise ScriptError(
                f"no inverse kinematics solution for pose {np.round(pose, 4).tolist()}"
            )
        return found

    def _joints(self, values: Sequence[float]) -> Array:
        array = np.array(values, dtype=np.float64)
        if array.shape != (6,) or not np.isfinite(array).all():
            raise ScriptError(f"six finite numbers are needed; got {values}")
        return array

    def _towards(self, wanted: Array, a: float) -> Array:
        """The joint velocity one cycle on the way to another, all joints in the same time."""
        change = wanted - self.qd
        size = float(np.abs(change).max())
        return self.qd + change * min(1.0, a * self.dt / size) if size > 0.0 else wanted

    def _joint_velocity(self, jacobian: Array, twist: Array) -> Array:
        if self.no_inverse or abs(float(np.linalg.det(jacobian))) < 1e-7:
            raise ScriptError("no inverse kinematics solution: the arm is at a singularity")
        velocity = np.linalg.solve(jacobian, twist)
        if float(np.abs(velocity).max()) > 2 * MAX_SPEED:
            raise ScriptError("a joint would have to be too fast: the arm is near a singularity")
        return np.clip(velocity, -MAX_SPEED, MAX_SPEED)

    def _cycles(self, t: float) -> int:
        return max(1, round(t / self.dt))


class ScriptPose(list[float]):
    """p[x, y, z, rx, ry, rz] of a script: m and rotation vector."""


def _positive(name: str, value: float) -> float:
    if not (isinstance(value, int | float) and value > 0.0 and np.isfinite(value)):
        raise ScriptError(f"{name} must be above 0; got {value!r}")
    return float(value)
