# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a diagnosis on a UR5e consists of, with the arm or with its twin."""

import contextlib
import importlib.util
import ipaddress
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robomd_ros.arms.camera.parameters import CameraConfig, CameraParameters
from robomd_ros.arms.camera.topics import camera_topics, chosen_cameras
from robomd_ros.arms.ur5e.dashboard import DASHBOARD_PORT
from robomd_ros.arms.ur5e.parameters import ROBOTIQ_PORT, ArmParameters
from robomd_ros.arms.ur5e.rtde_probe import RTDE_PORT
from robomd_ros.bringup import driver
from robomd_ros.bringup.arguments import BringupArguments, SetByBringup, node_parameters, resolve
from robomd_ros.bringup.display import check_display, display_processes
from robomd_ros.bringup.policy_check import check_fit
from robomd_ros.bringup.processes import AnyProcess, NodeProcess, ToolProcess
from robomd_ros.bringup.robot_description import ur5e_model
from robomd_ros.bringup.sim import SimArguments, check_encoders
from robomd_ros.console.needs import check_console
from robomd_ros.core.campaign.parameters import CampaignParameters, TaskParameters, campaign_config
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.hosted.parent import program, tool
from robomd_ros.core.schema import default_of, option, taken
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Catalogue, load_catalogue
from robomd_ros.ros.node_parameters import NODES, ConsoleParameters, PolicyNodeParameters

TASK = "ur5e_tabletop"
_TWIN_PARAMETERS = "ur5e_twin"
TWIN_POLICY = "python:sim_bridge.twin.blob_policy:BlobPolicy"
_NODES = "robomd_ros.nodes"
_CAMPAIGN_NODES = ("diagnosis_node", "monitor_node", "ranking_markers_node")
_CELL_NODES = (
    "perturbation_node",
    "ur5e_node",
    driver.NODE,
    "camera_node",
    "camera_relay_node",
    "policy_node",
    "operator_prompt",
    "console_node",
)

OWN_NODE = "own_node"
"""The policy in the record of a campaign whose policy a user's own node hosts."""

TWIN_PORTS = (DASHBOARD_PORT, 30003, RTDE_PORT, ROBOTIQ_PORT)
"""What the twin listens on besides its HTTP port; the first three are fixed in ur_rtde."""
_TWIN_HTTP_PORT = 8080
_NO_ADDRESS = (
    "robot_ip is missing; give robot_ip:=<address> (pendant: Settings > System > Network), or "
    "use_twin:=true to run without a robot"
)
_CONNECT_TIMEOUT = 2.0
"""s for a controller that is there to accept a connection."""


class Ur5eArguments(BringupArguments, driver.DriverArguments):
    """Of diagnose_ur5e.launch.py, of `robomd ur5e` and of `robomd doctor`.

    A campaign with a person differs from one in simulation.
    """

    task: str = taken(TaskParameters, "task", default=TASK)
    catalogue: str = taken(TaskParameters, "catalogue", default=TASK)
    policy: str = taken(TaskParameters, "policy", default="")
    horizon: int = taken(TaskParameters, "horizon", default=300)
    search: str = taken(CampaignParameters, "search", default="thompson")
    budget: int = taken(CampaignParameters, "budget", default=60)
    arm: str = taken(
        PolicyNodeParameters,
        "arm",
        doc="how the arm is reached: as ur5e, or behind the topics of its ros2_control driver",
        choices=("ur5e", driver.ARM),
    )
    robot_ip: str = taken(ArmParameters, "robot_ip")
    use_twin: bool = option(False, "run against the simulated UR5e instead of a robot")
    camera: str = option("", "device number or path, video file, URL, or topic; empty: device 0")
    cameras: str = option(
        "", "topics of your cameras' drivers: agentview=/camera/color/image_raw,wrist=/wrist/image"
    )
    calibration: str = taken(CameraParameters, "calibration")
    gripper: str = taken(
        ArmParameters,
        "gripper",
        default="robotiq",
        choices=("robotiq", "digital_output", "action", "none"),
    )
    outcome_by: str = taken(PolicyNodeParameters, "outcome_by")
    detector: str = taken(PolicyNodeParameters, "detector")
    start_policy_node: bool = option(True, "false: your own node offers execute_policy in the cell")
    cell: str = option("ur5e", "name of the cell: its namespace below the diagnosis' own")
    console: bool = option(
        False, "serve the operator's requests as a page for a phone, opened by a QR code"
    )
    console_host: str = taken(ConsoleParameters, "host")
    record: bool = option(False, "record all topics into the campaign folder (needs rosbag2)")
    params_file: str = taken(SimArguments, "params_file", default="ur5e")


