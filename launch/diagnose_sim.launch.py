"""Diagnose a policy in simulation: `ros2 launch robomd_ros diagnose_sim.launch.py`.

The processes are those of robomd_ros.bringup.sim_processes, the same that `robomd sim` starts.
"""

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from robomd_ros import bringup

_EXIT_WHEN_DONE = "exit_when_done"
_DISCOVERY = "ROS_AUTOMATIC_DISCOVERY_RANGE"


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; which processes there are depends on their values."""
    return LaunchDescription(
        [
            *(_declared(parameter) for parameter in bringup.SIM_ARGUMENTS),
            DeclareLaunchArgument(
                _EXIT_WHEN_DONE,
                default_value="false",
                choices=["true", "false"],
                description="shut everything down when the campaign has ended",
            ),
            # discovery stays on this host unless the user's environment widens it
            SetEnvironmentVariable(
                _DISCOVERY, EnvironmentVariable(_DISCOVERY, default_value="LOCALHOST")
            ),
            OpaqueFunction(function=_processes),
        ]
    )


def _declared(parameter: bringup.Parameter) -> DeclareLaunchArgument:
    """An argument that is empty unless given: the parameter file or the default then decides."""
    choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
    default = parameter.default if parameter.default != "" else "empty"
    description = f"{parameter.description}{choices}; default: {default}"
    return DeclareLaunchArgument(parameter.name, default_value="", description=description)


def _processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Check everything, then start; an error here ends the launch with its message."""
    table = bringup.SIM_ARGUMENTS
    texts = {p.name: LaunchConfiguration(p.name).perform(context) for p in table}
    given = [f"{name}:={text}" for name, text in texts.items() if text]
    values = bringup.resolve(bringup.parse_arguments(given, table), table)
    context.extend_globals({"robomd_domain": bringup.claim_domain()})  # held as long as the launch
    bringup.check_sim(values)
    exit_when_done = LaunchConfiguration(_EXIT_WHEN_DONE).perform(context) == "true"
    nodes = [
        _node(process, exit_when_done)
        for process in bringup.sim_processes(values, exit_when_done=exit_when_done)
    ]
    monitor = Node(
        package=bringup.PACKAGE,
        executable="monitor_node",
        namespace=bringup.CAMPAIGN_NAMESPACE,
        output="screen",
    )
    return [LogInfo(msg=f"campaign folder: {values['out']}"), *nodes, monitor]


def _node(process: bringup.NodeProcess, exit_when_done: bool) -> Node:
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
