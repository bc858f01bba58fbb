# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node and of the campaign, each in one place."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from robomd_ros.core.campaign.config import ACTION_SPACES, MAX_BUDGET, ORDERS, CampaignConfig
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search.strategies import STRATEGIES
from robomd_ros.core.share import absolute_path, config_file
from robomd_ros.core.variations import Catalogue, load_catalogue
from robomd_ros.core.yaml_text import load_yaml
from robomd_ros.ros.parameters import Parameter

DEFAULT: Mapping[str, Any] = {f.name: f.default for f in fields(CampaignConfig)}
"""What a campaign does unless told otherwise, by name."""

_TASK = Parameter("task", "lift", "name of the task")
_CATALOGUE = Parameter("catalogue", "lift", "variation catalogue: a shipped name or a YAML file")
_POLICY = Parameter(
    "policy", "lift_bc", "policy under test: shipped name, file, python:module:name"
)
_HORIZON = Parameter(
    "horizon", DEFAULT["horizon"], "policy steps after which a rollout has failed", 1, 100_000
)

CAMPAIGN = (
    _TASK,
    _CATALOGUE,
    _POLICY,
    _HORIZON,
    Parameter("variations", "", "ids to diagnose, separated by commas; empty: whole catalogue"),
    Parameter("search", DEFAULT["search"], "search strategy", choices=tuple(STRATEGIES)),
    Parameter("search_options", "", "parameters of the search, as YAML: '{n_steps: 64}'"),
    Parameter(
        "action_space",
        DEFAULT["action_space"],
        "the catalogue (Algorithm 1), or an embedding that also ranks what was not tried",
        choices=ACTION_SPACES,
    ),
    Parameter("order_by", DEFAULT["order_by"], "order of the ranking", choices=ORDERS),
    Parameter("budget", DEFAULT["budget"], "valid trials to do", 1, MAX_BUDGET),
    Parameter("seed", DEFAULT["seed"], "seed of everything random", 0, 2**32 - 1),
    Parameter(
        "accumulate",
        "auto",
        "scenes accumulate on success (Algorithm 1); auto: the search's own default",
        choices=("auto", "true", "false"),
    ),
    Parameter(
        "max_scene_size",
        DEFAULT["max_scene_size"],
        "successes after which a search episode ends",
        1,
        64,
    ),
    Parameter(
        "confidence",
        DEFAULT["confidence"],
        "posterior probability that ends a campaign early, (0.5, 1)",
    ),
    Parameter(
        "top_k", DEFAULT["top_k"], "worst variations that must be settled to end early", 1, 1000
    ),
    Parameter(
        "max_attempts", DEFAULT["max_attempts"], "tries of a scene whose trials are invalid", 1, 100
    ),
    Parameter(
        "confirmation_share",
        DEFAULT["confirmation_share"],
        "largest share of the budget for isolating combinations",
        0,
        1,
    ),
)
"""What decides about a campaign; the rest is about where and how it runs."""

REPORT = Parameter("report", True, "write report/report.html when a campaign has ended")
DIAGNOSIS = (
    *CAMPAIGN,
    Parameter("campaign_dir", "", "folder of the campaign; an existing one is resumed"),
    Parameter("cells", ["cell_0"], "names of the cells: namespaces below the node's own"),
    Parameter("autostart", False, "start the campaign of these parameters at once"),
    Parameter("exit_when_done", False, "end the node when an autostarted campaign has ended"),
    Parameter("linger", 0.0, "s to stay after the end, for late subscribers", 0.0, 86400.0),
    Parameter("scene_timeout", 60.0, "s for a scene to be made; 0: for ever", 0.0, 604800.0),
    Parameter("trial_timeout", 120.0, "s for a rollout to end", 0.1, 86400.0),
    Parameter("image_timeout", 10.0, "s for a picture of the new scene", 0.1, 3600.0),
    Parameter("silence_timeout", 5.0, "s without a sign of life: the cell is lost", 0.5, 3600.0),
    REPORT,
    Parameter("order_by_cost", False, "people make the changes: least work first where it may be"),
)

CAMPAIGN_NAMESPACE = Parameter(
    "campaign_namespace", "", "namespace of the diagnosis; empty: the one above the node's own"
)

