# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The colours of failure probabilities and outcomes, the same wherever they are drawn."""

import math

Colour = tuple[float, float, float]
"""Red, green, blue in [0, 1], sRGB."""

SAFE: Colour = (0.0, 0.447, 0.698)
UNDECIDED: Colour = (0.62, 0.62, 0.62)
FAILS: Colour = (0.835, 0.369, 0.0)
UNKNOWN: Colour = (0.45, 0.45, 0.45)
INVALID: Colour = (0.941, 0.894, 0.259)
"""Blue, vermilion and yellow of the Okabe-Ito palette, and greys.

Blue against orange is told apart with every common kind of colour blindness; length and text always
say the same, so that nothing depends on colour alone.
"""


def failure_colour(probability: float) -> Colour:
    """The colour of a failure probability: blue at 0, grey at 0.5, vermilion at 1.

    Args:
        probability: in [0, 1], values outside are clipped; NaN is unknown.
    """
    if math.isnan(probability):
        return UNKNOWN
    p = min(max(probability, 0.0), 1.0)
    low, high, t = (SAFE, UNDECIDED, 2 * p) if p < 0.5 else (UNDECIDED, FAILS, 2 * p - 1)
    red, green, blue = (a + t * (b - a) for a, b in zip(low, high, strict=True))
    return red, green, blue


def hex_colour(colour: Colour) -> str:
    """A colour as #rrggbb."""
    return "#" + "".join(f"{round(255 * c):02x}" for c in colour)
