# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the embedding says of a kind of change that it has never seen, and when it knows better.

Leave one factor out: for each factor and target of the continuous Lift catalogue, single trials of
random variations of all the others; judged on the truth sample. A pair counts for the factor left
out if at least one of its two variations is of that factor. Run it with `make bench` or
`python test/bench/bench_embedding_factors.py [--seeds 2] [--count 200]`.
"""

import argparse
import os
import time
from collections import defaultdict
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from plain_baselines import PlainFeatures, fitted_probability
from recorded_cell import Rollout, single_trials
from unseen_data import GAP, EncodedLift, UnseenLift, with_encoders

from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.training import TrainingSettings, train

EMBEDDING = "embedding"
TEXT_ONLY = "sentence only"
PLAIN = {"GP picture": ("gaussian process", "picture, L*a*b*")}
"""Plain learners beside it: name, learner, features."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Answers:
    """What was said of the truth sample without one factor.

    Attributes:
        slot: the factor and target left out.
        left_out: (n,) which variations of the truth sample are of it.
        scores: (n,) by learner.
        reliability: (n,) distance to the nearest known embedding.
        known: (n,) whether that is near enough for an answer.
    """

    slot: tuple[str, str]
    left_out: Bools
    scores: dict[str, Floats]
    reliability: Floats
    known: Bools


def answers(
    data: UnseenLift,
    encoded: EncodedLift,
    plain: PlainFeatures,
    slot: tuple[str, str],
    options: argparse.Namespace,
    seed: int,
) -> Answers:
    others = [v.id for v in data.catalogue if v.slot != slot]
    rollouts = single_trials(data.pool, data.catalogue.subset(others), options.count, seed)
    model = train(encoded.take(rollouts), TrainingSettings(), seed)
    predicted = model.predict(encoded.image, encoded.text)
    scores = {
        EMBEDDING: predicted.probability,
        TEXT_ONLY: model.predict(None, encoded.text).probability,
        **plain_scores(data, plain, rollouts, seed),
    }
    left_out = np.array([data.catalogue[i].slot == slot for i in data.truth.ids])
    return Answers(slot, left_out, scores, predicted.reliability, predicted.known)


def plain_scores(
    data: UnseenLift, plain: PlainFeatures, rollouts: list[Rollout], seed: int
) -> dict[str, Floats]:
    here = plain.of_trials([data.trial(rollout) for rollout in rollouts])
    there = plain.of_truth()
    failed = np.array([rollout.failed for rollout in rollouts])
    return {
        name: fitted_probability(learner, here[features], failed, there[features], seed)
        for name, (learner, features) in PLAIN.items()
    }


def involved_accuracy(data: UnseenLift, scores: Floats, chosen: Bools) -> tuple[float, int]:
    """(accuracy, how many) of the pairs with at least one of the chosen variations."""
    truth = data.truth.rates
    pairs = truth[:, None] - truth[None, :] >= GAP - 1e-12
    pairs &= chosen[:, None] | chosen[None, :]
    if not pairs.any():
        return float("nan"), 0
    right = (scores[:, None] > scores[None, :]) + 0.5 * (scores[:, None] == scores[None, :])
    return float(right[pairs].mean()), int(pairs.sum())


