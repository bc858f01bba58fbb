# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What colour a sentence names: by hue, saturation and brightness, or by a word."""

import colorsys
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

_NAMES = {
    "red": (1.0, 0.0, 0.0),
    "orange": (1.0, 0.5, 0.0),
    "yellow": (1.0, 1.0, 0.0),
    "lime": (0.5, 1.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "turquoise": (0.0, 1.0, 0.75),
    "cyan": (0.0, 1.0, 1.0),
    "azure": (0.0, 0.5, 1.0),
    "blue": (0.0, 0.0, 1.0),
    "violet": (0.5, 0.0, 1.0),
    "purple": (0.5, 0.0, 0.5),
    "magenta": (1.0, 0.0, 1.0),
    "rose": (1.0, 0.0, 0.5),
    "pink": (1.0, 0.75, 0.8),
    "brown": (0.5, 0.25, 0.1),
    "beige": (0.95, 0.95, 0.85),
    "black": (0.0, 0.0, 0.0),
    "gray": (0.5, 0.5, 0.5),
    "grey": (0.5, 0.5, 0.5),
    "white": (1.0, 1.0, 1.0),
}
_SHADES = {
    "dark": (1.0, 0.4),
    "deep": (1.0, 0.5),
    "pale": (0.4, 1.0),
    "pastel": (0.4, 1.0),
    "dull": (0.5, 0.8),
    "bright": (1.0, 1.0),
    "vivid": (1.0, 1.0),
}
"""Factors of saturation and brightness."""
_OTHERS = {"near", "sea", "neutral"}
_LARGEST = 1e6
_SCALES = {"hue": 360.0, "saturation": 100.0, "brightness": 100.0}

COLOUR_WORDS = frozenset(_NAMES) | frozenset(_SHADES) | _OTHERS
"""Words that say how a colour looks, not what has it."""


def colour_in(tokens: Sequence[str]) -> tuple[float, ...] | None:
    """The colour that a sentence names.

    Args:
        tokens: its words and numbers in lower case, in order.

    Returns:
        L*, a*, b* in hundreds (L* about its middle) and red, green, blue about 0.5; None if no
        colour is named. Hue (degrees), saturation and brightness (percent) outweigh a word.
    """
    rgb = _by_numbers(tokens) or _by_name(tokens)
    if rgb is None:
        return None
    pixel = np.array(rgb, dtype=np.float32).reshape(1, 1, 3)
    lightness, a, b = (float(c) / 100.0 for c in cv2.cvtColor(pixel, cv2.COLOR_RGB2LAB).ravel())
    return (lightness - 0.5, a, b, *(c - 0.5 for c in rgb))


def _by_numbers(tokens: Sequence[str]) -> tuple[float, float, float] | None:
    values = {}
    for word, number in pairwise(tokens):
        if word in _SCALES and number[-1].isdecimal():
            values[word] = max(-_LARGEST, min(float(number), _LARGEST)) / _SCALES[word]
    if len(values) < len(_SCALES):
        return None
    saturation, brightness = (min(1.0, abs(values[k])) for k in ("saturation", "brightness"))
    return colorsys.hsv_to_rgb(values["hue"] % 1.0, saturation, brightness)


def _by_name(tokens: Sequence[str]) -> tuple[float, float, float] | None:
    named = [token for token in tokens if token in _NAMES]
    if not named:
        return None
    hue, saturation, brightness = colorsys.rgb_to_hsv(*_NAMES[named[-1]])
    for token in tokens:
        less_saturated, darker = _SHADES.get(token, (1.0, 1.0))
        saturation, brightness = saturation * less_saturated, brightness * darker
    return colorsys.hsv_to_rgb(hue, saturation, brightness)
