# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What both launch files share: they start what `robomd plan` says.

A launch file runs in the Python of ROS, which has neither this package's requirements nor, where it
is installed into a virtual environment, this package. So only launch and the standard library are
imported here; the arguments come from arguments.json, made by `robomd plan --arguments`.
"""

import inspect
import json
import os
import tempfile
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from launch import Action, LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    PopEnvironment,
    PopLaunchConfigurations,
    PushEnvironment,
    PushLaunchConfigurations,
    Shutdown,
)
from launch.events.process import ProcessExited
from launch.logging import launch_config
from launch.substitutions import LaunchConfiguration
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

PACKAGE = "robomd_ros"
EXIT_CONFIGURATION = 2
"""Exit code of a process of ours that refused its configuration; it has said why."""
STARTER = {"ROBOMD_START": json.dumps({"starter": os.getpid()})}
"""Tells a process of ours whose end it must not outlive; it watches this process from then on."""
_OF_LAUNCH = (
    "launch-prefix",
    "launch-prefix-filter",
    "emulate_tty",
    "sigterm_timeout",
    "sigkill_timeout",
)
"""Arguments that launch itself takes, in every launch file."""


def describe(kind: str) -> LaunchDescription:
    """The launch description of a diagnosis.

    Args:
        kind: sim or ur5e.
    """
    arguments = json.loads(Path(__file__).with_name("arguments.json").read_text())[kind]
    include = _include(f"diagnose_{kind}.launch.py")
    given: dict[str, str] = {}

    def note_given(context: LaunchContext) -> None:
        """Before the defaults are declared: what whoever includes this file has set."""
        _check_names(context, include, [a["name"] for a in arguments])
        for argument in arguments:
            value = context.launch_configurations.pop(argument["name"], "")
            if value:  # an empty one is as good as none
                given[argument["name"]] = context.launch_configurations[argument["name"]] = value

    return LaunchDescription(
        [
            PushLaunchConfigurations(),  # the defaults are nobody else's
            OpaqueFunction(function=note_given),
            *(_declared(argument) for argument in arguments),
            OpaqueFunction(function=lambda context: _check(context, kind, given)),
            PopLaunchConfigurations(),
        ]
    )


def _declared(argument: dict[str, Any]) -> DeclareLaunchArgument:
    return DeclareLaunchArgument(
        argument["name"],
        default_value=argument["default"],
        description=argument["description"],
        choices=argument["choices"] or None,
    )


def _include(file_name: str) -> IncludeLaunchDescription | None:
    """The action that loads the launch file, with the arguments that are meant for it alone.

    Launch keeps all arguments of all files in one table; which of them were given to this file
    stands only in that action, which is among the callers.
    """
    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, IncludeLaunchDescription):
            location = caller.launch_description_source.location
            return caller if Path(location).name == file_name else None
        frame = frame.f_back
    return None


def _check_names(
    context: LaunchContext, include: IncludeLaunchDescription | None, known: list[str]
) -> None:
    names = [
        perform_substitutions(context, normalize_to_list_of_substitutions(name))
        for name, _ in (include.launch_arguments if include is not None else ())
    ]
    for name in names:
        if name not in known and name not in _OF_LAUNCH:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise RuntimeError(f"unknown argument {name!r}; {hint}")


def _check(
    context: LaunchContext, kind: str, given: dict[str, str]
) -> list[LaunchDescriptionEntity]:
    """Start the program that checks everything; what it writes is started when it has ended."""
    own = LaunchConfiguration("namespace").perform(context)
    pushed = context.launch_configurations.get("ros_namespace")
    arguments = {**given, "namespace": make_namespace_absolute(prefix_namespace(pushed, own))}
    with tempfile.NamedTemporaryFile(
        prefix="robomd_plan_", suffix=".json", dir=_log_folder(), delete=False
    ) as file:
        path = Path(file.name)
    program = ExecuteProcess(
        cmd=[
            ExecutableInPackage("robomd", PACKAGE),
            *("plan", "--write", str(path), kind),
            *(f"{name}:={value}" for name, value in arguments.items()),
        ],
        name="robomd_plan",
        prefix="",  # a debugger that the user asked for is for the nodes
        additional_env=STARTER,
        output="own_log",
        # as they are where this file is included, for that scope is gone when the check has ended
        on_exit=_on_planned(path, dict(context.launch_configurations), dict(context.environment)),
    )
    return [LogInfo(msg="checking the configuration before anything starts ..."), program]


def _log_folder() -> str:
    return str(Path(launch_config.get_log_file_path("launch.log")).parent)


def _on_planned(
    path: Path, configurations: dict[str, Any], environment: dict[str, str]
) -> Callable[[ProcessExited, LaunchContext], list[LaunchDescriptionEntity]]:
    def enter_scope(context: LaunchContext) -> None:
        context.launch_configurations.clear()
        context.launch_configurations.update(configurations)
        context.environment.clear()
        context.environment.update(environment)

    def start(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if context.is_shutdown:
            return []
        text = path.read_text(encoding="utf-8")
        plan = json.loads(text) if text else {}
        if event.returncode or not plan:
            died = f"the check died with exit code {event.returncode}; see {_log_folder()}"
            raise RuntimeError(plan.get("error", died))
        defaults = {k: v for k, v in plan["environment"].items() if k not in environment}
        return [
            PushLaunchConfigurations(),
            PushEnvironment(),
            OpaqueFunction(function=enter_scope),
            *(LogInfo(msg=line) for line in plan["say"]),
            *(_action(process, {**defaults, **STARTER}) for process in plan["processes"]),
            PopEnvironment(),
            PopLaunchConfigurations(),
        ]

    return start


def _action(process: dict[str, Any], environment: dict[str, str]) -> Action:
    common = {
        "output": "screen",
        "respawn": process["respawn"],
        "respawn_delay": 1.0,
        "additional_env": environment,
        "on_exit": _on_exit(process),
    }
    if "command" in process:
        return ExecuteProcess(cmd=process["command"], name=process["name"], **common)
    return Node(
        package=process["package"],
        executable=process["executable"],
        namespace=process["namespace"],
        ros_arguments=process["ros_arguments"],
        **common,
    )


def _on_exit(
    process: dict[str, Any],
) -> Callable[[ProcessExited, LaunchContext], list[LaunchDescriptionEntity]]:
    def ended(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if context.is_shutdown:
            return []
        name, code = process["name"], event.returncode
        if code == EXIT_CONFIGURATION and "package" in process:
            raise RuntimeError(f"{name} refused its configuration; its message stands above")
        if "goes_on" not in process:
            return []
        if code:
            raise RuntimeError(
                f"{name} ended with exit code {code} before the campaign had finished; its "
                f"messages stand above, and {process['goes_on']} goes on with it"
            )
        return [Shutdown(reason="the campaign has ended")]

    return ended
