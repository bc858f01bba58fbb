# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a gripper was told and did during one rollout, for the record of its trial."""

import math

_STILL = 0.3
"""s without motion after which it has come to rest."""
_MOVED = 0.02
"""Closure, from 0 to 1, from which it has moved."""
_MOST = 100
"""Events that are kept of a rollout."""

Event = tuple[float, str, float]
"""s since the begin, "told" or "rests", and the closure, 0 open to 1 closed."""


class GripperEvents:
    """Notes commands as they change, and where the fingers come to rest."""

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """A rollout starts at a time, s."""
        self._begun = now
        self.events: list[Event] = []
        self._told = self._seen = self._rested = math.nan
        self._moved_at = now

    def command(self, closure: float, now: float) -> None:
        """It is told to go to a closure."""
        if closure != self._told:
            self._told = closure
            self._add(now, "told", closure)

    def position(self, closure: float, now: float) -> None:
        """It is seen at a closure."""
        if not abs(closure - self._seen) < _MOVED:
            first = math.isnan(self._seen)
            self._seen, self._moved_at = closure, now
            self._rested = closure if first else math.nan
        elif math.isnan(self._rested) and now - self._moved_at >= _STILL:
            self._rested = self._seen
            self._add(now, "rests", closure)

    def _add(self, now: float, what: str, closure: float) -> None:
        if len(self.events) < _MOST:
            self.events.append((round(now - self._begun, 2), what, round(closure, 3)))
