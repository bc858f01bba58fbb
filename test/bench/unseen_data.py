# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorded data of the continuous Lift catalogue, for judging answers about the untried.

Trials come from the pool (two rollouts of each of 1,000 variations, all from different starts);
answers are judged on the truth sample (180 variations, 16 rollouts each), which no trial is of.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recorded_cell import RecordedRollouts, Rollout, StartPictures, single_trials

from robomd_ros.core.embedding.encoders import DEFAULT_IMAGE, DEFAULT_TEXT, Encoders
from robomd_ros.core.embedding.samples import Samples, samples_of, scene_text
from robomd_ros.core.evidence.metrics import pairwise_accuracy
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, load_catalogue

HERE = Path(__file__).resolve().parent
POOL = HERE / "data" / "pool_lift_bc_continuous.json"
TRUTH = HERE / "data" / "truth_lift_bc_continuous.json"
CATALOGUE = HERE.parents[1] / "config" / "variations" / "lift_continuous.yaml"
GAP = 0.3
"""Pairs of the truth sample count if their failure rates differ by at least this."""
QUERY_SEED = 1000
"""Start in which the picture of an unseen variation is taken."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """The variations on which answers are judged.

    Attributes:
        ids: n variation ids.
        rates: (n,) their measured failure rates.
        rollouts: (n,) of how many rollouts.
    """

    ids: tuple[str, ...]
    rates: Floats
    rollouts: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path = TRUTH) -> "Truth":
        scenes = json.loads(path.read_text(encoding="utf-8"))["scenes"]
        single = [scene for scene in scenes if len(scene["variations"]) == 1]
        return cls(
            tuple(scene["variations"][0] for scene in single),
            np.array([scene["failure_rate"] for scene in single]),
            np.array([scene["rollouts"] for scene in single]),
        )

    def accuracy(self, scores: Floats, chosen: NDArray[np.bool_] | None = None) -> float:
        """Share of pairs, at least GAP apart, whose more failing one has the larger score."""
        those = np.ones(len(self.ids), bool) if chosen is None else chosen
        return pairwise_accuracy(scores[those], self.rates[those], GAP)

    def pairs(self, chosen: NDArray[np.bool_] | None = None) -> int:
        rates = self.rates if chosen is None else self.rates[chosen]
        return int((rates[:, None] - rates[None, :] >= GAP - 1e-12).sum())


class UnseenLift:
    """Recorded trials with their pictures, and the truth sample.

    Attributes:
        catalogue: of all 1,000 variations.
        truth: what is judged on.
        pool: the recorded rollouts of all other variations.
        pictures: true first pictures.
    """

    def __init__(self) -> None:
        self.catalogue = load_catalogue(CATALOGUE)
        self.truth = Truth.load()
        self.pool = RecordedRollouts.load(POOL).without(self.truth.ids)
        self.pictures = StartPictures("lift")

    def random_trials(self, count: int, seed: int) -> list[Rollout]:
        """Single trials of random variations, none of them in the truth sample."""
        return single_trials(self.pool, self.catalogue, count, seed)

    def trial(self, rollout: Rollout) -> Trial:
        """The recorded rollout as a trial with its picture."""
        result = Result.FAILURE if rollout.failed else Result.SUCCESS
        scene = self.catalogue.scene(sorted(rollout.ids))
        image = self.pictures.take(scene, rollout.seed)
        outcome = Outcome(result, Source.SIMULATOR)
        return Trial(-1, "recorded", scene, rollout.seed, outcome, image)

    def nominal_picture(self) -> NDArray[np.uint8]:
        return self.pictures.take(NOMINAL, QUERY_SEED)

    def query_pictures(self, ids: tuple[str, ...]) -> list[NDArray[np.uint8]]:
        return [self.pictures.take(self.catalogue.scene([i]), QUERY_SEED) for i in ids]

    def texts(self, ids: tuple[str, ...]) -> list[str]:
        return [scene_text(self.catalogue.scene([i])) for i in ids]

    def close(self) -> None:
        self.pictures.close()


class EncodedLift:
    """What one pair of encoders makes of all recorded trials and of the truth sample.

    Attributes:
        samples: of every rollout of the pool.
        image, text: (n, p) and (n, q) features of the truth sample.
    """

    def __init__(self, data: UnseenLift, encoders: Encoders) -> None:
        rollouts = [r for r in data.pool if len(r.ids) == 1]
        self._row = {rollout: row for row, rollout in enumerate(rollouts)}
        trials = [data.trial(rollout) for rollout in rollouts]
        self.encoders = encoders
        self.samples = samples_of(trials, data.catalogue, encoders, data.nominal_picture())
        self.image = encoders.image.encode(data.query_pictures(data.truth.ids))
        self.text = encoders.text.encode(data.texts(data.truth.ids))

    def take(self, rollouts: list[Rollout]) -> Samples:
        return self.samples.take([self._row[rollout] for rollout in rollouts])


def with_encoders(known: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser with the options that name the encoders."""
    known.add_argument("--image", default=DEFAULT_IMAGE, help="image encoder")
    known.add_argument("--text", default=DEFAULT_TEXT, help="text encoder")
    return known


def parameter_features(catalogue: Catalogue, ids: tuple[str, ...]) -> Floats:
    """(n, c) of variations: which factor and target, and its parameters in columns of their own."""
    columns: dict[tuple[str, ...], int] = {}
    for variation in catalogue:
        columns.setdefault(variation.slot, len(columns))
        for key, value in variation.parameters.items():
            for place, _ in enumerate(value if isinstance(value, tuple) else (value,)):
                columns.setdefault((*variation.slot, key, str(place)), len(columns))
    features = np.zeros((len(ids), len(columns)))
    for row, name in enumerate(ids):
        variation = catalogue[name]
        features[row, columns[variation.slot]] = 1.0
        for key, value in variation.parameters.items():
            for place, number in enumerate(value if isinstance(value, tuple) else (value,)):
                features[row, columns[(*variation.slot, key, str(place))]] = number
    return features
