# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What each launch consists of, once: for the launch files and for `robomd`."""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import PACKAGE, absolute_path, config_file, share_path
from robomd_ros.core.variations import Catalogue
from robomd_ros.core.yaml_text import load_yaml
from robomd_ros.ros.parameter_tables import CAMPAIGN, REPORT, TABLES, campaign_config
from robomd_ros.ros.parameters import Parameter, check_file, unknown_name

CAMPAIGN_NAMESPACE = "/robomd"
_LAST_DOMAIN = 101
"""The highest ROS_DOMAIN_ID whose ports are free of the system's ephemeral ones on Linux."""

_MODEL = f"{CAMPAIGN_NAMESPACE}/robot_description"
"""The topic of the robot's model in the RViz configuration, whatever the cell is called."""

DISPLAY_ARGUMENTS = (
    REPORT,
    Parameter("markers", False, "publish the ranking as markers and annotated pictures"),
    Parameter("launch_rviz", False, "show them in RViz; implies markers"),
)
"""What every bring-up offers for looking at a campaign."""

SIM_ARGUMENTS = (
    *CAMPAIGN,
    Parameter("cells", 2, "simulator cells that run side by side", 1, 64),
    Parameter("out", "", "campaign folder; an existing one is resumed; empty: a new one"),
    Parameter("params_file", "sim", "parameter file: a shipped name or the path of a file"),
    Parameter("linger", 5.0, "s that the nodes stay after the end, for late subscribers", 0, 86400),
    *DISPLAY_ARGUMENTS,
)
"""Arguments of diagnose_sim.launch.py and of `robomd sim`."""


_SHARED = {name: f"{name}:=" for name in ("task", "catalogue", "policy", "horizon")}
SetByBringup = Mapping[str, Mapping[str, str]]
"""node -> parameter that a parameter file may not set -> what to give instead."""

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


@dataclass(frozen=True)
class NodeProcess:
    """One process of a bring-up.

    Attributes:
        executable: entry point of the package.
        module: the Python module with its main(), for starting it without `ros2 run`; "" where it
            is a program of another package.
        namespace: absolute.
        parameters: all of the node's parameters that differ from the defaults.
        respawn: start it again when it dies.
        package: the ROS package of the executable.
        arguments: of the command line, before those of ROS.
        window: a person may close it at any time; the campaign goes on.
    """

    executable: str
    module: str
    namespace: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    respawn: bool = True
    package: str = PACKAGE
    arguments: tuple[str, ...] = ()
    window: bool = False

    @property
    def name(self) -> str:
        """Unique among the processes: namespace and executable."""
        return f"{self.namespace.strip('/')}/{self.executable}"

    def command(self) -> list[str]:
        """The command that starts it: a module of this Python, or a program on the PATH."""
        if not self.module:
            return [self.executable, *self.arguments, *self.ros_arguments()]
        return [sys.executable, "-u", "-m", self.module, *self.ros_arguments()]

    def ros_arguments(self) -> list[str]:
        """Command line arguments that give the node its namespace and parameters."""
        arguments = ["--ros-args", "-r", f"__ns:={self.namespace}"]
        for name, value in self.parameters.items():
            # JSON is YAML with every text in quotes: a policy called "1" stays a text
            arguments += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
        return arguments


@dataclass(frozen=True)
class ToolProcess:
    """A process of a bring-up that is no node of ours.

    Attributes:
        name: unique among the processes.
        arguments: program and arguments.
        respawn: start it again when it dies.
        window: as of NodeProcess.
    """

    name: str
    arguments: tuple[str, ...]
    respawn: bool = True
    window: bool = False

    def command(self) -> list[str]:
        """The command that starts it."""
        return list(self.arguments)


AnyProcess = NodeProcess | ToolProcess


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
    given: Mapping[str, Any], table: Sequence[Parameter], set_by: SetByBringup = _SET_BY_SIM
) -> dict[str, Any]:
    """All arguments: those given, else those in the parameter file, else the defaults.

    Args:
        given: checked values by name.
        table: the arguments of the bring-up.
        set_by: what its parameter file may not set.

    Returns:
        Values by name; `out` is an absolute folder, new if none was given.

    Raises:
        ConfigurationError: the parameter file has an unknown node, parameter or value.
    """
    values = {p.name: p.default for p in table}
    path = config_file("params", given.get("params_file", values["params_file"]))
    check_file(path, TABLES)
    for node, name, value in _file_values(path):
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
    values["out"] = str(_campaign_path(values["out"], values["task"]))
    return values


def _default_search(table: Sequence[Parameter]) -> Any:
    return next(p.default for p in table if p.name == "search")


def _file_values(path: Path) -> list[tuple[str, str, Any]]:
    document = load_yaml(path.read_text(encoding="utf-8"))
    return [
        (str(node).rsplit("/", 1)[-1], name, value)
        for node, content in document.items()
        for name, value in content["ros__parameters"].items()
    ]


