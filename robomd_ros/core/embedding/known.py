# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The known embeddings: where in the embedding space trials were run, and how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK_ELEMENTS = 1 << 24
"""Largest matrix of distances held at once, elements."""


@dataclass(frozen=True, eq=False)
class KnownEmbeddings:
    """The set E of Sec. III-B: one embedding per recorded scene, with the scene's trials.

    Attributes:
        embeddings: (m, d) float, finite.
        trials: (m,) int, recorded valid trials of each, at least 1.
        failures: (m,) int, how many of them failed.
        scene_ids: of each, the ids of the variations in force; () is nominal.
    """

    embeddings: NDArray[np.floating[Any]]
    trials: NDArray[np.integer[Any]]
    failures: NDArray[np.integer[Any]]
    scene_ids: Sequence[tuple[str, ...]]

    def __post_init__(self) -> None:
        shape = self.embeddings.shape
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"known embeddings must be (m, d) with m, d >= 1; got {shape}")
        if not np.all(np.isfinite(self.embeddings)):
            raise ValueError("known embeddings must be finite; got NaN or infinity")
        lengths = {len(self.trials), len(self.failures), len(self.scene_ids)}
        if lengths != {shape[0]}:
            raise ValueError(
                f"trials, failures and scene ids must be {shape[0]} each; got {len(self.trials)}, "
                f"{len(self.failures)}, {len(self.scene_ids)}"
            )
        if np.any(self.trials < 1) or np.any(self.failures < 0):
            raise ValueError(
                "every known embedding needs at least one trial, and no negative count"
            )
        if np.any(self.failures > self.trials):
            where = int(np.argmax(self.failures > self.trials))
            raise ValueError(
                f"known embedding {where} has {self.failures[where]} failures in "
                f"{self.trials[where]} trials; failures cannot exceed trials"
            )

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def size(self) -> int:
        """d, the dimension of the space."""
        return int(self.embeddings.shape[1])

    @cached_property
    def failure_rates(self) -> NDArray[np.float64]:
        """(m,) share of the recorded trials that failed."""
        return np.asarray(self.failures / self.trials, dtype=np.float64)

    @cached_property
    def center(self) -> NDArray[np.float64]:
        """(d,) mean of the known embeddings."""
        return np.asarray(self.embeddings.mean(axis=0, dtype=np.float64))

    @cached_property
    def spread(self) -> float:
        """Root mean square distance of the known embeddings from their mean; 1 if they coincide."""
        squared = np.square(self._centred).sum(axis=1).mean()
        return float(np.sqrt(squared)) if squared > 0 else 1.0

    def nearest(
        self, points: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The nearest known embedding of each point, by one matrix product.

        The distance is the paper's reliability, min over E of ||e - e_s|| (Sec. III-C).

        Args:
            points: (n, d).

        Returns:
            Indices (n,) and Euclidean distances (n,). Of equally near ones it is the first, up to
            rounding.

        Raises:
            ValueError: the points have another dimension.
        """
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != self.size:
            raise ValueError(f"points must be (n, {self.size}); got {points.shape}")
        if not len(points):
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        rows = max(1, CHUNK_ELEMENTS // len(self))
        centred = points - self.center
        parts = [
            (self._half_squares - centred[start : start + rows] @ self._centred.T).argmin(axis=1)
            for start in range(0, len(points), rows)
        ]
        indices = np.concatenate(parts)
        # Taken from the difference itself: the product's rounding must not reach the distance.
        distances = np.linalg.norm(centred - self._centred[indices], axis=1)
        return indices, distances

    @cached_property
    def _centred(self) -> NDArray[np.float64]:
        return np.asarray(self.embeddings, dtype=np.float64) - self.center

    @cached_property
    def _half_squares(self) -> NDArray[np.float64]:
        return np.asarray(np.square(self._centred).sum(axis=1) / 2)
