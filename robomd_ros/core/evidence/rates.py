# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Failure rates: the counts they come from, and what is known of them."""

from dataclasses import dataclass

CONFIDENCE = 0.95
"""Posterior probability from which something is held to be known, where nobody says otherwise."""
FAILING_THRESHOLD = 0.5
"""A failure rate above it is called failing, where nobody says otherwise."""

NOMINAL_PRIOR = (0.5, 2.0)
"""Beta prior of the nominal rate: a policy that is worth a diagnosis mostly succeeds unchanged."""


@dataclass(frozen=True, order=True)
class Counts:
    """Trials of one scene: how many, and how many of them failed."""

    failures: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.failures <= self.trials:
            raise ValueError(
                f"{self.failures} failures of {self.trials} trials; give 0 <= failures <= trials"
            )


@dataclass(frozen=True)
class Rate:
    """What is known of one failure rate, by its own trials and those of its population.

    Attributes:
        counts: its own trials.
        mean: posterior mean, [0, 1].
        lower: lower end of the shortest 95 % interval; may be 0.
        upper: upper end; may be 1.
        probability_failing: that it is above the failing threshold.
        probability_worse: that it is above the nominal rate.
        effect: posterior mean of the rate minus the nominal rate, [-1, 1].
        effect_lower: lower end of its shortest 95 % interval.
        effect_upper: upper end.
    """

    counts: Counts
    mean: float
    lower: float
    upper: float
    probability_failing: float
    probability_worse: float
    effect: float
    effect_lower: float
    effect_upper: float
