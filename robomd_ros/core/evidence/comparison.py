# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which of two policies fails more often: paired by scene and start, with an exact test.

Both policies were tried in the same scenes, and with one seed from the same starts. Where both met
one start, what makes it hard for both cancels: only the starts in which they differ say anything
(McNemar). All other trials are compared scene by scene (Mantel and Haenszel), so that it does not
matter how often which scene was tried. That there is no difference is tested by exchanging the two
policies' outcomes at random within pairs and scenes: it holds for any number of trials.

The interval takes each scene's spread from the population of both policies' rates, so that two
policies which never failed in a few trials are not held to be alike for certain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from robomd_ros.core.evidence.population import Population
from robomd_ros.core.evidence.rates import CONFIDENCE, Counts

MATTERS = 0.25
"""Smallest difference of failure rates that is worth finding, unless the user says otherwise."""
POWER = 0.8
"""Probability of seeing a difference that could have been seen."""
_EXCHANGES = 2000
_Z = {0.8: 0.8416212335729143, 0.95: 1.959963984540054}
"""Normal quantiles: of the power, and of a two-sided 95 % interval."""


class Compared(Enum):
    """What is said of the second of two policies against the first."""

    BETTER = "fails less often"
    WORSE = "fails more often"
    NO_DIFFERENCE_SEEN = "no difference seen"
    UNDERPOWERED = "too few trials to see a difference that matters"
    NOT_COMPARABLE = "nothing that both were tried in"

    @property
    def exit_code(self) -> int:
        """Of `robomd compare`, for continuous integration."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Compared.BETTER: 0,
    Compared.NO_DIFFERENCE_SEEN: 0,
    Compared.WORSE: 10,
    Compared.UNDERPOWERED: 11,
    Compared.NOT_COMPARABLE: 12,
}


@dataclass(frozen=True)
class SceneTrials:
    """Outcomes of both policies in one scene; True is a failure.

    Attributes:
        pairs: outcomes of the first and the second policy from the same start.
        first: outcomes of the first policy from starts of its own.
        second: likewise.
    """

    pairs: tuple[tuple[bool, bool], ...] = ()
    first: tuple[bool, ...] = ()
    second: tuple[bool, ...] = ()

    def counts(self, which: int) -> Counts:
        """All trials of the first (0) or the second (1) policy."""
        own = (self.first, self.second)[which]
        failed = sum(own) + sum(pair[which] for pair in self.pairs)
        return Counts(failed, len(own) + len(self.pairs))


@dataclass(frozen=True)
class Gap:
    """How much more often the second policy fails than the first, over scenes that both met.

    Attributes:
        verdict: on the second policy.
        difference: of the failure rates, second minus first, [-1, 1]; NaN if not comparable.
        lower: lower end of its 95 % interval.
        upper: upper end.
        p_value: that so large a difference is chance.
        detectable: difference that would have been seen with probability POWER.
        pairs: trials of both from the same start.
        scenes: scenes that both met.
        trials: of each policy in them.
    """

    verdict: Compared
    difference: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    p_value: float = math.nan
    detectable: float = math.nan
    pairs: int = 0
    scenes: int = 0
    trials: tuple[int, int] = (0, 0)


def compare_policies(
    scenes: Sequence[SceneTrials],
    matters: float = MATTERS,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Gap:
    """Judge the second policy against the first.

    Args:
        scenes: outcomes by scene; those that only one of them met say nothing.
        matters: smallest difference of failure rates that is worth finding, (0, 1).
        confidence: a difference is said to be there if chance gives so large a one with less
            than 1 - confidence.
        seed: of the exchanges.

    Raises:
        ValueError: `matters` is out of range.
    """
    if not 0.0 < matters < 1.0:
        raise ValueError(f"the difference that matters must lie between 0 and 1; got {matters}")
    met = [s for s in scenes if s.pairs or (s.first and s.second)]
    if not met:
        return Gap(Compared.NOT_COMPARABLE)
    blocks = [block for scene in met for block in _blocks(scene)]
    weights = np.array([block.weight for block in blocks])
    weights /= weights.sum()
    difference = float(weights @ np.array([block.difference for block in blocks]))
    p_value = _chance_of(difference, blocks, weights, np.random.default_rng(seed))
    error = math.sqrt(float(weights**2 @ _variances(blocks, met)))
    lower, upper = difference - _Z[0.95] * error, difference + _Z[0.95] * error
    detectable = min(1.0, (_Z[0.95] + _Z[POWER]) * error)
    seen = p_value <= 1.0 - confidence and (lower > 0.0 or upper < 0.0)
    if seen:
        verdict = Compared.WORSE if difference > 0.0 else Compared.BETTER
    else:
        weak = detectable > matters
        verdict = Compared.UNDERPOWERED if weak else Compared.NO_DIFFERENCE_SEEN
    return Gap(
        verdict=verdict,
        difference=difference,
        lower=max(-1.0, lower),
        upper=min(1.0, upper),
        p_value=p_value,
        detectable=detectable,
        pairs=sum(len(scene.pairs) for scene in met),
        scenes=len(met),
        trials=(sum(s.counts(0).trials for s in met), sum(s.counts(1).trials for s in met)),
    )


@dataclass(frozen=True)
class _Block:
    """Trials within which the policies' outcomes may be exchanged.

    Attributes:
        paired: by start; else any of the first with any of the second policy.
        first: (failures, trials) of the first policy.
        second: of the second one.
        only: pairs in which only the first, and only the second policy failed.
    """

    paired: bool
    first: Counts
    second: Counts
    only: tuple[int, int] = (0, 0)

    @property
    def weight(self) -> float:
        """Mantel and Haenszel's; of n pairs, as if they were n trials of each."""
        a, b = self.first.trials, self.second.trials
        return a * b / (a + b)

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second.failures / self.second.trials - self.first.failures / self.first.trials