def thirds(reliability: Floats, among: Bools) -> tuple[Bools, Bools]:
    """Which of some variations are the nearest third to what is known, and the farthest."""
    places = np.flatnonzero(among)
    order = places[np.argsort(reliability[places], kind="stable")]
    third = max(1, len(order) // 3)
    nearest, farthest = np.zeros_like(among), np.zeros_like(among)
    nearest[order[:third]] = True
    farthest[order[-third:]] = True
    return nearest, farthest


def report_factors(data: UnseenLift, found: list[Answers]) -> None:
    """The table of the factors left out."""
    by_slot: dict[tuple[str, str], list[Answers]] = defaultdict(list)
    for one in found:
        by_slot[one.slot].append(one)
    names = list(found[0].scores)
    print(f"\nThe factor is left out of training; pairwise accuracy at a gap of {GAP}, mean")
    head = "".join(f"{name:>15}" for name in names)
    print(f"{'factor/target':>16} {'pairs':>6}{head} {'nearest 3rd':>12} {'farthest 3rd':>12}")
    columns = defaultdict(list)
    for slot, those in sorted(by_slot.items()):
        row = {
            n: [involved_accuracy(data, a.scores[n], a.left_out)[0] for a in those] for n in names
        }
        for place, label in enumerate(("nearest", "farthest")):
            row[label] = [
                involved_accuracy(
                    data, a.scores[EMBEDDING], thirds(a.reliability, a.left_out)[place]
                )[0]
                for a in those
            ]
        pairs = involved_accuracy(data, those[0].scores[EMBEDDING], those[0].left_out)[1]
        for key, values in row.items():
            columns[key] += values
        cells = "".join(f"{np.mean(row[n]):>15.3f}" for n in names)
        ends = f" {np.mean(row['nearest']):>12.3f} {np.mean(row['farthest']):>12.3f}"
        print(f"{'/'.join(slot):>16} {pairs:>6}{cells}{ends}")
    cells = "".join(f"{np.mean(columns[n]):>15.3f}" for n in names)
    ends = f" {np.mean(columns['nearest']):>12.3f} {np.mean(columns['farthest']):>12.3f}"
    print(f"{'mean':>16} {'':>6}{cells}{ends}")


def report_reliability(data: UnseenLift, found: list[Answers]) -> bool:
    """Whether a smaller distance means better answers, over the whole truth sample."""
    everything = np.ones(len(data.truth.ids), dtype=bool)
    near, far, known, unknown = [], [], [], []
    for one in found:
        nearest, farthest = thirds(one.reliability, everything)
        for chosen, place in ((nearest, near), (farthest, far)):
            place.append(involved_accuracy(data, one.scores[EMBEDDING], chosen)[0])
        for chosen, place in ((one.known, known), (~one.known, unknown)):
            place.append(involved_accuracy(data, one.scores[EMBEDDING], chosen)[0])
    share = np.mean([np.mean(~one.known[one.left_out]) for one in found])
    elsewhere = np.mean([np.mean(~one.known[~one.left_out]) for one in found])
    print(
        "\nThe whole truth sample, one factor of which is new: accuracy of the pairs with one of\n"
        f"the nearest third {np.mean(near):.3f}, the farthest third {np.mean(far):.3f}; "
        f"within the stated distance {np.nanmean(known):.3f}, beyond it {_mean(unknown)}\n"
        f"said to be beyond it: {share:.0%} of the factor left out, {elsewhere:.0%} of the others"
    )
    better = float(np.mean(near)) > float(np.mean(far))
    word = "met" if better else "MISSED"
    print(f"reliability tells: nearest third better than farthest: {word}")
    return better


def _mean(values: list[float]) -> str:
    finite = [value for value in values if not np.isnan(value)]
    return f"{np.mean(finite):.3f}" if finite else "-"


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--seeds", type=int, default=2)
    known.add_argument("--count", type=int, default=200, help="trials")
    return with_encoders(known)


def main() -> int:
    options = parser().parse_args()
    torch.set_num_threads(1)
    data = UnseenLift()
    found: list[Answers] = []
    try:
        encoded = EncodedLift(data, make_encoders(options.image, options.text))
        plain = PlainFeatures(data)
        started = time.monotonic()
        for slot in sorted({v.slot for v in data.catalogue}):
            for seed in range(options.seeds):
                found.append(answers(data, encoded, plain, slot, options, seed))
            print(f"without {'/'.join(slot)}: {time.monotonic() - started:.0f} s", flush=True)
    finally:
        data.close()
    report_factors(data, found)
    return 0 if report_reliability(data, found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
