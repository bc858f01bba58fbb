# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy is asked once before anything moves, on a real observation or one made up for it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import PolicyFault, PolicyLoadError
from robomd_ros.core.policies.guard import next_action, start_episode
from robomd_ros.core.policies.policy import Observation, Policy
from robomd_ros.core.spaces import ANY_SIZE, ActionSpec, Spaces, seen_cameras

_GROSS = 10.0
"""Times half the range of a command: so far outside no scaling was meant."""
_UNKNOWN_SIZE = (480, 640)
"""Of a made-up picture whose size only the camera knows."""


class HostedPolicy(Protocol):
    """A policy in a process of its own."""

    def call(
        self, method: str, *arguments: Any, timeout: float, abandoned: Callable[[], bool]
    ) -> Any:
        """Ask it for `reset` or `act`; PolicyFault where there is no answer."""
        ...


def sample_observation(needs: Spaces, gives: Spaces) -> Observation:
    """An observation of the right names, shapes and types, for a cell that does not run yet.

    Pictures are noise: a policy that divides by the spread of one gets no zero.
    """
    rng = np.random.default_rng(0)
    images = {
        name: rng.integers(0, 256, (*(size if size != ANY_SIZE else _UNKNOWN_SIZE), 3), np.uint8)
        for name, size in seen_cameras(needs, gives).items()
    }
    measured = {
        name: np.zeros(quantity.size) if "quat" not in name else np.eye(quantity.size)[0]
        for name, quantity in gives.proprioception.items()
    }
    return {"images": images, "proprioception": measured}


def check_policy(
    policy: Policy, observation: Observation, action: ActionSpec, instruction: str = ""
) -> None:
    """Ask a policy of this process once.

    Args:
        policy: is reset and asked; nothing executes what it answers.
        observation: what it is shown.
        action: what the cell takes.
        instruction: what it is told to do.

    Raises:
        PolicyLoadError: it raises, or its command does not fit; see `ask_once`.
    """
    ask_once(
        lambda: start_episode(policy, 0, instruction),
        lambda: next_action(policy, observation, action.size),
        observation,
        action,
    )


def ask_once(
    reset: Callable[[], Any],
    act: Callable[[], NDArray[np.float64]],
    observation: Observation,
    action: ActionSpec,
) -> None:
    """Reset a policy and ask it for one command, wherever it runs.

    Args:
        reset: begins an episode.
        act: the command, (size,) and finite.
        observation: what it is shown, for the message.
        action: what the cell takes.

    Raises:
        PolicyLoadError: it raised, or its command has another shape, is not finite, or lies so far
            outside its bounds that it means something else.
    """
    try:
        reset()
        command = act()
        _require_sane(command, action)
    except PolicyFault as fault:
        raise PolicyLoadError(
            f"the policy does not fit the task: {fault}; it was shown {_shown(observation)} and "
            f"must command {action}; correct the policy, state what it needs in its attribute "
            "`needs`, or choose another"
        ) from fault


def ask_hosted(
    policy: HostedPolicy,
    observation: Observation,
    action: ActionSpec,
    instruction: str,
    timeout: float,
    abandoned: Callable[[], bool] = lambda: False,
) -> None:
    """Ask a policy in its own process once.

    Args:
        policy: loaded.
        observation: what it is shown.
        action: what the cell takes.
        instruction: what it is told to do.
        timeout: s for each answer; the first may take as long as loading.
        abandoned: asked now and then whether to wait no longer.

    Raises:
        PolicyLoadError: see `ask_once`.
        Interrupted: abandoned.
    """

    def call(method: str, *arguments: Any) -> Any:
        return policy.call(method, *arguments, timeout=timeout, abandoned=abandoned)

    def act() -> NDArray[np.float64]:
        command: NDArray[np.float64] = np.asarray(call("act", observation, action.size)[0])
        return command

    ask_once(lambda: call("reset", 0, instruction), act, observation, action)


def _require_sane(command: NDArray[np.float64], action: ActionSpec) -> None:
    low, high = np.array(action.low), np.array(action.high)
    if not np.isfinite([low, high]).all():
        return
    middle, half = (low + high) / 2, (high - low) / 2
    far = np.flatnonzero(np.abs(command - middle) > _GROSS * half)
    if far.size:
        i = int(far[0])
        raise PolicyFault(
            f"the policy commanded {command[i]:g} as value {i}, where [{low[i]:g}, {high[i]:g}] is "
            "taken: its commands are not normalised for this cell"
        )


def _shown(observation: Mapping[str, Any]) -> str:
    parts = [f"the picture {n!r} {i.shape}" for n, i in observation.get("images", {}).items()]
    own = observation.get("proprioception", {})
    parts += [f"{name} {np.shape(values)}" for name, values in own.items()]
    parts += ["the simulator's state"] if "state" in observation else []
    return ", ".join(parts) or "nothing"
