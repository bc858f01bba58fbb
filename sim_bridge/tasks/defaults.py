# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What goes with a task where nobody has said it: its catalogue, its expert, its robot."""

import importlib.util
import os
import tempfile
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import config_file
from sim_bridge.tasks.robosuite_task import RobosuiteTask
from sim_bridge.tasks.task import SIMULATED_ROBOT, TASKS, plain_name, simulated_task

EXPERT = "expert"
"""As a policy: the scripted expert of the task."""


def with_robot(task: str, robot: str) -> str:
    """The task with this arm, ours in lower case; ConfigurationError if it names another arm."""
    if plain_name(task).lower() in TASKS.own:
        name, mark, arguments = task.partition("?")
        task = name.strip().lower() + mark + arguments
    if not robot or f"robot={robot}" in task.partition("?")[2].split("&"):
        return task
    if "robot=" in task.partition("?")[2]:
        raise ConfigurationError(f"the task {task!r} names its robot; leave out robot:={robot}")
    if task == "lift":  # it places the arm itself
        if robot == SIMULATED_ROBOT:
            return task
        raise ConfigurationError(
            f"the task 'lift' is for a {SIMULATED_ROBOT}; got robot:={robot}: give another "
            "task, or leave out robot:="
        )
    return f"{task}{'&' if '?' in task else '?'}robot={robot}"


def expert_of(task: str) -> str:
    """The specification of the task's expert as a policy; ConfigurationError if it has none."""
    name = plain_name(task).lower()
    module = f"sim_bridge.experts.{name}"
    if name not in TASKS.own or importlib.util.find_spec(module) is None:
        raise ConfigurationError(
            f"the task {name!r} has no scripted expert; give policy:=<name, file, or python:...>"
        )
    kind = "ScriptedExpert" if name == "lift" else f"{name.title()}Expert"
    return f"python:{module}:{kind}"


def catalogue_of(task: str, otherwise: str) -> str:
    """Name of the shipped catalogue of a task, or the path of one that is made now.

    Args:
        task: with its arguments.
        otherwise: of a task that has no environment of robosuite's: its edits are its own.

    Raises:
        ConfigurationError: robosuite cannot make the task, or there is nowhere to write.
    """
    name = plain_name(task).lower()
    if name in TASKS.own:
        try:
            config_file("variations", name)
        except ConfigurationError:
            return str(_made(task))
        return name
    try:
        placed_by_robosuite = isinstance(simulated_task(task), RobosuiteTask)
    except ConfigurationError:
        return otherwise  # what is wrong with the task is said where the diagnosis is checked
    return str(_made(task)) if placed_by_robosuite else otherwise


def horizon_of(task: str, otherwise: int) -> int:
    """Steps that the task gives a rollout; `otherwise` where the task is unknown or not imported.

    What is wrong with a task is said where the diagnosis is checked.
    """
    try:
        return int(simulated_task(task).horizon)
    except ConfigurationError:
        return otherwise


def _made(task: str) -> Path:
    from sim_bridge.engine.models import cache_folder  # noqa: PLC0415 - MuJoCo is heavy
    from sim_bridge.tasks.generated_catalogue import text  # noqa: PLC0415

    content = text(task)
    name = "".join(c if c.isalnum() else "_" for c in plain_name(task))
    path = cache_folder() / "variations" / f"{name}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        raise ConfigurationError(
            f"the generated catalogue of {task!r} cannot be written to {path}: {error}; write one "
            "with python -m sim_bridge.tasks.generated_catalogue, and give it as catalogue:="
        ) from error
    return path