PERTURBATION = (
    Parameter("backend", "simulator", "who makes changes", choices=("simulator", "operator")),
    Parameter("operator_timeout", 0.0, "s to wait for a person; 0: for ever", 0.0, 604800.0),
    Parameter(
        "reset_instruction",
        "",
        "sentence for what a person does before every trial; empty: only changes are asked for",
    ),
    Parameter("recover_timeout", 60.0, "s for the robot's recovery to end", 1.0, 3600.0),
    Parameter("simulator_timeout", 10.0, "s to wait for the simulator's action", 0.1, 3600.0),
    CAMPAIGN_NAMESPACE,
)

SIM_BRIDGE = (
    _TASK,
    _CATALOGUE,
    _POLICY,
    _HORIZON,
    Parameter("trial_timeout", 60.0, "s of real time that one trial may take", 0.1, 86400.0),
    Parameter("start_timeout", 180.0, "s that the simulator may take to start", 1.0, 86400.0),
    Parameter("idle_rate", 2.0, "Hz, pictures published while no trial runs", 0.1, 60.0),
)

MONITOR = (
    Parameter("period", 10.0, "s between tables where the output is no terminal", 0.1, 3600.0),
    Parameter("rows", 12, "failure modes shown", 1, 10_000),
)

RANKING_MARKERS = (
    Parameter("frame", "world", "TF frame in which the board of bars stands"),
    Parameter("x", 0.0, "m, where its bars begin, in that frame", -100.0, 100.0),
    Parameter("y", 0.8, "m, likewise; names reach some 0.5 m to the left", -100.0, 100.0),
    Parameter("z", 0.1, "m, its lower edge", -100.0, 100.0),
    Parameter("yaw", 0.0, "rad, where the board faces; 0: along x, bars grow along y", -7.0, 7.0),
    Parameter("rows", 12, "failure modes shown", 1, 1000),
    Parameter("cells", ["cell_0"], "names of the cells whose pictures are annotated"),
    Parameter("image_width", 480, "px, width of the annotated picture", 320, 1920),
)

CAMERA = (
    Parameter("source", "", "device number or path, video file, or URL of a stream"),
    Parameter("width", 0, "pixels asked of a device; 0: its own", 0, 10_000),
    Parameter("height", 0, "pixels asked of a device; 0: its own", 0, 10_000),
    Parameter("rate", 0.0, "Hz, most pictures published; 0: all that come", 0.0, 1000.0),
    Parameter("latency", 0.1, "s from exposure to arrival, taken off the stamps", 0.0, 5.0),
    Parameter("fix_automatic", True, "switch a device's automatic exposure and white balance off"),
    Parameter("exposure", 0.0, "of a device, in its own units; 0: what it has found", -100.0, 1e6),
    Parameter("white_balance", 0.0, "K, of a device; 0: what it has found", 0.0, 20_000.0),
    Parameter("gain", 0.0, "of a device, in its own units; 0: as it is", 0.0, 1e6),
    Parameter("calibration", "", "YAML file of ROS's camera_calibration; empty: uncalibrated"),
    Parameter("crop", "auto", "auto, none, or x,y,width,height: the part that is published"),
    Parameter("output_width", 0, "pixels published; 0: as they come", 0, 10_000),
    Parameter("output_height", 0, "pixels published; 0: as they come", 0, 10_000),
    Parameter("frame_id", "", "TF frame of the pictures; empty: <cell>_camera_optical"),
    Parameter("reconnect_period", 1.0, "s between attempts to open a lost camera", 0.05, 3600.0),
    Parameter("read_timeout", 2.0, "s without a picture: the camera is opened again", 0.1, 60.0),
)

COMMAND_MODES = ("twist", "joints")
OUTCOME_BY = ("operator", "policy", "detector")

