# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of any size as batches for a network."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch

from robomd_ros.core.embedding.encoders import Picture

BATCH = 32


def picture_batches(
    pictures: Sequence[Picture],
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
) -> Iterator[torch.Tensor]:
    """(b, 3, H, W) float32 batches in the order of the pictures.

    Args:
        pictures: (h, w, 3) uint8 RGB.
        size: H, W; the whole picture is brought to it: cubic where smaller, averaged where larger.
        mean: of the network's training pictures, per channel, in [0, 1].
        std: likewise.

    Note:
        Networks are tested on the centre of a picture; here its border is part of the scene.
    """
    scale = (255.0 * torch.tensor(std)).view(1, 3, 1, 1)
    offset = torch.tensor(mean).view(1, 3, 1, 1) / torch.tensor(std).view(1, 3, 1, 1)
    for start in range(0, len(pictures), BATCH):
        sized = [_sized(p, size) for p in pictures[start : start + BATCH]]
        yield torch.from_numpy(np.stack(sized)).permute(0, 3, 1, 2).float() / scale - offset


def _sized(picture: Picture, size: tuple[int, int]) -> Picture:
    height, width = size
    if picture.shape[:2] == size:
        return picture
    smaller = picture.shape[0] >= height and picture.shape[1] >= width
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), dtype=np.uint8)
