# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether the embedding's probabilities of unseen variations mean what they say.

Expected calibration error and coverage of the 95 % intervals on the truth sample of the continuous
Lift catalogue, after single trials of random other variations. Run it with `make bench` or
`python test/bench/bench_embedding_calibration.py [--seeds 5] [--counts 60,100,200]`.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta
from unseen_data import EncodedLift, Truth, UnseenLift, with_encoders

from robomd_ros.core.embedding.calibration import (
    expected_calibration_error,
    interval_coverage,
    reliability_diagram,
)
from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.training import TrainingSettings, train

BINS = 10
ECE_GOAL = 0.08
COVERAGE_GOAL = (0.90, 0.99)
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Said:
    """What was predicted of the truth sample, (n,) each."""

    probability: Floats
    lower: Floats
    upper: Floats
    known: NDArray[np.bool_]


def coverage(said: Said, truth: Truth) -> tuple[float, float]:
    """Share of the intervals that hold the measured rate, and that expectedly hold the true one.

    The true rate is not known: after k failures in n rollouts it is Beta(k + 1/2, n - k + 1/2).
    """
    held = interval_coverage(said.lower, said.upper, truth.rates)
    failures = truth.rates * truth.rollouts
    true = beta(failures + 0.5, truth.rollouts - failures + 0.5)
    return held, float((true.cdf(said.upper) - true.cdf(said.lower)).mean())


def show_diagram(said: Sequence[Said], truth: Truth) -> None:
    """The reliability diagram as a table, all seeds together."""
    probability = np.concatenate([one.probability for one in said])
    drawn = reliability_diagram(probability, np.tile(truth.rates, len(said)), BINS)
    print(f"\n{'answers':>8} {'mean prediction':>16} {'mean truth':>11}")
    for count, mean, rate in zip(drawn.counts, drawn.predicted, drawn.observed, strict=True):
        if count:
            print(f"{count:>8} {mean:>16.3f} {rate:>11.3f}")


def report(said: Sequence[Said], truth: Truth, count: int, what: str) -> bool:
    """Print the figures of one number of trials; whether the goals are met."""
    errors = [expected_calibration_error(one.probability, truth.rates, BINS) for one in said]
    held = [coverage(one, truth) for one in said]
    measured, true = (float(np.mean([h[i] for h in held])) for i in (0, 1))
    width = np.mean([np.mean(one.upper - one.lower) for one in said])
    unknown = np.mean([np.mean(~one.known) for one in said])
    low, high = COVERAGE_GOAL
    calibrated = float(np.mean(errors)) <= ECE_GOAL
    covering = low <= measured <= high
    print(
        f"{what}, {count} trials: calibration error {np.mean(errors):.3f} "
        f"(largest {max(errors):.3f}), at most {ECE_GOAL}: {_word(calibrated)}; "
        f"intervals hold the measured rate in {measured:.1%} "
        f"(lowest {min(h[0] for h in held):.1%}), {low:.0%} to {high:.0%}: {_word(covering)}; "
        f"expectedly the true one in {true:.1%}; mean width {width:.2f}; "
        f"does not know {unknown:.0%}"
    )
    return calibrated and covering


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--seeds", type=int, default=5)
    known.add_argument("--counts", default="60,100,200")
    return with_encoders(known)


def main() -> int:
    options = parser().parse_args()
    torch.set_num_threads(1)
    counts = [int(count) for count in options.counts.split(",")]
    data, met = UnseenLift(), True
    try:
        encoded = EncodedLift(data, make_encoders(options.image, options.text))
        for count in counts:
            with_picture, without = [], []
            for seed in range(options.seeds):
                trials = encoded.take(data.random_trials(count, seed))
                model = train(trials, TrainingSettings(), seed)
                for image, place in ((encoded.image, with_picture), (None, without)):
                    p = model.predict(image, encoded.text)
                    place.append(Said(p.probability, p.lower, p.upper, p.known))
            goal = report(with_picture, data.truth, count, "picture and sentence")
            report(without, data.truth, count, "sentence only")
        met &= goal
        show_diagram(with_picture, data.truth)
    finally:
        data.close()
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
