# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a launch file is to start, checked and written as JSON: `robomd plan`.

A launch file runs in the Python of ROS, which need not have what this package needs. It starts this
program, which runs in the package's own Python, and then starts what the program wrote.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robomd_ros.bringup.domain import domain_in_use
from robomd_ros.bringup.processes import AnyProcess, NodeProcess, process_defaults
from robomd_ros.bringup.sim import SimArguments, check_sim, resolve_sim, sim_processes
from robomd_ros.bringup.ur5e import Ur5eArguments, check_ur5e, resolve_ur5e, ur5e_processes
from robomd_ros.core.arguments import Arguments, parse_arguments
from robomd_ros.core.campaign.parameters import DiagnosisParameters
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.schema import Option, default_of, options, taken
from robomd_ros.core.share import PACKAGE
from robomd_ros.ros.driving import Driving

Values = Mapping[str, Any]


class LaunchArguments(Arguments):
    """Of a launch file, besides those of its bring-up."""

    exit_when_done: bool = taken(
        DiagnosisParameters,
        "exit_when_done",
        doc="end the launch with the campaign; its exit code is 0 if the campaign has finished",
    )


class SimLaunch(LaunchArguments, SimArguments):
    """Of diagnose_sim.launch.py."""


class Ur5eLaunch(LaunchArguments, Ur5eArguments):
    """Of diagnose_ur5e.launch.py."""


@dataclass(frozen=True)
class Bringup:
    """One kind of diagnosis that can be launched.

    Attributes:
        arguments: of its launch file.
        resolve: from the given values to all values.
        check: raises what is wrong with them.
        processes: from the values, and whether the diagnosis node ends with the campaign.
    """

    arguments: type[LaunchArguments]
    resolve: Callable[[Values], dict[str, Any]]
    check: Callable[[Values], object]
    processes: Callable[[Values, bool], Sequence[AnyProcess]]


BRINGUPS = {
    "sim": Bringup(SimLaunch, resolve_sim, check_sim, sim_processes),
    "ur5e": Bringup(Ur5eLaunch, resolve_ur5e, check_ur5e, ur5e_processes),
}
"""By the word after `robomd plan`."""


def plan(kind: str, given: Sequence[str]) -> dict[str, Any]:
    """Check a diagnosis and say what it consists of.

    Args:
        kind: of BRINGUPS.
        given: arguments, `name:=value`.

    Returns:
        Plain values: `say`, lines for the person who launches; `environment`, variables that the
        processes are to have unless they are set; `processes`, see `_described`.

    Raises:
        RoboMDError: what is wrong, the value, and the remedy.
    """
    if kind not in BRINGUPS:
        raise ConfigurationError(f"robomd plan takes one of {', '.join(BRINGUPS)}; got {kind!r}")
    bringup = BRINGUPS[kind]
    arguments = parse_arguments(given, bringup.arguments)
    ends = arguments.pop("exit_when_done", default_of(LaunchArguments, "exit_when_done"))
    values = bringup.resolve(arguments)
    domain, namespace = domain_in_use(), values["namespace"]
    Driving(domain, [namespace]).release()  # said before the checks, which take their time
    bringup.check(values)
    monitor = NodeProcess("monitor_node", "robomd_ros.nodes.monitor_node", namespace)
    say = [f"{namespace} in ROS_DOMAIN_ID={domain}, campaign folder: {values['out']}"]
    if "cell" in values:
        prompt = f"ros2 run {PACKAGE} operator_prompt --ros-args -r __ns:={namespace}"
        say.append(
            "answer what is asked at the cell in another terminal: "
            f"ROS_DOMAIN_ID={domain} {prompt}/{values['cell']}"
        )
    return {
        "say": say,
        "environment": process_defaults(),
        "processes": [
            _described(p, f"out:={values['out']}" if ends else "")
            for p in (*bringup.processes(values, ends), monitor)
        ],
    }


def _described(process: AnyProcess, goes_on: str) -> dict[str, Any]:
    """A node of this package by its name, anything else by command; how its end is taken."""
    known: dict[str, Any] = {"name": process.name, "respawn": process.respawn}
    if not isinstance(process, NodeProcess) or not process.module:
        return {**known, "command": process.command()}
    if goes_on and process.executable == "diagnosis_node":  # its end is that of all
        known |= {"respawn": False, "goes_on": goes_on}
    return {
        **known,
        "package": process.package,
        "executable": process.executable,
        "namespace": process.namespace,
        "ros_arguments": process.parameter_arguments(),
    }


def write_plan(path: Path, kind: str, given: Sequence[str]) -> None:
    """Write the plan, or what is wrong, as one JSON object; an error is raised all the same."""
    try:
        document = plan(kind, given)
    except RoboMDError as error:
        path.write_text(json.dumps({"error": str(error)}), encoding="utf-8")
        raise
    except Exception as error:
        what = f"the check failed: {type(error).__name__}: {error}; this is a fault of RoboMD"
        path.write_text(json.dumps({"error": what}), encoding="utf-8")
        raise
    path.write_text(json.dumps(document), encoding="utf-8")


def launch_arguments(kind: str) -> list[dict[str, Any]]:
    """The arguments of a launch file as plain values, for where this package is not importable."""
    return [
        {
            "name": one.name,
            "default": one.text,
            "description": _description(one),
            "choices": _choices(one),
        }
        for one in options(BRINGUPS[kind].arguments).values()
    ]


def _description(one: Option) -> str:
    """With what a number may be; ros2 launch itself shows the choices of others."""
    if one.choices or one.kind in ("bool", "str"):
        return one.doc
    return f"{one.doc} ({one.allowed}{f' {one.unit}' if one.unit else ''})"


def _choices(one: Option) -> list[str]:
    if one.kind == "bool":
        return ["true", "false", "True", "False"]  # as Python's launch files write them
    return list(one.choices)
