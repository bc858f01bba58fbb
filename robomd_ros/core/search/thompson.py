# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Thompson sampling: try what probably fails, but everything sometimes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from robomd_ros.core.search.scene_builder import Lanes
from robomd_ros.core.search.search import Asked, Cost, Foreground, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene


class ThompsonSearch(Foreground):
    """A Beta posterior per variation; the variation with the largest draw is tried next.

    A floor keeps the others in play: a variation that was asked less often than `floor` times
    its even share is asked first, so that every variation is tried before any draw decides, and
    none is left with an interval so wide that the ranking says nothing. What is known to fail or
    to cope with confidence waits until everything is: a change that always fails would have the
    largest draw for ever, and half of the budget.

    Where scenes accumulate, the scene before the last variation has just succeeded: a failure is
    put down to the last variation, a success counts for all.

    Costs decide between variations that were tried equally often and are asked before any other,
    as long as the budget holds all of them and scenes do not accumulate (their parts would be
    others). The draws that follow come from what is found then.
    """

    name = "thompson"
    wants_images = False

    def __init__(self, context: SearchContext, floor: float) -> None:
        """Start with the even prior Beta(1, 1).

        Args:
            context: as for every search.
            floor: share of the even share that every variation gets, [0, 1].
        """
        n = len(context.catalogue)
        self._catalogue = context.catalogue
        self._seed = context.seed
        self._floor = floor
        self._orders = not context.accumulate
        self._budget = context.budget
        self._confidence = context.confidence
        self._threshold = context.failing_threshold
        self._lanes = Lanes(context.accumulate, context.max_scene_size)
        self._failures = np.ones(n)
        self._successes = np.ones(n)
        self._asks = np.zeros(n, dtype=np.int64)

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare."""

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene for this lane."""
        builder, variations = self._lanes[lane], self._catalogue.variations
        equals = self._choose(builder.scene)
        left = self._budget - int(self._asks.sum())
        if cost is not None and self._orders and len(equals) <= left:
            equals = [min(equals, key=lambda a: cost(builder.proposed(variations[a])))]
        self._asks[equals[0]] += 1
        return builder.proposed(variations[equals[0]])

    def tell(self, lane: int, trial: Trial) -> None:
        """Update the posterior and let the lane's scene grow or start anew."""
        self._learn(trial)
        self._lanes[lane].record(trial.scene, trial.outcome.failed)

    def drop(self, lane: int) -> None:
        """Start the lane's scene anew."""
        self._lanes[lane].reset()

    def observe(self, trial: Trial) -> None:
        """Learn from it where it says something about single variations."""
        if len(trial.scene) == 1 or not trial.outcome.failed:
            self._learn(trial)

    def policy_probability(self) -> NDArray[np.float64] | None:
        """None: there is no agent."""
        return None

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Repeat the earlier asks with their outcomes."""
        for earlier in asked:
            self._asks[self._catalogue.index(earlier.scene.ids[-1])] += 1
            if earlier.trial is not None:
                self.tell(earlier.lane, earlier.trial)
            elif earlier.dropped:
                self.drop(earlier.lane)

    def save(self, folder: Path) -> None:
        """Nothing to keep: the trial log has it all."""

    def _choose(self, present: Scene) -> list[int]:
        """The actions that come next, the first one first; all of them will be asked."""
        allowed = np.array([v.id not in present.key for v in self._catalogue])
        if not allowed.any():
            allowed[:] = True
        total = int(self._asks.sum())
        rng = np.random.default_rng([self._seed, total])
        draws = rng.beta(self._failures, self._successes)
        least = max(1.0, self._floor * total / len(self._catalogue))
        starved = allowed & (self._asks < least)
        if starved.any():
            # The least tried first; the draw decides between equals.
            order = np.argsort(np.where(starved, self._asks - draws, np.inf), kind="stable")
            least_tried = self._asks[order[0]]
            return [int(a) for a in order if starved[a] and self._asks[a] == least_tried]
        in_doubt = allowed & self._in_doubt()
        chosen = in_doubt if in_doubt.any() else allowed
        return [int(np.argmax(np.where(chosen, draws, -np.inf)))]

    def _in_doubt(self) -> NDArray[np.bool_]:
        """(n,) whether it is not known on which side of the threshold the rate is."""
        below = betainc(self._failures, self._successes, self._threshold)
        return np.asarray(np.maximum(below, 1.0 - below) < self._confidence)

    def _learn(self, trial: Trial) -> None:
        indices = [self._catalogue.index(i) for i in trial.scene.ids]
        if trial.outcome.failed:
            self._failures[indices[-1:]] += 1
        else:
            self._successes[indices] += 1
