# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node, by its name."""

from collections.abc import Mapping

from robomd_ros.arms.camera.parameters import CameraParameters, RelayParameters
from robomd_ros.arms.ros2_control.parameters import DriverArmParameters
from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.core.campaign.parameters import (
    DiagnosisParameters,
    SimBridgeParameters,
    TaskParameters,
)
from robomd_ros.core.schema import Parameters, Texts, option, taken


class PerturbationParameters(Parameters):
    """Of perturbation_node."""

    node = "perturbation_node"

    backend: str = option("simulator", "who makes changes", choices=("simulator", "operator"))
    operator_timeout: float = option(
        0.0, "time to wait for a person; 0: for ever", unit="s", low=0.0, high=604800.0
    )
    countdown: float = option(
        3.0,
        "time between the answer of a person who reached in and the first motion",
        unit="s",
        low=0.0,
        high=60.0,
    )
    reset_instruction: str = option(
        "",
        "sentence for what a person does before every trial; empty: only changes are asked for",
    )
    camera: str = option(
        "camera/image_raw",
        "back end operator: topic of the pictures by which changes are verified; empty: none",
    )
    still_pictures: bool = option(
        False,
        "pictures of a scene at rest may repeat (a rendered camera, a strongly compressed stream): "
        "then they are frozen only if they repeat while the arm moves",
    )
    recover_timeout: float = option(
        60.0, "time for the robot's recovery to end", unit="s", low=1.0, high=3600.0
    )
    simulator_timeout: float = option(
        10.0, "time to wait for the simulator's action", unit="s", low=0.1, high=3600.0
    )
    campaign_namespace: str = option(
        "", "namespace of the diagnosis; empty: the one above the node's own"
    )


class MonitorParameters(Parameters):
    """Of monitor_node."""

    node = "monitor_node"

    period: float = option(
        10.0, "time between tables where the output is no terminal", unit="s", low=0.1, high=3600.0
    )
    rows: int = option(12, "failure modes shown", low=1, high=10_000)


class BoardPlace(Parameters):
    """Where the board stands: upright, its bars begin at (x, y), its lower edge is at z."""

    node = "ranking_markers_node"

    frame: str = option("world", "TF frame in which the board of bars stands")
    x: float = option(0.0, "where its bars begin, in that frame", unit="m", low=-100.0, high=100.0)
    y: float = option(
        0.8, "likewise; names reach some 0.5 m to the left", unit="m", low=-100.0, high=100.0
    )
    z: float = option(0.1, "its lower edge", unit="m", low=-100.0, high=100.0)
    yaw: float = option(
        0.0,
        "where the board faces; 0: along x, bars grow along y",
        unit="rad",
        low=-7.0,
        high=7.0,
    )
    rows: int = taken(MonitorParameters, "rows", high=1000)


class MarkersParameters(BoardPlace):
    """Of ranking_markers_node."""

    cells: Texts = taken(
        DiagnosisParameters, "cells", doc="names of the cells whose pictures are annotated"
    )
    image_width: int = option(480, "width of the annotated picture", unit="px", low=320, high=1920)


