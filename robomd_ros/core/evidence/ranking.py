# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ranking: how the evidence and the search agent's view are put in order."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.metrics import entropy, failure_mode_count, failure_severity_index
from robomd_ros.core.evidence.posterior import Combination, Posterior
from robomd_ros.core.variations import Catalogue

__all__ = [
    "FailureMode",
    "FailureRanking",
    "Predicted",
    "RankingInfo",
    "build_ranking",
    "density_ratio",
    "policy_distribution",
]

Floats = NDArray[np.float64]

CLEARLY_FAILS = 0.1
"""A tried mode whose interval lies above this is known to fail sometimes."""


def policy_distribution(logits: ArrayLike) -> Floats:
    """Eq. 3: softmax of the search agent's logits.

    Args:
        logits: (n,) unnormalised scores f_a(s); -inf for an action that is ruled out.

    Returns:
        (n,) probabilities.

    Raises:
        ValueError: no logit is finite, or one is NaN or +inf.
    """
    f = np.asarray(logits, dtype=np.float64)
    if f.ndim != 1 or not np.isfinite(f).any() or np.isnan(f).any() or (f == np.inf).any():
        raise ValueError(f"logits must be a vector of finite numbers (or -inf); got {f}")
    weights = np.exp(f - f.max())
    return np.asarray(weights / weights.sum())


def density_ratio(log_density_1: float, log_density_2: float) -> tuple[float, float]:
    """Eq. 4: p(a1|s) / p(a2|s), from log densities.

    Returns:
        The ratio (inf where it exceeds the floating-point range) and its natural logarithm.

    Raises:
        ValueError: a log density is NaN or both are infinite, so that there is no ratio.
    """
    log_ratio = log_density_1 - log_density_2
    if math.isnan(log_ratio):
        raise ValueError(
            f"no density ratio of the log densities {log_density_1} and {log_density_2}; "
            "both actions need a density at this state"
        )
    return (math.exp(log_ratio) if log_ratio < 709.0 else math.inf), log_ratio


@dataclass(frozen=True, eq=False)
class Predicted:
    """What an embedding says about n variations, tried or not.

    Attributes:
        probability: (n,) predicted failure probability; 0.5 where it does not know.
        lower: (n,) lower end of its 95 % interval; 0 where it does not know.
        upper: (n,) upper end; 1 where it does not know.
        reliability: (n,) distance to the nearest known embedding.
        known: (n,) bool, whether that is near enough for an answer.
        log_density: (n,) log p(a | s) of the search agent at the nominal scene; NaN without one.
    """

    probability: Floats
    lower: Floats
    upper: Floats
    reliability: Floats
    known: NDArray[np.bool_]
    log_density: Floats

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in self.__dataclass_fields__}
        if len(set(shapes.values())) != 1 or self.probability.ndim != 1:
            raise ValueError(f"a prediction needs vectors of one length; got {shapes}")


@dataclass(frozen=True)
class RankingInfo:
    """What a ranking says about its campaign; names as in FailureRanking."""

    action_space: str
    campaign_id: str = ""
    policy: str = ""
    search_agent: str = ""
    converged: bool = False
    stamp: float = 0.0


def build_ranking(
    posterior: Posterior,
    catalogue: Catalogue,
    policy_probability: NDArray[np.float64] | None = None,
    predicted: Predicted | None = None,
    *,
    order_by: str,
    **about: Any,
) -> FailureRanking:
    """Order the variations and the combinations that fail on their own.

    By evidence, the posterior mean decides; of equal means, more trials come first, then the order
    of the catalogue. What was never tried has the prior's mean 0.5 and stands below every mode
    that is known to fail (mean above 0.5, or a lower bound above CLEARLY_FAILS): an untried
    variation is worth a trial, but it is no finding. Where an embedding predicts it, its predicted
    probability decides as a mean does; where the embedding does not know, it stands with the
    untried. By search agent, Eq. 3 (or the log density of an agent of the embedding space) decides
    for the variations, and combinations follow, by evidence.

    Entropy, failure mode count and severity index are those of the evidence, over the modes seen.

    Args:
        posterior: the evidence.
        catalogue: its catalogue.
        policy_probability: (n,) Eq. 3 of the search agent; None if it has none.
        predicted: what an embedding says about the catalogue; evidence comes before it.
        order_by: "evidence" or "search_agent" (the paper's order).
        **about: the fields of RankingInfo, of which `action_space` must be given.

    Raises:
        ConfigurationError: `order_by` is unknown, or asks for a search agent that has no Eq. 3, or
            the sizes do not match.
        TypeError: RankingInfo has no such field, or `action_space` is missing.
    """
    _check_order(order_by, policy_probability, predicted, len(catalogue))
    info = RankingInfo(**about)
    modes = [_single(posterior, catalogue, policy_probability, i) for i in range(len(catalogue))]
    if predicted is not None:
        modes = [_judged(mode, predicted, i) for i, mode in enumerate(modes)]
    modes += [_joint(combination) for combination in posterior.combinations]
    key = _by_agent(modes) if order_by == "search_agent" else _by_evidence(modes)
    order = sorted(range(len(modes)), key=key)
    ranked = tuple(replace(modes[i], rank=rank) for rank, i in enumerate(order, 1))
    seen = [mode.failure_probability for mode in ranked if mode.seen]
    return FailureRanking(
        campaign_id=info.campaign_id,
        task=catalogue.task,
        policy=info.policy,
        search_agent=info.search_agent,
        action_space=info.action_space,
        failure_modes=ranked,
        trials=posterior.total,
        entropy=entropy(seen),
        failure_mode_count=failure_mode_count(seen),
        failure_severity_index=failure_severity_index(seen),
        converged=info.converged,
        stamp=info.stamp,
    )