def node_parameters(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the parameter file of resolved arguments says, by node; nodes it lacks have nothing."""
    by_node: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    for node, name, value in _file_values(Path(values["params_file"])):
        by_node[node][name] = value
    return by_node


def _campaign_path(given: str, task: str) -> Path:
    """The absolute campaign folder; if none is given, one named for the task and the time."""
    if given:
        return absolute_path(given)
    return Path("campaigns", f"{task}-{time.strftime('%Y%m%d-%H%M%S')}").absolute()


def sim_processes(values: Mapping[str, Any], exit_when_done: bool = True) -> list[NodeProcess]:
    """The processes of a diagnosis in simulation.

    Args:
        values: resolved SIM_ARGUMENTS.
        exit_when_done: the diagnosis node ends some time (`linger`) after the campaign.
    """
    by_node = node_parameters(values)
    cells = [f"cell_{i}" for i in range(values["cells"])]
    campaign = {p.name: values[p.name] for p in CAMPAIGN}
    diagnosis = {
        **by_node["diagnosis_node"],
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
            "diagnosis_node", "robomd_ros.nodes.diagnosis_node", CAMPAIGN_NAMESPACE, diagnosis
        )
    ]
    shared = {name: values[name] for name in ("task", "catalogue", "policy", "horizon")}
    for cell in cells:
        namespace = f"{CAMPAIGN_NAMESPACE}/{cell}"
        perturbation = {**by_node["perturbation_node"], "backend": "simulator"}
        sim = {**by_node["sim_bridge_node"], **shared}
        processes += [
            NodeProcess(
                "perturbation_node", "robomd_ros.nodes.perturbation_node", namespace, perturbation
            ),
            NodeProcess("sim_bridge_node", "sim_bridge.sim_bridge_node", namespace, sim),
        ]
    return processes + display_processes(values, cells)


def display_processes(
    values: Mapping[str, Any],
    cells: Sequence[str],
    frame: str = "world",
    make_model: Callable[[str], list[ToolProcess]] | None = None,
) -> list[AnyProcess]:
    """The processes that show a campaign: none, the markers, or the markers and RViz.

    Args:
        values: resolved arguments with DISPLAY_ARGUMENTS and params_file among them.
        cells: names of the diagnosis' cells.
        frame: where the board of bars stands unless the parameter file says otherwise.
        make_model: from the first cell's namespace to what publishes its robot_description and
            /tf; nothing where no model is installed.
    """
    if not (values["markers"] or values["launch_rviz"]):
        return []
    node = "ranking_markers_node"
    parameters = {"frame": frame, **node_parameters(values)[node], "cells": list(cells)}
    markers = NodeProcess(node, f"robomd_ros.nodes.{node}", CAMPAIGN_NAMESPACE, parameters)
    if not values["launch_rviz"]:
        return [markers]
    namespace = f"{CAMPAIGN_NAMESPACE}/{cells[0]}"
    model = make_model(namespace) if make_model is not None else []
    config = share_path(f"config/rviz/{'robomd_robot' if model else 'robomd'}.rviz")
    arguments = ["-d", str(config), "-f", str(parameters["frame"])]
    if model:
        arguments += ["--ros-args", "-r", f"{_MODEL}:={namespace}/robot_description", "--"]
    rviz = NodeProcess(
        "rviz2", "", CAMPAIGN_NAMESPACE, respawn=False, package="rviz2", arguments=tuple(arguments),
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


def claim_domain() -> IO[str]:
    """Take a ROS domain of this host for one diagnosis, so that two never share cells.

    If the user has set ROS_DOMAIN_ID it is that one, else the first free one, which is then set
    for this process and its children.

    Returns:
        The lock; it is held until the file is closed and all children are gone.

    Raises:
        ConfigurationError: ROS_DOMAIN_ID is no number in [0, 101], or a diagnosis runs there.
    """
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if given and not (given.isdecimal() and int(given) <= _LAST_DOMAIN):
        raise ConfigurationError(
            f"ROS_DOMAIN_ID must be a number from 0 to {_LAST_DOMAIN}; got {given!r}"
        )
    for number in [int(given)] if given else range(_LAST_DOMAIN + 1):
        lock = _locked(Path(tempfile.gettempdir(), f"robomd-domain-{number}.lock"))
        if lock is not None:
            os.environ["ROS_DOMAIN_ID"] = str(number)
            return lock
    raise ConfigurationError(
        f"another diagnosis runs in ROS_DOMAIN_ID={given or 'every domain'} on this machine; "
        "end it, or set another ROS_DOMAIN_ID"
    )


def _locked(path: Path) -> IO[str] | None:
    """The locked file; None if somebody else holds it."""
    try:
        handle = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o666), "r+", encoding="utf-8")
        with contextlib.suppress(OSError):
            path.chmod(0o666)  # another user may take the domain later
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    return handle


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
    from sim_bridge.tasks.lift import task  # noqa: PLC0415
    from sim_bridge.worker import WorkerCell  # noqa: PLC0415

    task(values["task"])
    config, catalogue = campaign_config(values)
    check_campaign(Path(values["out"]), config, catalogue)
    check_encoders(config)
    timeouts = {
        name: float(value)
        for node, name, value in _file_values(Path(values["params_file"]))
        if node == "sim_bridge_node" and name in ("trial_timeout", "start_timeout")
    }
    options = SimulatorOptions(
        task=config.task,
        policy=config.policy,
        catalogue=catalogue,
        horizon=config.horizon,
        **timeouts,
    )
    cell = WorkerCell("check", options)
    try:
        cell.connect()
    finally:
        cell.close()
    return catalogue
