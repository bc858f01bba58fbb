# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table of known search strategies and of their options."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search.options import (
    A2COptions,
    EmbeddingOptions,
    PPOOptions,
    SearchOptions,
    ThompsonOptions,
    UniformOptions,
)
from robomd_ros.core.search.search import Search, SearchContext


@dataclass(frozen=True)
class Strategy:
    """How a search is made, and what it is by default.

    Attributes:
        module: where its class is, below robomd_ros.core.search.
        class_name: of its class.
        options: its own parameters.
        agent: whether it has action probabilities (Eq. 3) that a ranking can be ordered by.
        accumulate: whether scenes accumulate unless the campaign says otherwise.
        action_space: what it chooses from.
    """

    module: str
    class_name: str
    options: type[SearchOptions]
    agent: bool = False
    accumulate: bool = False
    action_space: str = "discrete"


STRATEGIES: Mapping[str, Strategy] = {
    "ppo": Strategy("ppo", "PPOSearch", PPOOptions, agent=True, accumulate=True),
    "a2c": Strategy("a2c", "A2CSearch", A2COptions, agent=True, accumulate=True),
    "uniform": Strategy("uniform", "UniformSearch", UniformOptions),
    "thompson": Strategy("thompson", "ThompsonSearch", ThompsonOptions),
    "embedding": Strategy(
        "embedding_search",
        "EmbeddingSearch",
        EmbeddingOptions,
        agent=True,
        action_space="embedding",
    ),
}


def strategy(name: str) -> Strategy:
    """The strategy of this name; ConfigurationError if there is none."""
    if name not in STRATEGIES:
        raise ConfigurationError(f"unknown search {name!r}; allowed: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]


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
    options = resolved_options(name, context.options)
    known = strategy(name)
    module = import_module(f"robomd_ros.core.search.{known.module}")
    return cast(Search, getattr(module, known.class_name)(context, **options))
