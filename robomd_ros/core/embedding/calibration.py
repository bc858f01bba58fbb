# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Making predicted failure probabilities mean what they say, and intervals of them.

An ensemble's logits of scenes that it was not trained on are brought to probabilities by
p = sigmoid(slope * logit + offset) (Platt's method), with a prior at slope 1 and offset 0, so that
a handful of trials changes little. The failure rate of a single unseen variation scatters
around p: it is taken to be Beta(kappa p, kappa (1 - p)). Of single trials kappa cannot be learned,
repeated trials of one scene say it; the prior stands where there are few. An interval is of the
rate, over that scatter and over what the trials leave open of slope and offset (Laplace's
approximation), which is most of it while they are few.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import betainc, betaln, expit, logit, roots_hermitenorm

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Probability that an interval holds."""
KAPPA_PRIOR = 1.0
"""Prior median of kappa. Below 2 rates are nearer to 0 and 1 than to the middle."""
_KAPPA_SPREAD = 0.5
"""Prior standard deviation of ln kappa."""
_SLOPE_SPREAD = 0.7
"""Prior standard deviation of ln slope."""
_OFFSET_SPREAD = 0.7
"""Prior standard deviation of the offset."""
_STEP = 0.01
"""Bounds of intervals are rounded outward to multiples of this."""
_NODES = 7
"""Of the quadrature over slope and over offset."""
_TABLE = 121
"""Predictions whose intervals are computed; those between are interpolated."""
_LEAST = 1e-4
"""No probability is predicted nearer to 0 or 1 than this."""


@dataclass(frozen=True)
class Calibration:
    """From logits to probabilities and intervals.

    Attributes:
        slope: factor on the logit, above 0, so that the order stays.
        offset: added to it.
        kappa: concentration of variations' failure rates around the prediction, above 0.
        doubt: how uncertain slope and offset are: variance of ln slope, covariance, variance of
            the offset.
    """

    slope: float = 1.0
    offset: float = 0.0
    kappa: float = KAPPA_PRIOR
    doubt: tuple[float, ...] = (_SLOPE_SPREAD**2, 0.0, _OFFSET_SPREAD**2)

    def __post_init__(self) -> None:
        object.__setattr__(self, "doubt", tuple(float(v) for v in self.doubt))
        if not (self.slope > 0 and self.kappa > 0 and np.isfinite(self.offset)):
            raise ValueError(f"slope and kappa must be above 0 and offset finite; got {self}")

    @classmethod
    def fit(cls, logits: ArrayLike, trials: ArrayLike, failures: ArrayLike) -> "Calibration":
        """Calibrate by scenes that the logits' model was not trained on.

        Args:
            logits: (n,) one per scene.
            trials: (n,) of each scene.
            failures: (n,) of these.
        """
        x, n, k = (np.asarray(v, dtype=np.float64) for v in (logits, trials, failures))
        if not len(x):
            return cls()

        def loss(parameters: Floats) -> float:
            slope, offset = np.exp(parameters[0]), parameters[1]
            z = slope * x + offset
            likelihood = k * np.logaddexp(0.0, -z) + (n - k) * np.logaddexp(0.0, z)
            prior = (parameters[0] / _SLOPE_SPREAD) ** 2 + (offset / _OFFSET_SPREAD) ** 2
            return float(likelihood.sum() + prior / 2.0)

        best = minimize(loss, np.zeros(2), method="BFGS").x
        slope, offset = float(np.exp(best[0])), float(best[1])
        p = np.clip(expit(slope * x + offset), _LEAST, 1.0 - _LEAST)
        doubt = _doubt(slope * x, n * p * (1.0 - p))
        return cls(slope, offset, _fit_kappa(p, n, k), doubt)

    def probability(self, logits: ArrayLike) -> Floats:
        """Failure probabilities, strictly between 0 and 1, in the logits' shape."""
        z = self.slope * np.asarray(logits, dtype=np.float64) + self.offset
        return np.asarray(np.clip(expit(z), _LEAST, 1.0 - _LEAST))

    def interval(self, probability: ArrayLike) -> tuple[Floats, Floats]:
        """95 % interval of a variation's failure rate, rounded outward to hundredths."""
        p = np.clip(np.asarray(probability, dtype=np.float64), _LEAST, 1.0 - _LEAST)
        at, lower, upper = _intervals(self)
        lower, upper = (np.interp(logit(p), at, bound) for bound in (lower, upper))
        return (
            np.asarray(np.floor(lower / _STEP) * _STEP),
            np.asarray(np.minimum(np.ceil(upper / _STEP) * _STEP, 1.0)),
        )


@lru_cache(maxsize=16)
def _intervals(calibration: Calibration) -> tuple[Floats, Floats, Floats]:
    """(k,) logits of predictions, and the lower and upper bounds of their intervals."""
    at = np.linspace(logit(_LEAST), logit(1.0 - _LEAST), _TABLE)
    of_slope, shared, of_offset = calibration.doubt
    nodes, weights = roots_hermitenorm(_NODES)
    first, second = (axis.reshape(-1) for axis in np.meshgrid(nodes, nodes))
    joint = np.outer(weights, weights).reshape(-1) / weights.sum() ** 2
    spread = np.sqrt(of_slope)
    along = shared / spread if spread else 0.0
    moved = np.outer(at - calibration.offset, np.exp(spread * first)) + calibration.offset
    moved += along * first + np.sqrt(max(0.0, of_offset - along**2)) * second
    p = np.clip(expit(moved), _LEAST, 1.0 - _LEAST)[..., None]
    rates = np.linspace(0.0, 1.0, round(1.0 / _STEP) + 1)
    beta = betainc(calibration.kappa * p, calibration.kappa * (1.0 - p), rates)
    cdf = np.einsum("n,knr->kr", joint, beta)
    lower, upper = (
        np.array([np.interp(tail, row, rates) for row in cdf])
        for tail in ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0)
    )
    return at, lower, upper


