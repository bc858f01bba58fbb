# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Plain learners that the embedding has to beat, from the same trials (scikit-learn).

The settings are common ones; where one has to be chosen it is fitted on the trials themselves
(the regularisation by cross-validation, the kernel by its marginal likelihood).
"""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from unseen_data import UnseenLift, parameter_features

from robomd_ros.core.embedding.encoders import make_image_encoder, make_text_encoder
from robomd_ros.core.trial import Trial

Floats = NDArray[np.float64]
LEARNERS = ("random forest", "logistic", "gaussian process")
PLAIN_SIDE = 12


def learner(name: str, size: int, seed: int) -> ClassifierMixin:
    """An unfitted classifier of `size` features."""
    if name == "random forest":
        return RandomForestClassifier(500, min_samples_leaf=2, random_state=seed)
    if name == "logistic":
        strengths = {"C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}
        model = GridSearchCV(
            LogisticRegression(max_iter=500), strengths, scoring="neg_log_loss", cv=4
        )
        return make_pipeline(StandardScaler(), model)
    kernel = ConstantKernel(4.0) * RBF(np.sqrt(size))
    return make_pipeline(StandardScaler(), GaussianProcessClassifier(kernel, random_state=seed))


def fitted_probability(
    name: str, train: Floats, failed: NDArray[np.bool_], test: Floats, seed: int
) -> Floats:
    """(n,) failure probability that a learner predicts for the rows of `test`."""
    with warnings.catch_warnings():
        # A kernel at its bound or a slow solver is the learner's own business here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = learner(name, train.shape[1], seed).fit(train, failed)
        return model.predict_proba(test)[:, 1]


class PlainFeatures:
    """Features of trials and of the truth sample that need no embedding."""

    def __init__(self, data: UnseenLift) -> None:
        self._data = data
        self._text = make_text_encoder("minilm")
        self._pixels = make_image_encoder("pixels")
        self._sentences = dict(
            zip(
                (v.id for v in data.catalogue),
                self._text.encode([v.description for v in data.catalogue]),
                strict=True,
            )
        )

    def of(
        self, ids: Sequence[str], pictures: Sequence[NDArray[np.uint8]]
    ) -> Iterator[tuple[str, Floats]]:
        """(name, (n, size)) of single variations and a picture of each."""
        image = np.stack([shrunken(picture) for picture in pictures])
        lab = self._pixels.encode(pictures)
        text = np.stack([self._sentences[i] for i in ids])
        yield "parameters", parameter_features(self._data.catalogue, tuple(ids))
        yield "picture", image
        yield "picture, L*a*b*", lab
        yield "sentence", text
        yield "picture and sentence", np.hstack([image, text])

    def of_trials(self, trials: Sequence[Trial]) -> dict[str, Floats]:
        pictures = [trial.image for trial in trials if trial.image is not None]
        return dict(self.of([trial.scene.ids[0] for trial in trials], pictures))

    def of_truth(self) -> dict[str, Floats]:
        ids = self._data.truth.ids
        return dict(self.of(ids, self._data.query_pictures(ids)))


def shrunken(picture: NDArray[np.uint8], side: int = PLAIN_SIDE) -> Floats:
    """(side * side * 3,) mean colours in [0, 1] of a picture whose sides `side` divides."""
    cell = picture.shape[0] // side
    blocks = picture.reshape(side, cell, side, cell, 3).mean(axis=(1, 3))
    return blocks.reshape(-1) / 255.0


def slot_mean(trials: Sequence[Trial], catalogue_slots: Sequence[tuple[str, str]]) -> Floats:
    """A control that knows only the factor and target: the failure rate of its trials so far.

    One trial's weight of the overall rate is added, so that an untried one has that rate.
    """
    failed = np.array([trial.outcome.failed for trial in trials], dtype=float)
    slots = [trial.scene.variations[0].slot for trial in trials]
    overall = float(failed.mean())
    rates = {}
    for slot in set(catalogue_slots):
        here = failed[[s == slot for s in slots]]
        rates[slot] = (here.sum() + overall) / (len(here) + 1)
    return np.array([rates[slot] for slot in catalogue_slots])
