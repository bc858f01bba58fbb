# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Combinations of variations: which may be to blame for a failure, and what trial would tell.

The parts of a failing scene usually explain its failure. Where they do not, because each of them
has succeeded often, a combination of them is made a possible cause of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.evidence.noisy_or import Floats, Ints, NoisyOr, fit

Bools = NDArray[np.bool_]
Members = tuple[int, ...]
"""Catalogue indices in ascending order."""

PAIR_PRIOR = (0.02, 1.0)
"""Beta prior of a pair's own failure probability: one pair in 40 fails with more than 0.3."""
TRIPLE_PRIOR = (0.005, 1.0)
"""The same for a triple: one in 170."""
MAX_CANDIDATES = 16
LEAST_BLAME = 0.05
"""Scenes whose combinations are less likely to fail than this are not worth a trial."""
LARGEST_SUBSETS = 6
"""Scenes of more variations than this are not taken apart into all their subsets."""
_LEVELS = np.array([0.25, 0.5, 0.75, 0.95])


@dataclass(frozen=True, eq=False)
class SceneCounts:
    """Trials counted by distinct scene.

    Attributes:
        scenes: D sets of catalogue indices, in ascending order; () is nominal.
        members: (D, n) bool, which variations each scene holds.
        successes: (D,) int64.
        failures: (D,) int64.
    """

    scenes: tuple[Members, ...]
    members: Bools
    successes: Ints
    failures: Ints

    @classmethod
    def of(cls, counts: dict[Members, list[int]], size: int) -> "SceneCounts":
        """Arrays from {scene: [successes, failures]}; the order of the dictionary is ignored."""
        scenes = tuple(sorted(counts))
        members = np.zeros((len(scenes), size), dtype=bool)
        rows = np.repeat(np.arange(len(scenes)), [len(s) for s in scenes])
        members[rows, np.array([v for s in scenes for v in s], dtype=np.int64)] = True
        table = np.array([counts[s] for s in scenes], dtype=np.int64).reshape(-1, 2)
        return cls(scenes, members, table[:, 0], table[:, 1])

    @property
    def sizes(self) -> Ints:
        """(D,) number of variations in each scene."""
        return np.asarray(self.members.sum(axis=1), dtype=np.int64)

    def holding(self, part: Members) -> Bools:
        """(D,) which scenes hold all of these variations."""
        return np.asarray(self.members[:, list(part)].all(axis=1))


def find_candidates(table: SceneCounts, base: NoisyOr, local: dict[int, int]) -> list[Members]:
    """Pairs and triples that explain failures which their parts explain badly.

    A combination is a candidate when giving it a failure probability of its own at least doubles
    (a triple: quadruples) the likelihood of the trials, its parts held at their best fit without
    it. Triples are considered only in failing scenes whose pairs have all succeeded somewhere.

    Args:
        table: all trials.
        base: the noisy-OR without combinations.
        local: cause number in `base` of each catalogue index.

    Returns:
        At most MAX_CANDIDATES sets, the best first.
    """
    failing = np.flatnonzero((table.failures > 0) & (table.sizes > 1))
    if not len(failing):
        return []
    r, _ = fit(base)
    idle = np.ones(table.members.shape[1])
    idle[list(local)] = 1.0 - r[list(local.values())]
    leak = 1.0 - r[len(local)] if base.size > len(local) else 1.0
    passing = leak * np.where(table.members[failing], idle, 1.0).prod(axis=1)
    together = table.members.T.astype(float) @ (table.successes[:, None] * table.members)
    parts = _parts(table, failing, together)
    gains = _gains(table, failing, passing, parts)
    needed = np.log([2.0 if len(p) == 2 else 4.0 for p in parts])
    chosen = sorted((-gains[i], parts[i]) for i in np.flatnonzero(gains > needed))
    return [part for _, part in chosen[:MAX_CANDIDATES]]


def _parts(table: SceneCounts, failing: Ints, together: Floats) -> list[Members]:
    """All pairs of failing scenes, and the triples of those whose pairs have all succeeded."""
    found: set[Members] = set()
    for row in failing:
        scene = table.scenes[row]
        pairs = list(combinations(scene, 2))
        found.update(pairs)
        if 2 < len(scene) <= LARGEST_SUBSETS and all(together[pair] > 0 for pair in pairs):
            found.update(combinations(scene, 3))
    return sorted(found)


