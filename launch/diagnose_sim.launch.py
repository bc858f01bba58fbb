# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Diagnose a policy in simulation: `ros2 launch robomd_ros diagnose_sim.launch.py`.

The processes are those of robomd_ros.bringup.sim.sim_processes, the same that `robomd sim` starts.
"""

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import LogInfo, OpaqueFunction

from robomd_ros.bringup import sim as bringup
from robomd_ros.bringup.arguments import parse_arguments
from robomd_ros.bringup.domain import claim_domain
from robomd_ros.bringup.launch_actions import (
    actions,
    declarations,
    exits_when_done,
    given_arguments,
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; which processes there are depends on their values."""
    declared = declarations(bringup.SIM_ARGUMENTS)
    return LaunchDescription([*declared, OpaqueFunction(function=_processes)])


def _processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Check everything, then start; an error here ends the launch with its message."""
    table = bringup.SIM_ARGUMENTS
    given = given_arguments(context, table)
    values = bringup.resolve_sim(parse_arguments(given, table))
    context.extend_globals({"robomd_domain": claim_domain()})  # held as long as the launch
    bringup.check_sim(values)
    ends = exits_when_done(context)
    processes = bringup.sim_processes(values, exit_when_done=ends)
    return [LogInfo(msg=f"campaign folder: {values['out']}"), *actions(processes, ends)]