def _check_order(
    order_by: str, probability: Floats | None, predicted: Predicted | None, size: int
) -> None:
    if order_by not in ("evidence", "search_agent"):
        raise ConfigurationError(f"order_by must be evidence or search_agent; got {order_by!r}")
    densities = predicted is not None and bool(np.isfinite(predicted.log_density).any())
    if order_by == "search_agent" and probability is None and not densities:
        raise ConfigurationError(
            "order_by is search_agent, but this search has no action probabilities (Eq. 3); "
            "use order_by evidence, or search with ppo"
        )
    for view in (probability, predicted.probability if predicted is not None else None):
        if view is not None and np.shape(view) != (size,):
            raise ConfigurationError(
                f"the search agent has probabilities of shape {np.shape(view)}, the catalogue "
                f"{size} variations; use the catalogue that the agent was trained on"
            )


def _single(
    posterior: Posterior, catalogue: Catalogue, probability: Floats | None, i: int
) -> FailureMode:
    return FailureMode(
        variations=(catalogue.variations[i],),
        rank=0,
        trials=int(posterior.trials[i]),
        failures=int(posterior.failures[i]),
        failure_probability=float(posterior.mean[i]),
        lower=float(posterior.lower[i]),
        upper=float(posterior.upper[i]),
        policy_probability=math.nan if probability is None else float(probability[i]),
        seen=bool(posterior.trials[i] > 0),
    )


def _judged(mode: FailureMode, predicted: Predicted, i: int) -> FailureMode:
    """The mode with the embedding's view of it; the evidence's figures stay if it was tried."""
    log_density = float(predicted.log_density[i])
    if mode.seen:
        return replace(mode, log_density=log_density, reliability=0.0)
    return replace(
        mode,
        log_density=log_density,
        reliability=float(predicted.reliability[i]),
        failure_probability=float(predicted.probability[i]),
        lower=float(predicted.lower[i]),
        upper=float(predicted.upper[i]),
    )


def _joint(combination: Combination) -> FailureMode:
    return FailureMode(
        variations=combination.scene.variations,
        rank=0,
        trials=combination.trials,
        failures=combination.failures,
        failure_probability=combination.mean,
        lower=combination.lower,
        upper=combination.upper,
    )


Key = Callable[[int], tuple[float, ...]]


def _by_evidence(modes: list[FailureMode]) -> Key:
    """Sort key of each mode's position: likeliest failure first."""
    known = [
        mode.failure_probability
        for mode in modes
        if mode.seen and (mode.failure_probability > 0.5 or mode.lower > CLEARLY_FAILS)
    ]
    untried = min([0.5, *known])

    def key(i: int) -> tuple[float, ...]:
        mode = modes[i]
        says = mode.seen or mode.predicted
        probability = mode.failure_probability if says else untried
        return (-probability, not mode.seen, -mode.trials, i)

    return key


def _by_agent(modes: list[FailureMode]) -> Key:
    """Sort key of each mode's position: the paper's order, then what Eq. 3 does not cover."""
    evidence = _by_evidence(modes)

    def key(i: int) -> tuple[float, ...]:
        mode = modes[i]
        discrete = not math.isnan(mode.policy_probability)
        view = mode.policy_probability if discrete else mode.log_density
        covered = not math.isnan(view)
        return (not covered, -view if covered else 0.0, *evidence(i))

    return key
