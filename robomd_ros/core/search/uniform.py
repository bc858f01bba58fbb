"""Uniform search: every variation equally often."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.search.scene_builder import Lanes
from robomd_ros.core.search.search import Asked, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene


class UniformSearch:
    """Round robin over random permutations, or Algorithm 1 with uniformly random actions.

    The k-th answer depends on the seed and k alone (and, where scenes accumulate, on the lane's
    outcomes), which is why a resumed campaign goes on exactly as the uninterrupted one would.
    """

    name = "uniform"
    wants_images = False

    def __init__(self, context: SearchContext) -> None:
        self._catalogue = context.catalogue
        self._seed = context.seed
        self._accumulate = context.accumulate
        self._lanes = Lanes(context.accumulate, context.max_scene_size)
        self._asked = 0

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare."""

    def ask(self, lane: int) -> Scene:
        """The next scene for this lane."""
        variation = self._catalogue.variations[self._action(self._asked)]
        self._asked += 1
        return self._lanes[lane].proposed(variation)

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
            self._asked += 1
            if earlier.trial is not None:
                self.tell(earlier.lane, earlier.trial)
            elif earlier.dropped:
                self.drop(earlier.lane)

    def save(self, folder: Path) -> None:
        """Nothing to keep: the trial log has it all."""

    def _action(self, number: int) -> int:
        n = len(self._catalogue)
        if self._accumulate:
            return int(np.random.default_rng([self._seed, number]).integers(n))
        round_number, position = divmod(number, n)
        return int(np.random.default_rng([self._seed, round_number]).permutation(n)[position])
