# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Turns a bring-up into launch actions; what the launch files share."""

from collections.abc import Iterable, Sequence

from launch import Action, LaunchContext, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from robomd_ros.bringup.processes import CAMPAIGN_NAMESPACE, AnyProcess, NodeProcess
from robomd_ros.core.share import PACKAGE
from robomd_ros.ros.parameters import Parameter

EXIT_WHEN_DONE = "exit_when_done"
_DISCOVERY = "ROS_AUTOMATIC_DISCOVERY_RANGE"


def declarations(table: Iterable[Parameter]) -> list[LaunchDescriptionEntity]:
    """The launch arguments of a bring-up.

    Each is empty unless given: the parameter file or the default then decides.
    """
    return [
        *(_declared(parameter) for parameter in table),
        DeclareLaunchArgument(
            EXIT_WHEN_DONE,
            default_value="false",
            choices=["true", "false"],
            description="shut everything down when the campaign has ended",
        ),
        # discovery stays on this host unless the user's environment widens it
        SetEnvironmentVariable(
            _DISCOVERY, EnvironmentVariable(_DISCOVERY, default_value="LOCALHOST")
        ),
    ]


def _declared(parameter: Parameter) -> DeclareLaunchArgument:
    choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
    default = parameter.default if parameter.default != "" else "empty"
    description = f"{parameter.description}{choices}; default: {default}"
    return DeclareLaunchArgument(parameter.name, default_value="", description=description)


def given_arguments(context: LaunchContext, table: Iterable[Parameter]) -> list[str]:
    """The arguments that were given, as `name:=value`."""
    texts = {p.name: LaunchConfiguration(p.name).perform(context) for p in table}
    return [f"{name}:={text}" for name, text in texts.items() if text]


def exits_when_done(context: LaunchContext) -> bool:
    """Whether the launch ends with the campaign."""
    return bool(LaunchConfiguration(EXIT_WHEN_DONE).perform(context) == "true")


def actions(processes: Sequence[AnyProcess], exit_when_done: bool) -> list[Action]:
    """The processes of a bring-up, and the view on the screen."""
    monitor = Node(
        package=PACKAGE, executable="monitor_node", namespace=CAMPAIGN_NAMESPACE, output="screen"
    )
    return [*(_action(process, exit_when_done) for process in processes), monitor]


def _action(process: AnyProcess, exit_when_done: bool) -> Action:
    if not isinstance(process, NodeProcess):
        return ExecuteProcess(
            cmd=process.command(),
            name=process.name,
            respawn=process.respawn,
            respawn_delay=1.0,
            output="screen",
        )
    ends_all = exit_when_done and process.executable == "diagnosis_node"
    return Node(
        package=process.package,
        executable=process.executable,
        namespace=process.namespace,
        arguments=list(process.arguments),
        parameters=[dict(process.parameters)],
        respawn=process.respawn and not ends_all,
        respawn_delay=1.0,
        output="screen",
        on_exit=[Shutdown(reason="the campaign has ended")] if ends_all else None,
    )
