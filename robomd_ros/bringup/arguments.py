# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arguments of a bring-up: written as name:=value, or in its parameter file."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from robomd_ros.bringup.parameter_file import ParameterFile
from robomd_ros.core.arguments import Arguments
from robomd_ros.core.campaign.parameters import CampaignParameters, DiagnosisParameters
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import default_of, option, options, taken
from robomd_ros.core.share import NAMESPACE, absolute_path, config_file

_NAMESPACE = re.compile(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)
SetByBringup = Mapping[str, Mapping[str, str]]
"""node -> parameter that a parameter file may not set -> what to give instead."""


class DisplayArguments(Arguments):
    """What every bring-up offers for looking at a campaign."""

    report: bool = taken(DiagnosisParameters, "report")
    markers: bool = option(False, "publish the ranking as markers and annotated pictures")
    launch_rviz: bool = option(False, "show them in RViz; implies markers")


class BringupArguments(DisplayArguments, CampaignParameters):
    """Of every bring-up."""

    namespace: str = option(
        NAMESPACE, "namespace of the diagnosis; every cell is a namespace below it"
    )
    out: str = option("", "campaign folder; an existing one is resumed; empty: a new one")
    linger: float = taken(
        DiagnosisParameters,
        "linger",
        default=5.0,
        doc="time that the nodes stay after the end, for late subscribers",
    )


def resolve(
    given: Mapping[str, Any],
    model: type[BringupArguments],
    set_by: SetByBringup,
    nodes: Callable[[Mapping[str, Any]], Sequence[str]],
) -> dict[str, Any]:
    """All arguments: those given, else those in the parameter file, else the defaults.

    Args:
        given: checked values by name.
        model: the arguments of the bring-up.
        set_by: what its parameter file may not set.
        nodes: from all arguments to the full names of the nodes that there may be.

    Returns:
        Values by name; `out` is an absolute folder, new if none was given; `namespace` is absolute.

    Raises:
        ConfigurationError: the parameter file has an unknown node, parameter or value; or the
            namespace is none.
    """
    values = {**dict(model()), **given}
    values["namespace"] = absolute_namespace(values["namespace"])
    file = ParameterFile.read(config_file("params", values["params_file"]))
    full_names = nodes(values)
    file.check_nodes(full_names)
    for full_name in full_names:
        node = full_name.rsplit("/", 1)[-1]
        found = file.of(full_name)
        for name in found:
            instead = set_by.get(node, {}).get(name)
            if instead is not None:
                raise ConfigurationError(
                    f"{file.path}: {name} of {node} is set by the bring-up; give instead: {instead}"
                )
        if node == DiagnosisParameters.node:
            values |= {n: v for n, v in found.items() if n in options(model) and n not in given}
    values["params_file"] = str(file.path)
    if values["action_space"] == "embedding" and values["search"] == default_of(model, "search"):
        values["search"] = "embedding"
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


def node_parameters(values: Mapping[str, Any], full_name: str) -> dict[str, Any]:
    """What the parameter file of resolved arguments says to the node of this full name."""
    return ParameterFile.read(Path(values["params_file"])).of(full_name)


def _campaign_path(given: str, task: str) -> Path:
    """The absolute campaign folder; if none is given, one named for the task and the time."""
    if given:
        return absolute_path(given)
    name = task.partition("?")[0].rpartition(":")[2]  # of python:<module>:<callable>
    return Path("campaigns", f"{name}-{time.strftime('%Y%m%d-%H%M%S')}").absolute()
