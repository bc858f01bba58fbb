# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The body of a UR5e as capsules: whether its links meet each other, the floor or a box.

A capsule is all that is within a radius of a segment. Their axes and radii are those of the arm's
hull, a little on the large side; the tool is one more, from the flange to its centre point.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robomd_ros.arms.ur5e.kinematics import Array

_UPPER_ARM_OUT, _FOREARM_OUT = 0.138, 0.007
"""m by which upper arm and forearm stand beside the plane of base and wrist."""
_BASE, _SHOULDER, _UPPER, _FORE, _WRIST_1, _WRIST_2, _FLANGE, _TOOL = range(8)
PARTS = (
    "the base", "the shoulder", "the upper arm", "the forearm", "the first wrist",
    "the second wrist", "the flange", "the tool",
)  # fmt: skip
_RADII = (0.075, 0.06, 0.058, 0.052, 0.048, 0.048, 0.045)
"""m, of all but the tool."""
_PAIRS = (
    (_BASE, _FORE), (_BASE, _WRIST_1), (_BASE, _WRIST_2), (_BASE, _FLANGE), (_BASE, _TOOL),
    (_SHOULDER, _WRIST_1), (_SHOULDER, _WRIST_2), (_SHOULDER, _FLANGE), (_SHOULDER, _TOOL),
    (_UPPER, _WRIST_1), (_UPPER, _WRIST_2), (_UPPER, _FLANGE), (_UPPER, _TOOL),
    (_FORE, _FLANGE), (_FORE, _TOOL),
)  # fmt: skip
"""Links that can meet; neighbours, and those whose joints keep them apart, are left out."""
_FIRST, _SECOND = np.array(_PAIRS).T
_ABOVE_FLOOR = slice(_UPPER, _TOOL)
"""Links whose hull stays above the floor; of the tool its centre point does."""
_DOT = "...k,...k->..."
_SAMPLES = 9
"""Points of a segment that are compared with a box."""
_SAMPLED = 0.006
"""m that a capsule is counted thicker for the hull between two of them."""


