# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The child of a PluginProcess: hosts one policy or detector until its parent is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from robomd_ros.core.errors import PolicyFault
from robomd_ros.core.hosted.channel import Channel
from robomd_ros.core.hosted.serve import serve_calls
from robomd_ros.core.policies.detector import RolloutVerdict, load_detector, verdict
from robomd_ros.core.policies.guard import next_action, start_episode, wants_state
from robomd_ros.core.policies.loading import load_policy
from robomd_ros.core.policies.needs import needs_of


class _Policy:
    """A policy, with its outcome where it offers one."""

    def __init__(self, spec: str, _cancelled: Callable[[], bool]) -> None:
        self._policy = load_policy(spec)

    def describe(self) -> dict[str, Any]:
        """What the node must know: what it needs (see Spaces), whether it says outcomes."""
        return {
            "needs": needs_of(self._policy).to_mapping(),
            "says_outcome": callable(getattr(self._policy, "outcome", None)),
            "wants_state": wants_state(self._policy),
        }

    def reset(self, seed: int, instruction: str) -> None:
        start_episode(self._policy, seed, instruction)

    def act(self, observation: Mapping[str, Any], size: int) -> tuple[Any, Any]:
        """The command, and the policy's verdict or None."""
        action = next_action(self._policy, observation, size)
        if not hasattr(self._policy, "outcome"):
            return action, None
        try:
            said = self._policy.outcome()
        except (Exception, SystemExit) as error:
            raise PolicyFault(
                f"the policy's outcome raised {type(error).__name__}: {error}"
            ) from error
        return action, _data(verdict(said, "the policy"))


class _Detector:
    """A success detector."""

    def __init__(self, spec: str, _cancelled: Callable[[], bool]) -> None:
        self._detector = load_detector(spec)

    def describe(self) -> dict[str, Any]:
        """Nothing that the node must know."""
        return {}

    def reset(self, seed: int, instruction: str) -> None:
        reset = getattr(self._detector, "reset", None)
        if callable(reset):
            self._guarded(reset, seed, instruction)

    def detect(self, observation: Mapping[str, Any]) -> Any:
        return _data(verdict(self._guarded(self._detector, observation), "the detector"))

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            raise PolicyFault(f"the detector raised {type(error).__name__}: {error}") from error


def _data(said: RolloutVerdict | None) -> tuple[bool, str] | None:
    return None if said is None else (said.success, said.detail)


_HOSTS = {"policy": _Policy, "detector": _Detector}


def serve(channel: Channel, options: Any) -> int:
    """Serve; the options are the kind, policy or detector, and its specification."""
    kind, spec = options
    return serve_calls(channel, spec, _HOSTS[kind])