POLICY_NODE = (
    _POLICY,
    Parameter("arm", "ur5e", "the arm that it moves: ur5e, or python:<module>:<description>"),
    Parameter("instruction", "", "what the policy is told to do, where a goal says nothing"),
    Parameter("rate", 10.0, "Hz, observations and commands", 0.5, 200.0),
    Parameter("time_limit", 30.0, "s of a rollout, where a goal gives none", 0.1, 86400.0),
    Parameter(
        "command_mode",
        "twist",
        "what a policy returns: delta pose as OSC_POSE or joint targets, then the gripper",
        choices=COMMAND_MODES,
    ),
    Parameter("linear_scale", 0.1, "m/s that a delta of 1 stands for (twist)", 0.001, 1.0),
    Parameter("angular_scale", 0.5, "rad/s that a delta of 1 stands for (twist)", 0.001, 3.15),
    Parameter("command_rate", 50.0, "Hz, the newest command is sent again", 10.0, 500.0),
    Parameter("command_hold", 0.3, "s after which a command counts no more", 0.02, 5.0),
    Parameter("policy_timeout", 1.0, "s that one command may take", 0.05, 600.0),
    Parameter("start_timeout", 60.0, "s that the policy may take to load", 1.0, 3600.0),
    Parameter("input_timeout", 3.0, "s to wait for new pictures and states at a start", 0.1, 60.0),
    Parameter("image_timeout", 0.5, "s, age of a picture that is not used any more", 0.05, 60.0),
    Parameter("state_timeout", 0.3, "s, age of a joint state that is not used any more", 0.05, 5.0),
    Parameter("home_first", True, "move the arm home before and after a rollout"),
    Parameter("home_timeout", 30.0, "s that the way home may take", 1.0, 600.0),
    Parameter("open_gripper_first", True, "open the gripper before a rollout"),
    Parameter("open_timeout", 10.0, "s that opening may take, if the gripper reports", 0.1, 60.0),
    Parameter("gripper_state_timeout", 3.0, "s, age of a gripper's position", 0.05, 60.0),
    Parameter("gripper_width", 0.085, "m, opening of the gripper: scales gripper_qpos", 0.001, 1.0),
    Parameter("outcome_by", "operator", "who labels a rollout", choices=OUTCOME_BY),
    Parameter("detector", "", "python:module:name, asked for the outcome"),
    Parameter("detector_period", 0.5, "s between questions to the detector", 0.05, 60.0),
    Parameter("camera_name", "", "what the policy calls the camera; empty: what it says itself"),
    Parameter("image_width", 0, "pixels that the policy sees; 0: what it says itself", 0, 4096),
    Parameter("image_height", 0, "pixels that the policy sees; 0: what it says itself", 0, 4096),
    Parameter("crop", "auto", "auto, none, or x,y,width,height: the part that the policy sees"),
)

OPERATOR_PROMPT = (CAMPAIGN_NAMESPACE,)

_TURN = 6.2832
"""rad, just beyond the range of a UR5e's joints; the limits themselves say which exactly."""

