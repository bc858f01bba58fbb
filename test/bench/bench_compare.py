# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often two equal policies are told apart, and a difference of 0.2 is seen.

Simulated pairs of policies on 21 variations, 42 trials of the first against 210 of the second. Run
`python test/bench/bench_compare.py [--pairs 1000] [--trials 42,210] [--truths sparse,uniform]`.
"""

import argparse
import os
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from planted_truths import TRUTHS

from robomd_ros.core.evidence.comparison import Compared, SceneTrials, compare_policies

VARIATIONS = 21
CHANGES = (0.0, 0.2)


def pair_of(name: str, change: float, trials: tuple[int, int], seed: int) -> list[SceneTrials]:
    """Single-variation trials of a policy and of one that fails more often by `change`."""
    rng = np.random.default_rng([seed, *name.encode()])
    rates = TRUTHS[name](rng, VARIATIONS).singles
    found = []
    for rate in rates:
        first = rng.random(trials[0] // VARIATIONS) < rate
        second = rng.random(trials[1] // VARIATIONS) < min(1.0, rate + change)
        found.append(SceneTrials((), tuple(first.tolist()), tuple(second.tolist())))
    return found


def main() -> int:
    known = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    known.add_argument("--pairs", type=int, default=1000)
    known.add_argument("--trials", default="42,210")
    known.add_argument("--truths", default="never,below 0.3,sparse,nominal 0.25,uniform")
    options = known.parse_args()
    first, second = (int(n) for n in options.trials.split(","))
    print(f"{'truth':13} {'change':>6} " + " ".join(f"{c.name[:12]:>13}" for c in Compared))
    for name in options.truths.split(","):
        for change in CHANGES:
            said: Counter[Compared] = Counter()
            for seed in range(options.pairs):
                scenes = pair_of(name, change, (first, second), seed)
                said[compare_policies(scenes, seed=seed).verdict] += 1
            shares = " ".join(f"{said[c] / options.pairs:13.3f}" for c in Compared)
            print(f"{name:13} {change:6.1f} {shares}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
