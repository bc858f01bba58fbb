# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of the embedding: seeded, the same result from the same trials and seed."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robomd_ros.core.embedding.encoders import Encoders
from robomd_ros.core.embedding.losses import contrastive_loss, outcome_loss
from robomd_ros.core.embedding.model import EmbeddingModel, Trained
from robomd_ros.core.embedding.network import LAYOUTS, EmbeddingNet
from robomd_ros.core.embedding.samples import Samples
from robomd_ros.core.embedding.scaling import InputScale
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.schema import default_of
from robomd_ros.core.search.on_policy import one_thread
from robomd_ros.core.search.options import EmbeddingOptions

MIN_TRIALS = 8
"""Fewer say nothing that could be checked on trials left out."""
MIN_OF_EACH = 2
"""Failures, and successes, that training needs."""
MIN_SCENES = 3
"""Different scenes that training needs."""
APART = 5.0
"""Margin of Eq. 1 beside the term on scenes. In a tower's 16 coordinates of size up to 1 it makes
scenes nearly orthogonal; Eq. 1 on the outcome alone draws all failing ones to one point."""
FOLDS = 5
"""A tower is trained without every fifth scene."""
_WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""

Progress = Callable[[int, int], object]
"""Called with (steps done, steps in all); may raise to leave the training."""


