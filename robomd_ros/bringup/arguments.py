# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arguments of a bring-up: written as name:=value, or in its parameter file."""

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import absolute_path, config_file
from robomd_ros.core.yaml_text import load_yaml
from robomd_ros.ros.parameter_tables import TABLES
from robomd_ros.ros.parameters import Parameter, check_file, unknown_name

NAMESPACE = Parameter(
    "namespace", "robomd", "namespace of the diagnosis; every cell is a namespace below it"
)
_NAMESPACE = re.compile(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)
SetByBringup = Mapping[str, Mapping[str, str]]
"""node -> parameter that a parameter file may not set -> what to give instead."""


def parse_arguments(given: Sequence[str], table: Sequence[Parameter]) -> dict[str, Any]:
    """Launch-style arguments, `name:=value`, typed and checked; only those given.

    Raises:
        ConfigurationError: malformed, unknown, given twice, or a value that is not allowed.
    """
    by_name = {p.name: p for p in table}
    values: dict[str, Any] = {}
    for argument in given:
        name, separator, text = argument.partition(":=")
        if not separator:
            raise ConfigurationError(f"arguments are written name:=value; got {argument!r}")
        if name not in by_name:
            raise unknown_name(name, by_name, "argument")
        if name in values:
            raise ConfigurationError(f"argument {name!r} is given twice; give it once")
        values[name] = by_name[name].parse(text)
    return values


def resolve(
    given: Mapping[str, Any], table: Sequence[Parameter], set_by: SetByBringup
) -> dict[str, Any]:
    """All arguments: those given, else those in the parameter file, else the defaults.

    Args:
        given: checked values by name.
        table: the arguments of the bring-up.
        set_by: what its parameter file may not set.

    Returns:
        Values by name; `out` is an absolute folder, new if none was given; `namespace` is absolute.

    Raises:
        ConfigurationError: the parameter file has an unknown node, parameter or value; or the
            namespace is none.
    """
    values = {p.name: p.default for p in table}
    path = config_file("params", given.get("params_file", values["params_file"]))
    check_file(path, TABLES)
    for node, name, value in file_values(path):
        instead = set_by.get(node, {}).get(name)
        if instead is not None:
            raise ConfigurationError(
                f"{path}: {name} of {node} is set by the bring-up; give instead: {instead}"
            )
        if node == "diagnosis_node" and name in values:
            values[name] = value
    values = {**values, **given, "params_file": str(path)}
    if values["action_space"] == "embedding" and values["search"] == _default_search(table):
        values["search"] = "embedding"
    values["namespace"] = absolute_namespace(values["namespace"])
    values["out"] = str(_campaign_path(values["out"], values["task"]))
    return values


def absolute_namespace(text: str) -> str:
    """The namespace as ROS writes it, with a slash at its start.

    Raises:
        ConfigurationError: it is none, or the root.
    """
    if not _NAMESPACE.fullmatch(text):
        raise ConfigurationError(
            "namespace must be names of letters, digits and underscores with a slash between "
            f"them, e.g. robomd or lab/bench_2; got {text!r}"
        )
    return f"/{text.lstrip('/')}"


def _default_search(table: Sequence[Parameter]) -> Any:
    return next(p.default for p in table if p.name == "search")


def file_values(path: Path) -> list[tuple[str, str, Any]]:
    """(node, parameter, value) of everything in a parameter file."""
    document = load_yaml(path.read_text(encoding="utf-8"))
    return [
        (str(node).rsplit("/", 1)[-1], name, value)
        for node, content in document.items()
        for name, value in content["ros__parameters"].items()
    ]


def node_parameters(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the parameter file of resolved arguments says, by node; nodes it lacks have nothing."""
    by_node: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    for node, name, value in file_values(Path(values["params_file"])):
        by_node[node][name] = value
    return by_node


def _campaign_path(given: str, task: str) -> Path:
    """The absolute campaign folder; if none is given, one named for the task and the time."""
    if given:
        return absolute_path(given)
    return Path("campaigns", f"{task}-{time.strftime('%Y%m%d-%H%M%S')}").absolute()
