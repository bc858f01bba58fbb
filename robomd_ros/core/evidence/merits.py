# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit of a policy with intervals: they grow short with trials, and go nowhere else."""

import math
from dataclasses import dataclass

import numpy as np

from robomd_ros.core.evidence.metrics import (
    entropy,
    failure_mode_count,
    failure_severity_index,
    wasserstein_to_ideal,
)
from robomd_ros.core.evidence.posterior import Posterior

_DRAWS = 400
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Merit:
    """A figure with its 95 % interval; NaN where there is none."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Merits:
    """Of the variations that were tried alone.

    Attributes:
        count: NFM, rates above the failing threshold.
        severity: FSI; 0 where nothing ever failed.
        entropy: of the normalised rates, nats; NaN where nothing ever failed.
        distance: 1-Wasserstein, to a policy that never fails: the mean rate.
    """

    count: Merit
    severity: Merit
    entropy: Merit
    distance: Merit


def merits_of(posterior: Posterior, seed: int = 0) -> Merits:
    """The figures of a posterior.

    What never failed alone counts as 0 in the estimates, so that a policy that never fails has no
    severity however small the budget is; the intervals are those of the rates as they are known.
    """
    rates = [rate for rate in posterior.rates if rate.counts.trials]
    estimates = [rate.mean if rate.counts.failures else 0.0 for rate in rates]
    rng = np.random.default_rng(seed)
    population, limit = posterior.population, posterior.threshold
    drawn = [population.draw(rate, _DRAWS, rng) for rate in rates]
    draws = np.stack(drawn, axis=1) if drawn else np.empty((0, 0))
    return Merits(
        count=_merit(
            failure_mode_count(estimates, limit), [failure_mode_count(d, limit) for d in draws]
        ),
        severity=_merit(
            failure_severity_index(estimates), [failure_severity_index(d) for d in draws]
        ),
        entropy=_merit(entropy(estimates), [entropy(d) for d in draws]),
        distance=_merit(wasserstein_to_ideal(estimates), [wasserstein_to_ideal(d) for d in draws]),
    )


def _merit(value: float, draws: list[float] | list[int]) -> Merit:
    """A value with the interval of draws, which holds it."""
    if not draws or math.isnan(value):
        return Merit(float(value), math.nan, math.nan)
    lower, upper = np.quantile(np.array(draws, dtype=np.float64), _TAILS)
    return Merit(float(value), min(float(lower), value), max(float(upper), value))
