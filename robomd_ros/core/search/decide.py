# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A search that gives each trial to the variation whose verdict is most in doubt."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.evidence.tally import ENDS_FROM, Tally
from robomd_ros.core.evidence.verdict import FEWEST
from robomd_ros.core.search.search import Asked, Cost, Foreground, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene

_EVENLY = 6
"""Up to so many trials each, the undecided are tried in turn: most of them are decided by then, and
those that are not are near the threshold."""
_ENOUGH = 12
"""Trials that a variation may always have."""
_MORE_THAN_MEAN = 3.0
"""So many times the mean of all, a variation waits for the others: its rate is near the threshold,
and it would swallow the budget."""


class DecideSearch(Foreground):
    """Single variations: first each of them twice, then those in doubt in turn, and from six trials
    each on always the most doubtful one; when none is in doubt, what was tried only twice.

    Doubt is the probability that the likeliest verdict is wrong, given all trials of the catalogue
    and of the unchanged scene (evidence.population). What is certain gets no further trial, and the
    budget goes to what is not.

    What is asked depends on seed and counts only, so that a resumed campaign goes on as the
    uninterrupted one would. Costs decide between variations that are asked for in any case.
    """

    name = "decide"
    wants_images = False

    def __init__(self, context: SearchContext, evenly: bool = True) -> None:
        """Begin without trials.

        Args:
            context: as for every search.
            evenly: those in doubt are tried in turn at first, so that all verdicts stand together
                soon; else the most doubtful is always next, and each has its verdict soon.
        """
        self._catalogue = context.catalogue
        self._seed = context.seed
        self._evenly = evenly
        self.tally = Tally(context.catalogue, context.confidence, context.failing_threshold)
        self.asks = np.zeros(len(context.catalogue), dtype=np.int64)

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare."""

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene, of one variation."""
        index = self._next(cost)
        self.asks[index] += 1
        return Scene((self._catalogue.variations[index],))

    def tell(self, lane: int, trial: Trial) -> None:
        """Count it."""
        self.tally.add(trial.scene, trial.outcome.failed)

    def drop(self, lane: int) -> None:
        """Nothing: it counts as asked, so that another variation is next."""

    def observe(self, trial: Trial) -> None:
        """Count it, where it is of one variation or of the unchanged scene."""
        self.tally.add(trial.scene, trial.outcome.failed)
        if len(trial.scene) == 1:
            self.asks[self._catalogue.index(trial.scene.ids[0])] += 1

    def policy_probability(self) -> NDArray[np.float64] | None:
        """None: there is no agent."""
        return None

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Count the earlier asks and their outcomes."""
        for earlier in asked:
            self.asks[self._catalogue.index(earlier.scene.ids[-1])] += 1
            if earlier.trial is not None:
                self.tell(earlier.lane, earlier.trial)

    def save(self, folder: Path) -> None:
        """Nothing to keep: the trial log has it all."""

    def _next(self, cost: Cost | None) -> int:
        few = set(np.flatnonzero(self.asks < FEWEST).tolist())
        if not few:
            return self._most_doubtful()
        order = sorted((int(i) for i in self._by_lot() if i in few), key=self.asks.__getitem__)
        if cost is None:
            return order[0]
        # all of them will be asked: where people make the changes, a scene may stay for two trials
        variations = self._catalogue.variations
        return min(order, key=lambda i: cost(Scene((variations[i],))))

    def _by_lot(self) -> NDArray[np.int64]:
        """An order of the variations for ties; another one after each round."""
        turn = int(self.asks.min())
        return np.random.default_rng([self._seed, 6, turn]).permutation(len(self.asks))

    def _most_doubtful(self) -> int:
        """The variation whose verdict is most in doubt, per trial that is on its way."""
        tally = self.tally
        of_counts = {counts: tally.doubt(counts) for counts in tally.rates}
        most = max(_ENOUGH, _MORE_THAN_MEAN * float(self.asks.mean()))
        place = np.argsort(self._by_lot())
        if self._evenly and not tally.undecided and self.asks.min() < ENDS_FROM:
            return int(np.lexsort((place, self.asks))[0])
        # all verdicts must stand together, so that each may have a share of the doubt only
        allowed = (1.0 - tally.confidence) / len(self.asks)
        open_counts = {c for c, doubt in of_counts.items() if doubt > allowed}
        few: list[int] = [
            i
            for i in np.flatnonzero(self.asks < _EVENLY).tolist()
            if tally.counts(i) in open_counts
        ]
        if few and self._evenly:
            return min(few, key=lambda i: (self.asks[i], -of_counts[tally.counts(i)], place[i]))

        def key(i: int) -> tuple[bool, float, int, int]:
            counts = tally.counts(i)
            pending = max(0, int(self.asks[i]) - counts.trials)
            worth = of_counts[counts] / (1 + pending)
            return (self.asks[i] < most, worth, -int(self.asks[i]), -int(place[i]))

        return max(range(len(self.asks)), key=key)