class PolicyNodeParameters(Parameters):
    """Of policy_node."""

    node = "policy_node"

    policy: str = taken(TaskParameters, "policy")
    python: str = taken(TaskParameters, "python")
    arm: str = option(
        "ur5e",
        "the arm that it moves: ur5e, ros2_control?joints=a,b&base=base, or "
        "python:<module>:<description>",
    )
    instruction: str = option("", "what the policy is told to do, where a goal says nothing")
    rate: float = option(10.0, "rate of observations and commands", unit="Hz", low=0.5, high=200.0)
    time_limit: float = option(
        30.0, "time of a rollout, where a goal gives none", unit="s", low=0.1, high=86400.0
    )
    command_mode: str = option(
        "twist",
        "what a policy returns: delta pose as OSC_POSE or joint targets, then the gripper",
        choices=("twist", "joints"),
    )
    linear_scale: float = option(
        0.1, "speed that a delta of 1 stands for (twist)", unit="m/s", low=0.001, high=1.0
    )
    angular_scale: float = option(
        0.5,
        "turning speed that a delta of 1 stands for (twist)",
        unit="rad/s",
        low=0.001,
        high=3.15,
    )
    command_rate: float = option(
        50.0, "rate at which the newest command is sent again", unit="Hz", low=10.0, high=500.0
    )
    command_hold: float = option(
        0.3, "time after which a command counts no more", unit="s", low=0.02, high=5.0
    )
    policy_timeout: float = option(
        1.0, "time that one command may take", unit="s", low=0.05, high=600.0
    )
    start_timeout: float = option(
        60.0, "time that the policy may take to load", unit="s", low=1.0, high=3600.0
    )
    input_timeout: float = option(
        3.0, "time to wait for new pictures and states at a start", unit="s", low=0.1, high=60.0
    )
    image_timeout: float = option(
        0.5, "age from which a picture is not used any more", unit="s", low=0.05, high=60.0
    )
    still_pictures: bool = taken(PerturbationParameters, "still_pictures")
    picture_lag: float = option(
        1.0,
        "time that pictures may follow the arm later than their stamps say",
        unit="s",
        low=0.1,
        high=4.0,
    )
    state_timeout: float = option(
        0.3, "age from which a joint state is not used any more", unit="s", low=0.05, high=5.0
    )
    home_first: bool = option(True, "move the arm home before and after a rollout")
    home_timeout: float = option(
        30.0, "time that the way home may take", unit="s", low=1.0, high=600.0
    )
    open_gripper_first: bool = option(True, "open the gripper before a rollout")
    open_timeout: float = option(
        10.0, "time that opening may take, if the gripper reports", unit="s", low=0.1, high=60.0
    )
    gripper_state_timeout: float = option(
        3.0,
        "age from which a gripper's position is not used any more",
        unit="s",
        low=0.05,
        high=60.0,
    )
    gripper_width: float = option(
        0.085, "opening of the gripper: scales gripper_qpos", unit="m", low=0.001, high=1.0
    )
    outcome_by: str = option(
        "operator",
        "who says whether a rollout succeeded",
        choices=("operator", "policy", "detector"),
    )
    detector: str = option("", "with outcome_by detector: python:<module>:<callable>")
    detector_period: float = option(
        0.5, "time between questions to the detector", unit="s", low=0.05, high=60.0
    )
    camera_name: str = option("", "what the policy calls the camera; empty: what it says itself")
    cameras: Texts = option(
        (),
        "topics of its cameras, each [name=]topic, also compressed; none: camera/image_raw",
    )
    image_width: int = option(
        0, "width that the policy sees; 0: what it says itself", unit="px", low=0, high=4096
    )
    image_height: int = option(
        0, "height that the policy sees; 0: what it says itself", unit="px", low=0, high=4096
    )
    crop: str = taken(
        CameraParameters,
        "crop",
        doc="auto, none, or x,y,width,height: the part that the policy sees",
    )


class PromptParameters(Parameters):
    """Of operator_prompt."""

    node = "operator_prompt"

    campaign_namespace: str = taken(PerturbationParameters, "campaign_namespace")


class ConsoleParameters(Parameters):
    """Of console_node."""

    node = "console_node"

    host: str = option(
        "127.0.0.1",
        "address that the console listens on; 0.0.0.0: everybody in this network reaches it",
    )
    port: int = option(8321, "its port; 0: any that is free", low=0, high=65535)
    campaign_namespace: str = taken(PerturbationParameters, "campaign_namespace")


NODES: Mapping[str, type[Parameters]] = {
    model.node: model
    for model in (
        DiagnosisParameters,
        PerturbationParameters,
        SimBridgeParameters,
        MonitorParameters,
        PromptParameters,
        ConsoleParameters,
        MarkersParameters,
        CameraParameters,
        RelayParameters,
        PolicyNodeParameters,
        ArmParameters,
        DriverArmParameters,
    )
}
