# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How good an embedding is: the paper's Section IV-D and Appendix III, and its calibration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.calibration import ReliabilityDiagram, reliability_diagram
from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.samples import Samples
from robomd_ros.core.embedding.training import MIN_OF_EACH, MIN_TRIALS, TrainingSettings, train

Floats = NDArray[np.float64]

PAPER_TABLE_V = {
    ("image", False): (0.6495, 14.5060),
    ("image", True): (0.6179, 14.1497),
    ("image+text", False): (0.8426, 16.5227),
    ("image+text", True): (0.1801, 7.6387),
}
"""MSE and Frobenius distance in the paper, by modalities and whether Eq. 1 was in the loss."""
LARGEST_MATRIX = 60
"""A matrix of more scenes than this shows the first ones."""
HELD_OUT = 1.0 / 3.0
"""Share of the scenes that the kNN accuracy is measured on."""
CONTRASTIVE = 0.1
"""Weight of Eq. 1 in the rows of Table V that have it, where the model's own is 0."""
SAME_VARIATION = 1.0
"""Weight of the optional term in its row, where the model's own is 0."""


@dataclass(frozen=True, eq=False)
class CosineMatrix:
    """Cosines between the mean embeddings of scenes (Fig. 9 and 12).

    Attributes:
        labels: of n scenes.
        values: (n, n) in [-1, 1].
    """

    labels: tuple[str, ...]
    values: Floats

    @classmethod
    def of(cls, labels: Sequence[str], embeddings: NDArray[np.floating[Any]]) -> "CosineMatrix":
        """The matrix of (n, d) mean embeddings; an embedding of length 0 is like no other."""
        e = np.asarray(embeddings, dtype=np.float64)
        unit = e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-12)
        return cls(tuple(labels), np.clip(unit @ unit.T, -1.0, 1.0))

    @property
    def mse(self) -> float:
        """Mean squared difference to the identity matrix (Table V)."""
        return float(np.square(self.values - np.eye(len(self.labels))).mean())

    @property
    def frobenius(self) -> float:
        """Frobenius norm of the difference to the identity matrix (Table V)."""
        return float(np.linalg.norm(self.values - np.eye(len(self.labels))))


@dataclass(frozen=True, eq=False)
class Ablation:
    """One row of Table V.

    Attributes:
        modalities: "image" or "image+text".
        contrastive: whether Eq. 1 is in the loss.
        same_variation: whether the optional term is.
        matrix: of the trained scenes.
    """

    modalities: str
    contrastive: bool
    same_variation: bool
    matrix: CosineMatrix

    @property
    def name(self) -> str:
        """As in the table's head."""
        terms = ["BCE"] + ["contrastive"] * self.contrastive
        return f"{self.modalities}, " + " + ".join(terms + ["same variation"] * self.same_variation)

    @property
    def paper(self) -> tuple[float, float] | None:
        """MSE and Frobenius distance of the paper's row; None if it has none."""
        if self.same_variation:
            return None
        return PAPER_TABLE_V.get((self.modalities, self.contrastive))


@dataclass(frozen=True, eq=False)
class NeighbourAccuracy:
    """Fig. 15: how often the nearest embeddings tell the outcome of a scene not trained on.

    Attributes:
        k: numbers of neighbours.
        accuracy: of each, share of right outcomes among the held-out trials; an even vote is half.
        held_out: how many trials were predicted.
        majority: accuracy of always saying the training's more frequent outcome.
    """

    k: tuple[int, ...]
    accuracy: tuple[float, ...]
    held_out: int
    majority: float


@dataclass(frozen=True, eq=False)
class Quality:
    """All figures of merit of one embedding.

    Attributes:
        trials: it was trained on.
        failures: among them.
        scenes: how many different ones.
        table: Table V, and the optional term's row.
        neighbours: Fig. 15; None with too few trials to leave some out.
        losses: Fig. 16, mean loss of every update by modalities.
        diagram: of cross-validated predictions of the scenes' failure rates.
    """

    trials: int
    failures: int
    scenes: int
    table: tuple[Ablation, ...]
    neighbours: NeighbourAccuracy | None
    losses: Mapping[str, tuple[float, ...]]
    diagram: ReliabilityDiagram


Progress = Callable[[int, int], object]


