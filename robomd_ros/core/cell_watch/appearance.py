# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two pictures of one scene, before and after a change: where they differ, and what colours are."""

import colorsys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.cell_watch.picture_checks import Picture

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_WIDTH = 160
"""px, about the width at which pictures are compared: noise is averaged away, a cube is not."""
_LEVEL = (4.0, 14.0)
"""Levels of 255 by which a place has changed, in the dark and in the light."""
_OF_WHITE = 0.06
"""Share of the brightest parts of the picture that this level is, between the two."""
_OF_NOISE = 8.0
"""Times the noise that it is at least."""
_DARK, _BRIGHT = 12.0, 240.0
"""Levels between which the light at a place can be compared."""
_COLOURED = 0.3
"""Saturation from which a place has a colour of its own."""
_NEUTRAL = 0.25
"""Saturation below which it is black, gray or white."""
_ANGLE = np.cos(np.radians(18.0))
"""Cosine of how far a colour may be from another that it still is."""
_HUES = (
    (15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"),
    (330, "purple"), (361, "red"),
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """The pictures before and after, scaled down.

    Attributes:
        before: (h, w, 3), levels of 255.
        after: (h, w, 3), likewise.
    """

    before: Array
    after: Array

    @classmethod
    def of(cls, before: Picture, after: Picture) -> "Pair":
        """Of two pictures of one size, (H, W, 3) uint8 RGB."""
        return cls(_scaled(before), _scaled(after))

    @property
    def size(self) -> int:
        """Places."""
        return self.after.shape[0] * self.after.shape[1]

    @cached_property
    def changed(self) -> Mask:
        """(h, w) where they differ."""
        return self.differs(np.zeros(3))

    def differs(self, gain: Array) -> Mask:
        """(h, w) where they differ by more than a change of the light: log gain, (3,)."""
        expected = np.minimum(self.before * np.exp(gain), 255.0)
        white = float(np.percentile(self.after, 95))
        level = float(np.clip(max(_OF_WHITE * white, _OF_NOISE * _noise(self.before)), *_LEVEL))
        mask: Mask = np.abs(self.after - expected).max(axis=2) > level
        return _without_specks(mask)

    def gain(self, leave_out: Mask) -> Array | None:
        """By how much the light has changed: log of the ratio, (3,); None if nothing tells."""
        gains = np.zeros(3)
        for channel in range(3):
            before, after = self.before[..., channel], self.after[..., channel]
            told = (before > _DARK) & (before < _BRIGHT) & (after < _BRIGHT + 10) & ~leave_out
            if told.sum() < 0.01 * self.size:
                return None
            gains[channel] = np.median(np.log((after[told] + 1.0) / (before[told] + 1.0)))
        return gains

    def surface(self) -> Mask:
        """(h, w): what is of the most frequent colour, before or after: as a rule a table."""
        mask: Mask = _most_frequent(self.before) | _most_frequent(self.after)
        return mask


def looks_like(picture: Array, rgb: Array) -> Mask:
    """Where a picture, (h, w, 3), has a colour, (3,) in [0, 1]."""
    value = picture.max(axis=2)
    saturation = 1.0 - picture.min(axis=2) / np.maximum(value, 1.0)
    if saturation_of(rgb) >= 0.4:
        length = np.linalg.norm(picture, axis=2) * np.linalg.norm(rgb)
        alike: Mask = picture @ rgb >= _ANGLE * np.maximum(length, 1e-6)
        return np.asarray(alike & (saturation >= _COLOURED) & (value > _DARK))
    white = float(np.percentile(value, 98))
    low, high = _shade(float(rgb.max()))
    shade: Mask = (value >= low * white) & (value <= high * white)
    return np.asarray(shade & (saturation < _NEUTRAL))


def saturation_of(rgb: Array) -> float:
    """0 for black, gray and white, 1 for a pure colour."""
    return float(1.0 - rgb.min() / max(float(rgb.max()), 1e-6)) if rgb.max() > 0.1 else 0.0


def colour_name(rgb: Array) -> str:
    """What people call a colour, (3,) in [0, 1]."""
    red, green, blue = (float(v) for v in np.clip(rgb, 0.0, 1.0))
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < 0.15:
        return "black"
    if saturation < _NEUTRAL:
        return "white" if value > 0.8 else "gray"
    name = next(name for limit, name in _HUES if 360.0 * hue < limit)
    return "brown" if name == "orange" and value < 0.7 else name


def biggest(mask: Mask) -> float:
    """Share of the picture that the biggest connected part of a mask fills."""
    import cv2  # noqa: PLC0415 - only who looks for things needs it

    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return float(areas.max(initial=0)) / mask.size


def _shade(value: float) -> tuple[float, float]:
    """Between which shares of white a neutral colour of this value is seen."""
    if value < 0.15:
        return 0.0, 0.3
    return (0.12, 0.8) if value < 0.8 else (0.6, 1.1)


def _scaled(picture: Picture) -> Array:
    step = max(1, picture.shape[1] // _WIDTH)
    rows, columns = (n // step * step for n in picture.shape[:2])
    blocks = picture[:rows, :columns].reshape(rows // step, step, columns // step, step, 3)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64))


def _noise(picture: Array) -> float:
    """Spread of a sensor's noise, levels: most neighbours show the same."""
    return float(np.median(np.abs(np.diff(picture, axis=1))) / 0.95)


def _most_frequent(picture: Array) -> Mask:
    bins = (picture // 32).astype(int) @ np.array([64, 8, 1])
    values, counts = np.unique(bins, return_counts=True)
    near: Mask = bins == values[counts.argmax()]
    return near


def _without_specks(mask: Mask) -> Mask:
    """Places of which at least two neighbours have changed too."""
    padded = np.pad(mask, 1).astype(int)
    h, w = mask.shape
    around = sum(
        padded[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if dy or dx
    )
    kept: Mask = mask & (np.asarray(around) >= 2)
    return kept
