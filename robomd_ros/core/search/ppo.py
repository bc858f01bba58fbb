# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimization, the paper's search agent."""

from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robomd_ros.core.search.on_policy import AgentSpaces, OnPolicySearch


class PPOSearch(OnPolicySearch):
    """SB3's PPO with the settings of Appendix I-C."""

    name = "ppo"

    def make_agent(self, env: AgentSpaces, options: dict[str, Any]) -> OnPolicyAlgorithm:
        """PPO over pictures: convolutions, then the actor's and the critic's layers."""
        return PPO(
            "CnnPolicy",
            env,
            learning_rate=options["learning_rate"],
            n_steps=options["n_steps"],
            # A batch larger than what was collected would only make SB3 warn.
            batch_size=min(options["batch_size"], options["n_steps"]),
            n_epochs=options["n_epochs"],
            gamma=options["gamma"],
            gae_lambda=options["gae_lambda"],
            clip_range=options["clip_range"],
            ent_coef=options["ent_coef"],
            vf_coef=options["vf_coef"],
            max_grad_norm=options["max_grad_norm"],
            policy_kwargs={"net_arch": options["net_arch"]},
            device="cpu",
        )
