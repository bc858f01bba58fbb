# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a policy specification to a policy."""

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
from robomd_ros.core.policies.bc import BCPolicy
from robomd_ros.core.policies.policy import Observation, Policy

_CHECKPOINT_SUFFIXES = (".yaml", ".yml", ".safetensors")
PYTHON = "python:"


class FunctionPolicy:
    """A plain function `observation -> action` as a policy; it has no episode state."""

    def __init__(self, function: Callable[[Observation], Any]) -> None:
        self._function = function
        self.wants_state = bool(getattr(function, "wants_state", False))

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
        f"unknown policy {name!r}; known: {', '.join(known) or 'none'}. Give one of these, the "
        "path of a checkpoint's .yaml, or python:<module>:<callable>"
    )


def load_policy(spec: str, folders: Iterable[Path] | None = None) -> Policy:
    """Load the policy under test.

    Args:
        spec: a bare name ("lift_bc"), the path of a checkpoint (.yaml or the .safetensors beside
            it), or `python:<module>:<callable>`. The callable is a policy class, a factory without
            arguments that returns a policy, a policy object, or a function `observation -> action`.
            Modules in the current directory can be named.
        folders: where bare names are looked up; `policy_folders()` by default.

    Raises:
        PolicyLoadError: nothing there, or nothing that can be a policy.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise PolicyLoadError(f"the policy is {spec!r}; give a name, a path or python:module:name")
    spec = spec.strip()
    if spec.startswith(PYTHON):
        return _python_policy(spec)
    return BCPolicy.load(checkpoint_file(spec, folders))


def checkpoint_file(spec: str, folders: Iterable[Path] | None = None) -> Path:
    """The file of a checkpoint that is given by its bare name or its path; see `load_policy`.

    Raises:
        PolicyLoadError: an unknown name, or a file of another kind.
    """
    path = Path(spec).expanduser()
    if path.suffix not in _CHECKPOINT_SUFFIXES:
        if len(path.parts) > 1 or path.exists():
            raise PolicyLoadError(
                f"the policy file {path} is none of {', '.join(_CHECKPOINT_SUFFIXES)}; files that "
                "must be unpickled are refused because they can run code: wrap such a policy as "
                "python:<module>:<callable>"
            )
        path = policy_path(spec, folders)
    return path


def _python_policy(spec: str) -> Policy:
    module_name, _, name = spec.removeprefix(PYTHON).partition(":")
    if not module_name or not name:
        raise PolicyLoadError(f"the policy {spec!r} is not of the form python:<module>:<callable>")
    target = _attribute(_module(module_name, spec), name, spec)
    if not inspect.isclass(target) and hasattr(target, "act"):
        return _checked(target, spec)
    if not callable(target):
        raise PolicyLoadError(
            f"policy {spec!r}: {name} is {type(target).__name__}, which cannot be called; "
            "name a policy class, a factory or a function observation -> action"
        )
    needed = _required_arguments(target)
    if needed == 1 and not inspect.isclass(target):
        return FunctionPolicy(target)
    if needed != 0:
        raise PolicyLoadError(
            f"policy {spec!r}: {name} needs {needed} arguments; a policy class or factory is "
            "called with none, a policy function with the observation alone"
        )
    try:
        policy = target()
    except (Exception, SystemExit) as error:
        raise PolicyLoadError(
            f"policy {spec!r}: calling {name}() raised {type(error).__name__}: {error}"
        ) from error
    return _checked(policy, spec)


def _module(module_name: str, spec: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise PolicyLoadError(
            f"policy {spec!r}: module {module_name!r} cannot be imported ({type(error).__name__}: "
            f"{error}); install it, or start in the folder that holds it"
        ) from error


def _attribute(module: Any, name: str, spec: str) -> Any:
    if not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith("_") and callable(vars(module)[n])]
        raise PolicyLoadError(
            f"policy {spec!r}: module {module.__name__!r} has no {name!r}; "
            f"it has: {', '.join(sorted(public)) or 'nothing callable'}"
        )
    return getattr(module, name)


def _required_arguments(target: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return 0
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return sum(p.default is p.empty and p.kind not in variadic for p in parameters)


def _checked(policy: Any, spec: str) -> Policy:
    for method, arguments in (("reset", "seed, instruction"), ("act", "observation")):
        if not callable(getattr(policy, method, None)):
            raise PolicyLoadError(
                f"policy {spec!r}: {type(policy).__name__} has no method {method}({arguments}); "
                "a policy needs both reset and act"
            )
    checked: Policy = policy
    return checked
