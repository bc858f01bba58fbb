# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Watches a stream of pictures: frozen, black, cut off, of another size, colours exchanged, clock.

No ROS here: whoever receives pictures hands them over with the time on them and the joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robomd_ros.core.cell_watch.picture_checks import (
    Picture,
    darkness,
    missing_part,
    swapped_colours,
)

_MOVED = 0.05
"""rad that a joint turned: the arm is seen to be somewhere else."""
_IN_A_ROW = 3
"""Spoiled pictures, one after the other, that are a fault."""


@dataclass(frozen=True)
class PictureLimits:
    """What is a fault.

    Attributes:
        frozen_after: s of pictures that are the same, bit for bit.
        still: pictures of a scene at rest may be the same (a rendered camera without noise, a
            strongly compressed stream); then they count as frozen only while the arm moves.
        ahead: s that a picture may be stamped in the future.
    """

    frozen_after: float = 1.0
    still: bool = False
    ahead: float = 0.2


class PictureWatch:
    """Follows a camera: `take` says whether a picture may be used, `fault` whether it may itself.

    A single spoiled picture is left out, as cables lose some; several in a row are a fault.
    """

    def __init__(self, limits: PictureLimits, one_scene: bool = True) -> None:
        """Watch a camera.

        Args:
            limits: what is a fault.
            one_scene: the scene stays as it is between two `begin`, so that its first picture
                tells of the others; else each is judged by itself.
        """
        self._limits = limits
        self._one_scene = one_scene
        self._first: Picture | None = None
        self._last: Picture | None = None
        self._same_since = self._arrived = 0.0
        self._joints_then: tuple[float, ...] = ()
        self._joints: tuple[float, ...] = ()
        self._spoiled, self._in_a_row = "", 0
        self._clock = ""

    def begin(self) -> None:
        """What comes from now on belongs together: a rollout starts, its scene stays as it is."""
        self._first, self._spoiled, self._in_a_row = None, "", 0

    def joints(self, positions: Sequence[float]) -> None:
        """Where the arm is now, rad; it tells what must show in the picture."""
        self._joints = tuple(positions)
        if len(self._joints_then) != len(self._joints):
            self._joints_then = self._joints

    def take(self, picture: Picture, stamp: float, arrived: float, clock: float) -> str:
        """A picture has come; why it may not be used, empty if it may.

        Args:
            picture: (H, W, 3) uint8 RGB.
            stamp: Unix time that stands on it, s.
            arrived: monotonic time, s.
            clock: Unix time now, s.
        """
        last, self._last, self._arrived = self._last, picture, arrived
        ahead = stamp - clock
        self._clock = ""
        if ahead > self._limits.ahead:
            self._clock = (
                f"the picture is stamped {ahead:.2f} s in the future (limit "
                f"{self._limits.ahead:g} s): set the clock of the camera's machine (chrony, ntpd)"
            )
        if last is None or last.shape != picture.shape or not np.array_equal(last, picture):
            self._same_since, self._joints_then = arrived, self._joints
        wrong = self._wrong_with(picture)
        self._spoiled, self._in_a_row = wrong, self._in_a_row + 1 if wrong else 0
        if self._first is None and not wrong and self._one_scene:
            self._first = picture
        return wrong or self._clock

    def fault(self) -> str:
        """Why the camera may not be used; empty if it may."""
        spoiled = self._spoiled if self._in_a_row >= _IN_A_ROW else ""
        return spoiled or self._clock or self._frozen()

    @property
    def spoiled(self) -> str:
        """What was wrong with the last picture; empty if nothing."""
        return self._spoiled

    def _wrong_with(self, picture: Picture) -> str:
        first = self._first
        if first is not None and first.shape != picture.shape:
            was, now = (f"{p.shape[1]} x {p.shape[0]}" for p in (first, picture))
            return (
                f"the pictures were {was}, now they are {now}: the camera was set to another size "
                "in between; set it back"
            )
        # a rendered picture may be plain from the beginning, a sensor's never is
        bare = first is None and self._limits.still
        alone = darkness(picture) or ("" if bare else missing_part(picture, first))
        return alone or (swapped_colours(picture, first) if first is not None else "")

    def _frozen(self) -> str:
        age = self._arrived - self._same_since
        if age < self._limits.frozen_after or self._last is None:
            return ""
        turned = max(
            (abs(a - b) for a, b in zip(self._joints, self._joints_then, strict=False)),
            default=0.0,
        )
        if self._limits.still and turned < _MOVED:
            return ""
        moved = f" while the arm turned by {turned:.2f} rad" if turned >= _MOVED else ""
        remedy = "" if moved else (
            "; if it is a rendered camera or a strongly compressed stream, whose pictures of a "
            "scene at rest repeat, set still_pictures to true"
        )  # fmt: skip
        return (
            f"the camera's picture is frozen: the same, bit for bit, for {age:.1f} s{moved}; start "
            f"the camera or its capture card again{remedy}"
        )
