# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The network of the embedding: features of a picture and a sentence to e in R^512 and a logit.

e = MLP[concatenate(image features, text features)] (Section III-B). The layers are block-diagonal:
several towers, each with its own hidden layer, its own slice of e and its own outcome logit. A
tower sees picture and sentence, the picture alone, or the sentence alone, so that a question
that lacks one of them is answered by towers that never needed it; and since each tower is trained
without a fifth of the scenes, the towers that left a scene out say how well unseen scenes are
predicted.

Note:
    The paper's MLP is one dense tower. An ensemble of small ones with the same 512 outputs
    predicts unseen variations better from a few hundred trials, and knows how sure it is.
"""

from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robomd_ros.core.search.on_policy import one_thread

EMBEDDING_SIZE = 512
"""d of e in R^d, as in the paper."""
_CHUNK = 2048
"""Rows that are evaluated at once."""


class Modality(IntEnum):
    """What a tower sees."""

    BOTH = 0
    TEXT = 1
    IMAGE = 2


LAYOUTS: dict[str, tuple[int, int, int]] = {
    "image+text": (20, 6, 6),
    "image": (0, 0, 32),
    "text": (0, 32, 0),
}
"""Towers that see both, the text, the image; by what a model is trained on."""


class EmbeddingNet(nn.Module):
    """Towers side by side: coordinates of picture and sentence to (e, logits)."""

    towers: Tensor
    mask: Tensor

    def __init__(
        self, image: int, text: int, towers: tuple[int, int, int], hidden: int, gain: float
    ) -> None:
        """Make a network with zero weights; `reset` draws them.

        Args:
            image: coordinates of a picture.
            text: coordinates of a sentence.
            towers: how many see both, the text, the image; they divide 512.
            hidden: width of a tower's hidden layer.
            gain: factor on the inputs, how far apart the first layer sees two scenes.
        """
        super().__init__()
        count = sum(towers)
        if EMBEDDING_SIZE % count:
            raise ValueError(f"{count} towers cannot share {EMBEDDING_SIZE} coordinates evenly")
        slice_, inputs = EMBEDDING_SIZE // count, image + text
        self.gain = gain
        kinds = [kind for kind, number in zip(Modality, towers, strict=True) for _ in range(number)]
        seen = {Modality.BOTH: (1, 1), Modality.TEXT: (0, 1), Modality.IMAGE: (1, 0)}
        rows = [[seen[k][0]] * image + [seen[k][1]] * text for k in kinds]
        self.register_buffer("towers", torch.tensor([int(k) for k in kinds]))
        self.register_buffer("mask", torch.tensor(rows, dtype=torch.float32)[:, None, :])
        self.weight1 = nn.Parameter(torch.zeros(count, inputs, hidden))
        self.bias1 = nn.Parameter(torch.zeros(count, 1, hidden))
        self.weight2 = nn.Parameter(torch.zeros(count, hidden, slice_))
        self.bias2 = nn.Parameter(torch.zeros(count, 1, slice_))
        self.weight3 = nn.Parameter(torch.zeros(count, slice_, 1))
        self.bias3 = nn.Parameter(torch.zeros(count, 1, 1))

    def reset(self, generator: torch.Generator) -> None:
        """Draw the first weights."""
        with torch.no_grad():
            self.weight1.normal_(generator=generator)
            self.bias1.uniform_(-1.0, 1.0, generator=generator)
            self.weight2.normal_(std=self.weight2.shape[1] ** -0.5, generator=generator)
            self.weight3.normal_(std=0.3 * self.weight3.shape[1] ** -0.5, generator=generator)

    def forward(
        self, inputs: Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Slices of e and logits.

        Args:
            inputs: (n, image + text) coordinates.
            dropout: share of the hidden units that is left out.
            generator: draws which.

        Returns:
            (m, n, 512 / m) slices of e, each in (-1, 1), and (m, n) logits of failure.
        """
        hidden = nn.functional.silu(
            torch.bmm(inputs * self.gain * self.mask, self.weight1) + self.bias1
        )
        if dropout > 0:
            kept = torch.rand(hidden.shape, generator=generator) >= dropout
            hidden = hidden * kept / (1.0 - dropout)
        slices = torch.tanh(torch.bmm(hidden, self.weight2) + self.bias2)
        return slices, (torch.bmm(slices, self.weight3) + self.bias3)[..., 0]

    def which(self, modality: Modality) -> Tensor:
        """(m,) bool: the towers that see exactly this."""
        return self.towers == int(modality)

    def evaluate(
        self, inputs: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings (n, 512) and logits (m, n) of (n, image + text) inputs."""
        embeddings, logits = [], []
        with torch.no_grad(), one_thread():
            for start in range(0, max(1, len(inputs)), _CHUNK):
                slices, values = self(torch.from_numpy(inputs[start : start + _CHUNK]))
                embeddings.append(slices.transpose(0, 1).flatten(1).numpy())
                logits.append(values.numpy())
        return np.concatenate(embeddings), np.concatenate(logits, axis=1)
