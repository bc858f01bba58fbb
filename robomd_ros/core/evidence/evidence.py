# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evidence: what valid trials say about every variation.

A variation's rate, effect and verdict follow from its own trials: those of scenes that hold nothing
else (population.py). Scenes of several variations say what to suspect, and put the variations in
order (attribution.py).

Note:
    The paper has no such model: it reads failure probabilities off the search agent (Eq. 3), which
    says how often the agent chooses a variation, not how often the policy fails there.
"""

from functools import partial

import numpy as np

from robomd_ros.core.evidence.attribution import attribute
from robomd_ros.core.evidence.interactions import Members
from robomd_ros.core.evidence.noisy_or import SamplerSettings
from robomd_ros.core.evidence.population import Population
from robomd_ros.core.evidence.posterior import Combination, Posterior
from robomd_ros.core.evidence.rates import FAILING_THRESHOLD, Counts
from robomd_ros.core.variations import Catalogue, Scene

__all__ = ["Combination", "Evidence", "Posterior", "SamplerSettings"]


class Evidence:
    """Collects valid trials and gives the posterior. Not thread-safe.

    The posterior depends on the seed and on how often each scene succeeded and failed, and on
    nothing else: neither on the order of the trials nor on how often it was asked for.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        seed: int = 0,
        settings: SamplerSettings | None = None,
        threshold: float = FAILING_THRESHOLD,
    ) -> None:
        """Begin without trials.

        Args:
            catalogue: of the variations.
            seed: of the sampler that attributes what scenes of several variations did.
            settings: its effort.
            threshold: rates above it are called failing.
        """
        n = len(catalogue)
        self._catalogue = catalogue
        self._seed = seed
        self._settings = settings or SamplerSettings()
        self._threshold = threshold
        self._mixed: dict[Members, tuple[int, int]] = {}
        self._nominal = (0, 0)
        self._own = np.zeros((2, n), dtype=np.int64)
        self._held = np.zeros((2, n), dtype=np.int64)
        self._total = 0
        self._posterior: Posterior | None = None

    def add(self, scene: Scene, failed: bool) -> None:
        """Count one valid trial.

        Raises:
            CatalogueError: the scene holds a variation that is not in the catalogue.
        """
        self._count(self._key(scene), failed, 1)

    def remove(self, scene: Scene, failed: bool) -> None:
        """Count a trial no more that was added, as if it had never been.

        Raises:
            ValueError: there is no such trial.
        """
        key = self._key(scene)
        if not self._counts(key)[int(failed)]:
            raise ValueError(f"no trial of {' + '.join(scene.ids)} with failed={failed} was added")
        self._count(key, failed, -1)

    def posterior(self) -> Posterior:
        """The posterior given all trials so far; computed at most once per trial."""
        if self._posterior is None:
            passed, failures = self._nominal
            mixed = dict(self._mixed)
            self._posterior = Posterior(
                catalogue=self._catalogue,
                population=Population.of_arrays(
                    Counts(failures, passed + failures),
                    self._own[1].copy(),
                    self._own.sum(axis=0),
                    self._threshold,
                ),
                held=self._held.sum(axis=0),
                held_failures=self._held[1].copy(),
                counts=mixed,
                total=self._total,
                attribute=partial(
                    attribute,
                    mixed,
                    self._own.copy(),
                    self._held[0].copy(),
                    self._nominal,
                    self._seed,
                    self._settings,
                ),
            )
        return self._posterior

    def _counts(self, key: Members) -> tuple[int, int]:
        """(successes, failures) of a scene."""
        if not key:
            return self._nominal
        if len(key) == 1:
            return int(self._own[0, key[0]]), int(self._own[1, key[0]])
        return self._mixed.get(key, (0, 0))

    def _count(self, key: Members, failed: bool, by: int) -> None:
        passed, failures = self._counts(key)
        counts = (passed, failures + by) if failed else (passed + by, failures)
        if not key:
            self._nominal = counts
        elif len(key) == 1:
            self._own[:, key[0]] = counts
        elif any(counts):
            self._mixed[key] = counts
        else:
            del self._mixed[key]
        self._held[int(failed), list(key)] += by
        self._total += by
        self._posterior = None

    def _key(self, scene: Scene) -> Members:
        return tuple(sorted(self._catalogue.index(i) for i in scene.ids))
