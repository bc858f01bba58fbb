# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How well each search finds what fails, by the number of trials: evidence and Eq. 3.

Real campaigns on a cell that draws outcomes from the measured failure rates of the shipped policy
(test/bench/data) and shows true pictures, over several seeds. Run it with `make bench` or
`python test/bench/bench_search.py [--seeds 5] [--searches ppo,uniform,thompson] [--pairs 10]`.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import yaml
from numpy.typing import NDArray
from table_cell import RateTable, RecordedSearch, ScenePictures, TableCell

from robomd_ros.core.campaign.campaign import Campaign, open_campaign
from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.metrics import pairwise_accuracy
from robomd_ros.core.evidence.ranking import FailureRanking, build_ranking
from robomd_ros.core.search import SearchContext, make_search
from robomd_ros.core.variations import Catalogue, load_catalogue

HERE = Path(__file__).resolve().parent
TRUTH = HERE / "data" / "truth_lift_bc.json"
CATALOGUE = HERE.parents[1] / "config" / "variations" / "lift.yaml"
TRIALS = (42, 105, 210, 256)
PAIR_BUDGETS = (80, 105, 256)
PLANTED = ("cube_color_green", "table_color_red")
SIX = (*PLANTED, "cube_color_blue", "table_color_gray", "robot_color_red", "light_color_blue")
NEVER = 1.0 - 1e-9
"""Confidence that hardly any campaign reaches: it goes on to its budget."""
GOALS = {("uniform", "evidence"): (105, 0.95), ("ppo", "evidence"): (105, 0.90)}
PAPER = 0.823
"""PPO on Lift, Table I."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished campaign on a table.

    Attributes:
        ranking: the last one.
        trials: (scene ids, failed) in their order.
        views: Eq. 3 after each trial, None without an agent.
    """

    ranking: FailureRanking
    trials: list[tuple[tuple[str, ...], bool]]
    views: list[NDArray[np.float64] | None]


def run_campaign(
    rates: RateTable, pictures: ScenePictures, catalogue: Catalogue, settings: Mapping[str, Any]
) -> Run:
    config = CampaignConfig(task="lift", policy="table", catalogue="table", **settings)
    context = SearchContext(
        catalogue,
        config.seed,
        config.accumulates,
        config.max_scene_size,
        config.horizon,
        config.search_options,
    )
    search = RecordedSearch(make_search(config.search, context))
    cell = TableCell(rates, pictures if search.wants_images else None)
    with tempfile.TemporaryDirectory() as place:
        folder = open_campaign(Path(place) / "campaign", config, catalogue)
        try:
            ranking = Campaign(folder, [cell], search=search).run()
            records = folder.log.records()
        finally:
            folder.close()
    trials = [(r.request.scene, r.outcome.failed) for r in records]
    return Run(ranking, trials, search.views)


def scores(run: Run, catalogue: Catalogue, count: int, seed: int, order: str) -> Any:
    """(n,) larger for what the campaign ranked higher after `count` trials; None if it has none."""
    view = run.views[min(count, len(run.views)) - 1]
    if order == "search_agent" and view is None:
        return None
    evidence = Evidence(catalogue, seed)
    for ids, failed in run.trials[:count]:
        evidence.add(catalogue.scene(ids), failed)
    ranking = build_ranking(
        evidence.posterior(), catalogue, view, order_by=order, action_space="discrete"
    )
    found = np.zeros(len(catalogue))
    for mode in ranking.failure_modes:
        if len(mode.variations) == 1:
            found[catalogue.index(mode.variations[0].id)] = -mode.rank
    return found


def accuracies(
    rates: RateTable,
    pictures: ScenePictures,
    catalogue: Catalogue,
    searches: Sequence[str],
    options: argparse.Namespace,
) -> dict[tuple[str, str, int, float], list[float]]:
    """Pairwise accuracies over the seeds, by search, order, trials and gap."""
    truth = rates.singles(catalogue)
    table: dict[tuple[str, str, int, float], list[float]] = defaultdict(list)
    for search in searches:
        started, early = time.monotonic(), 0
        for seed in range(options.seeds):
            settings = {"search": search, "seed": seed, "budget": max(TRIALS), "confidence": NEVER}
            settings["search_options"] = options.options if search == "ppo" else {}
            run = run_campaign(rates, pictures, catalogue, settings)
            early += len(run.trials) < max(TRIALS)
            for order in ("evidence", "search_agent"):
                for count in TRIALS:
                    found = scores(run, catalogue, count, seed, order)
                    if found is None:
                        continue
                    for gap in (0.0, 0.3):
                        value = pairwise_accuracy(found, truth, gap, threshold=0.5)
                        table[search, order, count, gap].append(value)
        seconds = (time.monotonic() - started) / options.seeds
        print(f"{search}: {seconds:.1f} s a campaign, {early} ended early", flush=True)
    return table


