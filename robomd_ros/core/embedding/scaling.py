# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Features of pictures and sentences as the inputs of the network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.samples import Samples
from robomd_ros.core.errors import EmbeddingError

Floats = NDArray[np.float64]

_LEAST_DEVIATION = 0.1
"""Of the root mean square deviation of all features of a kind."""
_RIDGE = 0.05
"""Of the mean variance of the text's coordinates, in the prediction of the picture's."""


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """Features brought to few coordinates of comparable size: (x - mean) @ projection.

    Attributes:
        mean: (p,) of the training features.
        projection: (p, k): divides by the deviations, turns to the principal axes and shrinks the
            leading ones, so that the coordinates' variances sum to 1.
    """

    mean: Floats
    projection: Floats

    @classmethod
    def fit(cls, features: NDArray[np.floating[Any]], components: int) -> "FeatureScale":
        """Scale of (n, p) training features to at most `components` coordinates."""
        x = np.asarray(features, dtype=np.float64)
        mean, deviation = x.mean(axis=0), standard_deviations(x)
        _, singular, axes = np.linalg.svd((x - mean) / deviation, full_matrices=False)
        singular = singular / np.sqrt(len(x))
        kept = min(components, int((singular > 1e-3 * max(singular[0], 1e-9)).sum()))
        if not kept:
            return cls(mean, np.zeros((x.shape[1], 1)))
        axes, singular = axes[:kept], singular[:kept]
        # The sign of a singular vector is arbitrary; fixed, a seed means the same anywhere.
        largest = np.abs(axes).argmax(axis=1)
        axes = axes * np.sign(axes[np.arange(kept), largest])[:, None]
        # Half of the way to equal variances: small directions may matter, and may be noise.
        scale = singular**-0.5 / np.sqrt(singular.sum())
        return cls(mean, axes.T * scale / deviation[:, None])

    @property
    def size(self) -> int:
        """k, how many coordinates there are."""
        return int(self.projection.shape[1])

    def times(self, factor: float) -> "FeatureScale":
        """The same with larger or smaller coordinates."""
        return FeatureScale(self.mean, self.projection * factor)

    def __call__(self, features: NDArray[np.floating[Any]]) -> Floats:
        """(n, k) coordinates of (n, p) features.

        Raises:
            EmbeddingError: features of another size.
        """
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise EmbeddingError(
                f"features have shape {x.shape}, the embedding was trained on (n, "
                f"{len(self.mean)}); encode with the encoders that it was trained with"
            )
        return np.asarray((x - self.mean) @ self.projection)


@dataclass(frozen=True, eq=False)
class InputScale:
    """Coordinates of a picture and of a sentence side by side.

    Attributes:
        image: scale of pictures' features.
        text: scale of sentences' features.
        expected: (1 + text.size, image.size), linear map from 1 and the text's coordinates to the
            picture's that it leads to expect.
        nominal_text: (q,) features of the nominal scene's sentence.
    """

    image: FeatureScale
    text: FeatureScale
    expected: Floats
    nominal_text: NDArray[np.float32]

    @classmethod
    def fit(cls, samples: Samples, components: int, text_weight: float = 1.0) -> "InputScale":
        """Scale of the training's samples.

        Args:
            samples: the training's.
            components: most coordinates of each kind.
            text_weight: size of the text's coordinates beside the picture's.
        """
        image = FeatureScale.fit(samples.image, components)
        text = FeatureScale.fit(samples.text, components).times(text_weight)
        blank = cls(image, text, np.zeros((1 + text.size, image.size)), samples.nominal_text)
        said = _with_one(blank._said(samples.text))
        size = _RIDGE * text_weight**2 * len(said) / text.size
        ridge = size * np.diag([1e-6] + [1.0] * text.size)
        seen = image(samples.image)
        expected = np.linalg.solve(said.T @ said + ridge, said.T @ seen)
        return cls(image, text, expected, samples.nominal_text)

    @property
    def size(self) -> int:
        """How many inputs there are."""
        return self.image.size + self.text.size

    def wordless(self, text: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """(n,) whether a sentence says no more than the nominal scene's."""
        return np.asarray(np.abs(text - self.nominal_text).max(axis=1) < 1e-3)

    def __call__(
        self, image: NDArray[np.floating[Any]] | None, text: NDArray[np.floating[Any]]
    ) -> NDArray[np.float32]:
        """(n, size) inputs.

        Args:
            image: (n, p); None: as the sentences lead to expect.
            text: (n, q).

        Raises:
            EmbeddingError: features of another size, or not as many pictures as sentences.
        """
        said = self._said(text)
        seen = _with_one(said) @ self.expected if image is None else self.image(image)
        if len(seen) != len(said):
            raise EmbeddingError(
                f"got {len(seen)} pictures for {len(said)} sentences; give one for each"
            )
        return np.hstack([seen, said]).astype(np.float32)

    def _said(self, text: NDArray[np.floating[Any]]) -> Floats:
        coordinates = self.text(text)
        coordinates[self.wordless(text)] = 0.0
        return coordinates


def standard_deviations(features: Floats) -> Floats:
    """(p,) of (n, p) features; those that hardly vary are not blown up to the others' size."""
    deviation = features.std(axis=0)
    floor = _LEAST_DEVIATION * np.sqrt(np.square(deviation).mean())
    return np.asarray(np.maximum(deviation, floor) if floor > 0 else np.ones_like(deviation))


def _with_one(coordinates: Floats) -> Floats:
    return np.hstack([np.ones((len(coordinates), 1)), coordinates])
