# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Success detectors, and what policies and detectors may say about a rollout."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from robomd_ros.core.errors import ConfigurationError, PolicyFault
from robomd_ros.core.plugins import PluginKind
from robomd_ros.core.policies.policy import Observation

if TYPE_CHECKING:
    from typing import TypeAlias

Detector: TypeAlias = "Callable[[Observation], Any]"
"""From the last observation to a verdict: True, False, None for "not yet", or one with a reason."""

JUDGES = PluginKind(
    "detector",
    "robomd.judges",
    own={
        "lifted_in_picture": "sim_bridge.twin.detectors:LiftedInPicture",
        "twin_lifted": "sim_bridge.twin.detectors:Lifted",
    },
)
"""Success detectors by name; the two of ours are for the twin."""


@dataclass(frozen=True)
class RolloutVerdict:
    """What somebody says about a rollout.

    Attributes:
        success: whether the task is done.
        detail: why; may be empty.
    """

    success: bool
    detail: str = ""


def verdict(said: Any, who: str) -> RolloutVerdict | None:
    """What a policy's outcome() or a detector said.

    Args:
        said: None (undecided), a bool, or a bool with a reason.
        who: said it; for the message.

    Raises:
        PolicyFault: it is none of these.
    """
    if said is None:
        return None
    if isinstance(said, (bool, np.bool_)):
        return RolloutVerdict(bool(said))
    if isinstance(said, tuple) and len(said) == 2 and isinstance(said[0], (bool, np.bool_)):
        return RolloutVerdict(bool(said[0]), str(said[1]))
    raise PolicyFault(
        f"{who} said {said!r} about the rollout; return True, False, None while it is undecided, "
        "or (True or False, reason)"
    )


def load_detector(spec: str) -> Detector:
    """Load a detector.

    Args:
        spec: a name (ours, or of an installed package's entry point in robomd.judges), or
            `python:<module>:<name>?key=value` of a function of the observation, or of a class or
            factory that gives a callable. Modules in the current directory can be named.
            A detector with a method `reset(seed, instruction)` is told when a rollout starts.

    Raises:
        ConfigurationError: nothing there, or nothing that can be a detector.
    """
    if not JUDGES.knows(spec):
        raise ConfigurationError(
            f"the detector {spec!r} is not of the form python:<module>:<name>, for example "
            f"python:sim_bridge.twin.detectors:LiftedInPicture, nor one of {_names()}"
        )
    named = JUDGES.parse(spec)
    try:
        target = JUDGES.find(named)
        if inspect.isclass(target) or not _takes_an_argument(target):
            target = JUDGES.call(target, named)
        elif named.arguments:
            JUDGES.check_arguments(target, named)
            target = functools.partial(target, **named.arguments)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the detector {spec!r} cannot be loaded ({error}); name a "
            "function of the observation, or a class or factory"
        ) from error
    if not callable(target):
        raise ConfigurationError(
            f"the detector {spec!r} is {type(target).__name__}, which cannot be called; name a "
            "function of the observation, or a class with __call__(observation)"
        )
    detector: Detector = target
    return detector


def _names() -> str:
    return ", ".join(JUDGES.names())


def _takes_an_argument(target: Any) -> bool:
    if not callable(target):
        return True
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in parameters)