def report(table: Mapping[Any, Sequence[float]], searches: Sequence[str]) -> None:
    print("\nMean over the seeds (lowest)")
    head = "".join(f"{f'{count} trials':>16}" for count in TRIALS)
    print(f"{'search':>10} {'order by':>13} {'gap':>5}{head}")
    for search in searches:
        for order in ("evidence", "search_agent"):
            for gap in (0.0, 0.3):
                cells = [table.get((search, order, count, gap)) for count in TRIALS]
                texts = [f"{np.mean(c):.3f} ({min(c):.3f})" if c else "-" for c in cells]
                row = "".join(f"{text:>16}" for text in texts)
                print(f"{search:>10} {order:>13} {f'{gap:g}' if gap else 'any':>5}{row}")


def judge(table: Mapping[Any, Sequence[float]]) -> bool:
    """Print the requirements with what was reached; whether all are met."""
    goals = [(s, o, count, goal) for (s, o), (count, goal) in GOALS.items()]
    met = True
    for search, order, count, goal in [*goals, ("ppo", "search_agent", 256, PAPER)]:
        values = table.get((search, order, count, 0.0))
        if values:
            reached = float(np.mean(values))
            met &= reached >= goal
            word = "met" if reached >= goal else "MISSED"
            print(f"{search}, {order}, {count} trials: {reached:.3f}, at least {goal}: {word}")
    return met


def planted_pair(
    pictures: ScenePictures, catalogue: Catalogue, budget: int, options: argparse.Namespace
) -> tuple[int, int, float]:
    """In how many campaigns the pair is a failure mode, and the first one; trials on average."""
    rates = RateTable.planted(catalogue, PLANTED)
    found = first = trials = 0
    for seed in range(options.pairs):
        settings = {"seed": seed, "budget": budget, **options.campaign}
        run = run_campaign(rates, pictures, catalogue, settings)
        modes = [frozenset(v.id for v in m.variations) for m in run.ranking.failure_modes]
        found += frozenset(PLANTED) in modes
        first += modes[0] == frozenset(PLANTED)
        trials += len(run.trials)
    return found, first, trials / options.pairs


def report_pairs(
    pictures: ScenePictures, catalogue: Catalogue, options: argparse.Namespace
) -> None:
    print(f"\nA pair that alone always fails ({' + '.join(PLANTED)}), search ppo")
    print(f"{'variations':>10} {'budget':>7} {'ranked first':>13} {'reported':>9} {'trials':>7}")
    for chosen in (catalogue.subset(SIX), catalogue):
        for budget in PAIR_BUDGETS:
            found, first, trials = planted_pair(pictures, chosen, budget, options)
            ratio, seen = f"{first} of {options.pairs}", f"{found}"
            print(f"{len(chosen):>10} {budget:>7} {ratio:>13} {seen:>9} {trials:>7.0f}", flush=True)


def introduce(path: Path, rates: RateTable, catalogue: Catalogue) -> None:
    truth = rates.singles(catalogue)
    failing, mixed = (truth > 0.5).sum(), ((truth > 0) & (truth < 1)).sum()
    print(
        f"Truth {path.name}: {failing} of {len(truth)} variations fail in more than half of their "
        f"rollouts, {mixed} fail sometimes.\nScenes of several variations: {rates.combinations} "
        "measured combinations, elsewhere the noisy-OR of the measured parts.\nPairwise accuracy: "
        "over the pairs of one truth above and one below 0.5, how often the failing one is\nranked "
        "higher; with a gap: of those, only pairs whose truths are at least so far apart."
    )


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--seeds", type=int, default=5)
    known.add_argument("--searches", default="ppo,uniform,thompson")
    known.add_argument("--pairs", type=int, default=10, help="campaigns a planted pair; 0: none")
    known.add_argument("--truth", type=Path, default=TRUTH)
    known.add_argument("--options", type=yaml.safe_load, default={}, help="of ppo, as YAML")
    known.add_argument("--campaign", type=yaml.safe_load, default={}, help="of pairs, as YAML")
    return known


def main() -> int:
    options = parser().parse_args()
    searches = [name for name in options.searches.split(",") if name]
    catalogue = load_catalogue(CATALOGUE)
    rates = RateTable.measured(options.truth)
    introduce(options.truth, rates, catalogue)
    pictures = ScenePictures("lift")
    try:
        table = accuracies(rates, pictures, catalogue, searches, options)
        if searches:
            report(table, searches)
        met = judge(table)
        if options.pairs:
            report_pairs(pictures, catalogue, options)
    finally:
        pictures.close()
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
