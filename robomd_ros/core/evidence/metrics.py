# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit: of a policy under test, of a search agent, and of a ranking against the truth.

Section and table numbers are the paper's.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def entropy(weights: ArrayLike) -> float:
    """Entropy of a distribution over actions, nats (Table II, Fig. 6).

    Of a search agent's Eq. 3 probabilities it is the diversity of what the agent tries; of failure
    probabilities it is how broadly the policy's failures are spread. ln(n) is the maximum.

    Args:
        weights: (n,) not negative; divided by their sum.

    Returns:
        The entropy; NaN if there is no positive weight.

    Raises:
        ValueError: a weight is negative or not finite.
    """
    values = _checked(weights, "weights", upper=math.inf)
    total = values.sum()
    if total <= 0:
        return math.nan
    p = values[values > 0] / total
    return float(max(0.0, -(p * np.log(p)).sum()))


def failure_mode_count(probabilities: ArrayLike, threshold: float = 0.5) -> int:
    """NFM (Table II): how many failure probabilities exceed the threshold.

    Note:
        The paper does not say when a variation counts as a failure mode; more likely to fail than
        to succeed is our reading.
    """
    return int((_checked(probabilities, "probabilities") > threshold).sum())


def failure_severity_index(probabilities: ArrayLike) -> float:
    """FSI (Section IV-B, Table II): sum_i P_failure(a_i) W_i.

    W_i = P_i / max_j P_j: the most likely failure mode has the weight 1, the others are scaled
    proportionally. 0 if nothing ever fails; NaN if there is nothing.
    """
    p = _checked(probabilities, "probabilities")
    if not len(p):
        return math.nan
    return float((p * p).sum() / p.max()) if p.max() > 0 else 0.0


def wasserstein_to_ideal(probabilities: ArrayLike, ideal: ArrayLike | float = 0.0) -> float:
    """Distance of a policy's failure probabilities to the ideal ones (Fig. 8, Section IV-C).

    The 1-Wasserstein distance on [0, 1] between the empirical distribution of the failure
    probabilities over the variations and that of the ideal: the mean absolute difference of the
    sorted values. To the ideal of zero failure everywhere it is the mean failure probability.

    Args:
        probabilities: (n,) in [0, 1].
        ideal: one value for all variations, or (n,) values; in [0, 1].

    Raises:
        ValueError: a value is outside [0, 1], or the lengths differ.

    Note:
        The paper names the ideal (zero failure on all actions) but neither the metric space nor a
        normalisation. Its figures (0.0051 and 0.0014) are too small to be mean failure
        probabilities of that policy, so only distances computed here may be compared.
    """
    p = _checked(probabilities, "probabilities")
    target = _checked(np.full(len(p), ideal) if np.ndim(ideal) == 0 else ideal, "ideal")
    if len(p) != len(target):
        raise ValueError(f"ideal has {len(target)} values for {len(p)} probabilities; give as many")
    return float(np.abs(np.sort(p) - np.sort(target)).mean()) if len(p) else math.nan


def pairwise_accuracy(
    scores: ArrayLike, truth: ArrayLike, min_gap: float = 0.0, threshold: float | None = None
) -> float:
    """How often the more failing of two variations is ranked higher (Section IV-A, Table I).

    Args:
        scores: (n,) anything that is larger for what is ranked higher (posterior means, Eq. 3
            probabilities, negative ranks); infinities allowed.
        truth: (n,) true failure probabilities.
        min_gap: only pairs whose truths differ by at least this much (and do differ).
        threshold: only pairs of one truth above and one below it (0.5: a failing and a succeeding
            variation, the paper's success-failure pairs).

    Returns:
        The share of right pairs, equal scores counting half; NaN if there is no pair.

    Raises:
        ValueError: the lengths differ, or a score or a truth is NaN.
    """
    s, t = _pair(scores, truth)
    gap = t[:, None] - t[None, :]
    pairs = (gap > 0) & (gap >= min_gap - 1e-12)
    if threshold is not None:
        pairs &= (t[:, None] > threshold) & (t[None, :] < threshold)
    if not pairs.any():
        return math.nan
    right = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return float(right[pairs].mean())


def rank_consistent(scores: ArrayLike, truth: ArrayLike) -> bool:
    """Whether the order is consistent with the truth in the sense of Table IV.

    Every pair that the truth separates must be in the true order; where the truth has a tie
    (a1 = a2 > a3), any order of the tied is consistent.
    """
    s, t = _pair(scores, truth)
    return bool((s[:, None] > s[None, :])[t[:, None] > t[None, :]].all())


def rank_correlation(scores: ArrayLike, truth: ArrayLike) -> float:
    """Kendall's tau-b of two orders, -1 to 1; NaN if one of them is all ties.

    Note: written out, because SciPy's statistics take a second to import in every process.
    """
    s, t = (_comparisons(values) for values in _pair(scores, truth))
    untied = math.sqrt(float((s * s).sum()) * float((t * t).sum()))
    return float((s * t).sum()) / untied if untied else math.nan


def _comparisons(values: Floats) -> NDArray[np.int64]:
    """(n, n) 1, 0 or -1: whether the first is larger, equal or smaller; infinities may be equal."""
    larger = values[:, None] > values[None, :]
    return larger.astype(np.int64) - larger.T


def _pair(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    s, t = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if s.ndim != 1 or s.shape != t.shape:
        raise ValueError(f"scores {s.shape} and truth {t.shape} must be vectors of equal length")
    if np.isnan(s).any() or np.isnan(t).any():
        raise ValueError(
            f"scores or truth hold NaN at {np.flatnonzero(np.isnan(s + t)).tolist()}; "
            "leave out what was not measured"
        )
    return s, t


def _checked(values: ArrayLike, name: str, upper: float = 1.0) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    wrong = ~(np.isfinite(array) & (array >= 0.0) & (array <= upper))
    if array.ndim != 1 or wrong.any():
        got = array.shape if array.ndim != 1 else array[wrong][0]
        bounds = f"in [0, {upper:g}]" if math.isfinite(upper) else "finite and not negative"
        raise ValueError(f"{name} must be a vector of numbers {bounds}; got {got}")
    return array
