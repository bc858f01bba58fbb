# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How it is noticed that what an arm lowers stands on something, and how fast it is lowered."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.limits import LimitGuard

SPEED = 0.03
"""m/s of the tool on its way down: what it meets is pressed by little more than the limit."""
_SAMPLES, _PAUSE = 10, 0.02
"""Forces that the one before the way down is the median of, and s between them."""
_FOR = 0.02
"""s for which the force must last: one sample is no force."""


class Touch:
    """Compares the force at the tool with that before the way down.

    Attributes:
        met: something has been met.
    """

    def __init__(self, force: Callable[[], Sequence[float]], limit: float) -> None:
        """Take the force at rest; blocks for a moment.

        Args:
            force: (3,) N at the tool, base frame, of the newest state.
            limit: N beside it, above which something has been met.
        """
        self._force, self._limit = force, limit
        before = []
        for _ in range(_SAMPLES):
            before.append(force())
            time.sleep(_PAUSE)
        self._before = np.median(np.array(before), axis=0)
        self._since = 0.0
        self.met = False

    def look(self) -> str:
        """Call it often on the way down: why the way ends, empty if it goes on."""
        push = float(np.linalg.norm(np.asarray(self._force()) - self._before))
        now = time.monotonic()
        if push < self._limit:
            self._since = 0.0
        elif not self._since:
            self._since = now
        elif now - self._since >= _FOR:
            self.met = True
        return f"met something with {push:.0f} N" if self.met else ""


def axis_speed(guard: LimitGuard, q: ArrayLike, goal: ArrayLike) -> float:
    """Rad/s of the leading axis with which the tool goes from (6,) rad to (6,) rad at SPEED."""
    path = np.array([q, goal], float)
    places = guard.tool_positions(path)
    length = float(np.linalg.norm(places[1] - places[0]))
    turn = float(np.max(np.abs(path[1] - path[0])))
    return SPEED * turn / max(length, 1e-6)


def in_words(depth: float) -> str:
    """What is announced before anything moves."""
    return (
        f"setting the object down: at most {100 * depth:.0f} cm down, until it meets something; "
        "then the gripper opens and the tool goes up"
    )
