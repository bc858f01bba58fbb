# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a bring-up starts for looking at a campaign."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from robomd_ros.bringup.arguments import node_parameters
from robomd_ros.bringup.processes import AnyProcess, NodeProcess, ToolProcess
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import default_of
from robomd_ros.core.share import share_path
from robomd_ros.ros.node_parameters import MarkersParameters

_CONFIGURED = "/robomd"
"""Where the RViz configurations look for what they show."""


def display_processes(
    values: Mapping[str, Any],
    cells: Sequence[str],
    frame: str = default_of(MarkersParameters, "frame"),
    make_model: Callable[[str], list[ToolProcess]] | None = None,
) -> list[AnyProcess]:
    """The processes that show a campaign: none, the markers, or the markers and RViz.

    Args:
        values: resolved BringupArguments.
        cells: names of the diagnosis' cells.
        frame: where the board of bars stands unless the parameter file says otherwise.
        make_model: from the first cell's namespace to what publishes its robot_description and
            /tf; nothing where no model is installed.
    """
    if not (values["markers"] or values["launch_rviz"]):
        return []
    node = "ranking_markers_node"
    namespace = str(values["namespace"])
    given = node_parameters(values, f"{namespace}/{node}")
    parameters = {"frame": frame, **given, "cells": list(cells)}
    markers = NodeProcess(node, f"robomd_ros.nodes.{node}", namespace, parameters)
    if not values["launch_rviz"]:
        return [markers]
    cell = f"{namespace}/{cells[0]}"
    model = make_model(cell) if make_model is not None else []
    config = share_path(f"config/rviz/{'robomd_robot' if model else 'robomd'}.rviz")
    arguments = ["-d", str(config), "-f", str(parameters["frame"])]
    places = {"ranking_markers": namespace, "ranking_image": namespace}
    if model:
        places["robot_description"] = cell
    moved = [
        f"{_CONFIGURED}/{topic}:={place}/{topic}"
        for topic, place in places.items()
        if place != _CONFIGURED
    ]
    if moved:
        arguments += ["--ros-args", *(part for rule in moved for part in ("-r", rule)), "--"]
    rviz = NodeProcess(
        "rviz2", "", namespace, respawn=False, package="rviz2", arguments=tuple(arguments),
        window=True,
    )  # fmt: skip
    return [markers, *model, rviz]


def check_display(values: Mapping[str, Any]) -> None:
    """Whether RViz is there, if it is asked for.

    Raises:
        ConfigurationError: it is not.
    """
    if values["launch_rviz"] and shutil.which("rviz2") is None:
        raise ConfigurationError(
            "launch_rviz:=true needs rviz2, which is not on the PATH; install ros-<distro>-rviz2 "
            "and source ROS, or give markers:=true to publish for an RViz or Foxglove elsewhere"
        )
