# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials until every variation is decided, and how often a verdict was wrong then.

Simulated campaigns of search decide on 21 variations with the control arm, to a cap of trials.
`python test/bench/bench_stop.py [--campaigns 100] [--kinds none,three,...] [--confidence 0.95]`.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.control import ControlArm
from robomd_ros.core.evidence.population import Verdict
from robomd_ros.core.search import SearchContext
from robomd_ros.core.search.decide import DecideSearch
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, load_catalogue

CATALOGUE = load_catalogue(Path(__file__).resolve().parents[2] / "config/variations/lift.yaml")
N = len(CATALOGUE)
CAP = 900
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], tuple[float, Floats]]


def _failing(count: int) -> Draw:
    return lambda rng: (0.0, (rng.permutation(N) < count).astype(float))


def _sparse(rng: np.random.Generator) -> tuple[float, Floats]:
    return 0.02, np.where(rng.random(N) < 0.2, rng.random(N), 0.02)


KINDS: dict[str, tuple[Draw, int]] = {
    "none": (_failing(0), 80),
    "one": (_failing(1), 80),
    "three": (_failing(3), 80),
    "five": (_failing(5), 80),
    "all": (_failing(N), 80),
    "below_0.3": (lambda rng: (0.05, rng.uniform(0.0, 0.3, N)), 150),
    "chance_0.3": (lambda _: (0.3, np.full(N, 0.3)), 300),
    "sparse": (_sparse, 300),
}
"""How nominal and other rates are drawn, and the most trials in the median."""
WRONG = 0.05
"""Wrong verdicts that a campaign may have on average."""


@dataclass(frozen=True)
class Ended:
    """A campaign: its trials, wrong verdicts, and whether it was decided."""

    trials: int
    wrong: int
    decided: bool


def campaign(draw: Draw, seed: int, confidence: float) -> Ended:
    """One campaign, looked at after every trial."""
    rng = np.random.default_rng(seed)
    q0, rates = draw(rng)
    config = CampaignConfig(
        task="lift", policy="x", catalogue="x", search="decide", confidence=confidence, budget=CAP
    )
    control = ControlArm(config)
    search = DecideSearch(SearchContext(CATALOGUE, seed, False, 1, 80, confidence=confidence))
    trials = 0
    while trials < CAP and not search.tally.decided:
        nominal = bool(control.first) or control.due
        control.ask(nominal)
        scene = NOMINAL if nominal else search.ask(0)
        rate = q0 if nominal else rates[CATALOGUE.index(scene.ids[0])]
        failed = bool(rng.random() < rate)
        ended = Trial(-1, "", scene, 0, Outcome(Result.FAILURE if failed else Result.SUCCESS))
        trials += 1
        if nominal:
            control.count(failed)
            search.observe(ended)
        else:
            search.tell(0, ended)
    tally = search.tally
    verdicts = [tally.verdict(tally.counts(i)) for i in range(N)]
    wrong = sum(is_wrong(v, rate, q0) for v, rate in zip(verdicts, rates, strict=True))
    return Ended(trials, wrong, tally.decided)


def is_wrong(verdict: Verdict, rate: float, q0: float) -> bool:
    """Whether a verdict is false of this rate."""
    return {
        Verdict.FAILS: rate <= 0.5,
        Verdict.COPES: rate > 0.5,
        Verdict.HURTS: rate <= q0,
    }.get(verdict, False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--confidence", type=float, default=0.95)
    options = parser.parse_args()
    met = True
    print(f"{'truth':>11} {'median':>7} {'90 %':>6} {'decided':>8} {'wrong a campaign':>17}")
    for kind in options.kinds.split(","):
        draw, most = KINDS[kind]
        seeds = range(options.first, options.first + options.campaigns)
        ended = [campaign(draw, seed, options.confidence) for seed in seeds]
        trials = [e.trials for e in ended]
        wrong = float(np.mean([e.wrong for e in ended if e.decided] or [0.0]))
        median, decided = float(np.median(trials)), float(np.mean([e.decided for e in ended]))
        met &= median <= most and wrong <= WRONG
        print(
            f"{kind:>11} {median:>7.0f} {np.quantile(trials, 0.9):>6.0f} {decided:>8.2f} "
            f"{wrong:>17.3f}", flush=True,
        )  # fmt: skip
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
