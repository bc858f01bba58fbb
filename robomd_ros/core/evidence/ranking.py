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
from robomd_ros.core.evidence.rates import CONFIDENCE, Rate
from robomd_ros.core.evidence.sentences import sentences
from robomd_ros.core.evidence.verdict import Verdict, verdict_of
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

CLEARLY_FAILS = 0.05
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
    confidence: float = CONFIDENCE
    pairs_seen: int = 0
    pairs_possible: int = 0
    remarks: tuple[str, ...] = ()


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

    By evidence, the posterior mean decides: by own trials, or by attribution of what was tried
    among others too. Of equal means, more trials come first, then the order of the catalogue. What
    was never tried stands below every mode that is known to fail (mean above 0.5, or a lower bound
    above CLEARLY_FAILS): an untried variation is worth a trial, but it is no finding. Where an
    embedding predicts it, its predicted probability decides as a mean does; where the embedding
    does not know, it stands with the untried. By search agent, Eq. 3 (or the log density of an
    agent of the embedding space) decides for the variations, and combinations follow, by evidence.

    Rates, effects and verdicts are those of own trials, whatever the order. Entropy, failure mode
    count and severity index are of these rates, where what never failed alone counts as 0.

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
    verdicts = posterior.verdicts(info.confidence)
    modes = [
        _single(posterior, catalogue, probability_of(policy_probability, i), i, verdicts[i])
        for i in range(len(catalogue))
    ]
    suspicion = posterior.figures[0].tolist()
    if predicted is not None:
        modes = [_judged(mode, predicted, i) for i, mode in enumerate(modes)]
        for i, mode in enumerate(modes):
            suspicion[i] = suspicion[i] if mode.seen else mode.failure_probability
    joint = [_joint(combination, info.confidence) for combination in posterior.combinations]
    modes += joint
    suspicion += [mode.failure_probability for mode in joint]
    key = (_by_agent if order_by == "search_agent" else _by_evidence)(modes, suspicion)
    order = sorted(range(len(modes)), key=key)
    ranked = tuple(replace(modes[i], rank=rank) for rank, i in enumerate(order, 1))
    merits = [
        mode.failure_probability if mode.own_failures else 0.0 for mode in ranked if mode.seen
    ]
    nominal = posterior.nominal
    known = nominal.counts.trials > 0
    ranking = FailureRanking(
        campaign_id=info.campaign_id,
        task=catalogue.task,
        policy=info.policy,
        search_agent=info.search_agent,
        action_space=info.action_space,
        failure_modes=ranked,
        trials=posterior.total,
        entropy=entropy(merits),
        failure_mode_count=failure_mode_count(merits, posterior.threshold),
        failure_severity_index=failure_severity_index(merits),
        converged=info.converged,
        stamp=info.stamp,
        nominal_trials=nominal.counts.trials,
        nominal_failures=nominal.counts.failures,
        nominal_probability=nominal.mean if known else math.nan,
        nominal_lower=nominal.lower if known else math.nan,
        nominal_upper=nominal.upper if known else math.nan,
        failing_threshold=posterior.threshold,
        confidence=info.confidence,
        undecided=sum(not verdict.decided for verdict in verdicts),
        expected_wrong=posterior.expected_wrong(info.confidence),
        pairs_seen=info.pairs_seen,
        pairs_possible=info.pairs_possible,
    )
    return replace(ranking, findings=(*sentences(ranking), *info.remarks))


def probability_of(probability: Floats | None, i: int) -> float:
    """Eq. 3 of a variation; NaN without an agent."""
    return math.nan if probability is None else float(probability[i])


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
    posterior: Posterior, catalogue: Catalogue, probability: float, i: int, verdict: Verdict
) -> FailureMode:
    rate = posterior.rates[i]
    mean, lower, upper = (float(x) for x in posterior.figures[:, i])
    return FailureMode(
        variations=(catalogue.variations[i],),
        rank=0,
        trials=int(posterior.held[i]),
        failures=int(posterior.held_failures[i]),
        failure_probability=mean,
        lower=lower,
        upper=upper,
        policy_probability=probability,
        seen=bool(posterior.held[i] > 0),
        verdict=verdict,
        **_of_rate(rate),
    )


def _of_rate(rate: Rate) -> dict[str, Any]:
    return {
        "effect": rate.effect,
        "effect_lower": rate.effect_lower,
        "effect_upper": rate.effect_upper,
        "probability_failing": rate.probability_failing,
        "probability_worse": rate.probability_worse,
        "own_trials": rate.counts.trials,
        "own_failures": rate.counts.failures,
    }


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


def _joint(combination: Combination, confidence: float) -> FailureMode:
    rate = combination.rate
    tried = rate.counts.trials > 0
    return FailureMode(
        variations=combination.scene.variations,
        rank=0,
        trials=combination.trials,
        failures=combination.failures,
        failure_probability=rate.mean if tried else combination.suspected,
        lower=rate.lower if tried else 0.0,
        upper=rate.upper if tried else 1.0,
        verdict=verdict_of(rate, confidence),
        **_of_rate(rate),
    )


Key = Callable[[int], tuple[float, ...]]


def _by_evidence(modes: list[FailureMode], suspicion: list[float]) -> Key:
    """Sort key of each mode's position: likeliest failure first."""
    known = [
        suspected
        for mode, suspected in zip(modes, suspicion, strict=True)
        if mode.seen and (suspected > 0.5 or mode.lower > CLEARLY_FAILS)
    ]
    untried = min([0.5, *known])

    def key(i: int) -> tuple[float, ...]:
        mode = modes[i]
        says = mode.seen or mode.predicted
        probability = suspicion[i] if says else untried
        return (-probability, not mode.seen, -mode.trials, i)

    return key


def _by_agent(modes: list[FailureMode], suspicion: list[float]) -> Key:
    """Sort key of each mode's position: the paper's order, then what Eq. 3 does not cover."""
    evidence = _by_evidence(modes, suspicion)

    def key(i: int) -> tuple[float, ...]:
        mode = modes[i]
        discrete = not math.isnan(mode.policy_probability)
        view = mode.policy_probability if discrete else mode.log_density
        covered = not math.isnan(view)
        return (not covered, -view if covered else 0.0, *evidence(i))

    return key
