# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table of known search strategies and of their options."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from robomd_ros.core.embedding.encoders import DEFAULT_IMAGE, DEFAULT_TEXT, check_specs
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search.proposals import PROPOSALS
from robomd_ros.core.search.search import Search, SearchContext


@dataclass(frozen=True)
class Option:
    """A strategy's own parameter: its default and the range that it may have.

    An option whose default is an int must be whole; `layers` is a list of such.
    """

    default: float
    low: float
    high: float
    layers: tuple[int, ...] = ()

    @property
    def fallback(self) -> Any:
        """What it is where nothing is given."""
        return list(self.layers) or self.default

    def checked(self, where: str, value: object) -> Any:
        """The value, of the right type; ConfigurationError if it has another type or range."""
        if self.layers:
            if not isinstance(value, list | tuple) or not value:
                raise ConfigurationError(
                    f"{where} must be a list of layer sizes such as {list(self.layers)}; "
                    f"got {value!r}"
                )
            return [int(self._number(where, item, whole=True)) for item in value]
        whole = isinstance(self.default, int)
        number = self._number(where, value, whole)
        return int(number) if whole else number

    def _number(self, where: str, value: object, whole: bool) -> float:
        kind = "a whole number" if whole else "a number"
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not math.isfinite(cast(float, value)) or (whole and value != int(value)):  # type: ignore[call-overload]
            raise ConfigurationError(f"{where} must be {kind}; got {value!r}")
        number = float(cast(float, value))
        if not self.low <= number <= self.high:
            raise ConfigurationError(
                f"{where} must be in [{self.low:g}, {self.high:g}]; got {value!r}"
            )
        return number


@dataclass(frozen=True)
class TextOption:
    """A strategy's own parameter that is a text.

    Attributes:
        fallback: its default.
        choices: allowed texts; empty is any that `check` accepts.
        check: raises a ConfigurationError for a text that cannot be used.
    """

    fallback: str
    choices: tuple[str, ...] = ()
    check: Callable[[str], None] | None = None

    def checked(self, where: str, value: object) -> str:
        """The value; ConfigurationError if it is no text, or not one of those allowed."""
        if not isinstance(value, str):
            raise ConfigurationError(f"{where} must be text; got {value!r}")
        if self.choices and value not in self.choices:
            raise ConfigurationError(
                f"{where} must be one of {', '.join(self.choices)}; got {value!r}"
            )
        if self.check is not None:
            self.check(value)
        return value


@dataclass(frozen=True)
class Strategy:
    """How a search is made, and what it is by default.

    Attributes:
        module: where its class is, below robomd_ros.core.search.
        class_name: of its class.
        agent: whether it has action probabilities (Eq. 3) that a ranking can be ordered by.
        accumulate: whether scenes accumulate unless the campaign says otherwise.
        options: its own parameters.
        action_space: what it chooses from.
    """

    module: str
    class_name: str
    agent: bool
    accumulate: bool
    options: Mapping[str, Option | TextOption]
    action_space: str = "discrete"


_REWARD = {"c_failure": Option(1.0, 1e-6, 1e6), "c_success": Option(1.0, 0.0, 1e6)}
_AGENT = {
    "gamma": Option(0.99, 0.0, 1.0),
    "vf_coef": Option(0.5, 0.0, 100.0),
    "max_grad_norm": Option(0.5, 1e-6, 1e6),
    "net_arch": Option(0, 1, 4096, layers=(128, 256, 128)),
}

# The paper's Appendix I-C where it gives a value, else the default of Stable-Baselines3. n_steps is
# smaller than its 2048: that many trials are more than most campaigns have.
STRATEGIES: Mapping[str, Strategy] = {
    "ppo": Strategy(
        "ppo",
        "PPOSearch",
        agent=True,
        accumulate=True,
        options={
            "learning_rate": Option(3e-4, 1e-8, 1.0),
            "clip_range": Option(0.2, 1e-6, 10.0),
            "n_epochs": Option(10, 1, 1000),
            "batch_size": Option(64, 2, 100_000),
            "n_steps": Option(64, 2, 100_000),
            "gae_lambda": Option(0.95, 0.0, 1.0),
            "ent_coef": Option(0.0, 0.0, 100.0),
            **_AGENT,
            **_REWARD,
        },
    ),
    "a2c": Strategy(
        "a2c",
        "A2CSearch",
        agent=True,
        accumulate=True,
        options={
            "learning_rate": Option(2.5e-4, 1e-8, 1.0),
            "n_steps": Option(16, 2, 100_000),
            "gae_lambda": Option(1.0, 0.0, 1.0),
            "ent_coef": Option(0.0, 0.0, 100.0),
            **_AGENT,
            **_REWARD,
        },
    ),
    "uniform": Strategy("uniform", "UniformSearch", agent=False, accumulate=False, options={}),
    "thompson": Strategy(
        "thompson",
        "ThompsonSearch",
        agent=False,
        accumulate=False,
        options={"floor": Option(0.5, 0.0, 1.0)},
    ),
    "embedding": Strategy(
        "embedding_search",
        "EmbeddingSearch",
        agent=True,
        accumulate=False,
        options={
            "proposal": TextOption("uncertainty", PROPOSALS),
            "first_trials": Option(30, 8, 1_000_000),
            "retrain_every": Option(20, 1, 1_000_000),
            "agent_steps": Option(10_000, 0, 100_000_000),
            "image_encoder": TextOption(
                DEFAULT_IMAGE, check=lambda spec: check_specs(spec, DEFAULT_TEXT)
            ),
            "text_encoder": TextOption(
                DEFAULT_TEXT, check=lambda spec: check_specs(DEFAULT_IMAGE, spec)
            ),
        },
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
    known = strategy(name).options
    for key in options:
        if key not in known:
            raise ConfigurationError(_unknown_option(name, str(key), known))
    resolved: dict[str, Any] = {}
    for key, option in known.items():
        resolved[key] = option.checked(
            f"search option {key!r} of {name!r}", options.get(key, option.fallback)
        )
    return resolved


def make_search(name: str, context: SearchContext) -> Search:
    """Build a search; only the module of this strategy is imported.

    Raises:
        ConfigurationError: unknown strategy or option, or a value out of its range.
    """
    options = resolved_options(name, context.options)
    known = strategy(name)
    module = import_module(f"robomd_ros.core.search.{known.module}")
    return cast(Search, getattr(module, known.class_name)(context, **options))


def _unknown_option(name: str, key: str, known: Mapping[str, Option | TextOption]) -> str:
    if not known:
        return f"search {name!r} has no options; got {key!r}"
    close = difflib.get_close_matches(key, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"search {name!r} has no option {key!r}{hint}; allowed: {', '.join(known)}"
