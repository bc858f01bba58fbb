# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How good the embedding space is: Table V, kNN accuracy (Fig. 15), training loss (Fig. 16).

Table V is rebuilt on the paper's 21 Lift variations, from recorded rollouts of the shipped policy;
the others on single trials of the continuous catalogue. Run it with `make bench` or
`python test/bench/bench_embedding_quality.py [--rollouts 12] [--encoders pixels/words,...]`.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from recorded_cell import RecordedRollouts
from unseen_data import HERE, QUERY_SEED, EncodedLift, StartPictures, UnseenLift

from robomd_ros.core.embedding.encoders import (
    DEFAULT_IMAGE,
    DEFAULT_TEXT,
    Encoders,
    make_encoders,
)
from robomd_ros.core.embedding.quality import cosine_matrix, neighbour_accuracy, quality_report
from robomd_ros.core.embedding.samples import Samples, samples_of
from robomd_ros.core.embedding.training import TrainingSettings, train
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import NOMINAL, load_catalogue

LIFT = HERE.parents[1] / "config" / "variations" / "lift.yaml"
RECORDED: Path = HERE / "data" / "truth_lift_bc.json"
PAPER_BEST = (0.1801, 7.6387)
"""MSE and Frobenius distance of the best row of Table V."""
APART = TrainingSettings(contrastive=0.0, same_variation=1.0, margin=4.0)
"""Eq. 1 on the variation instead of the outcome, at a weight that makes the matrix diagonal."""
APART_NAME = "BCE + strong same variation"
ENCODERS = ("pixels/words", "efficientnet_lite0/words", "efficientnet_lite0/minilm")


def lift_samples(pictures: StartPictures, encoders: Encoders, rollouts: int) -> Samples:
    """The first recorded rollouts of each of the paper's variations of Lift."""
    catalogue = load_catalogue(LIFT)
    recorded = RecordedRollouts.load(RECORDED)
    trials = []
    for variation in catalogue:
        scene = catalogue.scene([variation.id])
        for rollout in recorded[scene.key][:rollouts]:
            result = Result.FAILURE if rollout.failed else Result.SUCCESS
            image = pictures.take(scene, rollout.seed)
            outcome = Outcome(result, Source.SIMULATOR)
            trials.append(Trial(-1, "recorded", scene, rollout.seed, outcome, image))
    return samples_of(trials, catalogue, encoders, pictures.take(NOMINAL, QUERY_SEED))


def table_v(samples: Samples) -> bool:
    """Table V beside the paper's; whether our best row is at least as good as theirs."""
    model = train(samples, TrainingSettings(), 0)
    rows = {row.name: (row.matrix, row.paper) for row in quality_report(model, samples).table}
    apart = cosine_matrix(train(samples, APART, 0))
    rows[f"image+text, {APART_NAME}"] = (apart, None)
    print(
        f"Table V on {len(model.known)} variations, {len(samples)} trials: cosine matrix of mean "
        "embeddings against the identity\n"
        f"{'trained on, with':>46} {'MSE':>8} {'paper':>8} {'Frobenius':>10} {'paper':>8}"
    )
    for name, (matrix, paper) in rows.items():
        mse, frobenius = (f"{value:.4f}" for value in paper) if paper else ("-", "-")
        line = f"{matrix.mse:>8.4f} {mse:>8} {matrix.frobenius:>10.4f} {frobenius:>8}"
        print(f"{name:>46} {line}")
    best = min(rows, key=lambda name: rows[name][0].mse)
    matrix = rows[best][0]
    met = matrix.mse <= PAPER_BEST[0] and matrix.frobenius <= PAPER_BEST[1]
    print(
        f"best: {best}, {matrix.mse:.4f} / {matrix.frobenius:.4f}; the paper's best "
        f"{PAPER_BEST[0]} / {PAPER_BEST[1]}: {'met' if met else 'MISSED'}"
    )
    return met


def terms(data: UnseenLift, encoded: EncodedLift, options: argparse.Namespace) -> None:
    """What each term of the loss is worth for what was not tried."""
    print(f"\nAccuracy on unseen variations by loss, {options.count} trials, mean of the seeds")
    default = TrainingSettings()
    weight = default.contrastive or 0.1
    kinds = {
        "BCE": replace(default, contrastive=0.0),
        "BCE + contrastive": replace(default, contrastive=weight),
        "BCE + contrastive + same variation": replace(
            default, contrastive=weight, same_variation=weight
        ),
        APART_NAME: APART,
        "contrastive only": replace(default, bce=0.0, contrastive=1.0),
    }
    for name, settings in kinds.items():
        values = []
        for seed in range(options.seeds):
            samples = encoded.take(data.random_trials(options.count, seed))
            model = train(samples, settings, seed)
            values.append(
                data.truth.accuracy(model.predict(encoded.image, encoded.text).probability)
            )
        print(f"{name:>46} {np.mean(values):>8.3f} ± {np.std(values):.3f}", flush=True)


def neighbours(samples: Samples) -> None:
    """Fig. 15, of trials whose scenes the embedding was not trained on."""
    found = neighbour_accuracy(samples, TrainingSettings())
    if found is None:
        return
    print(
        f"\nkNN accuracy over k: {found.held_out} held-out trials, always saying the more frequent "
        f"outcome gives {found.majority:.3f}"
    )
    print(" ".join(f"{k:>6}" for k in found.k))
    print(" ".join(f"{value:>6.3f}" for value in found.accuracy))


def losses(curves: Mapping[str, tuple[float, ...]]) -> None:
    """Fig. 16: the mean training loss along the training."""
    shares = (0.02, 0.1, 0.25, 0.5, 1.0)
    print("\nTraining loss by encoder, after this share of the updates")
    print(f"{'':>32}" + "".join(f"{share:>9.0%}" for share in shares))
    for name, curve in curves.items():
        values = [curve[max(0, round(share * len(curve)) - 1)] for share in shares]
        print(f"{name:>32}" + "".join(f"{value:>9.3f}" for value in values), flush=True)


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--rollouts", type=int, default=12, help="of each variation of Table V")
    known.add_argument("--count", type=int, default=200, help="single trials for the others")
    known.add_argument("--seeds", type=int, default=3)
    known.add_argument("--encoders", default=",".join(ENCODERS), help="image/text, of Fig. 16")
    return known


def main() -> int:
    options = parser().parse_args()
    torch.set_num_threads(1)
    default = make_encoders(DEFAULT_IMAGE, DEFAULT_TEXT)
    pictures = StartPictures("lift")
    try:
        met = table_v(lift_samples(pictures, default, options.rollouts))
    finally:
        pictures.close()
    data = UnseenLift()
    try:
        encoded = EncodedLift(data, default)
        terms(data, encoded, options)
        rollouts = data.random_trials(options.count, 0)
        neighbours(encoded.take(rollouts))
        trials = [data.trial(rollout) for rollout in rollouts]
        curves = {}
        for spec in options.encoders.split(","):
            encoders = make_encoders(*spec.split("/"))
            samples = samples_of(trials, data.catalogue, encoders, data.nominal_picture())
            curves[spec] = train(samples, TrainingSettings(), 0).losses
        losses(curves)
    finally:
        data.close()
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
