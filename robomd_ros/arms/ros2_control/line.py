# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The target of a move along a straight line in joint space, moved on tick by tick."""

import math

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.limits import Move
from robomd_ros.arms.ur5e.kinematics import Array

_DECELERATION = 4.0
"""rad/s^2 of the leading axis with which a move is broken off."""
_AT_REST = 1e-4
"""rad/s below which the target stands still."""


class LineTarget:
    """Goes along a checked move, and waits for an arm that does not follow."""

    def __init__(self, start: ArrayLike, move: Move, leash: float) -> None:
        """Stand at (n,) rad.

        Args:
            start: where the arm is.
            move: as LimitGuard.move gives it.
            leash: rad by which the arm may lag before the target waits.
        """
        self._start = np.asarray(start, float)
        way = np.asarray(move.q) - self._start
        self._length = float(np.max(np.abs(way)))
        self._way = way / max(self._length, 1e-12)
        self._speed, self._acceleration = move.velocity, move.acceleration
        self._leash = leash
        self._done = 0.0
        self._rate = 0.0
        self._stopping = False
        self.held = ""
        """Why the target waits; empty if it does not."""

    @property
    def q(self) -> Array:
        """(n,) rad, the present target."""
        position: Array = self._start + self._done * self._way
        return position

    @property
    def v(self) -> Array:
        """(n,) rad/s with which it moves."""
        velocity: Array = self._rate * self._way
        return velocity

    @property
    def at_rest(self) -> bool:
        """Whether it stands at its end, or where it was stopped."""
        return self._rate < _AT_REST and (self._stopping or self._length - self._done < _AT_REST)

    @property
    def stopped(self) -> bool:
        """Whether it was told to come to rest before its end."""
        return self._stopping

    def stop(self) -> None:
        """Come to rest on the line."""
        self._stopping = True

    def step(self, dt: float, q_actual: ArrayLike) -> None:
        """Move on by `dt` s; the arm is at (n,) rad."""
        lag = float(np.max(np.abs(self.q - np.asarray(q_actual, float))))
        self.held = f"the arm lags {lag:.3g} rad behind its target" if lag > self._leash else ""
        if self._stopping or self.held:
            self._rate = max(0.0, self._rate - _DECELERATION * dt)
        else:
            left = max(0.0, self._length - self._done)
            braking = math.sqrt(2 * self._acceleration * left)
            rate = min(self._rate + self._acceleration * dt, self._speed, braking)
            self._rate = min(rate, left / dt)
        self._done = min(self._done + self._rate * dt, self._length)

    def points(self, period: float) -> list[tuple[float, Array, Array]]:
        """The whole move as (time in s, (n,) rad, (n,) rad/s), the first after one period."""
        ahead = LineTarget(self._start, self._move(), math.inf)
        found, time = [], 0.0
        while not ahead.at_rest or not found:
            ahead.step(period, ahead.q)
            time += period
            found.append((time, ahead.q, ahead.v))
        last_time, last_q, _ = found[-1]
        found[-1] = (last_time, last_q, np.zeros(len(last_q)))
        return found

    def _move(self) -> Move:
        end = self._start + self._length * self._way
        return Move(tuple(end.tolist()), self._speed, self._acceleration, 0.0)
