# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rates of one catalogue as a population: each is judged in the light of all others.

The nominal scene fails with q0 ~ Beta(1/2, 2), fed by nominal trials. A variation has, with
probability pi, no effect worth the name: p is q0, or scattered about it, p ~ Beta(c q0,
c (1 - q0)). Else p ~ Beta(m k, (1 - m) k), or with probability t anything at all. The
hyperparameters pi, c, m, k, t and q0 are integrated out on grids, so that a first row is corrected
for having been selected, few trials go a long way where the others are alike, and intervals may
touch 0 and 1.

The nominal rate that is reported is that of nominal trials alone: variations bear on where the
zero of their effects lies, but a zero line that they move would be hard to defend.

Note:
    The paper has no such model; it reads failure probabilities off the search agent (Eq. 3).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from robomd_ros.core.evidence.rates import FAILING_THRESHOLD, NOMINAL_PRIOR, Counts, Rate
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

LEVEL = 0.956
"""Posterior probability of a 95 % interval. A little allowance: no population of a real
catalogue has exactly this model's shape, and test/bench/bench_truth.py holds the two together."""
CELLS = 180
"""Cells of a rate; equal steps of arcsin(sqrt(p)), in which all counts are equally precise."""
COARSE = 4
"""Cells of a rate to one of q0."""
NO_EFFECT = (0.02, 0.2, 0.5, 0.8, 0.9)
"""Shares pi of variations without an effect. No larger one: were nearly all rates held to be that
of the unchanged scene, small effects would fall out of their intervals."""
SCATTER = {math.inf: 0.34, 60.0: 0.33, 15.0: 0.33}
"""Concentrations c about q0 of what has no effect, with their prior."""
MEANS = (0.03, 0.08, 0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85, 0.93)
"""Means m of the rates that have an effect. None nearer to 1: a few changes that nearly always fail
would be held to fail always; those that do have a small k."""
CONCENTRATIONS = (0.25, 0.75, 2.0, 5.0, 12.0, 25.0, 60.0)
"""Their concentrations k."""
TAILS = (0.0, 0.5)
"""Shares t of what has an effect whose rate may be anything, whatever m and k."""
EFFECT_STEP = 0.005
"""Resolution of an effect."""
_KEPT = 1e-4
"""Values of a hyperparameter with less than this of the largest weight are left out."""
_IMPOSSIBLE = 20.0
"""Log likelihood, below that of the likeliest q0, from which on a q0 is left out."""
_STEP = 5
_MANY = 24
"""Distinct counts from which on the weights are rounded to `_GRAIN` of the largest."""
_GRAIN = 1.0 / 64.0
_TINY = 1e-290


