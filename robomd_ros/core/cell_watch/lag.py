# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How late a camera's pictures are, by what they show: they must change when the arm moves.

The time on a picture says when it arrived, or what its driver believes. A stream that is buffered
somewhere shows the past with the time of the present; only its content tells.
"""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.cell_watch.picture_checks import Picture, coarse

_STEP = 0.1
"""s between the moments at which motion and pictures are compared."""
_LONGEST = 4.0
"""s of lag that are looked for."""
_AT_LEAST = 4.0
"""s of a rollout before anything is said."""
_KEPT = 1200
"""Pictures, and states, that are kept: a minute and more."""
_MOTION = 0.03
"""rad/s: the spread that the arm's speed must have had, or there is nothing to compare."""
_CHANGE = 1e-3
"""Levels: the spread that the pictures' changes must have had."""
_CLEAR = 0.5
"""Correlation from which a lag is believed."""
_BETTER = 0.1
"""By how much it must exceed the correlation without any lag."""
_LAGS = [round(i * _STEP, 3) for i in range(round(_LONGEST / _STEP))]

Array = NDArray[np.float64]


class LagMeter:
    """Takes the arm's speed and the pictures' changes of a rollout, and compares their courses."""

    def __init__(self) -> None:
        self._speeds: deque[tuple[float, float]] = deque(maxlen=_KEPT * 8)
        self._changes: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._last: NDArray[np.float32] | None = None

    def begin(self) -> None:
        """Forget what was; a rollout starts."""
        self._speeds.clear()
        self._changes.clear()
        self._last = None

    def speed(self, time: float, speed: float) -> None:
        """The fastest joint's speed, rad/s, at a time, s."""
        self._speeds.append((time, speed))

    def picture(self, time: float, picture: Picture) -> None:
        """A picture, (H, W, 3) uint8 RGB, with the time at which it is said to have been taken."""
        now = coarse(picture)
        if self._last is not None and self._last.shape == now.shape:
            # the noise of a sensor is small and everywhere, an arm is large and somewhere
            change = np.abs(now - self._last).max(axis=2)
            self._changes.append((time, float(np.sqrt((np.maximum(change - 4.0, 0) ** 2).mean()))))
        self._last = now

    def lag(self) -> float:
        """How much later than they say the pictures follow the arm, s; NaN where nothing tells."""
        if len(self._changes) < 8 or len(self._speeds) < 8:
            return math.nan
        # copied at once, as they may grow in another thread
        speeds, changes = (np.array(list(s)).T for s in (self._speeds, self._changes))
        begin = max(changes[0, 0], speeds[0, 0])
        end = min(changes[0, -1], speeds[0, -1] + _LONGEST)
        if end - begin < _AT_LEAST:
            return math.nan
        grid = np.arange(begin, end, _STEP)
        seen = np.interp(grid, *changes)
        scores = {lag: _agreement(speeds, grid, seen, lag) for lag in _LAGS}
        known = {lag: score for lag, score in scores.items() if math.isfinite(score)}
        if not known:
            return math.nan
        best = max(known, key=lambda lag: known[lag])
        at_once = max((s for lag, s in known.items() if lag <= 2 * _STEP), default=-1.0)
        if known[best] < _CLEAR:
            return math.nan
        return best if known[best] > at_once + _BETTER else 0.0


def _agreement(speeds: Array, grid: Array, seen: Array, lag: float) -> float:
    """Correlation of the pictures' changes with the arm's speed `lag` s before; NaN: none."""
    there = grid - lag >= speeds[0, 0]
    if there.sum() * _STEP < 0.5 * _AT_LEAST:
        return math.nan
    moved = np.interp(grid[there] - lag, *speeds)
    if moved.std() < _MOTION or seen[there].std() < _CHANGE:
        return math.nan
    return float(np.corrcoef(moved, seen[there])[0, 1])


def late(lag: float, limit: float) -> str:
    """Why pictures so late may not be used; empty if they may, or nothing tells.

    Args:
        lag: s; NaN unknown.
        limit: s.
    """
    if not lag > limit:
        return ""
    return (
        f"the camera's pictures come {lag:.1f} s late (limit {limit:g} s): they show the arm where "
        "it was so long ago; look at buffers of the stream, the network and the machine's load"
    )
