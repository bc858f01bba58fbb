# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Posterior sampling of a noisy-OR: which of several possible causes made a trial fail.

A trial succeeds iff none of its causes acts; cause k acts with probability r_k, independently.
The trouble is a failed trial with several possible causes: its likelihood 1 - prod(1 - r_k) has
no conjugate prior. It is split into disjoint events, "k is the first cause to act, in some order
of the causes". Given that latent event the causes before k did not act, k did, and nothing is
said of those after k, so that every r_k has a Beta conditional again. A Gibbs sampler alternates
the two, in many chains at once; the order is drawn anew in every sweep: the posterior does not
depend on it, and no cause is always the last to be blamed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NoisyOr:
    """The data of a noisy-OR with k causes.

    Attributes:
        prior: (k, 2) float64, the Beta prior of each cause.
        successes: (k,) int64, succeeded trials in which the cause was present.
        failures: (k,) int64, failed trials in which it was the only possible cause.
        rows: (F, K) int64, the possible causes of every other failed trial, padded with k.
    """

    prior: Floats
    successes: Ints
    failures: Ints
    rows: Ints

    @property
    def size(self) -> int:
        """Number of causes, k."""
        return len(self.prior)


@dataclass(frozen=True, eq=False)
class Draws:
    """Joint posterior draws.

    Attributes:
        values: (S, k) float64 in [0, 1], draws of r.
        alpha: (S, k) float64, first parameter of the Beta conditional that each value came from.
        beta: (S, k) float64, its second parameter.
    """

    values: Floats
    alpha: Floats
    beta: Floats


@dataclass(frozen=True)
class SamplerSettings:
    """Effort of the sampler.

    Attributes:
        chains: independent chains when there are few ambiguous failures.
        burn_in: sweeps thrown away at the start of each chain.
        draws: joint draws kept, over all chains.
        sweeps: most sweeps kept of each chain; with fewer chains there are fewer draws.
        cells: chains are reduced (to no fewer than 8) to keep chains * F * K below this; the more
            failures there are, the less a cause's conditional varies.
    """

    chains: int = 48
    burn_in: int = 6
    draws: int = 480
    sweeps: int = 16
    cells: int = 30_000


def fit(data: NoisyOr, iterations: int = 8) -> tuple[Floats, Floats]:
    """Expectation-maximisation: a point estimate of r and the expected acts of each cause.

    The update uses the mean of the Beta conditional, not its mode, so that a cause with little
    data stays near its prior mean.

    Returns:
        r: (k,) estimates, and (k,) expected number of ambiguous failures in which each acted.
    """
    k = data.size
    present = np.bincount(data.rows.ravel(), minlength=k + 1)[:k]
    alpha = data.prior[:, 0] + data.failures
    total = data.prior.sum(axis=1) + data.failures + data.successes + present
    acts: Floats = 0.5 * present
    r = (alpha + acts) / total
    for _ in range(iterations if len(data.rows) else 0):
        padded = np.append(r, 0.0)[data.rows]
        failing = 1.0 - np.prod(1.0 - padded, axis=1)
        share = padded / np.maximum(failing, 1e-300)[:, None]
        acts = np.bincount(data.rows.ravel(), weights=share.ravel(), minlength=k + 1)[:k].astype(
            np.float64
        )
        r = (alpha + acts) / total
    return r, acts


def sample(
    data: NoisyOr, rng: np.random.Generator, settings: SamplerSettings | None = None
) -> Draws:
    """Draw from the joint posterior of r.

    Args:
        data: priors, counts and ambiguous failures.
        rng: source of randomness; the same state and data give the same draws.
        settings: effort.
    """
    settings = settings or SamplerSettings()
    chains = int(np.clip(settings.cells // max(1, data.rows.size), 8, settings.chains))
    keep = min(-(-settings.draws // chains), settings.sweeps)
    _, acts = fit(data)
    present = np.bincount(data.rows.ravel(), minlength=data.size + 1)[: data.size]
    first = data.prior[:, 0] + data.failures
    second = data.prior[:, 1] + data.successes
    spare = np.maximum(present - acts, 0.0)
    r = rng.beta(first + acts, second + spare, size=(chains, data.size))
    kept: list[tuple[Floats, Floats, Floats]] = []
    for sweep in range(settings.burn_in + keep):
        order = rng.permutation(data.rows.shape[1])
        acted, passed = _attribute(r, data.rows[:, order], rng)
        alpha, beta = first + acted, second + passed
        r = rng.beta(alpha, beta)
        if sweep >= settings.burn_in:
            kept.append((r, alpha, beta))
    values, alphas, betas = (np.concatenate(part) for part in zip(*kept, strict=True))
    return Draws(values, alphas, betas)


def _attribute(r: Floats, rows: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the first cause to act of every ambiguous failure, in every chain.

    Args:
        r: (C, k) present values.
        rows: (F, K) possible causes in the order of this sweep.
        rng: source of randomness.

    Returns:
        (C, k) number of failures in which each cause was the first, and in which it was passed
        over (present before the first, and not acting).
    """
    chains, k = r.shape
    count, width = rows.shape
    idle = np.concatenate([1.0 - r, np.ones((chains, 1))], axis=1)
    # idle so far, cause by cause: the short axis first keeps the long ones contiguous
    passing = np.empty((width, chains, count))
    passing[0] = idle[:, rows[:, 0]]
    for j in range(1, width):
        np.multiply(passing[j - 1], idle[:, rows[:, j]], out=passing[j])
    target = 1.0 - rng.random((chains, count)) * (1.0 - passing[-1])
    before = passing >= target
    first = np.minimum(before.sum(axis=0, dtype=np.int64), width - 1)
    offset = np.arange(chains)[:, None] * (k + 1)
    cells = chains * (k + 1)
    hits = np.bincount((rows[np.arange(count), first] + offset).ravel(), minlength=cells)
    skipped = [(rows[:, j] + offset)[before[j]] for j in range(width)]
    skips = np.bincount(np.concatenate(skipped), minlength=cells)
    acted, passed = (x.reshape(chains, k + 1)[:, :k].astype(np.float64) for x in (hits, skips))
    return acted, passed