@dataclass(frozen=True)
class TrainingSettings:
    """How the embedding is trained; the defaults are what did best (test/bench).

    Attributes:
        bce: weight of the outcome's cross entropy.
        contrastive: weight of Eq. 1 on success and failure.
        same_variation: weight of Eq. 1 on the scene instead of the outcome.
        margin: of Eq. 1, in a tower's slice of e.
        modalities: "image+text", "image" or "text".
        components: coordinates that the features of each kind are brought to.
        text_weight: size of the sentence's coordinates beside the picture's.
        hidden: width of a tower's hidden layer.
        gain: factor on the inputs.
        steps: updates of the weights; 0: 150, and one more for every five trials.
        batch: most trials in an update.
        pairs: most trials of an update between which pairs are formed.
        learning_rate: highest one, of AdamW.
        weight_decay: of AdamW.
        dropout: share of hidden units that is left out.
        smoothing: how far labels are moved towards each other: a trial is one draw.
    """

    bce: float = 1.0
    contrastive: float = 0.1
    same_variation: float = default_of(EmbeddingOptions, "same_variation")
    margin: float = 2.0
    modalities: str = "image+text"
    components: int = 32
    text_weight: float = 0.5
    hidden: int = 64
    gain: float = 4.0
    steps: int = 0
    batch: int = 512
    pairs: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    dropout: float = 0.0
    smoothing: float = 0.02

    def __post_init__(self) -> None:
        if self.modalities not in LAYOUTS:
            raise EmbeddingError(
                f"modalities must be one of {sorted(LAYOUTS)}; got {self.modalities!r}"
            )
        weights = (self.bce, self.contrastive, self.same_variation)
        if min(weights) < 0 or not sum(weights) > 0 or not all(map(math.isfinite, weights)):
            raise EmbeddingError(
                "the weights of the loss must not be negative, and one must be above 0; got bce "
                f"{self.bce}, contrastive {self.contrastive}, same_variation {self.same_variation}"
            )
        for name in ("margin", "text_weight", "gain", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise EmbeddingError(f"{name} must be above 0; got {getattr(self, name)}")
        for name, least in (
            ("components", 1),
            ("hidden", 1),
            ("batch", 1),
            ("pairs", 1),
            ("steps", 0),
        ):
            if getattr(self, name) < least:
                raise EmbeddingError(f"{name} must be at least {least}; got {getattr(self, name)}")
        if not (0 <= self.dropout < 1 and 0 <= self.smoothing < 0.5 and self.weight_decay >= 0):
            raise EmbeddingError(
                "dropout must be in [0, 1), smoothing in [0, 0.5), weight_decay not negative; got "
                f"{self.dropout}, {self.smoothing}, {self.weight_decay}"
            )

    def with_scenes_apart(self, weight: float) -> "TrainingSettings":
        """With Eq. 1 on the scene too, at this weight; 0: without it, and these settings."""
        return replace(self, same_variation=weight, margin=APART) if weight else self

    def steps_for(self, trials: int) -> int:
        """Updates of a training on so many trials."""
        return self.steps or 150 + trials // 5


def train(
    samples: Samples,
    settings: TrainingSettings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    encoders: Encoders | None = None,
) -> EmbeddingModel:
    """Train an embedding on recorded trials (Section III-B).

    Args:
        samples: the trials' features and outcomes.
        settings: how; None: the defaults.
        seed: of everything that is drawn.
        progress: called after every update; what it raises ends the training.
        encoders: that made the features; noted in the model, so that no others answer for them.

    Raises:
        EmbeddingError: too few trials, or only failures or only successes.
    """
    settings = settings or TrainingSettings()
    check_trainable(samples)
    with one_thread():
        run = _Run(samples, settings, seed)
        while run.step < run.steps:
            run.update()
            if progress is not None:
                progress(run.step, run.steps)
        return EmbeddingModel.assemble(run.trained(), samples, encoders)


def check_trainable(samples: Samples) -> None:
    """EmbeddingError if there is too little to learn from, saying what is missing."""
    failures = int(samples.failed.sum())
    successes = len(samples) - failures
    if len(samples) < MIN_TRIALS or min(failures, successes) < MIN_OF_EACH:
        raise EmbeddingError(
            f"the embedding learns from at least {MIN_TRIALS} trials with {MIN_OF_EACH} failures "
            f"and {MIN_OF_EACH} successes among them; got {failures} failures and {successes} "
            "successes: record more trials"
        )
    if (scenes := len(samples.groups())) < MIN_SCENES:
        raise EmbeddingError(
            f"the embedding compares at least {MIN_SCENES} different scenes; got {scenes}: record "
            "trials of other scenes"
        )


def data_digest(samples: Samples) -> str:
    """Fingerprint of trials and features."""
    digest = hashlib.sha256()
    for array in (samples.image, samples.text, samples.failed, samples.seeds):
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    digest.update(repr(samples.scene_ids).encode())
    digest.update(samples.nominal_image.tobytes() + samples.nominal_text.tobytes())
    return digest.hexdigest()


class _Run:
    """A training under way."""

    def __init__(self, samples: Samples, settings: TrainingSettings, seed: int) -> None:
        self.settings, self.step = settings, 0
        self.steps = settings.steps_for(len(samples))
        self._seed, self._digest = seed, data_digest(samples)
        self._random = torch.Generator().manual_seed(seed)
        self._scale = InputScale.fit(samples, settings.components, settings.text_weight)
        self._inputs = torch.from_numpy(self._scale(samples.image, samples.text))
        groups = samples.groups()
        scene = np.zeros(len(samples), dtype=np.int64)
        for number, group in enumerate(groups):
            scene[list(group.rows)] = number
        self._scene = torch.from_numpy(scene)
        self._failed = torch.from_numpy(samples.failed.astype(np.float32))
        towers = LAYOUTS[settings.modalities]
        fold = _folds(np.array([g.failures / g.trials for g in groups]), seed)[scene]
        # Of each kind of tower the folds are left out in turn.
        turn = np.concatenate([np.arange(number) % FOLDS for number in towers])
        self._weights = torch.from_numpy((turn[:, None] != fold[None]).astype(np.float32))
        self._net = EmbeddingNet(
            self._scale.image.size, self._scale.text.size, towers, settings.hidden, settings.gain
        )
        self._net.reset(self._random)
        decayed = [self._net.weight1, self._net.weight2, self._net.weight3]
        free = [self._net.bias1, self._net.bias2, self._net.bias3]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ]
        )
        self._losses: list[float] = []

    def update(self) -> None:
        """One step of the optimizer."""
        settings = self.settings
        rows = torch.arange(len(self._inputs))
        if len(rows) > settings.batch:
            rows = torch.randperm(len(rows), generator=self._random)[: settings.batch]
        slices, logits = self._net(self._inputs[rows], settings.dropout, self._random)
        loss = self._loss(slices, logits, rows)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(self.step, self.steps)
        self._optimizer.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._losses.append(float(loss.detach().mean()))
        self.step += 1

    def _loss(self, slices: Tensor, logits: Tensor, rows: Tensor) -> Tensor:
        """(m,) by tower."""
        settings, weights = self.settings, self._weights[:, rows]
        failed = self._failed[rows]
        soft = failed * (1.0 - 2.0 * settings.smoothing) + settings.smoothing
        loss = settings.bce * outcome_loss(logits, soft, weights)
        paired = rows
        if len(rows) > settings.pairs and settings.contrastive + settings.same_variation > 0:
            chosen = torch.randperm(len(rows), generator=self._random)[: settings.pairs]
            paired, slices, weights = rows[chosen], slices[:, chosen], weights[:, chosen]
        for weight, labels in (
            (settings.contrastive, self._failed[paired]),
            (settings.same_variation, self._scene[paired]),
        ):
            if weight > 0:
                loss = loss + weight * contrastive_loss(slices, labels, settings.margin, weights)
        return loss

    def trained(self) -> Trained:
        """What the model is put together from."""
        return Trained(
            net=self._net.eval(),
            scale=self._scale,
            left_out=(self._weights == 0).numpy(),
            losses=tuple(self._losses),
            settings=asdict(self.settings),
            seed=self._seed,
            data_sha256=self._digest,
        )


def _folds(rates: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """The fold of each scene: failing and succeeding scenes are dealt out evenly."""
    shuffled = np.random.default_rng([seed, 11]).permutation(len(rates))
    order = shuffled[np.argsort(rates[shuffled], kind="stable")]
    folds = np.zeros(len(rates), dtype=np.int64)
    folds[order] = np.arange(len(rates)) % FOLDS
    return folds


def _schedule(step: int, steps: int) -> float:
    """Share of the highest learning rate: a short rise, then half a cosine down to 0."""
    done = (step + 1) / steps
    if done < _WARM_UP:
        return done / _WARM_UP
    return 0.5 * (1.0 + math.cos(math.pi * (done - _WARM_UP) / (1.0 - _WARM_UP)))
