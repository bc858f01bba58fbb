# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether the policy under test fits a real cell, before anything starts and anybody is asked."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from robomd_ros.arms.arm import arm_named
from robomd_ros.core.errors import PolicyFault, PolicyLoadError
from robomd_ros.core.policies.dry_run import ask_hosted, sample_observation
from robomd_ros.core.policies.hosted import PluginProcess
from robomd_ros.core.spaces import ANY_SIZE, Spaces, require_fit, seen_cameras

_QUESTIONS = 3
"""Further ones, after the first, which may be slow: their median tells the policy's pace."""


@dataclass(frozen=True)
class Fit:
    """What a policy does in a cell that it fits.

    Attributes:
        text: what it is shown and commands, in words.
        answer: time that a command takes, s.
        rate: at which commands are asked, Hz.
    """

    text: str
    answer: float
    rate: float


def check_fit(parameters: Mapping[str, Any], instruction: str) -> Fit:
    """Load the policy in a process of its own, compare its needs with the cell, and ask it once.

    Args:
        parameters: all of policy_node's, by name.
        instruction: what the policy is told to do.

    Returns:
        What it will be shown and must command, and how long a command takes.

    Raises:
        PolicyLoadError: it does not load, or does not fit; the message says both sides.
    """
    spec = str(parameters["policy"])
    gives = arm_named(parameters["arm"]).cell_spaces(parameters)
    policy = PluginProcess("policy", spec, parameters["start_timeout"], parameters["python"])
    try:
        policy.connect()
        needs = Spaces.from_mapping(policy.description["needs"])
        require_fit(needs, gives, repr(spec), "the real cell")
        shown = sample_observation(needs, gives)
        timeout = parameters["start_timeout"]
        ask_hosted(policy, shown, gives.action, instruction, timeout)
        took = []
        for _ in range(_QUESTIONS):
            begun = time.monotonic()
            policy.call("act", shown, gives.action.size, timeout=timeout)
            took.append(time.monotonic() - begun)
    except PolicyFault as fault:
        raise PolicyLoadError(f"the policy {spec!r} cannot be used: {fault}") from fault
    finally:
        policy.close()
    cameras = [
        f"{name} {'as it comes' if size == ANY_SIZE else f'{size[0]} x {size[1]}'}"
        for name, size in seen_cameras(needs, gives).items()
    ]
    text = f"sees {', '.join(cameras) or 'no camera'}, commands {gives.action}"
    return Fit(text, statistics.median(took), float(parameters["rate"]))