def _blocks(scene: SceneTrials) -> list[_Block]:
    found = []
    if scene.pairs:
        n = len(scene.pairs)
        failed = [sum(pair[which] for pair in scene.pairs) for which in (0, 1)]
        only = (sum(a and not b for a, b in scene.pairs), sum(b and not a for a, b in scene.pairs))
        found.append(_Block(True, Counts(failed[0], n), Counts(failed[1], n), only))
    if scene.first and scene.second:
        one = Counts(sum(scene.first), len(scene.first))
        found.append(_Block(False, one, Counts(sum(scene.second), len(scene.second))))
    return found


def _chance_of(
    difference: float,
    blocks: Sequence[_Block],
    weights: np.ndarray[tuple[int], np.dtype[np.float64]],
    rng: np.random.Generator,
) -> float:
    """Probability of so large a difference if the outcomes are exchanged at random."""
    total = np.zeros(_EXCHANGES)
    for block, weight in zip(blocks, weights, strict=True):
        a, b = block.first.trials, block.second.trials
        if block.paired:
            differ = sum(block.only)
            worse = rng.binomial(differ, 0.5, size=_EXCHANGES)
            total += weight * (2.0 * worse - differ) / a
            continue
        failures = block.first.failures + block.second.failures
        of_second = rng.hypergeometric(failures, a + b - failures, b, size=_EXCHANGES)
        total += weight * (of_second / b - (failures - of_second) / a)
    as_large = np.abs(total) >= abs(difference) - 1e-12
    return float((as_large.sum() + 1) / (_EXCHANGES + 1))


def _variances(
    blocks: Sequence[_Block], met: Sequence[SceneTrials]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(blocks,) variance of each difference, by the rates of the policies' populations.

    Pairs vary less than trials of their own: by what the observed pairs have in common.
    """
    pooled = []
    for which in (0, 1):
        tried = [scene.counts(which) for scene in met]
        rates = Population(Counts(0, 0), tried).rates
        spread = {c: rate.mean * (1.0 - rate.mean) for c, rate in zip(tried, rates, strict=True)}
        pooled.append(spread)
    owner = [scene for scene in met for _ in _blocks(scene)]
    differ = sum(sum(block.only) for block in blocks if block.paired)
    expected = sum(
        block.first.trials * (pooled[0][s.counts(0)] + pooled[1][s.counts(1)])
        for block, s in zip(blocks, owner, strict=True)
        if block.paired
    )
    alike = min(1.0, (differ + 1.0) / (expected + 1.0))
    return np.array(
        [
            (alike if block.paired else 1.0)
            * (
                pooled[0][s.counts(0)] / block.first.trials
                + pooled[1][s.counts(1)] / block.second.trials
            )
            for block, s in zip(blocks, owner, strict=True)
        ]
    )