def quality_report(
    model: EmbeddingModel, samples: Samples, progress: Progress | None = None
) -> Quality:
    """Measure an embedding, and its ablations trained on the same trials.

    Args:
        model: the embedding.
        samples: the trials that it was trained on.
        progress: called with how many trainings of how many are done.

    Raises:
        EmbeddingError: the samples are of other encoders, or too few to train on.
    """
    settings = TrainingSettings(**model.settings)
    variants = _variants(settings)
    total, models = len(variants) + 2, []
    for variant in variants:
        models.append(train(samples, variant, model.seed))
        if progress is not None:
            progress(len(models), total)
    text = train(samples, replace(settings, modalities="text"), model.seed)
    first = model.left_out[0]
    curves = [(one.settings["modalities"], one) for one in (*models[1:4:2], text)]
    report = Quality(
        trials=len(samples),
        failures=int(samples.failed.sum()),
        scenes=len(model.known),
        table=tuple(_row(one) for one in models),
        neighbours=neighbour_accuracy(samples, settings, model.seed),
        losses={name: one.losses for name, one in curves},
        diagram=reliability_diagram(
            model.calibrations[first.modality].probability(first.logits),
            first.failures / first.trials,
        ),
    )
    if progress is not None:
        progress(total, total)
    return report


def _variants(settings: TrainingSettings) -> list[TrainingSettings]:
    """Settings of the four rows of Table V in the paper's order, and of the optional term's."""
    with_term = settings.contrastive or CONTRASTIVE
    margin = TrainingSettings.margin if settings.same_variation else settings.margin
    base = replace(settings, bce=settings.bce or 1.0, same_variation=0.0, margin=margin)
    rows = [
        replace(base, modalities=modalities, contrastive=weight)
        for modalities in ("image", "image+text")
        for weight in (0.0, with_term)
    ]
    return [*rows, rows[-1].with_scenes_apart(settings.same_variation or SAME_VARIATION)]


def _row(model: EmbeddingModel) -> Ablation:
    settings = model.settings
    return Ablation(
        settings["modalities"],
        settings["contrastive"] > 0,
        settings["same_variation"] > 0,
        cosine_matrix(model),
    )


def cosine_matrix(model: EmbeddingModel, largest: int = LARGEST_MATRIX) -> CosineMatrix:
    """Cosines between the known scenes: those of one variation, if there are two or more.

    Args:
        model: the embedding.
        largest: of more scenes, so many that are evenly spread over their sorted ids.
    """
    known = model.known
    single = [i for i, ids in enumerate(known.scene_ids) if len(ids) == 1]
    chosen = single if len(single) > 1 else list(range(len(known)))
    chosen = sorted(chosen, key=lambda i: known.scene_ids[i])
    if len(chosen) > largest:  # of every kind of change some, not the first in the alphabet
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, largest).round().astype(int)]
    labels = [" + ".join(known.scene_ids[i]) or "nominal" for i in chosen]
    return CosineMatrix.of(labels, known.embeddings[chosen])


def neighbour_accuracy(
    samples: Samples, settings: TrainingSettings, seed: int = 0
) -> NeighbourAccuracy | None:
    """Train without a third of the scenes, and predict their trials by their neighbours.

    Note:
        The paper trains the embedding on all trials and holds some out from the classifier only;
        its accuracy near 1 at small k includes what the embedding was told.

    Args:
        samples: trials.
        settings: of the training.
        seed: which scenes are held out, and the training's.

    Returns:
        The accuracies; None if what is left is too little to train on.
    """
    train_rows, test_rows = _split(samples, seed)
    left, asked = samples.take(train_rows), samples.take(test_rows)
    failures = int(left.failed.sum())
    if not len(asked) or len(left) < MIN_TRIALS:
        return None
    if min(failures, len(left) - failures) < MIN_OF_EACH:
        return None
    model = train(left, settings, seed)
    near = model.embed(left.image, left.text).astype(np.float64)
    far = model.embed(asked.image, asked.text).astype(np.float64)
    squared = np.square(near).sum(1) - 2.0 * far @ near.T
    votes = left.failed[np.argsort(squared, axis=1, kind="stable")].astype(np.float64)
    share = votes.cumsum(axis=1) / np.arange(1, len(left) + 1)
    right = np.where(share == 0.5, 0.5, (share > 0.5) == asked.failed[:, None]).mean(axis=0)
    k = _neighbours(len(left))
    majority = float((asked.failed == (failures * 2 > len(left))).mean())
    return NeighbourAccuracy(k, tuple(float(right[n - 1]) for n in k), len(asked), majority)


def _split(samples: Samples, seed: int) -> tuple[list[int], list[int]]:
    """Rows to train on and rows to ask about, of different scenes."""
    groups = samples.groups()
    order = np.random.default_rng([seed, 13]).permutation(len(groups))
    cut = round(len(groups) * (1.0 - HELD_OUT))
    parts = order[:cut], order[cut:]
    kept, asked = ([row for i in part for row in groups[i].rows] for part in parts)
    return kept, asked


def _neighbours(count: int) -> tuple[int, ...]:
    """1, 3, 5, ... growing by about a half each, below `count`."""
    numbers = [1]
    while (following := int(numbers[-1] * 1.5) // 2 * 2 + 1) < count:
        numbers.append(following if following > numbers[-1] else numbers[-1] + 2)
    return tuple(n for n in numbers if n <= count)
