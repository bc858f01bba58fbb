# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of an arm behind a ros2_control driver."""

from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.arms.ur5e.parameters import ArmParameters, GripperParameters, LimitParameters
from robomd_ros.core.schema import Numbers, Parameters, Texts, option, taken


class DriverTopics(Parameters):
    """Where the driver is found; the defaults are those of ur_robot_driver."""

    node = "driver_arm_node"

    joint_states: str = option("/joint_states", "topic of the driver's joint states")
    trajectory_controller: str = option(
        "/scaled_joint_trajectory_controller",
        "namespace of the trajectory controller: its action, and its topic joint_trajectory",
    )
    moves: str = option(
        "action",
        "how the arm goes home: by the action follow_joint_trajectory, or as `stream` says",
        choices=("action", "stream"),
    )
    stream: str = option(
        "trajectory",
        "how commands are streamed: short trajectories that end at rest, joint velocities, or "
        "twists for MoveIt Servo",
        choices=("trajectory", "velocity", "twist"),
    )
    velocity_controller: str = option(
        "/forward_velocity_controller", "namespace of the velocity controller: its topic commands"
    )
    servo_topic: str = option(
        "/servo_node/delta_twist_cmds", "MoveIt Servo's topic of twists (m/s, rad/s)"
    )
    controller_manager: str = option(
        "/controller_manager",
        "whose list_controllers says what is active, where controller_manager_msgs is installed",
    )
    driver_status: str = option(
        "ur",
        "what the driver says of the robot: all that ur_robot_driver does, only whether its "
        "program runs, or nothing",
        choices=("ur", "program", "none"),
    )
    status_controller: str = option(
        "/io_and_status_controller", "namespace of robot_program_running, robot_mode, safety_mode"
    )
    speed_scaling_topic: str = option(
        "/speed_scaling_state_broadcaster/speed_scaling", "topic of the speed scaling, in percent"
    )
    dashboard: str = option("/dashboard_client", "namespace of the dashboard's services")
    restart_program: str = option(
        "person",
        "who starts the driver's program after a stop: a person at the pendant, or recover, by "
        "resend_robot_program (headless mode) or the dashboard's play",
        choices=("person", "resend", "play"),
    )


class ActionGripperParameters(GripperParameters):
    """Of a gripper that may be behind an action too."""

    node = "driver_arm_node"

    gripper: str = taken(
        GripperParameters,
        "gripper",
        doc="kind of the gripper; action: control_msgs/GripperCommand; robotiq needs robot_ip",
        choices=("action", "robotiq", "none"),
    )
    robot_ip: str = taken(ArmParameters, "robot_ip", doc="address of a Robotiq gripper's server")
    gripper_action: str = option("/gripper_controller/gripper_cmd", "action of the gripper")
    gripper_joint: str = option("", "its joint in the joint states; empty: not measured")
    gripper_open: float = option(
        0.085, "position of the open gripper, as its action takes it", low=-10.0, high=10.0
    )
    gripper_closed: float = option(
        0.0, "position of the closed gripper, likewise", low=-10.0, high=10.0
    )
    gripper_effort: float = option(20.0, "largest effort of the action", low=0.0, high=1000.0)


class DriverArmParameters(LimitParameters, DriverTopics, ActionGripperParameters):
    """Of driver_arm_node."""

    node = "driver_arm_node"

    joint_names: Texts = option(JOINT_NAMES, "joints, base to wrist, as the driver names them")
    joint_lower: Numbers = taken(LimitParameters, "joint_lower", size=0)
    joint_upper: Numbers = taken(LimitParameters, "joint_upper", size=0)
    home: Numbers = taken(ArmParameters, "home", size=0)
    home_lift: float = taken(ArmParameters, "home_lift")
    home_path_limit: float = taken(ArmParameters, "home_path_limit")
    robot_description: str = option(
        "", "URDF: a file, or a topic such as /robot_description; empty: the arm is a UR5e"
    )
    base_link: str = option("base", "link of the description in whose frame poses are")
    tool_link: str = option("tool0", "link of the description that is the flange")
    frame_id: str = taken(ArmParameters, "frame_id")
    tcp_offset: Numbers = taken(ArmParameters, "tcp_offset")
    state_timeout: float = taken(ArmParameters, "state_timeout")
    move_timeout: float = taken(ArmParameters, "move_timeout")
    servo_rate: float = taken(
        ArmParameters, "servo_rate", default=50.0, doc="rate of states and of streamed commands",
        low=20.0,
    )  # fmt: skip
    cell_silence: float = taken(ArmParameters, "cell_silence")
    require_cell_state: bool = taken(ArmParameters, "require_cell_state")
