# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which search is for what: what each knows of planted and recorded truths after equal trials.

The table of the README. Every search has the control arm; a verdict counts on a variation's own
trials. Right: variations with a true verdict; wrong: with a false one, a campaign; sets: planted
pairs that are found (covering) or suspected (evidence).
`python test/bench/bench_budget.py [--campaigns 10] [--trials 105] [--searches decide,...]`.
"""

import argparse
import os
from collections.abc import Iterable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench_combinations import CATALOGUE, PlantedCell, truth
from bench_search import TRUTH
from bench_stop import is_wrong
from table_cell import RateTable

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.control import ControlArm
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.search import SearchContext, make_search
from robomd_ros.core.search.covering import CoveringSearch
from robomd_ros.core.variations import NOMINAL

KINDS = ("none_4", "two_pairs_4", "recorded")
SEARCHES = ("decide", "covering", "uniform", "thompson", "ppo")
Ids = frozenset[str]


class Recorded:
    """The measured rates of the shipped policy."""

    sets: tuple[Ids, ...] = ()

    def __init__(self) -> None:
        self._rates = RateTable.measured(TRUTH)

    def rate(self, ids: Ids) -> float:
        return self._rates[ids]


def campaign(search_name: str, kind: str, seed: int, trials: int) -> tuple[int, int, int, int]:
    """Right and wrong verdicts, planted sets found, and sets planted."""
    planted = Recorded() if kind == "recorded" else truth(kind, seed)
    config = CampaignConfig(
        task="lift", policy="x", catalogue="x", search=search_name, budget=trials, seed=seed
    )
    context = SearchContext(
        CATALOGUE, seed, config.accumulates, config.max_scene_size, 80, config.search_options,
        trials,
    )  # fmt: skip
    search, control, cell = (
        make_search(search_name, context),
        ControlArm(config),
        PlantedCell(planted),
    )
    search.begin(cell.observe(NOMINAL, 0))
    evidence = Evidence(CATALOGUE, seed)
    for number in range(trials):
        nominal = bool(control.first) or control.due
        control.ask(nominal)
        scene = NOMINAL if nominal else search.ask(0)
        ended = cell.run(scene, int(np.random.default_rng([seed, number]).integers(2**31)))
        evidence.add(scene, ended.outcome.failed)
        if nominal:
            control.count(ended.outcome.failed)
            search.observe(ended)
        else:
            search.tell(0, ended)
    posterior = evidence.posterior()
    q0 = planted.rate(frozenset())
    right = wrong = 0
    for variation, verdict in zip(CATALOGUE, posterior.verdicts(config.confidence), strict=True):
        false = is_wrong(verdict, planted.rate(frozenset({variation.id})), q0)
        wrong += false
        right += verdict.decided and not false
    found = sets_found(search, posterior.combinations)
    return right, wrong, sum(s in found for s in planted.sets), len(planted.sets)


def sets_found(search: object, combinations: Iterable[object]) -> list[Ids]:
    """Sets that covering has found, or that the evidence names."""
    if isinstance(search, CoveringSearch):
        return search.found
    return [c.scene.key for c in combinations]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=10)
    parser.add_argument("--trials", type=int, default=105)
    parser.add_argument("--searches", default=",".join(SEARCHES))
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    print(f"{'search':>9} {'truth':>12} {'right of 21':>12} {'wrong':>6} {'sets':>9}")
    for search in options.searches.split(","):
        for kind in options.kinds.split(","):
            rows = [
                campaign(search, kind, seed, options.trials) for seed in range(options.campaigns)
            ]
            right, wrong = np.mean(rows, axis=0)[:2]
            found, planted = np.sum(rows, axis=0)[2:]
            sets = f"{found} of {planted}" if planted else "-"
            print(f"{search:>9} {kind:>12} {right:>12.1f} {wrong:>6.2f} {sets:>9}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
