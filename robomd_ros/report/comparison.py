# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which of several policies is more robust: from the posteriors, paired by variation."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.evidence.comparison import MATTERS, Gap, SceneTrials, compare_policies
from robomd_ros.core.variations import Variation
from robomd_ros.report.campaign_data import CampaignData

Floats = NDArray[np.float64]

DRAWS = 20_000
"""Pairs of draws of two posteriors."""
_TAILS = (0.025, 0.975)


class NothingInCommonError(RoboMDError):
    """Campaigns that share no variation that all of them tried."""


@dataclass(frozen=True)
class Difference:
    """How much more often B fails than A.

    Attributes:
        mean: posterior mean of p_B - p_A; positive: A is more robust.
        lower: 2.5 % quantile.
        upper: 97.5 % quantile.
        a_better: posterior probability that A fails less often; ties count half.
    """

    mean: float
    lower: float
    upper: float
    a_better: float


@dataclass(frozen=True, eq=False)
class PairComparison:
    """Two campaigns on the variations that both tried.

    Attributes:
        a: place of the first campaign.
        b: place of the second one.
        overall: of the failure probabilities averaged over the shared variations.
        by_variation: of each shared variation, in the order of `Comparison.shared`.
        gap: the judgement on b against a, paired by scene and start.
    """

    a: int
    b: int
    overall: Difference
    by_variation: tuple[Difference, ...]
    gap: Gap


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several campaigns side by side.

    Attributes:
        shared: variations that every campaign tried, defined alike.
        left_out: ids that only some of them have or tried, or that are defined differently.
        mean: (k,) each campaign's failure probability averaged over the shared variations.
        lower: (k,) 2.5 % quantiles.
        upper: (k,) 97.5 % quantiles.
        best: (k,) posterior probability that it is the most robust of all.
        pairs: every pair, in order.
    """

    shared: tuple[Variation, ...]
    left_out: tuple[str, ...]
    mean: Floats
    lower: Floats
    upper: Floats
    best: Floats
    pairs: tuple[PairComparison, ...]

    def a_better(self, a: int, b: int) -> float:
        """Posterior probability that campaign a is more robust than b; NaN with itself."""
        for pair in self.pairs:
            if (pair.a, pair.b) == (a, b):
                return pair.overall.a_better
            if (pair.a, pair.b) == (b, a):
                return 1.0 - pair.overall.a_better
        return float("nan")


def compare(
    campaigns: Sequence[CampaignData], seed: int = 0, matters: float = MATTERS
) -> Comparison:
    """Compare campaigns on the variations that all of them tried.

    More robust is who fails less often, averaged over the shared variations with equal weights.
    The average is taken within each joint posterior draw, so that what makes a variation hard
    for every policy cancels; draws of different campaigns are independent.

    Args:
        campaigns: two or more of one task.
        seed: of the order in which draws are paired.
        matters: smallest difference of failure rates that is worth finding.

    Raises:
        ConfigurationError: fewer than two campaigns, or of different tasks.
        NothingInCommonError: no variation was tried by all.
    """
    _check(campaigns)
    shared, left_out = _shared(campaigns)
    if not shared:
        raise NothingInCommonError(
            "the campaigns have no variation that all of them tried, so they cannot be compared; "
            "diagnose the policies with one catalogue and enough trials for every variation"
        )
    rng = np.random.default_rng(seed)
    draws = [_draws(campaign, shared, rng) for campaign in campaigns]
    exact = np.array([[_mean(c, v.id) for v in shared] for c in campaigns])
    means = np.stack([d.mean(axis=1) for d in draws])
    lower, upper = np.quantile(means, _TAILS, axis=1)
    lowest = means == means.min(axis=0)
    best = np.asarray((lowest / lowest.sum(axis=0)).mean(axis=1))
    pairs = _pairs(campaigns, {v.id for v in shared}, draws, exact, matters)
    return Comparison(shared, left_out, exact.mean(axis=1), lower, upper, best, pairs)


def _pairs(
    campaigns: Sequence[CampaignData],
    shared: Set[str],
    draws: Sequence[Floats],
    exact: Floats,
    matters: float,
) -> tuple[PairComparison, ...]:
    """Every pair, from (S, n) draws of each campaign and the (k, n) posterior means."""
    return tuple(
        PairComparison(
            a,
            b,
            _difference(
                draws[a].mean(axis=1), draws[b].mean(axis=1), float((exact[b] - exact[a]).mean())
            ),
            tuple(
                _difference(draws[a][:, i], draws[b][:, i], float(exact[b][i] - exact[a][i]))
                for i in range(exact.shape[1])
            ),
            compare_policies(_scenes(campaigns[a], campaigns[b], shared), matters),
        )
        for a, b in combinations(range(len(draws)), 2)
    )


def _scenes(a: CampaignData, b: CampaignData, shared: Set[str]) -> list[SceneTrials]:
    """Outcomes of two campaigns in the scenes of shared variations, paired by start."""
    found = []
    first, second = (_by_start(campaign, shared) for campaign in (a, b))
    for scene in sorted(first.keys() & second.keys(), key=sorted):
        one, other = first[scene], second[scene]
        both = sorted(one.keys() & other.keys())
        found.append(
            SceneTrials(
                tuple((one[seed], other[seed]) for seed in both),
                tuple(failed for seed, failed in sorted(one.items()) if seed not in other),
                tuple(failed for seed, failed in sorted(other.items()) if seed not in one),
            )
        )
    return found


def _by_start(campaign: CampaignData, shared: Set[str]) -> dict[frozenset[str], dict[int, bool]]:
    """Whether the policy failed, by scene and start; a start is what its seed makes it."""
    found: dict[frozenset[str], dict[int, bool]] = {}
    for record in campaign.valid:
        ids = frozenset(record.request.scene)
        if record.outcome is not None and ids <= shared:
            found.setdefault(ids, {})[record.request.seed] = record.outcome.failed
    return found


def _check(campaigns: Sequence[CampaignData]) -> None:
    if len(campaigns) < 2:
        raise ConfigurationError(
            f"a comparison needs at least two campaigns; got {len(campaigns)}; name their folders"
        )
    tasks = sorted({c.stored.config.task for c in campaigns})
    if len(tasks) > 1:
        raise ConfigurationError(
            f"the campaigns are of different tasks ({', '.join(tasks)}); compare campaigns of one"
        )


def _shared(campaigns: Sequence[CampaignData]) -> tuple[tuple[Variation, ...], tuple[str, ...]]:
    tables = [{v.id: v for v in c.catalogue} for c in campaigns]
    tried = [_tried(c) for c in campaigns]
    everything = list(dict.fromkeys(i for t in tables for i in t))
    shared = [
        tables[0][i]
        for i in everything
        if all(i in t for t in tried) and len({_meaning(t[i]) for t in tables}) == 1
    ]
    ids = {v.id for v in shared}
    return tuple(shared), tuple(i for i in everything if i not in ids)


def _tried(campaign: CampaignData) -> set[str]:
    rates = campaign.posterior.rates
    return {v.id for v, rate in zip(campaign.catalogue, rates, strict=True) if rate.counts.trials}


def _meaning(variation: Variation) -> tuple[str, ...]:
    """What makes two variations of one id the same change; their sentences may differ."""
    parameters = sorted(f"{k}={v}" for k, v in variation.parameters.items())
    return (variation.factor, variation.target, *parameters)


def _mean(campaign: CampaignData, variation_id: str) -> float:
    return campaign.posterior.rates[campaign.catalogue.index(variation_id)].mean


def _draws(campaign: CampaignData, shared: Sequence[Variation], rng: np.random.Generator) -> Floats:
    """(DRAWS, n) draws of the rates by own trials."""
    posterior = campaign.posterior
    rates = [posterior.rates[campaign.catalogue.index(v.id)] for v in shared]
    return np.stack([posterior.population.draw(rate, DRAWS, rng) for rate in rates], axis=1)


def _difference(a: Floats, b: Floats, mean: float) -> Difference:
    """Of two vectors of independent draws; the mean is the exact one of the posteriors."""
    gap = b - a
    lower, upper = np.quantile(gap, _TAILS)
    better = float((gap > 0).mean() + 0.5 * (gap == 0).mean())
    return Difference(mean, float(lower), float(upper), better)
