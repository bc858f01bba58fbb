# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The search strategies' own parameters, `search_options` of a campaign.

They are the paper's (Appendix I-C) where it gives a value, else those of Stable-Baselines3. n_steps
follows the budget (search/on_policy.py): its 2048 trials are more than most campaigns have.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from robomd_ros.core.embedding.encoders import DEFAULT_IMAGE, DEFAULT_TEXT, check_specs
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import Model, option, taken
from robomd_ros.core.search.proposals import PROPOSALS

Layers = Annotated[tuple[int, ...], Field(strict=False)]


class SearchOptions(Model):
    """What a strategy may be told; one without a class of its own has no options."""

    of: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: Any) -> None:
        """How errors call an option of this strategy."""
        cls.says = f"search option {{name!r}} of {cls.of!r}"
        cls.called = f"{cls.of!r} search option"


class AgentOptions(SearchOptions):
    """Of a search agent."""

    gamma: float = option(0.99, "discount factor", low=0.0, high=1.0)
    vf_coef: float = option(0.5, "weight of the value function's loss", low=0.0, high=100.0)
    max_grad_norm: float = option(0.5, "longest gradient of an update", low=1e-6, high=1e6)
    net_arch: Layers = option(
        (128, 256, 128),
        "widths of the layers of actor and critic, each has its own",
        low=1,
        high=4096,
        wanted="a list of layer sizes such as [128, 256, 128]",
    )
    c_failure: float = option(1.0, "C_failure of the reward (Eq. 1)", low=1e-6, high=1e6)
    c_success: float = option(1.0, "C_success of the reward (Eq. 1)", low=0.0, high=1e6)


def _not_one(steps: int) -> int:
    if steps == 1:
        raise ConfigurationError("n_steps must be 0 or at least 2; got 1: nobody learns from one")
    return steps


class PPOOptions(AgentOptions):
    """Of PPO."""

    of = "ppo"

    learning_rate: float = option(3e-4, "of the optimiser", low=1e-8, high=1.0)
    clip_range: float = option(0.2, "epsilon of PPO", low=1e-6, high=10.0)
    n_epochs: int = option(10, "passes over the collected steps", low=1, high=1000)
    batch_size: int = option(64, "steps of one gradient", low=2, high=100_000)
    n_steps: int = option(
        0, "trials between two updates; 0: as many as the budget bears", low=0, high=100_000
    )
    gae_lambda: float = option(0.95, "of the advantage estimator", low=0.0, high=1.0)
    ent_coef: float = option(0.0, "weight of the entropy", low=0.0, high=100.0)

    _steps = field_validator("n_steps")(_not_one)


class A2COptions(AgentOptions):
    """Of A2C."""

    of = "a2c"

    learning_rate: float = option(2.5e-4, "of the optimiser", low=1e-8, high=1.0)
    n_steps: int = taken(PPOOptions, "n_steps")
    gae_lambda: float = taken(PPOOptions, "gae_lambda", default=1.0)
    ent_coef: float = taken(PPOOptions, "ent_coef")

    _steps = field_validator("n_steps")(_not_one)


class DecideOptions(SearchOptions):
    """Of the search for what is undecided: none."""

    of = "decide"


class CoveringOptions(SearchOptions):
    """Of the search for combinations."""

    of = "covering"

    max_changes: int = option(6, "changes in one scene", low=2, high=64)
    strength: int = option(
        3, "2: ends when all pairs were seen; 3: goes on with triples", low=2, high=3
    )


class MinimizeOptions(SearchOptions):
    """Of the search for the smallest failing part of a scene: none."""

    of = "minimize"


class UniformOptions(SearchOptions):
    """Of the uniform search: none."""

    of = "uniform"


class ThompsonOptions(SearchOptions):
    """Of Thompson sampling."""

    of = "thompson"

    floor: float = option(
        0.5, "share of the even share of trials that every variation has", low=0.0, high=1.0
    )


class EmbeddingOptions(SearchOptions):
    """Of the search in the embedding space."""

    of = "embedding"

    proposal: str = option("uncertainty", "how the next variation is chosen", choices=PROPOSALS)
    first_trials: int = option(30, "trials before the first training", low=8, high=1_000_000)
    retrain_every: int = option(20, "trials between two trainings", low=1, high=1_000_000)
    agent_steps: int = option(
        10_000, "virtual steps of the search agent after a training", low=0, high=100_000_000
    )
    same_variation: float = option(
        0.0, "weight of the training's term that draws scenes apart", low=0.0, high=100.0
    )
    image_encoder: str = option(DEFAULT_IMAGE, "what turns a picture into a vector")
    text_encoder: str = option(DEFAULT_TEXT, "what turns a sentence into a vector")

    @field_validator("image_encoder", "text_encoder")
    @classmethod
    def _known_encoder(cls, spec: str, info: Any) -> str:
        is_image = info.field_name == "image_encoder"
        check_specs(*((spec, DEFAULT_TEXT) if is_image else (DEFAULT_IMAGE, spec)))
        return spec
