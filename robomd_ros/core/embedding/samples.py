# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials as features: what the embedding is trained on."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.encoders import Encoders, Features, Picture
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Catalogue, Scene

_LOG = logging.getLogger(__name__)

NOTHING_CHANGED = "Change nothing"
"""What is said of the nominal scene where the task has no instruction."""


@dataclass(frozen=True)
class SceneGroup:
    """The trials of one scene.

    Attributes:
        scene_ids: sorted variation ids; () is nominal.
        rows: their rows in the samples.
        failures: how many of them failed.
    """

    scene_ids: tuple[str, ...]
    rows: tuple[int, ...]
    failures: int

    @property
    def trials(self) -> int:
        """How many there are."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Samples:
    """Valid trials with the features of their first picture and of their scene's sentence.

    Attributes:
        image: (n, p) float32.
        text: (n, q) float32.
        failed: (n,) bool.
        scene_ids: n sorted tuples of variation ids; () is nominal.
        seeds: (n,) int64, of the trials' starts.
        nominal_image: (p,) float32, of a picture of the nominal scene.
        nominal_text: (q,) float32, of the nominal scene's sentence.
    """

    image: Features
    text: Features
    failed: NDArray[np.bool_]
    scene_ids: tuple[tuple[str, ...], ...]
    seeds: NDArray[np.int64]
    nominal_image: Features
    nominal_text: Features

    def __post_init__(self) -> None:
        n = len(self.failed)
        shapes = {
            "image": (self.image.shape, (n, len(self.nominal_image))),
            "text": (self.text.shape, (n, len(self.nominal_text))),
            "seeds": (self.seeds.shape, (n,)),
            "scene_ids": ((len(self.scene_ids),), (n,)),
        }
        for name, (got, wanted) in shapes.items():
            if got != wanted:
                raise ValueError(f"{name} of {n} samples must have shape {wanted}; got {got}")
        for name in ("image", "text", "nominal_image", "nominal_text"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} features must be finite; got NaN or infinity")

    def __len__(self) -> int:
        return len(self.failed)

    def groups(self) -> tuple[SceneGroup, ...]:
        """The scenes in the order of their first trial."""
        rows: dict[tuple[str, ...], list[int]] = {}
        for row, ids in enumerate(self.scene_ids):
            rows.setdefault(ids, []).append(row)
        return tuple(
            SceneGroup(ids, tuple(where), int(self.failed[where].sum()))
            for ids, where in rows.items()
        )

    def take(self, indices: Sequence[int] | NDArray[Any]) -> "Samples":
        """These rows, in this order; a row may be taken twice."""
        rows = np.asarray(indices, dtype=np.int64)
        return Samples(
            self.image[rows],
            self.text[rows],
            self.failed[rows],
            tuple(self.scene_ids[row] for row in rows),
            self.seeds[rows],
            self.nominal_image,
            self.nominal_text,
        )

    def concatenated(self, others: Iterable["Samples"]) -> "Samples":
        """These and others after them, of the same encoders; the nominal features stay these."""
        parts = [self, *others]
        for other in parts[1:]:
            here = (len(self.nominal_image), len(self.nominal_text))
            there = (len(other.nominal_image), len(other.nominal_text))
            if here != there:
                raise EmbeddingError(
                    f"samples of other encoders cannot be joined: feature sizes {here} and "
                    f"{there}; encode all campaigns with the same pair"
                )
        return Samples(
            np.concatenate([part.image for part in parts]),
            np.concatenate([part.text for part in parts]),
            np.concatenate([part.failed for part in parts]),
            tuple(ids for part in parts for ids in part.scene_ids),
            np.concatenate([part.seeds for part in parts]),
            self.nominal_image,
            self.nominal_text,
        )


def scene_text(scene: Scene, catalogue: Catalogue | None = None) -> str:
    """The sentence of a scene: its variations' descriptions, in the order of their ids.

    Of the nominal scene it is the task's instruction, since nothing is changed.
    """
    ordered = sorted(scene, key=lambda variation: variation.id)
    if ordered:
        return "; ".join(variation.description.strip() for variation in ordered)
    return (catalogue.instruction.strip() if catalogue else "") or NOTHING_CHANGED


def samples_of(
    trials: Iterable[Trial],
    catalogue: Catalogue,
    encoders: Encoders,
    nominal_picture: Picture,
) -> Samples:
    """Features of the valid trials that have a picture.

    Args:
        trials: INVALID ones, and with a warning those without a picture, are left out.
        catalogue: says the instruction.
        encoders: of pictures and sentences.
        nominal_picture: (H, W, 3) uint8 RGB, of the nominal scene.

    Raises:
        EncoderError: a picture or a sentence cannot be encoded.
        EmbeddingError: no trial is left.
    """
    valid = [trial for trial in trials if trial.outcome.valid]
    kept = [trial for trial in valid if trial.image is not None]
    if len(kept) < len(valid):
        _LOG.warning(
            "%d of %d valid trials have no picture and are left out of the embedding",
            len(valid) - len(kept),
            len(valid),
        )
    if not kept:
        raise EmbeddingError(
            f"no trial to learn from: of {len(valid)} valid trials none has a picture; "
            "run trials in a cell with a camera"
        )
    nominal_text = scene_text(Scene(), catalogue)
    texts = [scene_text(trial.scene, catalogue) for trial in kept]
    place = {sentence: row for row, sentence in enumerate(dict.fromkeys([nominal_text, *texts]))}
    text = encoders.text.encode(list(place))
    pictures = [trial.image for trial in kept if trial.image is not None]
    image = encoders.image.encode([nominal_picture, *pictures])
    return Samples(
        image[1:],
        text[[place[sentence] for sentence in texts]],
        np.array([trial.outcome.failed for trial in kept]),
        tuple(tuple(sorted(trial.scene.ids)) for trial in kept),
        np.array([trial.seed for trial in kept], dtype=np.int64),
        image[0],
        text[0],
    )