@dataclass(frozen=True)
class Box:
    """A box that no part of the arm enters: lower and upper corner, (3,) m, base frame."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def __str__(self) -> str:
        low, high = (", ".join(f"{v:g}" for v in c) for c in (self.lower, self.upper))
        return f"from ({low}) to ({high})"


class ArmBody:
    """The capsules of an arm with a certain tool."""

    def __init__(self, tool: Array, tool_radius: float, boxes: Sequence[Box] = ()) -> None:
        """Prepare.

        Args:
            tool: (4, 4) from flange to tool centre point.
            tool_radius: m.
            boxes: that nothing enters.
        """
        self._tool = tool
        self._radii = np.array([*_RADII, tool_radius])
        self._apart = self._radii[_FIRST] + self._radii[_SECOND]
        self._boxes = tuple(boxes)

    def segments(self, frames: Array) -> tuple[Array, Array]:
        """Axes of the capsules.

        Args:
            frames: (n, 6, 4, 4) of link_frames.

        Returns:
            Their beginnings and ends, (n, 8, 3) m, base frame.
        """
        places = frames[..., :3, 3]
        across = frames[:, 0, :3, 2]  # joint 2's axis
        begin, end = np.zeros((2, len(frames), 8, 3))
        shoulder, elbow, wrist = places[:, 0], places[:, 1], places[:, 2]
        end[:, _BASE] = 0.5 * shoulder  # higher up it is the shoulder that turns
        begin[:, _SHOULDER], end[:, _SHOULDER] = shoulder, shoulder + 0.08 * across
        begin[:, _UPPER] = shoulder + _UPPER_ARM_OUT * across
        end[:, _UPPER] = elbow + _UPPER_ARM_OUT * across
        begin[:, _FORE], end[:, _FORE] = (
            elbow + _FOREARM_OUT * across,
            wrist + _FOREARM_OUT * across,
        )
        begin[:, _WRIST_1], end[:, _WRIST_1] = wrist + 0.05 * across, places[:, 3]
        begin[:, _WRIST_2], end[:, _WRIST_2] = places[:, 3], places[:, 4]
        begin[:, _FLANGE], end[:, _FLANGE] = places[:, 4], places[:, 5]
        begin[:, _TOOL], end[:, _TOOL] = places[:, 5], (frames[:, -1] @ self._tool)[:, :3, 3]
        return begin, end

    def fault(self, frames: Array, floor: float) -> str:
        """What of the arm would meet what; empty if nothing does.

        Args:
            frames: (n, 6, 4, 4) of link_frames, along a path.
            floor: m, height of the floor in the base frame.
        """
        begin, end = self.segments(frames)
        return (
            self._own_fault(begin, end)
            or self._floor_fault(begin, end, floor)
            or self._box_fault(begin, end)
        )

    def _own_fault(self, begin: Array, end: Array) -> str:
        gaps = distances(
            begin[:, _FIRST], end[:, _FIRST], begin[:, _SECOND], end[:, _SECOND]
        ) - self._apart  # fmt: skip
        if (gaps >= 0.0).all():
            return ""
        n, pair = (int(i) for i in np.argwhere(gaps < 0.0)[0])
        one, two = _PAIRS[pair]
        return f"{PARTS[one]} would meet {PARTS[two]}{_share(n, len(begin))}"

    def _floor_fault(self, begin: Array, end: Array, floor: float) -> str:
        low = np.minimum(begin[:, _ABOVE_FLOOR, 2], end[:, _ABOVE_FLOOR, 2])
        low[:, 0] = end[:, _UPPER, 2]  # where it begins, at the shoulder, the arm is mounted
        low -= self._radii[_ABOVE_FLOOR]
        if (low >= floor - 1e-9).all():
            return ""
        n, part = (int(i) for i in np.argwhere(low < floor - 1e-9)[0])
        return (
            f"{PARTS[_UPPER + part]} would be down to z = {low[n, part]:.4g} m"
            f"{_share(n, len(begin))}; the floor of the workspace is {floor:g}"
        )

    def _box_fault(self, begin: Array, end: Array) -> str:
        if not self._boxes:
            return ""
        share = np.linspace(0.0, 1.0, _SAMPLES)[:, None]
        points = begin[:, 1:, None] + share * (end - begin)[:, 1:, None]  # the base stays
        for box in self._boxes:
            outside = np.maximum(np.maximum(box.lower - points, points - box.upper), 0.0)
            gaps = np.linalg.norm(outside, axis=-1).min(axis=-1) - self._radii[1:] - _SAMPLED
            if (gaps < 0.0).any():
                n, part = (int(i) for i in np.argwhere(gaps < 0.0)[0])
                return f"{PARTS[1 + part]} would enter the box {box}{_share(n, len(begin))}"
        return ""


def distances(p: Array, p_end: Array, q: Array, q_end: Array) -> Array:
    """Distances between segments, (..., 3) m each; see Ericson, Real-Time Collision Detection."""
    u, v, w = p_end - p, q_end - q, p - q
    a, b, c = (np.einsum(_DOT, x, y) for x, y in ((u, u), (u, v), (v, v)))
    d, e = np.einsum(_DOT, u, w), np.einsum(_DOT, v, w)
    a, c = np.maximum(a, 1e-12), np.maximum(c, 1e-12)
    denominator = a * c - b * b
    s = np.where(denominator > 1e-12, (b * e - c * d) / np.maximum(denominator, 1e-12), 0.0)
    s = np.clip(s, 0.0, 1.0)
    t = np.clip((b * s + e) / c, 0.0, 1.0)
    s = np.clip((b * t - d) / a, 0.0, 1.0)
    gap: Array = np.linalg.norm(w + s[..., None] * u - t[..., None] * v, axis=-1)
    return gap


def _share(n: int, count: int) -> str:
    return f", {100 * n // (count - 1)} % of the way" if count > 1 else ""
