# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What search agents see: the state s of Algorithm 1."""

import cv2
import numpy as np
from numpy.typing import NDArray

PICTURE_SIZE = 84
"""Side of the square picture that search agents see, pixels."""


def agent_picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A camera's picture as the search agent sees it.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (84, 84, 3) uint8 RGB; the same values where the size is right already.

    Raises:
        ValueError: the array is no such picture.
    """
    picture = np.asarray(image)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(
            f"a picture must be (H, W, 3) uint8 RGB; got shape {picture.shape}, {picture.dtype}"
        )
    size = (PICTURE_SIZE, PICTURE_SIZE)
    if picture.shape[:2] == size:
        return picture.copy()
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
