# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rates of one catalogue as a population: each is judged in the light of all others.

The nominal scene fails with q0 ~ Beta(1/2, 2), fed by nominal trials. A variation has, with
probability pi, no effect worth the name: p is q0, or scattered about it, p ~ Beta(c q0,
c (1 - q0)). Else p ~ Beta(m k, (1 - m) k). The hyperparameters pi, c, m, k and q0 are integrated
out on grids, so that a first row is corrected for having been selected, few trials go a long way
where the others are alike, and intervals may touch 0 and 1.

Note:
    The paper has no such model; it reads failure probabilities off the search agent (Eq. 3).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from robomd_ros.core.evidence.rates import Counts, Rate
from robomd_ros.core.evidence.verdict import Verdict, doubt, expected_wrong, verdict_of, verdicts_of

__all__ = [
    "Counts",
    "Population",
    "Rate",
    "Verdict",
    "doubt",
    "expected_wrong",
    "verdict_of",
    "verdicts_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL = 0.95
"""Probability that a credible interval holds."""
NOMINAL_PRIOR = (0.5, 2.0)
"""Beta prior of q0: a policy that is worth a diagnosis mostly succeeds in the nominal scene."""
CELLS = 180
"""Cells of a rate; equal steps of arcsin(sqrt(p)), in which all counts are equally precise."""
COARSE = 3
"""Cells of a rate to one of q0."""
NO_EFFECT = (0.02, 0.2, 0.5, 0.8, 0.95)
"""Shares pi of variations without an effect."""
SCATTER = (math.inf, 60.0, 15.0)
"""Concentrations c about q0 of what has no effect."""
MEANS = (0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
"""Means m of the rates that have an effect."""
CONCENTRATIONS = (0.25, 0.75, 2.0, 5.0, 12.0, 25.0)
"""Their concentrations k."""
EFFECT_STEP = 0.005
"""Resolution of an effect."""
_KEPT = 1e-7
"""Cells of the hyperparameters with less than this of the largest weight are left out."""
_TINY = 1e-290


@dataclass(frozen=True, eq=False)
class _Grid:
    """The grids and the priors on them; Q nodes of q0, C cells of a rate, H hyperparameters.

    Attributes:
        edges: (C + 1,) of the cells of a rate.
        nodes: (C,) their middles.
        slab: (MK, C) mass of Beta(m k, (1 - m) k).
        soft: (S, Q, C) mass of no effect: one S a scatter.
        share: (P,) pi.
        log_prior: (P, S, MK, 1) log prior of the hyperparameters, but for q0.
        log_nominal: (C,) log prior mass of q0.
        effect_bin: (Q, C) number of the cell of p - q0.
    """

    edges: Floats
    nodes: Floats
    slab: Floats
    soft: Floats
    share: Floats
    log_prior: Floats
    log_nominal: Floats
    effect_bin: Ints


def _weights(values: Sequence[float]) -> Floats:
    return np.full(len(values), 1.0 / len(values))


def _masses(alpha: Floats, beta: Floats, edges: Floats) -> Floats:
    """(..., C) prior masses of Beta(alpha, beta) in the cells."""
    return np.asarray(np.diff(betainc(alpha[..., None], beta[..., None], edges), axis=-1))


@lru_cache(maxsize=1)
def _grid() -> _Grid:
    edges = np.sin(np.linspace(0.0, math.pi / 2, CELLS + 1)) ** 2
    edges[-1] = 1.0
    nodes = np.sin((np.arange(CELLS) + 0.5) * math.pi / 2 / CELLS) ** 2
    coarse = nodes[COARSE // 2 :: COARSE]
    m, k = (x.ravel() for x in np.meshgrid(MEANS, CONCENTRATIONS, indexing="ij"))
    exact = np.kron(np.eye(len(coarse)), np.full(COARSE, 1.0 / COARSE))
    soft = [
        exact if math.isinf(c) else _masses(c * coarse, c * (1.0 - coarse), edges) for c in SCATTER
    ]
    prior = [_weights(NO_EFFECT), _weights(SCATTER)]
    joint = prior[0][:, None, None] * prior[1][:, None] / len(m)
    return _Grid(
        edges=edges,
        nodes=nodes,
        slab=_masses(m * k, (1.0 - m) * k, edges),
        soft=np.stack(soft),
        share=np.array(NO_EFFECT),
        log_prior=np.log(np.broadcast_to(joint, (len(NO_EFFECT), len(SCATTER), len(m)))),
        log_nominal=np.log(_masses(np.array(NOMINAL_PRIOR[0]), np.array(NOMINAL_PRIOR[1]), edges)),
        effect_bin=np.rint((nodes - coarse[:, None] + 1.0) / EFFECT_STEP).astype(np.int64),
    )


class Population:
    """The posterior of all rates of one catalogue, given trials of single variations.

    Attributes:
        nominal: the rate of the unchanged scene; has no effect.
        rates: one a variation, in order; variations with equal counts share one object.
    """

    def __init__(self, nominal: Counts, tried: Sequence[Counts], threshold: float = 0.5) -> None:
        """Infer all rates.

        Args:
            nominal: trials of the unchanged scene; none yet is `Counts(0, 0)`.
            tried: trials of each variation alone; one without trials has `Counts(0, 0)`.
            threshold: rates above it are called failing, (0, 1).

        Raises:
            ValueError: the threshold is out of range.
        """
        if not 0.0 < threshold < 1.0:
            raise ValueError(f"threshold must lie between 0 and 1; got {threshold}")
        self._threshold = threshold
        grid = _grid()
        self._nominal_cells = grid.log_nominal + _log_likelihood(nominal)
        coarse = np.logaddexp.reduce(self._nominal_cells.reshape(-1, COARSE), axis=1)
        log_weight = grid.log_prior[:, :, None, :] + coarse[:, None]
        number: dict[Counts, int] = {}
        for counts in tried:
            number[counts] = number.get(counts, 0) + 1
        number.pop(Counts(0, 0), None)
        for counts, times in sorted(number.items()):
            log_weight += times * _log_marginal(counts)
        weight = np.exp(log_weight - log_weight.max())
        self._axes = [_worth(weight, axis) for axis in range(weight.ndim)]
        self._weight = weight[np.ix_(*self._axes)]
        self._weight /= self._weight.sum()
        self.nominal = self._nominal_rate(nominal)
        of_counts = {counts: self._rate(counts, counted=True) for counts in number}
        of_counts[Counts(0, 0)] = self.future(Counts(0, 0))
        self.rates = tuple(of_counts[counts] for counts in tried)

    def future(self, counts: Counts) -> Rate:
        """The rate of one more variation of this catalogue, with these trials of its own."""
        return self._rate(counts, counted=False)

    def _nominal_rate(self, counts: Counts) -> Rate:
        within = np.exp(self._nominal_cells - self._nominal_cells.max()).reshape(-1, COARSE)
        within /= np.maximum(within.sum(axis=1, keepdims=True), _TINY)
        mass = np.zeros((CELLS // COARSE, COARSE))
        chosen = self._axes[2]
        mass[chosen] = self._weight.sum(axis=(0, 1, 3))[:, None] * within[chosen]
        return self._summary(counts, mass.ravel(), 0.0, (0.0, 0.0, 0.0))

    def _rate(self, counts: Counts, counted: bool) -> Rate:
        """The rate of what has these trials.

        Args:
            counts: its own trials.
            counted: whether the weights of the hyperparameters hold these trials already.
        """
        grid = _grid()
        share, scatter, q0, slab = self._axes
        likelihood = _likelihood(counts)
        pi = grid.share[share][:, None, None, None]
        weight = self._weight
        if counted:
            weight = weight / _marginal(counts)[np.ix_(*self._axes)]
        slab_weight = ((1.0 - pi) * weight).sum(axis=(0, 1))
        soft_weight = (pi * weight).sum(axis=(0, 3))
        joint = slab_weight @ grid.slab[slab]
        joint += np.einsum("sq,sqc->qc", soft_weight, grid.soft[np.ix_(scatter, q0)])
        joint *= likelihood
        joint /= joint.sum()
        above = np.arange(CELLS) > (q0 * COARSE + COARSE - 1)[:, None]
        bins = grid.effect_bin[q0].ravel()
        mass_of_effect: Floats = np.bincount(bins, weights=joint.ravel()).astype(np.float64)
        values = np.arange(len(mass_of_effect)) * EFFECT_STEP - 1.0
        lower, upper = _shortest_of_points(mass_of_effect)
        effect = (float(mass_of_effect @ values), float(values[lower]), float(values[upper]))
        return self._summary(counts, joint.sum(axis=0), float(joint[above].sum()), effect)

    def _summary(
        self, counts: Counts, mass: Floats, worse: float, effect: tuple[float, float, float]
    ) -> Rate:
        grid = _grid()
        below = np.concatenate(([0.0], np.cumsum(mass)))
        below /= below[-1]
        lower, upper = _shortest(below, grid.edges)
        return Rate(
            counts=counts,
            mean=float(mass @ grid.nodes / mass.sum()),
            lower=lower,
            upper=upper,
            probability_failing=float(1.0 - np.interp(self._threshold, grid.edges, below)),
            probability_worse=min(1.0, worse),
            effect=round(effect[0], 12),
            effect_lower=round(effect[1], 12),
            effect_upper=round(effect[2], 12),
        )


def _log_likelihood(counts: Counts) -> Floats:
    """(C,) log likelihood at the nodes, at most 0."""
    nodes = _grid().nodes
    passed = counts.trials - counts.failures
    log = counts.failures * np.log(nodes) + passed * np.log1p(-nodes)
    return np.asarray(log - log.max())


def _likelihood(counts: Counts) -> Floats:
    return np.exp(_log_likelihood(counts))


def _marginal(counts: Counts) -> Floats:
    """(P, S, Q, MK) probability of the trials, up to a factor, given the hyperparameters."""
    grid, likelihood = _grid(), _likelihood(counts)
    pi = grid.share[:, None, None, None]
    alike = (grid.soft @ likelihood)[:, :, None]
    return np.asarray(pi * alike + (1.0 - pi) * (grid.slab @ likelihood) + _TINY)


@lru_cache(maxsize=256)
def _log_marginal(counts: Counts) -> NDArray[np.float32]:
    """Its logarithm; most counts of a campaign are the same from one trial to the next."""
    return np.log(_marginal(counts)).astype(np.float32)


def _worth(weight: Floats, axis: int) -> Ints:
    """Positions along an axis that hold any weight to speak of."""
    others = tuple(a for a in range(weight.ndim) if a != axis)
    marginal = weight.sum(axis=others)
    return np.flatnonzero(marginal > _KEPT * marginal.max())


def _shortest(below: Floats, edges: Floats) -> tuple[float, float]:
    """The shortest interval that holds LEVEL; its ends may be 0 and 1.

    Args:
        below: (C + 1,) probability below each edge.
        edges: (C + 1,) ascending.
    """
    start = below <= 1.0 - LEVEL
    end = below >= LEVEL
    lower = np.concatenate((edges[start], np.interp(below[end] - LEVEL, below, edges)))
    upper = np.concatenate((np.interp(below[start] + LEVEL, below, edges), edges[end]))
    best = int(np.argmin(upper - lower))
    return float(lower[best]), float(upper[best])


def _shortest_of_points(mass: Floats) -> tuple[int, int]:
    """First and last of the fewest points in a row that hold LEVEL."""
    below = np.concatenate(([0.0], np.cumsum(mass)))
    below /= below[-1]
    starts = np.flatnonzero(below <= 1.0 - LEVEL + 1e-12)
    ends = np.searchsorted(below, below[starts] + LEVEL - 1e-12)
    best = int(np.argmin(ends - starts))
    return int(starts[best]), int(ends[best] - 1)
