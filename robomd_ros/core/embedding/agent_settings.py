# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the search agent learns in the embedding space."""

from dataclasses import dataclass

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.embedding.frame import ActionFrame
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.schema import default_of
from robomd_ros.core.search.options import PPOOptions


@dataclass(frozen=True)
class AgentSettings:
    """Settings of PPO, of Eq. 2 and of the action space; the defaults are what did best.

    Of PPO they are those of Appendix I-C.

    Note:
        Four defaults are not what the paper suggests or SB3 has, because they do better on unseen
        variations.

        - `components`: actions are made of the leading principal axes of the known embeddings and
          not of all 512 coordinates. A Gaussian over 512 coordinates is nearly all distance off
          the few directions in which embeddings differ: the agent settles on one or two known
          embeddings near the middle, and density says nothing. The paper's space is `components`
          0.
        - `c_success`: the paper states neither constant. With both 1, Eq. 2 divides the cost of a
          success by the horizon and leaves almost nothing of it: then only the discount makes the
          agent prefer failures, and it learns first of all to stay near what is known. At
          C_success = horizon a success at a known embedding costs as much as a failure there earns.
        - `spherical`: the Gaussian has one width. SB3's, one for each coordinate, narrows most
          where failing embeddings do not differ and PPO goes on; the density then ranks by those
          coordinates, the worse the longer it learned.
        - `ent_coef`: the paper names no entropy. Without one the agent ends on two or three known
          embeddings, which orders the others no worse but proposes nothing new to try.

    Attributes:
        learning_rate: of PPO.
        n_epochs: passes over the collected steps.
        batch_size: steps of one gradient.
        clip_range: epsilon of PPO.
        gamma: discount factor.
        net_arch: widths of the layers of actor and critic, each has its own.
        gae_lambda: of the advantage estimator.
        ent_coef: weight of the Gaussian's entropy, as its mean over the coordinates.
        n_envs: virtual environments stepped together.
        n_steps: steps of each between two updates.
        max_steps: executions after which an episode is cut off.
        horizon: longest rollout of the policy under test, policy steps (Eq. 2).
        c_failure: C_failure of Eq. 2.
        c_success: C_success of Eq. 2.
        k: weight of N(a) in Eq. 2.
        penalty: of an action as far from everything known as the known are spread.
        components: principal axes that actions are made of; 0: the whole embedding space.
        spherical: whether the Gaussian has one width for all coordinates.
    """

    learning_rate: float = default_of(PPOOptions, "learning_rate")
    n_epochs: int = default_of(PPOOptions, "n_epochs")
    batch_size: int = default_of(PPOOptions, "batch_size")
    clip_range: float = default_of(PPOOptions, "clip_range")
    gamma: float = default_of(PPOOptions, "gamma")
    net_arch: tuple[int, ...] = default_of(PPOOptions, "net_arch")
    gae_lambda: float = default_of(PPOOptions, "gae_lambda")
    ent_coef: float = 0.8
    n_envs: int = 64
    n_steps: int = 32
    max_steps: int = 8
    horizon: int = default_of(CampaignConfig, "horizon")
    c_failure: float = default_of(PPOOptions, "c_failure")
    c_success: float = 80.0
    k: float = 0.1
    penalty: float = 1.0
    components: int = 8
    spherical: bool = True

    def __post_init__(self) -> None:
        counts = ("n_epochs", "batch_size", "n_envs", "n_steps", "max_steps", "horizon")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.components < 0:
            raise ValueError(
                f"components must be at least 0 (the whole space); got {self.components}"
            )
        if not (self.learning_rate > 0 and 0 <= self.gamma <= 1 and 0 <= self.gae_lambda <= 1):
            raise ValueError(
                "learning_rate must be above 0, gamma and gae_lambda in [0, 1]; got "
                f"{self.learning_rate}, {self.gamma}, {self.gae_lambda}"
            )

    def frame(self, known: KnownEmbeddings) -> ActionFrame:
        """The coordinates of the actions."""
        if self.components == 0:
            return ActionFrame.whole(known)
        return ActionFrame.principal(known, self.components)
