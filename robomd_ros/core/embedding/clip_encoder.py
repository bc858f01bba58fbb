# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sentences by CLIP's text encoder, as in the paper (Section III-B, Appendix I-C)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robomd_ros.core.embedding.encoders import Features, digest_of
from robomd_ros.core.embedding.model_hub import (
    first_line,
    load_errors,
    missing_weights,
    require_weights,
)
from robomd_ros.core.embedding.vision_libraries import vision_library
from robomd_ros.core.errors import EncoderError

BATCH = 64
_OFFLINE = "words"
_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


class ClipTextEncoder:
    """Implements TextEncoder: CLIP's normalised sentence vector.

    A sentence of more tokens than CLIP's context (77) is cut there.
    """

    def __init__(self, model: str) -> None:
        """Load a network.

        Args:
            model: name/tag, as in open_clip.list_pretrained(), whose weights come from the cache
                or the model hub; or name/file, a checkpoint of that model.

        Raises:
            EncoderError: open_clip has no such model or tag, or its weights cannot be loaded.
        """
        self.name = f"open_clip:{model}"
        name, _, pretrained = model.partition("/")
        self._network, self._tokenizer = _loaded(name, pretrained)
        self.size = int(self._encoded(["a"]).shape[1])

    @cached_property
    def digest(self) -> str:
        """Of the text encoder's weights."""
        state = self._network.state_dict()
        text = {k: v for k, v in state.items() if not k.startswith("visual.")}
        parts = (p for k in sorted(text) for p in (k, text[k].contiguous().numpy().tobytes()))
        return digest_of("clip text 1", *parts)

    def encode(self, items: Sequence[str]) -> Features:
        """(n, size) float32 of unit length."""
        return np.concatenate(
            [self._encoded(items[i : i + BATCH]) for i in range(0, len(items), BATCH)]
        )

    def _encoded(self, sentences: Sequence[str]) -> Features:
        with torch.inference_mode():
            tokens = self._tokenizer(list(sentences))
            vectors = self._network.encode_text(tokens, normalize=True)
        return np.asarray(vectors.float().numpy(), dtype=np.float32)


def _loaded(name: str, pretrained: str) -> tuple[Any, Any]:
    library = vision_library("open_clip")
    if name not in library.list_models():
        raise EncoderError(
            f"open_clip has no model {name!r}; open_clip.list_pretrained() lists models and tags"
        )
    file = Path(pretrained)
    tags = library.list_pretrained_tags_by_model(name)
    local = bool(pretrained) and file.is_file()
    if not local and pretrained not in tags:
        raise EncoderError(
            f"open_clip:{name} has neither the tag nor the file {pretrained!r}; "
            f"its tags: {', '.join(tags) or 'none'}"
        )
    spec = f"open_clip:{name}/{pretrained}"
    config = {} if local else library.get_pretrained_cfg(name, pretrained)
    repository = str(config.get("hf_hub", "")).rstrip("/")
    if repository:
        require_weights(spec, repository, _FILES, _OFFLINE)
    try:
        network, _, _ = library.create_model_and_transforms(name, pretrained=pretrained)
        tokenizer = library.get_tokenizer(name)
    except load_errors() as error:
        reason = first_line(error)
        if local:
            raise EncoderError(
                f"{file} holds no weights of open_clip:{name} ({reason}); give a file that was "
                "saved from that model"
            ) from error
        raise missing_weights(spec, repository or "no hub", reason, _OFFLINE) from error
    return network.eval().requires_grad_(False), tokenizer
