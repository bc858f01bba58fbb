# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimization, the paper's search agent."""

from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robomd_ros.core.search.on_policy import AgentSpaces, OnPolicySearch, agent_arguments


class PPOSearch(OnPolicySearch):
    """SB3's PPO with the settings of Appendix I-C."""

    name = "ppo"

    def make_agent(self, env: AgentSpaces, options: dict[str, Any]) -> OnPolicyAlgorithm:
        """PPO over pictures: convolutions, then the actor's and the critic's layers."""
        arguments = agent_arguments(options)
        # A batch larger than what was collected would only make SB3 warn.
        arguments["batch_size"] = min(options["batch_size"], options["n_steps"])
        return PPO("CnnPolicy", env, **arguments)
