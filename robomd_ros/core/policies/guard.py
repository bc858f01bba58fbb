# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The boundary to the policy under test: whatever it does becomes a value or a PolicyFault."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import PolicyFault
from robomd_ros.core.policies.needs import needs_of
from robomd_ros.core.policies.policy import Observation, Policy


def check_action(action: Any, size: int) -> NDArray[np.float64]:
    """Turn what a policy returned into a command, or say why it is none.

    Args:
        action: anything; a sequence or array of `size` finite numbers is a command.
        size: number of values the robot or task takes.

    Returns:
        (size,) float64. Values beyond [-1, 1] are left as they are: the controller clips them, as
        robosuite's does.

    Raises:
        PolicyFault: not numbers, the wrong shape, NaN or infinite.
    """
    try:
        values = np.asarray(action)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PolicyFault(
            f"the policy returned {type(action).__name__}, which is no array of numbers ({error}); "
            f"return {size} floats"
        ) from error
    if values.dtype.kind not in "fiu":
        raise PolicyFault(
            f"the policy returned {type(action).__name__} of type {values.dtype}, not numbers; "
            f"return {size} floats"
        )
    if values.shape != (size,):
        raise PolicyFault(
            f"the policy returned a command of shape {values.shape}; this task needs ({size},)"
        )
    command = values.astype(np.float64)
    if not np.isfinite(command).all():
        raise PolicyFault(
            f"the policy returned a command that is not finite: {np.round(command, 3).tolist()}"
        )
    return command


def wants_state(policy: Policy) -> bool:
    """Whether the policy asks for the simulator's privileged state."""
    return needs_of(policy).state


def start_episode(policy: Policy, seed: int, instruction: str) -> None:
    """Tell the policy that an episode starts; PolicyFault if it raises or exits."""
    try:
        policy.reset(seed, instruction)
    except PolicyFault:  # of one that another process hosts: it says all
        raise
    except (Exception, SystemExit) as error:
        raise PolicyFault(f"the policy's reset raised {_named(error)}") from error


def next_action(policy: Policy, observation: Observation, size: int) -> NDArray[np.float64]:
    """Ask the policy for its command, (size,) float64; PolicyFault if it gives none."""
    try:
        action = policy.act(observation)
    except PolicyFault:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyFault(f"the policy's act raised {_named(error)}") from error
    return check_action(action, size)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
