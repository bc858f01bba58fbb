# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy under test: its protocol, the adapters that load one, and the guard around it."""

from robomd_ros.core.policies.digest import policy_digest, policy_files
from robomd_ros.core.policies.dry_run import check_policy
from robomd_ros.core.policies.guard import check_action, next_action, start_episode, wants_state
from robomd_ros.core.policies.loading import load_policy, policy_path
from robomd_ros.core.policies.needs import needs_of
from robomd_ros.core.policies.policy import Observation, Policy

__all__ = [
    "Observation",
    "Policy",
    "check_action",
    "check_policy",
    "load_policy",
    "needs_of",
    "next_action",
    "policy_digest",
    "policy_files",
    "policy_path",
    "start_episode",
    "wants_state",
]
