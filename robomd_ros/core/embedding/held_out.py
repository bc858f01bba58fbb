# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What towers say of scenes that they were trained without: calibration and reach come from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.embedding.network import EmbeddingNet, Modality
from robomd_ros.core.embedding.samples import SceneGroup

Floats = NDArray[np.float64]

REACH = 1.5
"""Nothing is known beyond this multiple of how far known scenes lie from each other."""
REACH_QUANTILE = 0.99
"""Of the distances of known scenes to their nearest neighbours."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What was predicted of the trained scenes by the towers that had left them out.

    Attributes:
        modality: what those towers see.
        logits: (g,) mean logit of each scene.
        trials: (g,) of each scene.
        failures: (g,) of these.
    """

    modality: Modality
    logits: Floats
    trials: NDArray[np.int64]
    failures: NDArray[np.int64]


def left_out_predictions(
    net: EmbeddingNet,
    logits: NDArray[np.float32],
    left_out: NDArray[np.bool_],
    groups: tuple[SceneGroup, ...],
) -> Iterator[LeftOut]:
    """Cross-validated logits of every scene, by modality."""
    trials = np.array([g.trials for g in groups])
    failures = np.array([g.failures for g in groups])
    for modality in Modality:
        towers = net.which(modality).numpy()
        if towers.any():
            counted = left_out[towers]
            of_trial = (logits[towers] * counted).sum(axis=0) / counted.sum(axis=0)
            of_scene = np.array([of_trial[list(g.rows)].mean() for g in groups])
            yield LeftOut(modality, of_scene.astype(np.float64), trials, failures)


def distance_limit(points: NDArray[np.floating[Any]], known: KnownEmbeddings) -> float:
    """How far from the known embeddings a question may lie: known scenes, each left out once.

    Args:
        points: (m, d) what is asked of the known scenes, in their order.
        known: the known embeddings.
    """
    embeddings = known.embeddings.astype(np.float64)
    squares = np.square(embeddings).sum(axis=1)
    points = points.astype(np.float64)
    squared = np.square(points).sum(axis=1)[:, None] + squares - 2.0 * points @ embeddings.T
    np.fill_diagonal(squared, np.inf)
    nearest = np.sqrt(np.maximum(squared.min(axis=1), 0.0))
    return float(REACH * np.quantile(nearest, REACH_QUANTILE))
