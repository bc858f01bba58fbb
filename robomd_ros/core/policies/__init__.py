# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy under test: its protocol, the adapters that load one, and the guard around it.

Names are looked up when they are asked for: a Python that hosts a policy may have numpy alone.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robomd_ros.core.policies.digest import policy_digest, policy_files
    from robomd_ros.core.policies.dry_run import check_policy
    from robomd_ros.core.policies.guard import check_action, next_action, start_episode, wants_state
    from robomd_ros.core.policies.loading import load_policy, policy_path
    from robomd_ros.core.policies.needs import needs_of
    from robomd_ros.core.policies.policy import Observation, Policy

_HOMES = {
    "Observation": "policy",
    "Policy": "policy",
    "check_action": "guard",
    "check_policy": "dry_run",
    "load_policy": "loading",
    "needs_of": "needs",
    "next_action": "guard",
    "policy_digest": "digest",
    "policy_files": "digest",
    "policy_path": "loading",
    "start_episode": "guard",
    "wants_state": "guard",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
