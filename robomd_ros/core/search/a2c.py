# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Advantage actor-critic, a baseline of the paper."""

from typing import Any

from stable_baselines3 import A2C
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robomd_ros.core.search.on_policy import AgentSpaces, OnPolicySearch, agent_arguments


class A2CSearch(OnPolicySearch):
    """SB3's A2C with the learning rate, discount and layers of Appendix I-C.

    Note:
        The appendix also lists a replay buffer, a batch size and epsilon-greedy exploration for
        A2C. An on-policy actor-critic has none of them; they are left out.
    """

    name = "a2c"

    def make_agent(self, env: AgentSpaces, options: dict[str, Any]) -> OnPolicyAlgorithm:
        """A2C over pictures: convolutions, then the actor's and the critic's layers."""
        return A2C("CnnPolicy", env, **agent_arguments(options))
