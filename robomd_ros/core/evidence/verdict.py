# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The verdict on a variation: what its own trials bear, with confidence."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

from robomd_ros.core.evidence.rates import Rate

FEWEST = 2
"""Trials of its own that a variation has before it is held to be decided."""


class Verdict(IntEnum):
    """What is said of a variation; equal to the constants of robomd_msgs/FailureMode."""

    UNKNOWN = 0
    """Not set: a message that nobody filled in."""
    FAILS = 1
    """Fails with more than the failing threshold."""
    HURTS = 2
    """Fails more often than the unchanged scene."""
    COPES = 3
    """Fails with less than the failing threshold."""
    OPEN = 4
    """More trials would tell."""
    NOT_KNOWN = 5
    """Has no trials of its own."""

    @property
    def decided(self) -> bool:
        """Whether no more trials are needed."""
        return self in (Verdict.FAILS, Verdict.HURTS, Verdict.COPES)


def verdict_of(rate: Rate, confidence: float) -> Verdict:
    """The verdict on one rate by itself; see `verdicts_of` for a catalogue.

    Args:
        rate: of a variation.
        confidence: with which a verdict holds, [0.5, 1).
    """
    if rate.counts.trials < FEWEST:
        return Verdict.OPEN if rate.counts.trials else Verdict.NOT_KNOWN
    if rate.probability_failing >= confidence:
        return Verdict.FAILS
    if rate.probability_worse >= confidence:
        return Verdict.HURTS
    return Verdict.COPES if 1.0 - rate.probability_failing >= confidence else Verdict.OPEN


def doubt(rate: Rate, verdict: Verdict) -> float:
    """Probability that a verdict is wrong; 0 of one that claims nothing."""
    wrong = {
        Verdict.FAILS: 1.0 - rate.probability_failing,
        Verdict.HURTS: 1.0 - rate.probability_worse,
        Verdict.COPES: rate.probability_failing,
    }
    return max(0.0, wrong.get(verdict, 0.0))


def verdicts_of(rates: Sequence[Rate], confidence: float) -> tuple[Verdict, ...]:
    """The verdicts on a catalogue: no more accusations than may stand together.

    Each verdict holds with the confidence by itself. What is called FAILS, and what is called
    HURTS, is moreover so few that less than 1 - confidence of it is expected to be wrong: twenty
    accusations at 0.95 would hold one that is false. Equal rates get equal verdicts.
    """
    of_rate = {id(rate): verdict_of(rate, confidence) for rate in rates}
    alone = [of_rate[id(rate)] for rate in rates]
    for kind in (Verdict.FAILS, Verdict.HURTS):
        accused = [i for i, verdict in enumerate(alone) if verdict is kind]
        for i in _too_many([doubt(rates[i], kind) for i in accused], 1.0 - confidence):
            alone[accused[i]] = _milder(rates[accused[i]], kind, confidence)
    return tuple(alone)


def _milder(rate: Rate, verdict: Verdict, confidence: float) -> Verdict:
    """What is said where an accusation may not be."""
    copes = verdict is Verdict.HURTS and 1.0 - rate.probability_failing >= confidence
    return Verdict.COPES if copes else Verdict.OPEN


def _too_many(doubts: Sequence[float], allowed: float) -> Iterable[int]:
    """Positions of the largest doubts beyond what is allowed together; ties fall together."""
    order = sorted(range(len(doubts)), key=lambda i: doubts[i])
    total = 0.0
    for i in order:
        total += doubts[i]
        if total > allowed:
            return [j for j in order if doubts[j] >= doubts[i]]
    return ()


def expected_wrong(rates: Sequence[Rate], confidence: float) -> float:
    """Expected number of wrong verdicts in a catalogue."""
    verdicts = verdicts_of(rates, confidence)
    return sum(doubt(rate, verdict) for rate, verdict in zip(rates, verdicts, strict=True))