UR5E = (
    Parameter("robot_ip", "", "address of the robot's controller"),
    Parameter("frequency", 125.0, "Hz of the arm's state; e-Series up to 500", 125.0, 500.0),
    Parameter("frame_id", "base", "TF frame of tcp_pose and wrench: the robot's base"),
    Parameter(
        "home", [0.0, -1.571, 1.571, -1.571, -1.571, 0.0], "rad, base to wrist", -_TURN, _TURN
    ),
    Parameter(
        "joint_lower",
        [-6.2831, -6.2831, -3.1415, -6.2831, -6.2831, -6.2831],
        "rad, base to wrist",
        -_TURN,
        _TURN,
    ),
    Parameter(
        "joint_upper",
        [6.2831, 6.2831, 3.1415, 6.2831, 6.2831, 6.2831],
        "rad, base to wrist",
        -_TURN,
        _TURN,
    ),
    Parameter("joint_margin", 0.05, "rad kept from both joint limits", 0.0, 1.0),
    Parameter("joint_speed", 0.5, "rad/s of a move that names no speed", 0.001, 3.14),
    Parameter("joint_speed_limit", 1.05, "rad/s, fastest joint of anything", 0.001, 3.14),
    Parameter("joint_acceleration", 0.8, "rad/s^2 of a move that names none", 0.01, 40.0),
    Parameter("joint_acceleration_limit", 1.4, "rad/s^2 of anything", 0.01, 40.0),
    Parameter("tool_speed_limit", 0.25, "m/s of the tool; moves are slowed to it", 0.001, 1.0),
    Parameter("tool_turn_limit", 1.0, "rad/s of the tool, streamed", 0.001, 3.14),
    Parameter("workspace_lower", [-0.9, -0.9, 0.0], "m, corner of the tool's box", -2.0, 2.0),
    Parameter("workspace_upper", [0.9, 0.9, 1.1], "m, the opposite corner", -2.0, 2.0),
    Parameter("servo_step", 0.05, "rad, streamed joint targets may be ahead", 0.001, 0.5),
    Parameter("command_timeout", 0.1, "s after which a stream of commands is stale", 0.02, 0.5),
    Parameter("state_timeout", 0.1, "s after which the arm's state is stale", 0.02, 1.0),
    Parameter("move_timeout", 30.0, "s that a move may take beyond its duration", 1.0, 600.0),
    Parameter("servo_rate", 125.0, "Hz of servo commands and watchdog kicks", 50.0, 500.0),
    Parameter("servo_lookahead", 0.1, "s, smoothing of the servo controller", 0.03, 0.2),
    Parameter("servo_gain", 300.0, "of the servo controller", 100.0, 2000.0),
    Parameter("watchdog_rate", 10.0, "Hz below which the controller stops the arm", 2.0, 25.0),
    Parameter("set_tool", False, "set TCP and payload; false: the pendant's are used"),
    Parameter("tcp_offset", [0.0] * 6, "m and rotation vector, rad: tool in the flange", -7.0, 7.0),
    Parameter("payload", 0.0, "kg", 0.0, 7.5),
    Parameter("payload_cog", [0.0, 0.0, 0.0], "m, centre of gravity in the flange", -1.0, 1.0),
    Parameter("upper_registers", False, "use RTDE registers 24 to 47 (another client has 0 to 23)"),
    Parameter("recover_power", False, "recover may power on and release the brakes"),
    Parameter("gripper", "none", "gripper", choices=("robotiq", "digital_output", "none")),
    Parameter("gripper_output", 0, "standard digital output of a digital gripper", 0, 7),
    Parameter("gripper_port", 63352, "port of the Robotiq server", 1, 65535),
    Parameter("gripper_speed", 1.0, "share of the Robotiq's full speed", 0.0, 1.0),
    Parameter("gripper_force", 0.3, "share of the Robotiq's full force", 0.0, 1.0),
    Parameter("gripper_timeout", 1.0, "s for each answer of the gripper", 0.05, 10.0),
)

TABLES = {
    "diagnosis_node": DIAGNOSIS,
    "perturbation_node": PERTURBATION,
    "sim_bridge_node": SIM_BRIDGE,
    "monitor_node": MONITOR,
    "operator_prompt": OPERATOR_PROMPT,
    "ranking_markers_node": RANKING_MARKERS,
    "camera_node": CAMERA,
    "policy_node": POLICY_NODE,
    "ur5e_node": UR5E,
}
"""Parameter tables by node name."""


def campaign_config(values: Mapping[str, Any]) -> tuple[CampaignConfig, Catalogue]:
    """The configuration and the catalogue that these parameters of a diagnosis describe.

    Args:
        values: checked values of at least the CAMPAIGN parameters, by name.

    Raises:
        ConfigurationError: a value, the catalogue or a variation in it cannot be used.
    """
    path = config_file("variations", values["catalogue"])
    catalogue = load_catalogue(path)
    ids = tuple(v.strip() for v in values["variations"].split(",") if v.strip())
    own = {p.name for p in CAMPAIGN} - {"variations", "accumulate", "search_options", "catalogue"}
    config = CampaignConfig(
        **{name: values[name] for name in own},
        catalogue=str(path),
        variation_ids=ids,
        accumulate={"auto": None, "true": True, "false": False}[values["accumulate"]],
        search_options=_search_options(values["search_options"]),
    )
    for variation_id in ids:
        catalogue[variation_id]  # raises for an unknown one
    if config.task != catalogue.task:
        raise ConfigurationError(
            f"the catalogue {path} is for task {catalogue.task!r}, not {config.task!r}; "
            "give the one of this task with catalogue:=<name or file>"
        )
    return config, catalogue


def campaign_folder(value: str) -> Path:
    """The absolute folder of a campaign.

    Raises:
        ConfigurationError: none was given.
    """
    if not value:
        raise ConfigurationError("campaign_dir is empty; name the folder of the campaign")
    return absolute_path(value)


def _search_options(text: str) -> Mapping[str, Any]:
    try:
        options = load_yaml(text) if text.strip() else {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"search_options is not valid YAML: {text!r}") from error
    if not isinstance(options, dict):
        raise ConfigurationError(
            f"search_options must be a mapping such as '{{n_steps: 64}}'; got {text!r}"
        )
    return options
