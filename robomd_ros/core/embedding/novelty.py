# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a picture or a sentence is unlike everything that the embedding was trained on.

Towers saturate: what lies a hundred deviations away may be embedded right on a known scene. So the
features themselves are compared with those of the known scenes, too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.held_out import REACH, REACH_QUANTILE
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.embedding.scaling import standard_deviations

DIRECTIONS = 64
"""Random directions along which features are compared; distances come out within about 10 %."""


@dataclass(frozen=True, eq=False)
class Familiar:
    """Features of the known scenes, of one kind.

    Attributes:
        projection: (p, DIRECTIONS) float32, divides features by their deviations and turns them to
            random directions.
        points: (m, DIRECTIONS) float32, projected features of the known scenes.
        limit: largest distance to the nearest of them at which features are familiar.
    """

    projection: NDArray[np.float32]
    points: NDArray[np.float32]
    limit: float

    @classmethod
    def of(cls, features: NDArray[np.floating[Any]]) -> "Familiar":
        """Of (m, p) features of at least two known scenes, one row each."""
        x = np.asarray(features, dtype=np.float64)
        random = np.random.default_rng(0).standard_normal((x.shape[1], DIRECTIONS))
        projection = random / standard_deviations(x)[:, None] / np.sqrt(DIRECTIONS * x.shape[1])
        points = (x @ projection).astype(np.float32)
        squares = np.square(points.astype(np.float64)).sum(axis=1)
        squared = squares[:, None] + squares - 2.0 * points @ points.T.astype(np.float64)
        np.fill_diagonal(squared, np.inf)
        nearest = np.sqrt(np.maximum(squared.min(axis=1), 0.0))
        limit = REACH * float(np.quantile(nearest, REACH_QUANTILE))
        # Equal up to rounding must be familiar even where all known scenes are equal.
        floor = 1e-3 * (1.0 + float(np.sqrt(squares.max())))
        return cls(projection.astype(np.float32), points, max(limit, floor))

    def __call__(self, features: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """(n,) whether (n, p) features are familiar."""
        placed = np.asarray(features, dtype=np.float64) @ self.projection
        return np.asarray(self._nearest(placed) <= self.limit)

    def _nearest(self, placed: NDArray[np.float64]) -> NDArray[np.float64]:
        count = len(self.points)
        ones = np.ones(count, dtype=np.int64)
        known = KnownEmbeddings(self.points, ones, ones, [()] * count)
        return known.nearest(placed)[1]
