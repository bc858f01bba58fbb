# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The coordinates in which the search agent acts inside the embedding space."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.known import KnownEmbeddings

SMALLEST_DEVIATION = 1e-3
"""Of a first Gaussian where the known embeddings coincide, in z."""


@dataclass(frozen=True, eq=False)
class ActionFrame:
    """An affine map between the agent's actions and points of the embedding space.

    e = center + (z * scales) @ axes, with orthonormal axes. The agent's Gaussian lives in z; its
    log density in the embedding space differs from that in z by a constant, the sum of the
    logarithms of the scales, which cancels in Eq. 4.

    Note:
        The paper gives actions in R^512 without bounds. Here every known embedding lies within
        [-1, 1] along each axis, and so does the action space: an action further out could only be
        further from all that is known, and SB3's Gaussian starts at unit scale.

    Attributes:
        center: (d,) origin of the actions, the mean of the known embeddings.
        axes: (c, d) orthonormal rows; None: the axes of the embedding space itself, c = d.
        scales: (c,) lengths of the coordinates, above 0.
        deviations: (c,) standard deviation of the known embeddings along each axis, in z: how wide
            a first exploration has to be to cover what is known.
    """

    center: NDArray[np.float64]
    axes: NDArray[np.float64] | None
    scales: NDArray[np.float64]
    deviations: NDArray[np.float64]

    @classmethod
    def whole(cls, known: KnownEmbeddings) -> "ActionFrame":
        """The embedding space as it is, one scale for all of its coordinates."""
        centred = np.asarray(known.embeddings, dtype=np.float64) - known.center
        reach = float(np.abs(centred).max()) or 1.0
        scales = np.full(known.size, reach)
        return cls(known.center, None, scales, centred.std(axis=0) / scales)

    @classmethod
    def principal(cls, known: KnownEmbeddings, components: int) -> "ActionFrame":
        """The leading principal axes of the known embeddings, one scale for all of them.

        Note:
            A departure from the paper. A trained embedding varies along few directions. A Gaussian
            over all 512 coordinates spends nearly all of its distance on the others, where no
            known embedding differs, so that its actions are all equally far from everything.
            Distances along the kept axes are those of the embedding space.

        Raises:
            ValueError: components is below 1.
        """
        if components < 1:
            raise ValueError(f"components must be at least 1; got {components}")
        centred = np.asarray(known.embeddings, dtype=np.float64) - known.center
        _, _, rows = np.linalg.svd(centred, full_matrices=False)
        axes = rows[:components]
        # The sign of a singular vector is arbitrary; fixed, a seed means the same anywhere.
        largest = np.abs(axes).argmax(axis=1)
        axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
        along = centred @ axes.T
        reach = float(np.abs(along).max()) or 1.0
        scales = np.full(len(axes), reach)
        return cls(known.center, axes, scales, along.std(axis=0) / scales)

    @property
    def size(self) -> int:
        """c, the number of coordinates of an action."""
        return len(self.scales)

    @property
    def first_deviation(self) -> float:
        """Width of an agent's first Gaussian along every axis: the largest of the known's.

        Note:
            Equal ones make the first log density a Euclidean distance, as the nearest embedding
            and the penalty are. With each axis' own, an unseen point that lies off by a little
            along an axis of no meaning would lose more than one without failures.
        """
        return max(float(self.deviations.max()), SMALLEST_DEVIATION)

    def to_embeddings(self, actions: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Points (n, d) of actions (n, c)."""
        steps = np.asarray(actions, dtype=np.float64) * self.scales
        return self.center + (steps if self.axes is None else steps @ self.axes)

    def to_actions(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Actions (n, c) of points (n, d); what lies off the axes is dropped."""
        centred = np.asarray(points, dtype=np.float64) - self.center
        along = centred if self.axes is None else centred @ self.axes.T
        return np.asarray(along / self.scales)
