# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Does the diagnosis tell the truth? Coverage, widths, bias and false verdicts on known policies.

Simulated campaigns of every search against planted truths, with the control arm's trials: five
first, then one in ten. Run `python test/bench/bench_truth.py [--campaigns 200] [--trials 105,420]
[--truths sparse,rescue] [--searches uniform,uniform+,ppo] [--seed 1]`; a search with a + lets
scenes accumulate. One row a truth, search and number of trials:

* coverage of the 95 % intervals of all variations, of the first row and of the unchanged scene;
* mean width, and bias of the first row and of all;
* false FAILS (true rate up to 0.5), HURTS (true rate up to the unchanged one) and COPES a campaign,
  and how many of each verdict were given, at the confidence given.

After +- stand the standard errors of the three coverages and of false HURTS: campaigns vary, and a
row whose interval of two of these holds what is wanted is short by no more than chance.
"""

import argparse
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from planted_truths import TRUTHS, Members, PlantedTruth

from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.posterior import Posterior
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.search import SearchContext, make_search
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene, load_catalogue

CATALOGUE = Path(__file__).resolve().parents[2] / "config" / "variations" / "lift.yaml"
FIRST_NOMINAL = 5
ONE_IN = 10
SEARCHES = "uniform,uniform+,thompson,thompson+"
HEADS = (
    "all", "first", "zero", "width", "bias1", "bias",
    "!FAILS", "!HURTS", "!COPES", "FAILS", "HURTS", "COPES",
)  # fmt: skip
WITH_ERROR = ("all", "first", "zero", "!HURTS")


@dataclass(frozen=True)
class Chosen:
    """A search and whether its scenes accumulate: `ppo+`."""

    text: str

    @property
    def name(self) -> str:
        return self.text.rstrip("+")

    @property
    def accumulates(self) -> bool:
        return self.text.endswith("+")


def picture_of(members: Members, size: int = 84) -> NDArray[np.uint8]:
    """A picture that differs from scene to scene, for a search that looks at it."""
    picture = np.full((size, size, 3), 90, dtype=np.uint8)
    for v in members:
        row, column = divmod(v * 4, size - 4)
        picture[row : row + 24, column : column + 4] = (250, 40 + 9 * v, 255 - 9 * v)
    return picture


def campaign(
    truth: PlantedTruth,
    catalogue: Catalogue,
    chosen: Chosen,
    checkpoints: Sequence[int],
    seed: int,
    threshold: float = 0.5,
) -> Iterator[Posterior]:
    """The posterior at each number of trials."""
    rng = np.random.default_rng([seed, 1])
    budget = max(checkpoints)
    context = SearchContext(catalogue, seed, chosen.accumulates, 5, 80, budget=budget)
    search = make_search(chosen.name, context)
    search.begin(picture_of(()) if search.wants_images else None)
    evidence = Evidence(catalogue, seed, threshold=threshold)
    for done in range(budget):
        control = done < FIRST_NOMINAL or done % ONE_IN == ONE_IN - 1
        scene: Scene = NOMINAL if control else search.ask(0)
        members = tuple(sorted(catalogue.index(i) for i in scene.ids))
        failed = bool(rng.random() < truth.rate(members))
        evidence.add(scene, failed)
        result = Result.FAILURE if failed else Result.SUCCESS
        image = picture_of(members) if search.wants_images else None
        outcome = Outcome(result, Source.SIMULATOR, 4.0, 80 if failed else 30)
        trial = Trial(done, "bench", scene, done, outcome, image)
        if control:
            search.observe(trial)
        else:
            search.tell(0, trial)
        if done + 1 in checkpoints:
            yield evidence.posterior()
    search.close(learn=False)


def measured(posterior: Posterior, truth: PlantedTruth, confidence: float) -> list[float]:
    """One campaign's row, as in HEADS; of what was tried alone or among others."""
    verdicts = posterior.verdicts(confidence)
    tried = np.flatnonzero(posterior.held > 0)
    true = truth.singles
    mean, lower, upper = posterior.figures
    holds = (lower <= true + 1e-9) & (true <= upper + 1e-9)
    first = int(tried[np.argmax(mean[tried])])
    zero = posterior.nominal
    given = {kind: [i for i, v in enumerate(verdicts) if v is kind] for kind in Verdict}
    false = (
        sum(true[i] <= posterior.threshold for i in given[Verdict.FAILS]),
        sum(true[i] <= truth.nominal + 1e-9 for i in given[Verdict.HURTS]),
        sum(true[i] > posterior.threshold for i in given[Verdict.COPES]),
    )
    counts = (len(given[kind]) for kind in (Verdict.FAILS, Verdict.HURTS, Verdict.COPES))
    return [
        float(holds[tried].mean()),
        float(holds[first]),
        float(zero.lower <= truth.nominal <= zero.upper + 1e-9),
        float((upper - lower)[tried].mean()),
        float((mean - true)[first]),
        float((mean - true)[tried].mean()),
        *map(float, (*false, *counts)),
    ]


def main() -> int:
    known = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    known.add_argument("--campaigns", type=int, default=200)
    known.add_argument("--trials", default="105,420")
    known.add_argument("--truths", default=",".join(TRUTHS))
    known.add_argument("--searches", default=SEARCHES)
    known.add_argument("--confidence", type=float, default=0.95)
    known.add_argument("--seed", type=int, default=1)
    options = known.parse_args()
    checkpoints = sorted(int(n) for n in options.trials.split(","))
    catalogue = load_catalogue(CATALOGUE)
    print(f"{'truth':13} {'search':10} {'trials':>6} " + " ".join(f"{h:>7}" for h in HEADS))
    for name, text in itertools.product(options.truths.split(","), options.searches.split(",")):
        rows: dict[int, list[list[float]]] = {n: [] for n in checkpoints}
        for number in range(options.campaigns):
            rng = np.random.default_rng([options.seed, number, *name.encode()])
            truth = TRUTHS[name](rng, len(catalogue))
            seed = int(rng.integers(2**31))
            found = campaign(truth, catalogue, Chosen(text), checkpoints, seed)
            for trials, posterior in zip(checkpoints, found, strict=True):
                rows[trials].append(measured(posterior, truth, options.confidence))
        for trials, values in rows.items():
            means = " ".join(f"{x:7.3f}" for x in np.mean(values, axis=0))
            errors = np.std(values, axis=0) / np.sqrt(len(values))
            spread = " ".join(f"{errors[HEADS.index(head)]:.3f}" for head in WITH_ERROR)
            print(f"{name:13} {text:10} {trials:6d} {means} +- {spread}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
