# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The terms of the embedding's training loss (Section III-B).

All of them take several towers at once: the first dimension of embeddings, logits and weights
counts towers, and a loss has one value per tower.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def outcome_loss(logits: Tensor, failed: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy of the outcome, the weighted mean over trials.

    Args:
        logits: (m, n) of m towers and n trials.
        failed: (n,) 1 failure, 0 success; values between are soft labels.
        weights: (m, n) not negative; None: all 1.

    Returns:
        (m,) nats.
    """
    values = binary_cross_entropy_with_logits(logits, failed.expand_as(logits), reduction="none")
    return _mean(values, torch.ones_like(values) if weights is None else weights)


def contrastive_loss(
    embeddings: Tensor, labels: Tensor, margin: float, weights: Tensor | None = None
) -> Tensor:
    """Eq. 1: d_ij where the labels of a pair agree, max(0, margin - d_ij) where they differ.

    With labels success and failure it is the paper's Eq. 1; with the number of the scene as the
    label it is the term that the paper's prose describes, which draws the same variation together
    and pushes different ones apart.

    Note:
        The paper sums over all pairs. The mean over pairs of two different trials stands here, so
        that the balance to the other terms does not depend on the number of trials.

    Args:
        embeddings: (m, n, d).
        labels: (n,) any numbers; compared for equality.
        margin: distance from which on different labels cost nothing; above 0.
        weights: (m, n) of the trials, not negative; a pair weighs the product. None: all 1.

    Returns:
        (m,); 0 where there is no pair.
    """
    count = embeddings.shape[1]
    distances = _distances(embeddings)
    same = labels[:, None] == labels[None, :]
    values = torch.where(same, distances, torch.relu(margin - distances))
    pairs = (~torch.eye(count, dtype=torch.bool)).to(values.dtype).expand_as(values)
    if weights is not None:
        pairs = pairs * weights[:, :, None] * weights[:, None, :]
    return _mean(values.flatten(1), pairs.flatten(1))


def _distances(embeddings: Tensor) -> Tensor:
    """(m, n, n) Euclidean; the gradient of two equal points is 0."""
    squares = embeddings.square().sum(-1)
    products = torch.bmm(embeddings, embeddings.transpose(1, 2))
    squared = (squares[:, :, None] + squares[:, None, :] - 2.0 * products).clamp(min=0.0)
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum(1) / weights.sum(1).clamp(min=1e-12)
