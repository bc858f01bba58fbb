# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Uniform search: every variation equally often."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.search.scene_builder import Lanes
from robomd_ros.core.search.search import Asked, Cost, Foreground, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene

_TOGETHER = 2
"""Rounds within which costs may change the order."""


class UniformSearch(Foreground):
    """Round robin over random permutations, or Algorithm 1 with uniformly random actions.

    Without costs the k-th answer depends on the seed and k alone (and, where scenes accumulate, on
    the lane's outcomes), which is why a resumed campaign goes on exactly as the uninterrupted one
    would. Costs change the order within two rounds, never what these hold; the last ones, which
    the budget cuts short, hold the variations that they would hold without costs.

    Note:
        Every change of a round is made once and taken back once, whatever the order. Two rounds
        together allow a scene to stay for two trials, which halves the work, while every variation
        is still met before long.
    """

    name = "uniform"
    wants_images = False

    def __init__(self, context: SearchContext) -> None:
        self._catalogue = context.catalogue
        self._seed = context.seed
        self._accumulate = context.accumulate
        self._lanes = Lanes(context.accumulate, context.max_scene_size)
        self._budget = context.budget
        self._asked = 0
        self._block: list[int] = []
        """Actions asked in the present two rounds; unused where scenes accumulate."""

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare."""

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene for this lane."""
        builder, variations = self._lanes[lane], self._catalogue.variations
        actions = self._candidates() if cost is not None else self._candidates()[:1]
        choice = [builder.proposed(variations[a]) for a in actions]
        scene = choice[0] if cost is None else min(choice, key=cost)
        self._count(scene)
        return scene

    def tell(self, lane: int, trial: Trial) -> None:
        """Let the lane's scene grow or start anew."""
        self._lanes[lane].record(trial.scene, trial.outcome.failed)

    def drop(self, lane: int) -> None:
        """Start the lane's scene anew."""
        self._lanes[lane].reset()

    def observe(self, trial: Trial) -> None:
        """Nothing is learned."""

    def policy_probability(self) -> NDArray[np.float64] | None:
        """None: there is no agent."""
        return None

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Repeat the earlier asks with their outcomes."""
        for earlier in asked:
            self._count(earlier.scene)
            if earlier.trial is not None:
                self.tell(earlier.lane, earlier.trial)
            elif earlier.dropped:
                self.drop(earlier.lane)

    def save(self, folder: Path) -> None:
        """Nothing to keep: the trial log has it all."""

    def _candidates(self) -> list[int]:
        """What may be asked next, in the order of asking without costs."""
        n = len(self._catalogue)
        if self._accumulate:
            return [int(np.random.default_rng([self._seed, self._asked]).integers(n))]
        block = self._asked // (_TOGETHER * n)
        rounds = range(block * _TOGETHER, (block + 1) * _TOGETHER)
        order = [
            int(a) for r in rounds for a in np.random.default_rng([self._seed, r]).permutation(n)
        ]
        within = _without(order[: max(0, self._budget - rounds.start * n)], self._block)
        # beyond the budget, where an ask was given up: one by one
        return within or _without(order, self._block)[:1]

    def _count(self, scene: Scene) -> None:
        """Take note of an ask."""
        self._asked += 1
        if not self._accumulate:
            self._block.append(self._catalogue.index(scene.ids[-1]))
            if self._asked % (_TOGETHER * len(self._catalogue)) == 0:
                self._block.clear()


def _without(actions: Sequence[int], used: Sequence[int]) -> list[int]:
    """The actions in their order, each as often as it is left when the used ones are gone."""
    left = list(actions)
    for action in used:
        if action in left:
            left.remove(action)
    return left
