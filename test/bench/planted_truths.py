# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies whose failure rates are known: what a simulated campaign is judged against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Members = tuple[int, ...]
Rule = Callable[[Members, float], float]
"""What a scene's parts do together: catalogue indices, rate without it -> rate."""


@dataclass(frozen=True, eq=False)
class PlantedTruth:
    """The failure rate of every scene of one policy.

    Attributes:
        nominal: of the unchanged scene.
        singles: (n,) of the scenes of one variation.
        rule: of scenes of several, on top of the noisy-OR of their parts.
        strongest: the strongest cause decides, in place of the noisy-OR.
    """

    nominal: float
    singles: Floats
    rule: Rule | None = None
    strongest: bool = False

    def rate(self, members: Members) -> float:
        """The failure rate of a scene of these catalogue indices."""
        if len(members) == 0:
            return self.nominal
        parts = self.singles[list(members)]
        if len(members) == 1:
            return float(parts[0])
        if self.strongest:
            found = float(parts.max())
        else:
            clean = 1.0 - self.nominal
            passes = np.prod((1.0 - parts) / clean) if clean > 0.0 else 0.0
            found = 1.0 - clean * float(min(passes, 1.0))
        return self.rule(members, found) if self.rule else found


@dataclass(frozen=True)
class _Pairs:
    """Planted pairs fail with `rate` at least."""

    pairs: Sequence[Members]
    rate: float

    def __call__(self, members: Members, found: float) -> float:
        inside = any(set(pair) <= set(members) for pair in self.pairs)
        return max(found, self.rate) if inside else found


@dataclass(frozen=True)
class _Rescue:
    """A failing variation whose rescuer is in the scene does no harm."""

    rescuers: dict[int, Members]
    singles: Floats = field(compare=False)
    nominal: float

    def __call__(self, members: Members, found: float) -> float:
        left = [v for v in members if not set(self.rescuers.get(v, ())) & set(members)]
        return 1.0 - float(np.prod(1.0 - self.singles[left])) if left else self.nominal


@dataclass(frozen=True)
class _Xor:
    """Two variations that fail alone and not together."""

    pairs: Sequence[Members]
    rest: Floats = field(compare=False)

    def __call__(self, members: Members, found: float) -> float:
        whole = {v for pair in self.pairs if set(pair) <= set(members) for v in pair}
        left = [v for v in members if v not in whole]
        return float(self.rest[left].max()) if left else float(self.rest.min())


def uniform(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Rates anywhere: the first edition's prior."""
    return PlantedTruth(0.05, rng.random(n))


def nought_or_one(rng: np.random.Generator, n: int) -> PlantedTruth:
    """A deterministic policy."""
    return PlantedTruth(0.0, (rng.random(n) < rng.uniform(0.1, 0.6)).astype(np.float64))


def _some(rng: np.random.Generator, n: int, nominal: float) -> Floats:
    rates = np.full(n, nominal)
    failing = rng.permutation(n)[: rng.integers(2, 6)]
    rates[failing] = rng.uniform(0.4, 1.0, len(failing))
    return rates


def sparse(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Two to five variations fail with 0.4 to 1; all else as the unchanged scene, 0.03."""
    return PlantedTruth(0.03, _some(rng, n, 0.03))


def low(rng: np.random.Generator, n: int) -> PlantedTruth:
    """A good policy: all rates below 0.3."""
    return PlantedTruth(0.05, 0.3 * rng.random(n))


def nominal_quarter(rng: np.random.Generator, n: int) -> PlantedTruth:
    """The unchanged scene fails with 0.25, some changes more."""
    return PlantedTruth(0.25, _some(rng, n, 0.25))


def _disjoint(rng: np.random.Generator, n: int, pairs: int) -> list[Members]:
    chosen = rng.permutation(n)[: 2 * pairs].tolist()
    return [tuple(sorted(chosen[2 * i : 2 * i + 2])) for i in range(pairs)]


def two_pairs(rng: np.random.Generator, n: int) -> PlantedTruth:
    """No change fails alone; two pairs do."""
    return PlantedTruth(0.02, np.full(n, 0.02), _Pairs(_disjoint(rng, n, 2), 0.95))


def rescue(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Three failing variations, each harmless beside any of four others."""
    order = rng.permutation(n).tolist()
    singles = np.full(n, 0.02)
    singles[order[:3]] = rng.uniform(0.6, 1.0, 3)
    rescuers = {order[i]: tuple(order[3 + 4 * i : 7 + 4 * i]) for i in range(3)}
    return PlantedTruth(0.02, singles, _Rescue(rescuers, singles, 0.02))


def xor(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Two pairs fail alone but not together; the strongest cause of a scene decides."""
    pairs = _disjoint(rng, n, 2)
    rest = np.full(n, 0.05)
    singles = rest.copy()
    singles[[v for pair in pairs for v in pair]] = 0.9
    return PlantedTruth(0.05, singles, _Xor(pairs, singles), strongest=True)


def chance(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Fails in three of ten trials whatever the scene."""
    return PlantedTruth(0.3, np.full(n, 0.3), lambda members, found: 0.3)


def always(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Fails in every trial."""
    return PlantedTruth(1.0, np.ones(n), lambda members, found: 1.0)


def never(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Fails in no trial."""
    return PlantedTruth(0.0, np.zeros(n))


def half_on_three(rng: np.random.Generator, n: int) -> PlantedTruth:
    """Three changes fail half of the time, all else in a tenth."""
    singles = np.full(n, 0.1)
    singles[rng.permutation(n)[:3]] = 0.5
    return PlantedTruth(0.1, singles)


TRUTHS: dict[str, Callable[[np.random.Generator, int], PlantedTruth]] = {
    "uniform": uniform,
    "0 or 1": nought_or_one,
    "sparse": sparse,
    "below 0.3": low,
    "nominal 0.25": nominal_quarter,
    "two pairs": two_pairs,
    "rescue": rescue,
    "xor": xor,
    "chance 0.3": chance,
    "always": always,
    "never": never,
    "0.5 on three": half_on_three,
}
