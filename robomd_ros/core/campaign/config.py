# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The configuration of a campaign: validated once, completely, before anything is created."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import field_validator

from robomd_ros.core.campaign.defaults import NOMINAL_LIMIT, ORDER_BY
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.rates import CONFIDENCE, FAILING_THRESHOLD
from robomd_ros.core.schema import Model, Texts, default_of, option
from robomd_ros.core.search.strategies import STRATEGIES, resolved_options, strategy

ACTION_SPACES = ("discrete", "embedding")
"""The catalogue's variations (Algorithm 1), or the embedding space (Algorithm 2)."""
ORDERS = ("evidence", "search_agent")
"""Orders of the ranking: by posterior, or the paper's (Eq. 3)."""
ON_NOMINAL_FAILURE = ("stop", "continue")
"""End the campaign, or try the changes all the same."""
_SEARCH = "decide"


_TEXT = "text that is not empty"


class CampaignConfig(Model):
    """Everything that decides what a campaign does.

    Raises:
        ConfigurationError: a value of the wrong type or out of its range, or two that do not go
            together.
    """

    called = "configuration key"

    task: str = option(..., "name of the task, as in the catalogue", wanted=_TEXT)
    policy: str = option(
        ..., "the policy under test: a file or python:<module>:<callable>", wanted=_TEXT
    )
    catalogue: str = option(..., "path of the variation catalogue", wanted=_TEXT)
    variation_ids: Texts = option(
        (),
        "the variations used, in order; empty: the whole catalogue",
        wanted="a list of variation ids",
    )
    search: str = option(_SEARCH, "search strategy", wanted=_TEXT)
    action_space: str = option(
        STRATEGIES[_SEARCH].action_space,
        "the catalogue (Algorithm 1), or an embedding that also ranks what was not tried",
        choices=ACTION_SPACES,
    )
    order_by: str = option(ORDER_BY, "order of the ranking", choices=ORDERS)
    budget: int = option(210, "valid trials to do", low=1, high=1_000_000, changes=True)
    seed: int = option(0, "seed of everything random", low=0, high=2**32 - 1)
    accumulate: bool | None = option(
        None,
        "scenes accumulate on success (Algorithm 1); null: the search's own default",
        wanted="true, false or null (the search's default)",
    )
    max_scene_size: int = option(5, "successes after which a search episode ends", low=1, high=64)
    nominal_trials: int = option(
        5, "trials of the unchanged scene before the first change; 0: none", low=0, high=1000
    )
    nominal_share: float = option(
        0.1, "share of the later trials that are of the unchanged scene", low=0.0, high=0.5
    )
    nominal_limit: float = option(
        NOMINAL_LIMIT,
        "failure rate of the unchanged scene above which no change can be blamed",
        low=0.0,
        high=1.0,
        exclusive=True,
    )
    on_nominal_failure: str = option(
        "stop",
        "what to do if the policy fails unchanged more often than that",
        choices=ON_NOMINAL_FAILURE,
    )
    confidence: float = option(
        CONFIDENCE,
        "posterior probability from which something is held to be known",
        low=0.5,
        high=1.0,
        exclusive=True,
        changes=True,
    )
    failing_threshold: float = option(
        FAILING_THRESHOLD,
        "a failure rate above it is called failing",
        low=0.0,
        high=1.0,
        exclusive=True,
    )
    max_attempts: int = option(3, "tries of a scene whose trials are invalid", low=1, high=100)
    confirmation_share: float = option(
        0.2, "largest share of the trials for isolating combinations", low=0.0, high=1.0
    )
    search_options: Mapping[str, Any] = option({}, "the search's own parameters")
    horizon: int = option(80, "policy steps after which a rollout has failed", low=1, high=100_000)

    @field_validator("task", "policy", "catalogue", "search")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("empty")
        return text

    @field_validator("variation_ids")
    @classmethod
    def _each_once(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        doubled = [v for v in ids if ids.count(v) > 1]
        if doubled:
            raise ConfigurationError(
                f"variation_ids names {doubled[0]!r} twice; remove one of the two"
            )
        return ids

    def model_post_init(self, _context: Any) -> None:
        """What goes together, and everything that has a default of its own spelled out."""
        if self.action_space == "embedding" and self.search == default_of(type(self), "search"):
            self._spell_out("search", "embedding")
        self._check_search()
        options = resolved_options(self.search, self.search_options)
        if self.order_by == "search_agent" and not strategy(self.search).agent:
            raise ConfigurationError(
                f"order_by is 'search_agent', but search {self.search!r} has no "
                "action probabilities (Eq. 3); use order_by 'evidence' or search 'ppo'"
            )
        self._spell_out("search_options", MappingProxyType(options))

    def _spell_out(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # in the making: not frozen yet

    def _check_search(self) -> None:
        """Whether search, action space and accumulation go together."""
        space = self.action_space
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
        return cls(**{str(key): value for key, value in values.items()})

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for campaign.yaml; `from_mapping` of it gives an equal configuration."""
        values = dict(self)
        values["variation_ids"] = list(self.variation_ids)
        values["search_options"] = dict(self.search_options)
        values["accumulate"] = self.accumulates
        return values
