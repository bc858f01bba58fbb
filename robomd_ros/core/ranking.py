"""The ranking: an ordered list of failure modes, as published and as stored."""

import math
from dataclasses import dataclass
from typing import Any

from robomd_ros.core.variations import Variation


@dataclass(frozen=True)
class FailureMode:
    """A variation, or a combination of them, with its failure likelihood.

    Attributes:
        variations: usually one; several for a combination whose failure its parts do not explain.
        rank: from 1, most likely first.
        policy_probability: Eq. 3, the search agent's view; NaN if its actions are continuous or if
            the search has no such view.
        log_density: log p(a|s) of a continuous search agent (Eq. 4 compares two); NaN if discrete.
        trials: valid trials whose scene held these variations, alone or among others.
        failures: those of them that failed.
        failure_probability: posterior mean of the probability that the policy fails in the scene
            of exactly these variations, [0, 1].
        lower: 2.5 % quantile of that posterior.
        upper: 97.5 % quantile.
        reliability: distance to the nearest known embedding; NaN if discrete.
        seen: whether at least one valid trial held it.
    """

    variations: tuple[Variation, ...]
    rank: int
    trials: int
    failures: int
    failure_probability: float
    lower: float
    upper: float
    policy_probability: float = math.nan
    log_density: float = math.nan
    reliability: float = math.nan
    seen: bool = True

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its variations."""
        return tuple(v.id for v in self.variations)


@dataclass(frozen=True)
class FailureRanking:
    """What the topic failure_ranking and ranking.json hold, under the same names."""

    campaign_id: str
    task: str
    policy: str
    search_agent: str
    action_space: str
    failure_modes: tuple[FailureMode, ...]
    trials: int
    entropy: float
    failure_mode_count: int
    failure_severity_index: float
    converged: bool
    stamp: float = 0.0
    """Unix time, s."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ranking.json: the message's names; NaN becomes null."""
        raise NotImplementedError
