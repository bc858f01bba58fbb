# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What choosing the trials is worth: at random, by PPO, by uncertainty, by expected information.

Campaigns on recorded rollouts of the continuous Lift catalogue: a first part at random, then the
embedding is trained again every so many trials and says what to try next, from the sentences alone
(what was not tried has no picture). Judged as bench_embedding_unseen.py does. Run it with
`make bench` or `python test/bench/bench_embedding_strategies.py [--seeds 5] [--kinds random,ppo]`.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from recorded_cell import Rollout
from unseen_data import GAP, EncodedLift, UnseenLift, with_encoders

from robomd_ros.core.embedding.agent import EmbeddingAgent
from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.training import TrainingSettings, train
from robomd_ros.core.search.proposals import PROPOSALS, Candidates, propose

COUNTS = (60, 100, 200)
FIRST = 30
"""Trials at random, before anything can be said."""
DRAWS = 256
Table = dict[tuple[str, int], list[tuple[float, float, int]]]


class StrategyCampaign:
    """One campaign: which variations were tried, each once, and how that ended."""

    def __init__(self, encoded: EncodedLift, data: UnseenLift, seed: int) -> None:
        self._encoded = encoded
        self._seed = seed
        self._rng = np.random.default_rng([seed, 17])
        # One recorded rollout of each, in an order that all strategies of a seed begin with.
        self._order = data.random_trials(len(data.pool.variations()), seed)
        ids = tuple(next(iter(rollout.ids)) for rollout in self._order)
        self._text = encoded.encoders.text.encode(data.texts(ids))
        self.tried: list[int] = []

    @property
    def rollouts(self) -> list[Rollout]:
        return [self._order[place] for place in self.tried]

    @property
    def failures(self) -> int:
        """Distinct variations that were seen to fail."""
        return sum(rollout.failed for rollout in self.rollouts)

    def model(self) -> EmbeddingModel:
        return train(self._encoded.take(self.rollouts), TrainingSettings(), self._seed)

    def extend(self, kind: str, model: EmbeddingModel | None, count: int, steps: int) -> None:
        """Try `count` more variations that this strategy chooses."""
        allowed = np.ones(len(self._order), dtype=bool)
        allowed[self.tried] = False
        if model is None or kind == "random":
            self.tried += [int(i) for i in np.flatnonzero(allowed)[:count]]
            return
        sample = None
        if kind == "ppo":
            agent = EmbeddingAgent.train(model.known, model.nominal, seed=self._seed, steps=steps)
            sample = agent.sample
        candidates = Candidates(
            model.predict(None, self._text).probability,
            model.draws(None, self._text, DRAWS, self._rng),
            model.embed(None, self._text),
            sample,
        )
        self.tried += propose(kind, candidates, allowed, count, self._rng)


def measure(data: UnseenLift, options: argparse.Namespace) -> Table:
    """(accuracy, accuracy from the sentence only, failing variations) by strategy and trials."""
    encoded = EncodedLift(data, make_encoders(options.image, options.text))
    table: Table = defaultdict(list)
    for kind in options.kinds.split(","):
        started = time.monotonic()
        for seed in range(options.seeds):
            campaign = StrategyCampaign(encoded, data, seed)
            campaign.extend(kind, None, FIRST, 0)
            while len(campaign.tried) < max(COUNTS):
                every = options.retrain_every
                due = min(c for c in COUNTS if c > len(campaign.tried))
                model = None if kind == "random" else campaign.model()
                count = min(every, due - len(campaign.tried))
                campaign.extend(kind, model, count, options.steps)
                if len(campaign.tried) in COUNTS:
                    table[kind, len(campaign.tried)].append(judged(campaign, encoded, data))
        seconds = (time.monotonic() - started) / options.seeds
        print(f"{kind}: {seconds:.0f} s a campaign", flush=True)
    return table


def judged(
    campaign: StrategyCampaign, encoded: EncodedLift, data: UnseenLift
) -> tuple[float, float, int]:
    model = campaign.model()
    with_picture = model.predict(encoded.image, encoded.text).probability
    without = model.predict(None, encoded.text).probability
    return data.truth.accuracy(with_picture), data.truth.accuracy(without), campaign.failures


def report(table: Mapping[tuple[str, int], Sequence[tuple[float, float, int]]]) -> None:
    kinds = list(dict.fromkeys(kind for kind, _ in table))
    titles = (
        f"Pairwise accuracy at a gap of {GAP}, from picture and sentence",
        "The same from the sentence alone",
        "Distinct failing variations found",
    )
    for column, title in enumerate(titles):
        print(f"\n{title}: mean over the seeds, spread (lowest)")
        print(f"{'trials chosen':>16}" + "".join(f"{f'{c} trials':>24}" for c in COUNTS))
        form = "{:.0f} ± {:.0f} ({:.0f})" if column == 2 else "{:.3f} ± {:.3f} ({:.3f})"
        for kind in kinds:
            cells = [[row[column] for row in table[kind, count]] for count in COUNTS]
            texts = [form.format(np.mean(c), np.std(c), min(c)) for c in cells]
            print(f"{kind:>16}" + "".join(f"{text:>24}" for text in texts))
    print()
    for column, what in ((0, "accuracy"), (2, "failing variations")):
        for count in COUNTS:
            means = {kind: np.mean([row[column] for row in table[kind, count]]) for kind in kinds}
            print(f"most {what} at {count} trials: {max(means, key=means.__getitem__)}")


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--seeds", type=int, default=5)
    known.add_argument("--kinds", default=",".join(PROPOSALS))
    known.add_argument("--retrain-every", type=int, default=20)
    known.add_argument("--steps", type=int, default=4096, help="virtual ones of PPO")
    return with_encoders(known)


def main() -> int:
    options = parser().parse_args()
    torch.set_num_threads(1)
    data = UnseenLift()
    try:
        table = measure(data, options)
    finally:
        data.close()
    report(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
