# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures by a network of timm, such as the paper's vision transformer (Appendix I-C)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robomd_ros.core.embedding.encoders import Features, Picture, digest_of
from robomd_ros.core.embedding.model_hub import (
    first_line,
    load_errors,
    missing_weights,
    require_weights,
)
from robomd_ros.core.embedding.picture_batches import picture_batches
from robomd_ros.core.embedding.vision_libraries import vision_library
from robomd_ros.core.errors import EncoderError

_OFFLINE = "efficientnet_lite0"
_FILES = ("model.safetensors", "pytorch_model.bin")


class TimmEncoder:
    """Implements ImageEncoder: the network's pooled features, before its classifier."""

    def __init__(self, model: str) -> None:
        """Load a network.

        Args:
            model: a name of timm.list_models(pretrained=True), whose weights come from the cache
                or the model hub; or name@file, a checkpoint (.safetensors or .pth) of that model.

        Raises:
            EncoderError: timm has no such model, or its weights cannot be loaded.
        """
        self.name = f"timm:{model}"
        name, _, file = model.partition("@")
        self._network = _loaded(name, Path(file) if file else None)
        self.size = int(self._network.num_features)
        config = vision_library("timm").data.resolve_model_data_config(self._network)
        self._input = config["input_size"][1], config["input_size"][2]
        self._mean, self._std = config["mean"], config["std"]

    @cached_property
    def digest(self) -> str:
        """Of all weights and of the preparation."""
        recipe = f"timm 1 {self._input} {self._mean} {self._std}"
        return digest_of(recipe, *network_bytes(self._network))

    def encode(self, items: Sequence[Picture]) -> Features:
        """(n, size) float32 of (H, W, 3) uint8 RGB pictures of any size."""
        with torch.inference_mode():
            parts = [
                self._network(batch)
                for batch in picture_batches(items, self._input, self._mean, self._std)
            ]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def network_bytes(network: torch.nn.Module) -> list[bytes]:
    """All weights of a network, by name, for a digest."""
    state = network.state_dict()
    return [
        part
        for name in sorted(state)
        for part in (name.encode(), state[name].contiguous().cpu().numpy().tobytes())
    ]


def _loaded(name: str, file: Path | None) -> Any:
    timm = vision_library("timm")
    if not timm.is_model(name):
        raise EncoderError(
            f"timm has no model {name!r}; timm.list_models(pretrained=True) lists those it has"
        )
    network = _from_hub(timm, name) if file is None else _from_file(timm, name, file)
    return network.eval().requires_grad_(False)


def _from_hub(timm: Any, name: str) -> Any:
    config = timm.get_pretrained_cfg(name)
    repository = str(getattr(config, "hf_hub_id", None) or "")
    if repository:
        require_weights(f"timm:{name}", repository, _FILES, _OFFLINE)
    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except load_errors() as error:
        reason = first_line(error)
        raise missing_weights(f"timm:{name}", repository or "no hub", reason, _OFFLINE) from error


def _from_file(timm: Any, name: str, file: Path) -> Any:
    """The network with a file's weights, all of them: timm itself would leave some at random."""
    if not file.is_file():
        raise EncoderError(f"there is no file {file} with weights of timm:{name}; give its path")
    network = timm.create_model(name, pretrained=False, num_classes=0)
    try:
        missing, _ = network.load_state_dict(timm.models.load_state_dict(str(file)), strict=False)
        if missing:
            raise ValueError(f"it lacks {missing[0]!r} and {len(missing) - 1} more")
    except load_errors() as error:
        raise EncoderError(
            f"{file} holds no weights of timm:{name} ({first_line(error)}); give a .safetensors "
            "or .pth file that was saved from that model"
        ) from error
    return network
