# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A shrunken picture as features: no weights, and colours and places are kept."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.encoders import Features, Picture, digest_of

SIDE = 12
"""Cells of the grid along each side."""


class PixelsEncoder:
    """Implements ImageEncoder: the mean colour of each cell of a grid, in CIE L*a*b*.

    L*a*b* puts colours that look alike close together, and separates brightness from hue.
    """

    name = "pixels"
    size = 3 * SIDE * SIDE
    digest = digest_of("pixels 1", str(SIDE))

    def encode(self, items: Sequence[Picture]) -> Features:
        """(n, size) float32 of (H, W, 3) uint8 RGB pictures; L* and a*, b* in hundreds."""
        return np.stack([self._one(picture) for picture in items])

    def _one(self, picture: Picture) -> NDArray[np.float32]:
        grid = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(grid.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
        return np.asarray(lab.reshape(-1) / 100.0, dtype=np.float32)
