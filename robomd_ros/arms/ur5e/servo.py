# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Turns streamed commands into joint targets that speed, acceleration and place allow."""

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.limits import Array, LimitGuard, vector

_STOP_DECELERATION = 6.0
"""rad/s^2 with which a stream ends; from the default speed limit that takes 0.2 s."""
_AT_REST = 1e-3
"""rad/s below which the target counts as at rest."""
_LEASH_TIME = 0.25
"""s that the arm may lag behind its target at the speed limit, before the target waits for it."""


class ServoTarget:
    """The joint target of a stream, moved on at every tick of the control loop.

    Whatever is commanded, from one tick to the next the target moves no faster than the joint and
    tool limits, changes its velocity no faster than the acceleration limit, stays inside the joint
    limits and the workspace box, and waits for an arm that does not follow.
    """

    def __init__(self, guard: LimitGuard, q: ArrayLike) -> None:
        """Start at rest at (n,) rad."""
        self._guard = guard
        self._q = vector(q, guard.size, "the start of the stream")
        self._v: Array = np.zeros(guard.size)
        self._twist: Array | None = None
        self._goal: Array | None = None
        self.held = ""
        """Why the target does not follow the command; empty if it does."""
        self.lagging = 0.0
        """s for which the arm has been too far behind the target."""

    @property
    def q(self) -> Array:
        """(6,) rad, the present target."""
        return self._q

    @property
    def v(self) -> Array:
        """(n,) rad/s with which the target moves."""
        return self._v

    @property
    def at_rest(self) -> bool:
        """Whether the target stands still."""
        return float(np.max(np.abs(self._v))) < _AT_REST

    def follow_twist(self, twist: ArrayLike) -> None:
        """Move the tool with (6,) m/s and rad/s in the base frame until told otherwise."""
        self._twist, self._goal = np.asarray(twist, float), None

    def follow_joints(self, goal: ArrayLike) -> None:
        """Go to (6,) rad and stay there until told otherwise."""
        self._twist, self._goal = None, np.asarray(goal, float)

    def stop(self) -> None:
        """Come to rest."""
        self._twist = self._goal = None

    def step(self, dt: float, q_actual: ArrayLike | None = None) -> Array:
        """Move the target on.

        Args:
            dt: s since the last step.
            q_actual: (6,) rad, where the arm is; None: unknown.

        Returns:
            (6,) rad, the new target.
        """
        limits = self._guard.limits
        self.held = ""
        stopping = self._twist is None and self._goal is None
        rate = _STOP_DECELERATION if stopping else limits.joint_acceleration_limit
        v = self._toward(self._wanted(dt), rate * dt)
        self.lagging = self.lagging + dt if self._lag(q_actual) > self._leash else 0.0
        if not stopping:
            self.held = self._obstacle(v, dt, q_actual)
            if self.held:
                v = self._toward(np.zeros(self._guard.size), _STOP_DECELERATION * dt)
        q = self._q + v * dt
        reason = self._forbidden(q, body=False)  # its hull was looked at where it would stop
        if reason:
            self.held = reason
            v, q = np.zeros(self._guard.size), self._q
        self._v, self._q = v, q
        return q

    def _wanted(self, dt: float) -> Array:
        """(6,) rad/s that the command asks for."""
        limits = self._guard.limits
        if self._twist is not None:
            return self._guard.joint_rates(self._q, self._twist)
        if self._goal is None:
            return np.zeros(self._guard.size)
        error = self._goal - self._q
        braking = np.sqrt(2 * 0.8 * limits.joint_acceleration_limit * np.abs(error))
        size = np.minimum(np.minimum(braking, np.abs(error) / max(dt, 1e-4)),
                          limits.joint_speed_limit)  # fmt: skip
        wanted = np.sign(error) * size
        return wanted * self._tool_scale(wanted, dt)

    def _tool_scale(self, v: Array, dt: float) -> float:
        """By what to multiply a joint velocity so that the tool keeps its speed limit."""
        if not v.any():
            return 1.0
        before, after = self._guard.tool_positions(np.array([self._q, self._q + v * dt]))
        speed = float(np.linalg.norm(after - before)) / max(dt, 1e-9)
        return min(1.0, self._guard.limits.tool_speed_limit / max(speed, 1e-9))

    def _toward(self, wanted: Array, change: float) -> Array:
        """The velocity, changed towards the wanted one by at most `change` rad/s in each joint."""
        difference = wanted - self._v
        # all joints by the same share: a tool that is told to go straight goes straight
        share = change / max(float(np.max(np.abs(difference))), 1e-12)
        return self._v + difference * min(1.0, share)

    def _obstacle(self, v: Array, dt: float, q_actual: ArrayLike | None) -> str:
        """Why the target must not go on with this velocity; empty if it may."""
        if self.lagging:
            return f"the arm lags {self._lag(q_actual):.3g} rad behind its target"
        # where the target would come to rest if it were stopped at the next tick
        return self._forbidden(self._q + v * dt + v * np.abs(v) / (2 * _STOP_DECELERATION))

    def _lag(self, q_actual: ArrayLike | None) -> float:
        """Rad by which the arm, (6,) rad, is behind; 0 where that is unknown."""
        if q_actual is None:
            return 0.0
        return float(np.max(np.abs(self._q - np.asarray(q_actual, float))))

    @property
    def _leash(self) -> float:
        limits = self._guard.limits
        return limits.servo_step + limits.joint_speed_limit * _LEASH_TIME

    def _forbidden(self, q: Array, body: bool = True) -> str:
        """Why the target may not go to (6,) rad; a target that is outside already may stop."""
        reason = self._guard.permits(q, body)
        return "" if reason and self._guard.permits(self._q, body) else reason
