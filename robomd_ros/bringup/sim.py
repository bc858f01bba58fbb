# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a diagnosis in simulation consists of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robomd_ros.bringup.arguments import BringupArguments, SetByBringup, node_parameters, resolve
from robomd_ros.bringup.display import check_display, display_processes
from robomd_ros.bringup.processes import NodeProcess
from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.parameters import (
    CampaignParameters,
    SimBridgeParameters,
    TaskParameters,
    campaign_config,
)
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.plugins import PYTHON
from robomd_ros.core.schema import option
from robomd_ros.core.variations import Catalogue, Scene


class SimArguments(BringupArguments):
    """Of diagnose_sim.launch.py and of `robomd sim`."""

    cells: int = option(2, "simulator cells that run side by side", low=1, high=64)
    robot: str = option("", "arm that does the task, Panda or UR5e; empty: the task's own")
    params_file: str = option("sim", "parameter file: a shipped name or the path of a file")


_SHARED = {name: f"{name}:=" for name in TaskParameters.model_fields}

_SET_BY_SIM: SetByBringup = {
    "diagnosis_node": {
        "cells": "cells:=<number>",
        "campaign_dir": "out:=",
        "autostart": "nothing: it always starts",
        "exit_when_done": "linger:=",
        "linger": "linger:=",
    },
    "perturbation_node": {"backend": "nothing: it is the simulator"},
    "sim_bridge_node": _SHARED,
    "monitor_node": {},
    "ranking_markers_node": {"cells": "nothing: they are the diagnosis' own"},
}
"""Parameters that a parameter file may not set, with the argument to use instead."""


_OF_TASK = ("policy", "catalogue", "horizon")
"""What goes with a task where nobody has said it."""


def resolve_sim(given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a diagnosis in simulation; see `resolve`.

    A task that is not the default one has its own catalogue and horizon unless others are given;
    its policy must be named; "expert" is the task's scripted one.
    """
    values = resolve(given, SimArguments, _SET_BY_SIM, _full_names)
    from sim_bridge.tasks.defaults import (  # noqa: PLC0415 - only who simulates needs it
        EXPERT,
        catalogue_of,
        expert_of,
        horizon_of,
        with_robot,
    )  # fmt: skip

    default = dict(SimArguments())
    values["task"] = with_robot(values["task"], values["robot"])
    if values["policy"] == EXPERT:
        values["policy"] = expert_of(values["task"])
    if values["task"] != default["task"]:
        unsaid = {name for name in _OF_TASK if values[name] == default[name] and name not in given}
        if "policy" in unsaid and not values["task"].startswith(PYTHON):
            raise ConfigurationError(
                f"no policy is shipped for the task {values['task']!r}; give policy:=<name, file "
                f"or python:...>, or policy:={EXPERT} for the scripted expert that some tasks have"
            )
        if "catalogue" in unsaid:
            values["catalogue"] = catalogue_of(values["task"], default["catalogue"])
        if "horizon" in unsaid:
            values["horizon"] = horizon_of(values["task"], default["horizon"])
    return values


def _full_names(values: Mapping[str, Any]) -> list[str]:
    """The nodes that there may be."""
    campaign = ("diagnosis_node", "monitor_node", "ranking_markers_node")
    names = [f"{values['namespace']}/{node}" for node in campaign]
    for cell in _cells(values):
        names += [
            f"{values['namespace']}/{cell}/{n}" for n in ("perturbation_node", "sim_bridge_node")
        ]
    return names


def _cells(values: Mapping[str, Any]) -> list[str]:
    return [f"cell_{i}" for i in range(values["cells"])]


def sim_processes(values: Mapping[str, Any], exit_when_done: bool = True) -> list[NodeProcess]:
    """The processes of a diagnosis in simulation.

    Args:
        values: resolved SimArguments.
        exit_when_done: the diagnosis node ends some time (`linger`) after the campaign.
    """
    cells = _cells(values)
    campaign = {name: values[name] for name in CampaignParameters.model_fields}
    diagnosis = {
        **node_parameters(values, f"{values['namespace']}/diagnosis_node"),
        **campaign,
        "campaign_dir": str(values["out"]),
        "cells": cells,
        "autostart": True,
        "exit_when_done": exit_when_done,
        "linger": values["linger"],
        "report": values["report"],
    }
    processes = [
        NodeProcess(
            "diagnosis_node", "robomd_ros.nodes.diagnosis_node", values["namespace"], diagnosis
        )
    ]
    shared = {name: values[name] for name in TaskParameters.model_fields}
    for cell in cells:
        namespace = f"{values['namespace']}/{cell}"
        parameters = {
            **node_parameters(values, f"{namespace}/perturbation_node"),
            "backend": "simulator",
            **node_parameters(values, f"{namespace}/sim_bridge_node"),
            **shared,
        }
        processes.append(NodeProcess("sim_cell", "sim_bridge.sim_cell", namespace, parameters))
    return processes + display_processes(values, cells)


def check_encoders(config: CampaignConfig) -> None:
    """Load the encoders of a campaign that has an embedding.

    Raises:
        EncoderError: their weights cannot be loaded.
    """
    if config.action_space != "embedding":
        return
    from robomd_ros.core.embedding.encoders import make_encoders  # noqa: PLC0415 - torch is heavy

    options = config.search_options
    make_encoders(options["image_encoder"], options["text_encoder"])


def check_sim(values: Mapping[str, Any]) -> Catalogue:
    """Everything that can be wrong with a diagnosis in simulation, before anything starts.

    Starts the simulator once in a child process: the policy is loaded and asked for a command,
    and every variation is tried on the model.

    Raises:
        RoboMDError: what is wrong, the value, and the remedy.
    """
    check_display(values)
    from robomd_ros.core.campaign.stored import check_campaign  # noqa: PLC0415 - torch is heavy
    from sim_bridge.cells import SimulatorOptions  # noqa: PLC0415 - so is mujoco
    from sim_bridge.tasks.task import simulated_task  # noqa: PLC0415
    from sim_bridge.worker import WorkerCell  # noqa: PLC0415

    simulated_task(values["task"])
    config, catalogue = campaign_config(values)
    check_campaign(Path(values["out"]), config, catalogue)
    check_encoders(config)
    first = f"{values['namespace']}/{_cells(values)[0]}/sim_bridge_node"
    parameters = {**dict(SimBridgeParameters()), **node_parameters(values, first)}
    options = SimulatorOptions(
        task=config.task,
        policy=config.policy,
        python=values["python"],
        catalogue=catalogue,
        horizon=config.horizon,
        trial_timeout=parameters["trial_timeout"],
        start_timeout=parameters["start_timeout"],
    )
    cell = WorkerCell("check", options)
    try:
        cell.connect()
        cell.observe(Scene(), 0)  # a policy that needs no picture has not shown whether one comes
    finally:
        cell.close()
    return catalogue
