"""Pictures by a network of timm, such as the paper's vision transformer (Appendix I-C)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robomd_ros.core.embedding.encoders import Features, Picture, digest_of
from robomd_ros.core.embedding.model_hub import load_errors, missing_weights, require_weights
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
    if file is not None and not file.is_file():
        raise EncoderError(f"there is no file {file} with weights of timm:{name}; give its path")
    repository = _repository(timm, name)
    if file is None and repository:
        require_weights(f"timm:{name}", repository, _FILES, _OFFLINE)
    overlay = {"file": str(file)} if file is not None else None
    try:
        network = timm.create_model(
            name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
        )
    except load_errors() as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if file is not None:
            raise EncoderError(
                f"{file} holds no weights of timm:{name} ({reason}); give a .safetensors or .pth "
                "file that was saved from that model"
            ) from error
        raise missing_weights(f"timm:{name}", repository or "no hub", reason, _OFFLINE) from error
    return network.eval().requires_grad_(False)


def _repository(timm: Any, name: str) -> str:
    config = timm.get_pretrained_cfg(name)
    return str(getattr(config, "hf_hub_id", None) or "")
