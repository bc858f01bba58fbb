# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a policy specification to a policy."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import PolicyLoadError
from robomd_ros.core.plugins import PluginKind, required
from robomd_ros.core.policies.needs import needs_of
from robomd_ros.core.policies.policy import Observation, Policy

POLICIES = PluginKind(
    "policy",
    "robomd.policies",
    error=PolicyLoadError,
    advice="the path of a checkpoint's .yaml, or python:<module>:<callable>",
)
"""Policies of installed packages and of modules; ours are checkpoints, see CHECKPOINTS."""
_BC = "robomd_ros.core.policies.bc:BCPolicy"
CHECKPOINTS = {".yaml": _BC, ".yml": _BC, ".safetensors": _BC}
"""Suffix of a checkpoint -> the class whose `load(path)` reads it."""


class FunctionPolicy:
    """A plain function `observation -> action` as a policy; it has no episode state."""

    def __init__(self, function: Callable[..., Any], **arguments: Any) -> None:
        """Take the function, and what it is given beside the observation."""
        self._function = functools.partial(function, **arguments)
        self.needs = needs_of(function)

    def reset(self, seed: int, instruction: str) -> None:
        """A function keeps nothing between episodes."""

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """Return what the function returns; the caller checks it."""
        action: NDArray[np.float64] = self._function(observation)
        return action


def policy_folders() -> list[Path]:
    """Where shipped policies are: the source tree and every installed share folder."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    shares = [Path(p) / "share" / "robomd_ros" for p in (*filter(None, prefixes), sys.prefix)]
    source = Path(__file__).resolve().parents[3]
    return [root / "config" / "policies" for root in (source, *shares)]


def policy_path(name: str, folders: Iterable[Path] | None = None) -> Path:
    """The YAML file of a policy that is known by its bare name.

    Raises:
        PolicyLoadError: no folder has it; the message lists those that exist.
    """
    searched = list(folders) if folders is not None else policy_folders()
    for folder in searched:
        if (path := folder / f"{name}.yaml").is_file():
            return path
    known = sorted(
        {p.stem for folder in searched if folder.is_dir() for p in folder.glob("*.yaml")}
    )
    raise PolicyLoadError(
        f"unknown policy {name!r}; known: {', '.join([*known, *POLICIES.names()]) or 'none'}. Give "
        f"one of these, {POLICIES.advice}"
    )


def load_policy(spec: str, folders: Iterable[Path] | None = None) -> Policy:
    """Load the policy under test.

    Args:
        spec: a bare name ("lift_bc", or what an installed package offers in the entry-point group
            robomd.policies), the path of a checkpoint (.yaml or the .safetensors beside it), or
            `python:<module>:<callable>?key=value`. The callable is a policy class or a factory,
            which is given the arguments, a policy object, or a function `observation -> action`.
            Modules in the current directory can be named.
        folders: where bare names are looked up; `policy_folders()` by default.

    Raises:
        PolicyLoadError: nothing there, or nothing that can be a policy.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise PolicyLoadError(f"the policy is {spec!r}; give a name, a path or python:module:name")
    spec = spec.strip()
    if POLICIES.knows(spec):
        return _plugin_policy(spec)
    path = checkpoint_file(spec, folders)
    module, _, name = CHECKPOINTS[path.suffix].partition(":")
    policy: Policy = getattr(importlib.import_module(module), name).load(path)
    return policy


def checkpoint_file(spec: str, folders: Iterable[Path] | None = None) -> Path:
    """The file of a checkpoint that is given by its bare name or its path; see `load_policy`.

    Raises:
        PolicyLoadError: an unknown name, or a file of another kind.
    """
    path = Path(spec).expanduser()
    if path.suffix not in CHECKPOINTS:
        if len(path.parts) > 1 or path.exists():
            raise PolicyLoadError(
                f"the policy file {path} is none of {', '.join(CHECKPOINTS)}; files that "
                "must be unpickled are refused because they can run code: wrap such a policy as "
                "python:<module>:<callable>"
            )
        path = policy_path(spec, folders)
    return path


def _plugin_policy(spec: str) -> Policy:
    named = POLICIES.parse(spec)
    target = POLICIES.find(named)
    if not inspect.isclass(target) and hasattr(target, "act"):
        return _checked(POLICIES.ready_made(target, named), spec)
    if not callable(target):
        raise PolicyLoadError(
            f"policy {spec!r}: {named.short} is {type(target).__name__}, which cannot be called; "
            "name a policy class, a factory or a function observation -> action"
        )
    open_arguments = [p for p in required(target) if p.name not in named.arguments]
    if len(open_arguments) == 1 and not inspect.isclass(target):
        POLICIES.check_arguments(target, named)
        return FunctionPolicy(target, **named.arguments)
    return _checked(POLICIES.call(target, named), spec)


def _checked(policy: Any, spec: str) -> Policy:
    for method, arguments in (("reset", "seed, instruction"), ("act", "observation")):
        if not callable(getattr(policy, method, None)):
            raise PolicyLoadError(
                f"policy {spec!r}: {type(policy).__name__} has no method {method}({arguments}); "
                "a policy needs both reset and act"
            )
    checked: Policy = policy
    return checked
