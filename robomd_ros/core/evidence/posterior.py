# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The posterior: what all trials of a campaign say about every variation and combination."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from robomd_ros.core.evidence.attribution import SUPPORT, Attribution
from robomd_ros.core.evidence.interactions import Members
from robomd_ros.core.evidence.noisy_or import Floats, Ints
from robomd_ros.core.evidence.population import Population
from robomd_ros.core.evidence.rates import Counts, Rate
from robomd_ros.core.evidence.verdict import Verdict, doubt, verdicts_of
from robomd_ros.core.variations import Catalogue, Scene

ENOUGH = 4
"""Trials of its own from which on attribution has no say in a variation's rate."""


@dataclass(frozen=True, eq=False)
class Combination:
    """A set of variations that fails, or is suspected to, although its parts do not.

    Attributes:
        members: catalogue indices, ascending.
        scene: the scene of exactly these variations.
        rate: of that scene, by trials of its own.
        trials: valid trials whose scene held it.
        failures: those of them that failed.
        suspected: posterior mean of its failure probability by attribution; NaN if that does not
            suspect it.
    """

    members: Members
    scene: Scene
    rate: Rate
    trials: int
    failures: int
    suspected: float


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the trials say, by catalogue index.

    Attributes:
        catalogue: of the n variations.
        population: rates by own trials: of scenes of nothing but that variation.
        held: (n,) int64, valid trials whose scene held v, alone or among others.
        held_failures: (n,) int64, those of them that failed.
        counts: (successes, failures) of every distinct scene of several variations.
        total: valid trials in all, nominal ones included.
        attribute: makes the attribution, which takes some 10 ms and is not always asked for.
    """

    catalogue: Catalogue
    population: Population
    held: Ints
    held_failures: Ints
    counts: dict[Members, tuple[int, int]]
    total: int
    attribute: Callable[[], Attribution]

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rate of every variation, by own trials."""
        return self.population.rates

    @property
    def threshold(self) -> float:
        """Rates above it are called failing."""
        return self.population.threshold

    @property
    def nominal(self) -> Rate:
        """The rate of the unchanged scene."""
        return self.population.nominal

    @cached_property
    def attribution(self) -> Attribution:
        """What scenes of several variations let suspect."""
        return self.attribute()

    @cached_property
    def figures(self) -> Floats:
        """(3, n) estimate of every rate and its 95 % interval, also of what was tried among others.

        Own trials speak for themselves. Of what has few of them, and was tried among others, the
        estimate is attribution's, and the interval holds what both say: attribution knows of no
        change that rescues, the population nothing of what this variation did among others.
        """
        rates = self.population.distinct
        table = np.array([(rate.mean, rate.lower, rate.upper) for rate in rates])
        own = table[self.population.which].T
        alone = np.array([rate.counts.trials for rate in rates])[self.population.which]
        among = (self.held > alone) & (alone < ENOUGH)
        if not among.any():
            return own
        said = self.attribution
        hull = said.mean, np.minimum(own[1], said.lower), np.maximum(own[2], said.upper)
        return np.where(among, np.stack(hull), own)

    def verdicts(self, confidence: float) -> tuple[Verdict, ...]:
        """The verdict on every variation; see `verdicts_of`."""
        return verdicts_of(self.rates, confidence)

    def expected_wrong(self, confidence: float) -> float:
        """Expected number of wrong verdicts in the catalogue."""
        verdicts = self.verdicts(confidence)
        return sum(doubt(rate, v) for rate, v in zip(self.rates, verdicts, strict=True))

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """Sets that attribution suspects, and sets that probably fail by trials of their own
        although each part copes alone; none of these holds a smaller one. The worst first.
        """
        suspects = {s.members: s.mean for s in self.attribution.suspects} if self.counts else {}
        fails = {
            scene
            for scene, (successes, failures) in self.counts.items()
            if failures > 1 and failures > successes
            if self.rate_of(scene).probability_failing >= SUPPORT
            if all(self._harmless(v) for v in scene)
        }
        found: list[Members] = []
        for members in sorted({*suspects, *fails}, key=lambda s: (len(s), s)):
            if members in suspects or not any(set(part) < set(members) for part in found):
                found.append(members)
        made = [self._combination(m, suspects.get(m, float("nan"))) for m in found]
        return tuple(sorted(made, key=lambda c: (-c.rate.mean, -c.trials, c.members)))

    def open_combinations(self) -> list[Scene]:
        """Scenes to try next to find out which combination is to blame, most valuable first.

        Empty when single variations explain every failure.
        """
        if not self.counts:
            return []
        return [self._scene(members) for members in self.attribution.open_scenes]

    def rate_of(self, members: Members) -> Rate:
        """The rate of a scene of any size, by trials of its own.

        Args:
            members: catalogue indices, ascending.
        """
        if not members:
            return self.nominal
        if len(members) == 1:
            return self.population.distinct[int(self.population.which[members[0]])]
        successes, failures = self.counts.get(members, (0, 0))
        return self.population.future(Counts(failures, successes + failures))

    def _harmless(self, variation: int) -> bool:
        """Whether it was tried alone and probably copes."""
        rate = self.rate_of((variation,))
        return rate.counts.trials > 0 and rate.probability_failing <= 1.0 - SUPPORT

    def _combination(self, members: Members, suspected: float) -> Combination:
        holding = [c for scene, c in self.counts.items() if set(members) <= set(scene)]
        failures = sum(failed for _, failed in holding)
        trials = failures + sum(passed for passed, _ in holding)
        rate = self.rate_of(members)
        return Combination(members, self._scene(members), rate, trials, failures, suspected)

    def _scene(self, members: Members) -> Scene:
        return Scene(tuple(self.catalogue.variations[v] for v in members))