SET_BY_UR5E: SetByBringup = {
    "diagnosis_node": {
        "cells": "cell:=",
        "campaign_dir": "out:=",
        "autostart": "nothing: it always starts",
        "exit_when_done": "linger:=",
        "linger": "linger:=",
    },
    "perturbation_node": {"backend": "nothing: it is the operator"},
    "ur5e_node": {"robot_ip": "robot_ip:=", "gripper": "gripper:="},
    driver.NODE: driver.SET_BY_DRIVER,
    "camera_node": {"source": "camera:=", "calibration": "calibration:="},
    "camera_relay_node": {"topic": "camera:= or cameras:="},
    "policy_node": {
        **{name: f"{name}:=" for name in ("policy", "python", "outcome_by", "detector")},
        "arm": "arm:=",
        "cameras": "camera:= or cameras:=",
        "instruction": "catalogue:=, which holds it",
        "time_limit": "horizon:=, in policy steps of 1 / rate",
    },
    "ranking_markers_node": {"cells": "cell:="},
    "console_node": {"host": "console_host:="},
}


def resolve_ur5e(given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments; with use_twin also the address, the camera and the policy of the twin.

    Args:
        given: checked values by name.

    Raises:
        ConfigurationError: the parameter file is wrong, or arguments contradict each other.
    """
    if given.get("use_twin"):
        given = {"params_file": _TWIN_PARAMETERS, **given}
    values = resolve(given, Ur5eArguments, SET_BY_UR5E, full_names)
    values["camera"] = values["camera"] or ("" if values["cameras"] or values["use_twin"] else "0")
    if not values["use_twin"]:
        return values
    address = _twin_address(values["robot_ip"])
    camera = f"http://{address}:{_TWIN_HTTP_PORT}/camera.mjpg"
    return {
        **values,
        "robot_ip": address,
        "camera": values["camera"] or ("" if values["cameras"] else camera),
        "policy": values["policy"] or TWIN_POLICY,
    }


def full_names(values: Mapping[str, Any]) -> list[str]:
    """The nodes that there may be."""
    return [f"{_namespace(node, values)}/{node}" for node in (*_CAMPAIGN_NODES, *_CELL_NODES)]


def _namespace(node: str, values: Mapping[str, Any]) -> str:
    own = "" if node in _CAMPAIGN_NODES else f"/{values['cell']}"
    return f"{values['namespace']}{own}"


def _twin_address(given: str) -> str:
    """A loopback address whose ports are free: the one given, else the first from 127.0.0.2."""
    if given:
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(given).is_loopback:
                return given
        raise ConfigurationError(
            f"use_twin:=true and robot_ip:={given} exclude each other: the twin listens on this "
            "machine; leave robot_ip out, or give a loopback address such as 127.0.0.2"
        )
    for number in range(2, 255):
        if _is_free(f"127.0.0.{number}"):
            return f"127.0.0.{number}"
    raise ConfigurationError(
        "no address from 127.0.0.2 to 127.0.0.254 has the twin's ports free; end another twin"
    )


def _is_free(address: str) -> bool:
    """Whether nothing listens on the twin's ports of a loopback address."""
    for port in (*TWIN_PORTS, _TWIN_HTTP_PORT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def ur5e_processes(values: Mapping[str, Any], exit_when_done: bool = True) -> list[AnyProcess]:
    """The processes of a diagnosis on a UR5e.

    Args:
        values: resolved arguments.
        exit_when_done: the diagnosis node ends some time (`linger`) after the campaign.
    """
    cell = str(values["cell"])
    by_node = ur5e_parameters(values, exit_when_done)
    camera = "camera_relay_node" if named_topics(values) else "camera_node"
    names = ["diagnosis_node", "perturbation_node", arm_node(values), camera]
    if values["start_policy_node"]:
        names.append("policy_node")
    if values["console"]:
        names.append("console_node")
    nodes: list[AnyProcess] = [
        NodeProcess(
            name,
            f"{_NODES}.{name}",
            _namespace(name, values),
            by_node[name],
        )
        for name in names
    ]
    twin = [_twin(values)] if values["use_twin"] else []
    recorder = [_recorder(values)] if values["record"] else []
    model = None if by_topics(values) else ur5e_model  # a driver brings its own
    return [*twin, *nodes, *recorder, *display_processes(values, [cell], "base", model)]


def ur5e_parameters(
    values: Mapping[str, Any], exit_when_done: bool = True
) -> dict[str, dict[str, Any]]:
    """The parameters of every node that differ from its defaults, by node."""
    by_node = {
        name.rsplit("/", 1)[-1]: node_parameters(values, name) for name in full_names(values)
    }
    by_node["diagnosis_node"] |= {
        **{name: values[name] for name in CampaignParameters.model_fields},
        "campaign_dir": str(values["out"]),
        "cells": [values["cell"]],
        "autostart": True,
        "exit_when_done": exit_when_done,
        "linger": values["linger"],
        "report": values["report"],
    }
    if not values["policy"]:  # somebody else's node hosts it; the record names that
        by_node["diagnosis_node"]["policy"] = OWN_NODE
    by_node["perturbation_node"]["backend"] = "operator"
    by_node["console_node"]["host"] = values["console_host"]
    by_node["ur5e_node"] |= {"robot_ip": values["robot_ip"], "gripper": values["gripper"]}
    if by_topics(values):
        by_node[driver.NODE] |= driver.driver_parameters(values)
        arm = {**dict(NODES[driver.NODE]()), **by_node[driver.NODE]}
        by_node["policy_node"]["arm"] = driver.arm_of_policy(arm)
    if topics := named_topics(values):
        by_node["camera_relay_node"]["topic"] = next(iter(camera_topics(topics).values()))
        by_node["policy_node"]["cameras"] = topics
    by_node["camera_node"] |= {"source": values["camera"], "calibration": values["calibration"]}
    rate = by_node["policy_node"].get("rate", default_of(PolicyNodeParameters, "rate"))
    by_node["policy_node"] |= {
        **{name: values[name] for name in ("policy", "python", "outcome_by", "detector")},
        "instruction": load_catalogue(config_file("variations", values["catalogue"])).instruction,
        "time_limit": values["horizon"] / rate,
    }
    return by_node


def by_topics(values: Mapping[str, Any]) -> bool:
    """Whether the arm is behind the topics of a driver."""
    return bool(values["arm"] == driver.ARM)


def arm_node(values: Mapping[str, Any]) -> str:
    """The node that moves the arm."""
    return driver.NODE if by_topics(values) else "ur5e_node"


def named_topics(values: Mapping[str, Any]) -> list[str]:
    """The topics of the user's cameras, as policy_node takes them; none: camera_node reads one.

    Raises:
        ConfigurationError: camera and cameras contradict each other, or name no topics.
    """
    return chosen_cameras(str(values["camera"]), str(values["cameras"]))


def _twin(values: Mapping[str, Any]) -> ToolProcess:
    # no faster than anybody listens: the control cycles are most of what the twin costs
    frequency = all_parameters("ur5e_node", values)["frequency"]
    arguments = (
        f"frequency:={min(f for f in (125, 250, 500) if f >= frequency)}",
        f"address:={values['robot_ip']}",
        f"http_port:={_TWIN_HTTP_PORT}",
        f"task:={values['task']}",
        f"seed:={values['seed']}",
    )
    return ToolProcess("twin", tuple(program("sim_bridge.twin", *arguments)))


def _recorder(values: Mapping[str, Any]) -> ToolProcess:
    folder = Path(values["out"]) / "bags"
    number = sum(1 for _ in folder.glob("*")) if folder.is_dir() else 0
    target = str(folder / f"run_{number}")
    command = tool("ros2", "bag", "record", "--all", "--output", target)
    return ToolProcess("recorder", tuple(command), respawn=False)


def check_ur5e(values: Mapping[str, Any]) -> Catalogue:
    """Everything that can be wrong with a diagnosis on a UR5e, before anything starts.

    What only a connection shows (remote control, safety mode, ...) is for `robomd doctor`.

    Raises:
        RoboMDError: what is wrong, the value, and the remedy.
    """
    from robomd_ros.core.campaign.stored import check_campaign  # noqa: PLC0415 - torch is heavy

    _check_cell(str(values["cell"]))
    if not values["robot_ip"] and not by_topics(values):
        raise ConfigurationError(_NO_ADDRESS)
    check_display(values)
    if values["console"]:
        check_console(values["console_host"])
    if values["record"]:
        _check_recorder()
    config, catalogue = campaign_config({**values, "policy": values["policy"] or OWN_NODE})
    _check_devices(values)
    if values["start_policy_node"]:
        _check_policy(values)
    check_campaign(Path(values["out"]), config, catalogue)
    check_encoders(config)
    if not (values["use_twin"] or by_topics(values)):
        check_reachable(str(values["robot_ip"]))
    return catalogue


def all_parameters(node: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of a node of this bring-up, defaults included."""
    return {**dict(NODES[node]()), **ur5e_parameters(values)[node]}


def check_reachable(host: str) -> None:
    """Whether a controller answers at this address.

    Raises:
        ConfigurationError: nothing listens there.
    """
    for port, what in ((DASHBOARD_PORT, "dashboard"), (RTDE_PORT, "RTDE")):
        try:
            socket.create_connection((host, port), _CONNECT_TIMEOUT).close()
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise ConfigurationError(
                f"no robot answers at robot_ip:={host} (port {port}, {what}: {reason}); check the "
                f"address, the cable and that the robot is on, then see `robomd doctor "
                f"robot_ip:={host}`"
            ) from error


def _check_cell(name: str) -> None:
    if not name.isidentifier() or not name.isascii():
        raise ConfigurationError(
            f"cell must be a name of letters, digits and underscores; got {name!r}"
        )


def _check_recorder() -> None:
    if shutil.which("ros2") is None or importlib.util.find_spec("rosbag2_py") is None:
        raise ConfigurationError(
            "record:=true needs rosbag2, which is not installed here; install "
            "ros-<distro>-rosbag2 and source ROS, or leave record out: the campaign folder holds "
            "every trial and its picture in any case"
        )


def _check_policy(values: Mapping[str, Any]) -> None:
    """Whether the policy is named, loads, and fits the cell."""
    if not values["policy"]:
        raise ConfigurationError(
            "policy is missing; give policy:=<checkpoint file> or policy:=python:<module>:<name>, "
            "or start_policy_node:=false if your own node offers execute_policy"
        )
    if values["outcome_by"] == "detector" and not values["detector"]:
        raise ConfigurationError(
            "outcome_by is detector, but detector is missing; give "
            "detector:=python:<module>:<name>, or outcome_by:=operator"
        )
    parameters = all_parameters("policy_node", values)
    check_fit(parameters, parameters["instruction"])


def _check_devices(values: Mapping[str, Any]) -> None:
    """The configurations of the camera and of the arm; nothing is opened."""
    from robomd_ros.arms.camera.calibration import calibration_of  # noqa: PLC0415
    from robomd_ros.arms.ur5e.settings import arm_options  # noqa: PLC0415

    if not named_topics(values):
        camera = all_parameters("camera_node", values)
        CameraConfig(**camera)
        calibration_of(camera["calibration"])
    elif values["calibration"]:
        raise ConfigurationError(
            f"calibration:={values['calibration']} is for a camera that camera_node reads; leave "
            "it out: the driver of your camera publishes its own camera_info"
        )
    if by_topics(values):
        driver.check_driver(all_parameters(driver.NODE, values), values["use_twin"])
        return
    if values["gripper"] == "action":
        raise ConfigurationError(
            f"gripper:=action is for arm:={driver.ARM}; with arm:=ur5e give gripper:=robotiq, "
            "digital_output or none"
        )
    arm_options(all_parameters("ur5e_node", values))
