# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a gripper does what it is told."""

import math

from robomd_ros.core.errors import RoboMDError

_PATIENCE = 1.5
"""s within which a gripper that was told to move has begun to."""
_MOVED = 3
"""Counts of 255 from which it has moved."""
_AWAY = 13
"""Counts of 255 between where it is and where it should go, from which it has to move."""
_OPEN = 26
"""Counts of 255: it is open, so that nothing can be in its fingers yet."""
_STOPPED = (1, 2)
"""OBJ of fingers that something stopped while they opened or closed."""


class GripperFault(RoboMDError):
    """The gripper does not answer, reports a fault, or cannot do what it was told."""


class MotionCheck:
    """Compares where a gripper should go with where it is seen to be; all in counts of 255."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Nothing was asked of it."""
        self._target: int | None = None
        self._start = 0
        self._since = 0.0

    def command(self, target: int, position: int, now: float) -> None:
        """It is told to go somewhere, from where it is, at a time in s."""
        if target != self._target:
            self._target, self._start, self._since = target, position, now

    def look(self, position: int, stopped_by: int, now: float) -> None:
        """Where it is seen.

        Args:
            position: of the fingers.
            stopped_by: OBJ as the gripper tells it.
            now: s.

        Raises:
            GripperFault: it has not begun to move in time, and nothing in its fingers explains it.
        """
        if self._target is None or now - self._since < _PATIENCE:
            return
        away = self._target - self._start
        if abs(position - self._start) > _MOVED or abs(away) < _AWAY:
            return
        holds = stopped_by in _STOPPED and not (self._start < _OPEN and away > 0)
        if holds:
            return
        verb = "close" if away > 0 else "open"
        raise GripperFault(
            f"the gripper was told to {verb} to {self._target / 255:.2f} and stays at "
            f"{position / 255:.2f}: see that it is free, has power and is not held by its URCap, "
            "then call recover"
        )


def checked_closure(value: float) -> float:
    """A closure in [0, 1]; GripperFault for anything else."""
    if not (math.isfinite(value) and 0.0 <= value <= 1.0):
        raise GripperFault(f"a gripper command is from 0 (open) to 1 (closed); got {value!r}")
    return float(value)
