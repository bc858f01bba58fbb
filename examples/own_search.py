# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A search strategy of your own, run in the folder of this file.

robomd sim search:=python:own_search:OwnSearch budget:=42
"""

from collections import Counter

import numpy as np

from robomd_ros.core.search import Asked, SearchContext
from robomd_ros.core.search.search import Foreground
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene


class OwnSearch(Foreground):
    """Everything once, then what failed most, and now and then what was tried least.

    The k-th answer depends on the seed and on what was told, nothing else.
    """

    name, wants_images = "own", False

    def __init__(self, context: SearchContext) -> None:
        self.variations, self.seed = context.catalogue.variations, context.seed
        self.tried, self.failed, self.asked = Counter(), Counter(), 0

    def begin(self, nominal_image) -> None:
        """Called once; `wants_images` asks for the picture."""

    def ask(self, lane: int, cost=None) -> Scene:
        """The next scene for this lane."""
        rng = np.random.default_rng([self.seed, self.asked])
        self.asked += 1
        ids = [v.id for v in self.variations]
        fewest = [i for i in ids if self.tried[i] == min(self.tried[j] for j in ids)]
        worst = max(ids, key=lambda i: self.failed[i] / max(1, self.tried[i]))
        explore = self.tried[fewest[0]] == 0 or rng.random() < 0.3
        chosen = str(rng.choice(fewest)) if explore else worst
        self.tried[chosen] += 1
        return Scene(tuple(v for v in self.variations if v.id == chosen))

    def tell(self, lane: int, trial: Trial) -> None:
        """The valid outcome of the lane's last ask."""
        self.failed[trial.scene.ids[0]] += trial.outcome.failed

    def drop(self, lane: int) -> None:
        """It will have none."""

    def observe(self, trial: Trial) -> None:
        """A trial that somebody else asked for."""

    def policy_probability(self) -> None:
        """Eq. 3 is for searches that learn a policy."""

    def restore(self, asked: list[Asked], folder) -> None:
        """A campaign is resumed: take in what was asked."""
        for earlier in asked:
            self.asked += 1
            self.tried[earlier.scene.ids[0]] += 1
            if earlier.trial is not None:
                self.tell(earlier.lane, earlier.trial)

    def save(self, folder) -> None:
        """Nothing to keep: the trials say it all."""
