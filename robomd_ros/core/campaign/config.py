# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The configuration of a campaign: validated once, completely, before anything is created."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import metadata
from types import MappingProxyType
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search.strategies import STRATEGIES, resolved_options, strategy

ACTION_SPACES = ("discrete", "embedding")
"""The catalogue's variations (Algorithm 1), or the embedding space (Algorithm 2)."""
ORDERS = ("evidence", "search_agent")
"""Orders of the ranking: by posterior, or the paper's (Eq. 3)."""
MAX_BUDGET = 1_000_000
_PACKAGES = (
    "robomd_ros",
    "numpy",
    "torch",
    "stable_baselines3",
    "gymnasium",
    "timm",
    "open_clip_torch",
    "robosuite",
    "mujoco",
)


@dataclass(frozen=True)
class CampaignConfig:
    """Everything that decides what a campaign does.

    Attributes:
        task: name of the task, as in the catalogue.
        policy: the policy under test: a file or python:<module>:<callable>.
        catalogue: path of the variation catalogue.
        variation_ids: the variations used, in order; empty is the whole catalogue.
        search: ppo, a2c, uniform or thompson; "embedding" is the one search of the action space
            embedding, and what ppo, the default, is resolved to there.
        action_space: "discrete" (Algorithm 1) or "embedding" (Algorithm 2: what to try next
            comes from an embedding of pictures and sentences; scenes are single variations).
        order_by: "evidence" or "search_agent".
        budget: valid trials, 1 to 1,000,000.
        seed: of everything random, 0 to 2^32 - 1.
        accumulate: scenes accumulate on success; None is the search's own default.
        max_scene_size: successes after which a search episode ends, 1 to 64.
        confidence: the campaign ends early once the order is settled with at least this posterior
            probability, (0.5, 1).
        top_k: how many of the worst variations must be settled for that, 1 to 1000.
        max_attempts: tries of one scene whose trials are invalid, 1 to 100.
        confirmation_share: largest share of the budget spent on combinations that only further
            trials can tell from their parts, [0, 1].
        search_options: the search's own parameters; those not named have their defaults.
        horizon: longest rollout, policy steps, 1 to 100,000.

    Raises:
        ConfigurationError: a value of the wrong type or out of its range.
    """

    task: str
    policy: str
    catalogue: str
    variation_ids: tuple[str, ...] = ()
    search: str = "ppo"
    action_space: str = "discrete"
    order_by: str = "evidence"
    budget: int = 210
    seed: int = 0
    accumulate: bool | None = None
    max_scene_size: int = 5
    confidence: float = 0.99
    top_k: int = 5
    max_attempts: int = 3
    confirmation_share: float = 0.2
    search_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    horizon: int = 80

    def __post_init__(self) -> None:
        for name in ("task", "policy", "catalogue", "search"):
            _check_text(name, getattr(self, name))
        _check_ids(self.variation_ids)
        self._check_search()
        if self.order_by not in ORDERS:
            raise ConfigurationError(
                f"order_by must be one of {', '.join(ORDERS)}; got {self.order_by!r}"
            )
        _check_whole("budget", self.budget, 1, MAX_BUDGET)
        _check_whole("seed", self.seed, 0, 2**32 - 1)
        _check_whole("max_scene_size", self.max_scene_size, 1, 64)
        _check_whole("top_k", self.top_k, 1, 1000)
        _check_whole("max_attempts", self.max_attempts, 1, 100)
        _check_whole("horizon", self.horizon, 1, 100_000)
        _check_number("confidence", self.confidence, 0.5, 1.0, inclusive=False)
        _check_number("confirmation_share", self.confirmation_share, 0.0, 1.0)
        if self.accumulate is not None and not isinstance(self.accumulate, bool):
            raise ConfigurationError(
                f"accumulate must be true, false or null (the search's default); "
                f"got {self.accumulate!r}"
            )
        if not isinstance(self.search_options, Mapping):
            raise ConfigurationError(
                f"search_options must be a mapping of names to values; got {self.search_options!r}"
            )
        options = resolved_options(self.search, self.search_options)
        if self.order_by == "search_agent" and not strategy(self.search).agent:
            raise ConfigurationError(
                f"order_by is 'search_agent', but search {self.search!r} has no "
                "action probabilities (Eq. 3); use order_by 'evidence' or search 'ppo'"
            )
        object.__setattr__(self, "search_options", MappingProxyType(options))
        object.__setattr__(self, "variation_ids", tuple(self.variation_ids))

    def _check_search(self) -> None:
        """Whether search, action space and accumulation go together."""
        space = self.action_space
        if space not in ACTION_SPACES:
            raise ConfigurationError(
                f"action_space must be one of {', '.join(ACTION_SPACES)}; got {space!r}"
            )
        if space == "embedding" and self.search == "ppo":
            object.__setattr__(self, "search", "embedding")
        if strategy(self.search).action_space != space:
            fitting = [name for name, s in STRATEGIES.items() if s.action_space == space]
            raise ConfigurationError(
                f"search {self.search!r} does not work in the action space {space!r}; "
                f"use one of {', '.join(fitting)}, or action_space "
                f"{strategy(self.search).action_space!r}"
            )
        if space == "embedding" and self.accumulate:
            raise ConfigurationError(
                "accumulate is true, but the action space 'embedding' tries single variations, "
                "so that each answer is about one of them; leave accumulate at its default"
            )

    @property
    def accumulates(self) -> bool:
        """Whether scenes accumulate, the search's default resolved."""
        return strategy(self.search).accumulate if self.accumulate is None else self.accumulate

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "CampaignConfig":
        """The configuration of these values; what is not named has its default.

        Raises:
            ConfigurationError: an unknown or missing key, or a wrong value.
        """
        allowed = [f.name for f in fields(cls)]
        for key in values:
            if key not in allowed:
                close = difflib.get_close_matches(str(key), allowed, n=1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                raise ConfigurationError(
                    f"unknown configuration key {key!r}{hint}; allowed: {', '.join(allowed)}"
                )
        missing = [k for k in ("task", "policy", "catalogue") if k not in values]
        if missing:
            raise ConfigurationError(f"the configuration lacks the key {missing[0]!r}; add it")
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for campaign.yaml; `from_mapping` of it gives an equal configuration."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["variation_ids"] = list(self.variation_ids)
        values["search_options"] = dict(self.search_options)
        values["accumulate"] = self.accumulates
        return values


def installed_versions() -> dict[str, str]:
    """Versions of the packages that results may depend on, as far as they are installed."""
    versions: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} must be text that is not empty; got {value!r}")


def _check_ids(value: object) -> None:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise ConfigurationError(f"variation_ids must be a list of variation ids; got {value!r}")
    doubled = [v for v in value if list(value).count(v) > 1]
    if doubled:
        raise ConfigurationError(f"variation_ids names {doubled[0]!r} twice; remove one of the two")


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigurationError(
            f"{name} must be a whole number in [{low:,}, {high:,}]; got {value!r}"
        )


def _check_number(
    name: str, value: object, low: float, high: float, inclusive: bool = True
) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        bounds = inclusive and value in (low, high)
        if low < value < high or bounds:
            return
    interval = f"[{low:g}, {high:g}]" if inclusive else f"({low:g}, {high:g})"
    raise ConfigurationError(f"{name} must be a number in {interval}; got {value!r}")
