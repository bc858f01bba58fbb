# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Diagnose a policy on a UR5e: `ros2 launch robomd_ros diagnose_ur5e.launch.py robot_ip:=<ip>`.

The processes are those of robomd_ros.bringup.ur5e.ur5e_processes, the same that `robomd ur5e`
starts. A launched process has no keyboard: the person at the cell answers in another terminal.
"""

import os

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import LogInfo, OpaqueFunction

from robomd_ros.bringup import ur5e as bringup_ur5e
from robomd_ros.bringup.arguments import parse_arguments
from robomd_ros.bringup.domain import claim_domain
from robomd_ros.bringup.launch_actions import (
    actions,
    declarations,
    exits_when_done,
    given_arguments,
)
from robomd_ros.bringup.processes import CAMPAIGN_NAMESPACE
from robomd_ros.core.share import PACKAGE


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; which processes there are depends on their values."""
    declared = declarations(bringup_ur5e.UR5E_ARGUMENTS)
    return LaunchDescription([*declared, OpaqueFunction(function=_processes)])


def _processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Check everything, then start; an error here ends the launch with its message."""
    table = bringup_ur5e.UR5E_ARGUMENTS
    given = given_arguments(context, table)
    values = bringup_ur5e.resolve_ur5e(parse_arguments(given, table))
    context.extend_globals({"robomd_domain": claim_domain()})  # held as long as the launch
    bringup_ur5e.check_ur5e(values)
    ends = exits_when_done(context)
    processes = bringup_ur5e.ur5e_processes(values, exit_when_done=ends)
    space = f"{CAMPAIGN_NAMESPACE}/{values['cell']}"
    domain = f"ROS_DOMAIN_ID={os.environ['ROS_DOMAIN_ID']}"
    prompt = f"{domain} ros2 run {PACKAGE} operator_prompt --ros-args -r __ns:={space}"
    return [
        LogInfo(msg=f"campaign folder: {values['out']}"),
        LogInfo(msg=f"answer what is asked at the cell in another terminal: {prompt}"),
        *actions(processes, ends),
    ]
