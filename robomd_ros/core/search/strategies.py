# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table of known search strategies and of their options."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.plugins import PluginKind
from robomd_ros.core.search.options import (
    A2COptions,
    CoveringOptions,
    DecideOptions,
    EmbeddingOptions,
    MinimizeOptions,
    PPOOptions,
    SearchOptions,
    ThompsonOptions,
    UniformOptions,
)
from robomd_ros.core.search.search import Search, SearchContext


@dataclass(frozen=True)
class Strategy:
    """What can be known of a search before it is made.

    Attributes:
        options: its own parameters.
        agent: whether it has action probabilities (Eq. 3) that a ranking can be ordered by.
        accumulate: whether scenes accumulate unless the campaign says otherwise.
        action_space: what it chooses from.
    """

    options: type[SearchOptions]
    agent: bool = False
    accumulate: bool = False
    action_space: str = "discrete"


STRATEGIES: Mapping[str, Strategy] = {
    "ppo": Strategy(PPOOptions, agent=True, accumulate=True),
    "a2c": Strategy(A2COptions, agent=True, accumulate=True),
    "decide": Strategy(DecideOptions),
    "covering": Strategy(CoveringOptions),
    "minimize": Strategy(MinimizeOptions),
    "uniform": Strategy(UniformOptions),
    "thompson": Strategy(ThompsonOptions),
    "embedding": Strategy(EmbeddingOptions, agent=True, action_space="embedding"),
}
"""Ours; the classes are in SEARCHES."""

SEARCHES = PluginKind(
    "search",
    "robomd.searches",
    own={
        "ppo": "robomd_ros.core.search.ppo:PPOSearch",
        "a2c": "robomd_ros.core.search.a2c:A2CSearch",
        "decide": "robomd_ros.core.search.decide:DecideSearch",
        "covering": "robomd_ros.core.search.covering:CoveringSearch",
        "minimize": "robomd_ros.core.search.minimize:MinimizeSearch",
        "uniform": "robomd_ros.core.search.uniform:UniformSearch",
        "thompson": "robomd_ros.core.search.thompson:ThompsonSearch",
        "embedding": "robomd_ros.core.search.embedding_search:EmbeddingSearch",
    },
    error=ConfigurationError,
)
"""Classes or factories that are called with a SearchContext and the options. One of a user's may
have an attribute `strategy`, a Strategy; without it, it tries single variations and has no agent.
"""


def check_search(name: str) -> None:
    """ConfigurationError if there is no search of this name; a module that it names is not read."""
    if not SEARCHES.knows(name):
        raise ConfigurationError(
            f"unknown search {name!r}; allowed: {', '.join(SEARCHES.names())}, or {SEARCHES.advice}"
        )


def strategy(name: str) -> Strategy:
    """The strategy of this name, ours or a user's; ConfigurationError if there is none."""
    if name in STRATEGIES:
        return STRATEGIES[name]
    check_search(name)
    described = getattr(SEARCHES.find(SEARCHES.parse(name)), "strategy", Strategy(SearchOptions))
    if not isinstance(described, Strategy):
        raise ConfigurationError(
            f"search {name!r}: its attribute `strategy` is {type(described).__name__}; make it a "
            "Strategy of robomd_ros.core.search.strategies"
        )
    return described


def resolved_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of a strategy with its value: the given ones and the defaults.

    Raises:
        ConfigurationError: unknown strategy or option, or a value out of its range.
    """
    given = strategy(name).options(**{str(key): value for key, value in options.items()})
    return {key: _plain(value) for key, value in given}


def _plain(value: Any) -> Any:
    """As YAML and JSON have it."""
    return list(value) if isinstance(value, tuple) else value


def make_search(name: str, context: SearchContext) -> Search:
    """Build a search; only the module of this strategy is imported.

    Raises:
        ConfigurationError: unknown strategy or option, or a value out of its range.
    """
    named = SEARCHES.parse(name)
    options = {**resolved_options(name, context.options), **named.arguments}
    target = SEARCHES.find(named)
    return cast(Search, SEARCHES.call(target, replace(named, arguments=options), context))