def _gains(table: SceneCounts, failing: Ints, passing: Floats, parts: list[Members]) -> Floats:
    """(P,) log likelihood ratio of a part acting on its own, at the best of a few levels.

    Args:
        table: all trials.
        failing: (F,) rows of the failing scenes.
        passing: (F,) probability that each of them succeeds, without combinations.
        parts: P sets of catalogue indices.
    """
    passing = np.clip(passing, 1e-12, 1.0 - 1e-12)[:, None]
    each = np.log((1.0 - passing * (1.0 - _LEVELS)) / (1.0 - passing))
    each *= table.failures[failing, None]
    gains = np.empty(len(parts))
    for i, part in enumerate(parts):
        held = table.holding(part)
        successes = table.successes[held].sum()
        ratio = held[failing] @ each + successes * np.log1p(-_LEVELS)
        gains[i] = ratio.max()
    return gains


def prior_of(part: Members) -> tuple[float, float]:
    """Beta prior of a combination's own failure probability."""
    return PAIR_PRIOR if len(part) == 2 else TRIPLE_PRIOR


@dataclass(frozen=True, eq=False)
class Blame:
    """Joint posterior draws of what may make a scene fail.

    Attributes:
        candidates: M combinations.
        own: (S, M) failure probabilities that the combinations add.
        singles: (S, n) failure probabilities of the scenes of one variation.
        nominal: (S,) success probability of the nominal scene.
    """

    candidates: Sequence[Members]
    own: Floats
    singles: Floats
    nominal: Floats

    def fails_jointly(self, scene: Members) -> Floats:
        """(S,) probability that some candidate in the scene makes it fail."""
        inside = [i for i, c in enumerate(self.candidates) if set(c) <= set(scene)]
        return np.asarray(1.0 - np.prod(1.0 - self.own[:, inside], axis=1))

    def passes_singly(self, scene: Members) -> Floats:
        """(S,) probability that it succeeds but for combinations; q0 counts only once."""
        passing = np.prod(1.0 - self.singles[:, list(scene)], axis=1)
        return np.asarray(passing / np.maximum(self.nominal, 1e-12) ** (len(scene) - 1))

    def support(self, index: int) -> float:
        """Probability that a candidate adds more failures than any part of it has."""
        part = self.candidates[index]
        smaller = [i for i, c in enumerate(self.candidates) if set(c) < set(part)]
        rivals = np.hstack([self.singles[:, list(part)], self.own[:, smaller]])
        return float((self.own[:, index] > rivals.max(axis=1)).mean())


def informative_scenes(
    table: SceneCounts, blame: Blame, max_repeats: int
) -> list[tuple[float, Members]]:
    """What one more trial would tell about which combination is to blame.

    The value of a scene is the mutual information (nats) between the outcome of its combinations
    and their unknown failure probabilities, times the probability that its single variations let
    the policy succeed (else the trial tells nothing about combinations). It is largest where the
    scene holds half of the blame, so that a failing scene is taken apart by bisection.

    Args:
        table: all trials.
        blame: posterior draws.
        max_repeats: scenes tried so often, alone, are left out.

    Returns:
        (value, scene), most valuable first, for scenes that hold at least one candidate.
    """
    tried = dict(zip(table.scenes, table.successes + table.failures, strict=True))
    found = []
    for scene in sorted(_subsets(table, blame.candidates)):
        if tried.get(scene, 0) >= max_repeats:
            continue
        fails = blame.fails_jointly(scene)
        if fails.mean() < LEAST_BLAME:
            continue
        told = _bernoulli_entropy(fails.mean()) - _bernoulli_entropy(fails).mean()
        found.append((float(told * blame.passes_singly(scene).mean()), scene))
    return sorted(found, key=lambda item: (-round(item[0], 6), len(item[1]), item[1]))


def _subsets(table: SceneCounts, candidates: Sequence[Members]) -> set[Members]:
    """The parts of failing scenes that hold a candidate and nothing beside candidates."""
    found: set[Members] = set()
    for row in np.flatnonzero((table.failures > 0) & (table.sizes > 1)):
        whole = set(table.scenes[row])
        inside = [set(c) for c in candidates if set(c) <= whole]
        if not inside:
            continue
        core = sorted(set.union(*inside))
        sizes = range(2, len(core) + 1) if len(core) <= LARGEST_SUBSETS else (2, len(core))
        for size in sizes:
            for part in combinations(core, size):
                if any(c <= set(part) for c in inside):
                    found.add(part)
    return found


def _bernoulli_entropy(p: Floats | float) -> Floats:
    """Entropy of a coin, nats."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return np.asarray(-p * np.log(p) - (1.0 - p) * np.log1p(-p))