@dataclass(frozen=True, eq=False)
class _Grid:
    """The grids and the priors on them; Q nodes of q0, C cells of a rate, H hyperparameters.

    Attributes:
        edges: (C + 1,) of the cells of a rate.
        nodes: (C,) their middles.
        slab: (MK, C) mass of what has an effect, one row an m, k and t.
        soft: (S, Q, C) mass of no effect: one S a scatter.
        share: (P,) pi.
        log_prior: (P, S, MK) log prior of the hyperparameters, but for q0.
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

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """P, S, Q, MK."""
        return len(self.share), self.soft.shape[0], self.soft.shape[1], len(self.slab)


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
    shaped = _masses(m * k, (1.0 - m) * k, edges)
    slab = np.concatenate([(1.0 - t) * shaped + t * np.diff(edges) for t in TAILS])
    joint = np.array(list(SCATTER.values()))[:, None] / (len(NO_EFFECT) * len(slab))
    return _Grid(
        edges=edges,
        nodes=nodes,
        slab=slab,
        soft=np.stack(soft),
        share=np.array(NO_EFFECT),
        log_prior=np.log(np.broadcast_to(joint, (len(NO_EFFECT), len(SCATTER), len(slab)))),
        log_nominal=np.log(_masses(np.array(NOMINAL_PRIOR[0]), np.array(NOMINAL_PRIOR[1]), edges)),
        effect_bin=np.rint((nodes - coarse[:, None] + 1.0) / EFFECT_STEP).astype(np.int64),
    )


class Population:
    """The posterior of all rates of one catalogue, given trials of single variations.

    Attributes:
        nominal: the rate of the unchanged scene; has no effect.
        threshold: rates above it are called failing.
        distinct: the rates of all distinct counts.
        which: (n,) place of each variation's rate among them.
    """

    nominal: Rate
    threshold: float
    distinct: tuple[Rate, ...]
    which: Ints

    def __init__(
        self, nominal: Counts, tried: Sequence[Counts], threshold: float = FAILING_THRESHOLD
    ) -> None:
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
        self.threshold = threshold
        self._masses: dict[Counts, Floats] = {}
        distinct = sorted(set(tried))
        number = {counts: place for place, counts in enumerate(distinct)}
        self.which = np.array([number[counts] for counts in tried], dtype=np.int64)
        times = np.bincount(self.which, minlength=len(distinct))
        self._weigh(nominal, dict(zip(distinct, times.tolist(), strict=True)))
        self.distinct = tuple(self._rate(c, counted=c.trials > 0) for c in distinct)

    @classmethod
    def of_arrays(
        cls, nominal: Counts, failures: Ints, trials: Ints, threshold: float
    ) -> "Population":
        """The same from (n,) failures and (n,) trials: quick for thousands of variations."""
        radix = int(trials.max(initial=0)) + 1
        codes, which = np.unique(failures * radix + trials, return_inverse=True)
        found = [Counts(*divmod(int(code), radix)) for code in codes]
        times = np.bincount(which, minlength=len(found))
        made = cls.__new__(cls)
        made.threshold, made._masses = threshold, {}
        made._weigh(nominal, dict(zip(found, times.tolist(), strict=True)))
        made.which = which.reshape(-1)
        made.distinct = tuple(made._rate(c, counted=c.trials > 0) for c in found)
        return made

    @cached_property
    def rates(self) -> tuple[Rate, ...]:
        """One a variation, in order; variations with equal counts share one object."""
        return tuple(self.distinct[place] for place in self.which)

    def _weigh(self, nominal: Counts, times: Mapping[Counts, int]) -> None:
        """Weights of the hyperparameters, and the rate of the unchanged scene.

        Args:
            nominal: its trials.
            times: how many variations have which counts.
        """
        grid = _grid()
        q0 = grid.log_nominal + _log_likelihood(nominal)
        coarse = np.logaddexp.reduce(q0.reshape(-1, COARSE), axis=1)
        possible = np.flatnonzero(coarse > coarse.max() - _IMPOSSIBLE)
        # In steps, so that a nominal trial seldom makes all that is cached useless.
        first = int(possible[0]) // _STEP * _STEP
        last = -(-(int(possible[-1]) + 1) // _STEP) * _STEP
        log_weight = grid.log_prior[:, :, None, :] + coarse[first:last, None]
        for counts, number in times.items():
            if counts.trials:
                log_weight += number * _log_marginal(counts, first, last)
        weight = np.exp(log_weight - log_weight.max())
        many = len(times) > _MANY
        if many:  # the weights hardly move any more: kept still, rates need not be made anew
            weight = np.rint(weight / _GRAIN) * _GRAIN
        axes = [_worth(weight, axis) for axis in range(weight.ndim)]
        weight = weight[np.ix_(*axes)]
        axes[2] += first
        self._hyper = _Hyperparameters((axes[0], axes[1], axes[2], axes[3]), weight / weight.sum())
        self._inferred = _kept if many else _infer
        self.nominal = self._nominal_rate(nominal, np.exp(q0 - q0.max()))

    def _nominal_rate(self, counts: Counts, mass: Floats) -> Rate:
        """The rate of the unchanged scene; its interval is that of the even prior.

        The prior that expects a policy to succeed unchanged would end too early after trials
        without a failure: one of a rate of 0.05 is missed by it once in ten campaigns.
        """
        even = _likelihood(counts) * np.diff(_grid().edges)
        found = _summary(counts, even, self.threshold, 0.0, (0.0, 0.0, 0.0))
        return replace(found, mean=float(mass @ _grid().nodes / mass.sum()))

    def exceeds(self, a: Rate, b: Rate) -> float:
        """Probability that the first of two rates of this population is the larger one."""
        first, second = self._masses[a.counts], self._masses[b.counts]
        below = np.cumsum(second) - second
        return float(first @ (below + 0.5 * second))

    def draw(self, rate: Rate, count: int, rng: np.random.Generator) -> Floats:
        """(count,) posterior draws of a rate of this population."""
        edges, below = _grid().edges, np.cumsum(self._masses[rate.counts])
        places = np.concatenate(([0.0], below / below[-1]))
        return np.asarray(np.interp(rng.random(count), places, edges))

    def future(self, counts: Counts) -> Rate:
        """The rate of one more variation of this catalogue, with these trials of its own."""
        return self._rate(counts, counted=False)

    def _rate(self, counts: Counts, counted: bool) -> Rate:
        """The rate of what has these trials; `counted`: the hyperparameters hold them already."""
        rate, self._masses[counts] = self._inferred(self._hyper, counts, counted, self.threshold)
        return rate


@dataclass(frozen=True, eq=False)
class _Hyperparameters:
    """The posterior of the hyperparameters, where it is worth anything.

    Attributes:
        axes: places of pi, c, q0 and slab in the grid.
        weight: (P, S, Q, MK) of each, sum 1.
    """

    axes: tuple[Ints, Ints, Ints, Ints]
    weight: Floats

    @cached_property
    def key(self) -> tuple[bytes, ...]:
        return (*(axis.tobytes() for axis in self.axes), self.weight.tobytes())

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hyperparameters) and self.key == other.key


def _infer(
    hyper: _Hyperparameters, counts: Counts, counted: bool, threshold: float
) -> tuple[Rate, Floats]:
    """The rate of what has these trials, and its (C,) posterior masses."""
    grid, (share, scatter, q0, slab) = _grid(), hyper.axes
    pi = grid.share[share][:, None, None, None]
    weight = hyper.weight / _marginal(counts, *hyper.axes) if counted else hyper.weight
    slab_weight = ((1.0 - pi) * weight).sum(axis=(0, 1))
    soft_weight = (pi * weight).sum(axis=(0, 3))
    joint = slab_weight @ grid.slab[slab]
    joint += np.einsum("sq,sqc->qc", soft_weight, grid.soft[np.ix_(scatter, q0)])
    joint *= _likelihood(counts)
    joint /= joint.sum()
    above = np.arange(CELLS) > (q0 * COARSE + COARSE - 1)[:, None]
    bins = grid.effect_bin[q0].ravel()
    mass_of_effect: Floats = np.bincount(bins, weights=joint.ravel()).astype(np.float64)
    values = np.arange(len(mass_of_effect)) * EFFECT_STEP - 1.0
    lower, upper = _shortest_of_points(mass_of_effect)
    effect = (float(mass_of_effect @ values), float(values[lower]), float(values[upper]))
    mass = joint.sum(axis=0)
    return _summary(counts, mass, threshold, float(joint[above].sum()), effect), mass


_kept = lru_cache(maxsize=2048)(_infer)


def _summary(
    counts: Counts, mass: Floats, threshold: float, worse: float, effect: tuple[float, float, float]
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
        probability_failing=float(1.0 - np.interp(threshold, grid.edges, below)),
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


def _marginal(counts: Counts, share: Ints, scatter: Ints, q0: Ints, slab: Ints) -> Floats:
    """(P, S, Q, MK) probability of the trials, up to a factor, given the hyperparameters."""
    grid, likelihood = _grid(), _likelihood(counts)
    pi = grid.share[share][:, None, None, None]
    alike = (grid.soft[np.ix_(scatter, q0)] @ likelihood)[:, :, None]
    return np.asarray(pi * alike + (1.0 - pi) * (grid.slab[slab] @ likelihood) + _TINY)


@lru_cache(maxsize=512)
def _log_marginal(counts: Counts, first: int, last: int) -> NDArray[np.float32]:
    """Its logarithm; most counts of a campaign are the same from one trial to the next."""
    shares, scatters, _, slabs = (np.arange(size) for size in _grid().sizes)
    found = _marginal(counts, shares, scatters, np.arange(first, last), slabs)
    return np.log(found).astype(np.float32)


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