@dataclass(frozen=True, eq=False)
class ReliabilityDiagram:
    """How often what was predicted came true, by predicted probability.

    Attributes:
        edges: (b + 1,) bounds of the bins.
        counts: (b,) predictions in each.
        predicted: (b,) mean prediction; NaN in an empty bin.
        observed: (b,) mean truth; NaN in an empty bin.
    """

    edges: Floats
    counts: NDArray[np.int64]
    predicted: Floats
    observed: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: mean |observed - predicted| over the predictions."""
        used = self.counts > 0
        gaps = np.abs(self.observed[used] - self.predicted[used])
        return float(np.average(gaps, weights=self.counts[used])) if used.any() else float("nan")


def reliability_diagram(
    probability: ArrayLike, truth: ArrayLike, bins: int = 10
) -> ReliabilityDiagram:
    """Compare predictions with outcomes or failure rates, in bins of equal width.

    Args:
        probability: (n,) in [0, 1].
        truth: (n,) in [0, 1].
        bins: how many.

    Raises:
        ValueError: the lengths differ.
    """
    p, t = np.asarray(probability, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if p.ndim != 1 or p.shape != t.shape:
        raise ValueError(f"probability {p.shape} and truth {t.shape} must be equally long vectors")
    where = np.minimum((p * bins).astype(int), bins - 1)
    counts = np.bincount(where, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(where, p, bins) / counts
        observed = np.bincount(where, t, bins) / counts
    return ReliabilityDiagram(np.linspace(0.0, 1.0, bins + 1), counts, predicted, observed)


def expected_calibration_error(probability: ArrayLike, truth: ArrayLike, bins: int = 10) -> float:
    """Mean |observed - predicted| over bins, weighted by their size; NaN of nothing."""
    return reliability_diagram(probability, truth, bins).error


def interval_coverage(lower: ArrayLike, upper: ArrayLike, rates: ArrayLike) -> float:
    """Share of the intervals that hold their measured failure rate; NaN of nothing."""
    low, high, t = (np.asarray(v, dtype=np.float64) for v in (lower, upper, rates))
    return float(((low <= t + 1e-9) & (t - 1e-9 <= high)).mean()) if len(t) else float("nan")


def _doubt(scaled: Floats, weights: Floats) -> tuple[float, ...]:
    """Laplace's variance of ln slope, covariance and variance of the offset.

    Args:
        scaled: (n,) slope * logit.
        weights: (n,) trials * p * (1 - p).
    """
    directions = np.stack([scaled, np.ones_like(scaled)])
    curvature = (directions * weights) @ directions.T
    curvature += np.diag([1.0 / _SLOPE_SPREAD**2, 1.0 / _OFFSET_SPREAD**2])
    covariance = np.linalg.inv(curvature)
    return float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])


def _fit_kappa(p: Floats, trials: Floats, failures: Floats) -> float:
    """The mode of kappa under the beta-binomial likelihood and a log-normal prior."""

    def loss(log_kappa: float) -> float:
        a, b = np.exp(log_kappa) * p, np.exp(log_kappa) * (1.0 - p)
        likelihood = betaln(a + failures, b + trials - failures) - betaln(a, b)
        prior = ((log_kappa - np.log(KAPPA_PRIOR)) / _KAPPA_SPREAD) ** 2 / 2.0
        return float(prior - likelihood.sum())

    found = minimize_scalar(loss, bounds=(np.log(0.02), np.log(50.0)), method="bounded")
    return float(np.exp(found.x))
