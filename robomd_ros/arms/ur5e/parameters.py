# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a UR5e and its gripper."""

from robomd_ros.core.schema import Numbers, Parameters, option

ROBOTIQ_PORT = 63352
"""Of the server of Robotiq's URCap on the controller."""
_TURN = 6.2832
"""rad, just beyond the range of a UR5e's joints; the limits themselves say which exactly."""


class GripperParameters(Parameters):
    """Of the gripper on the arm."""

    node = "ur5e_node"

    gripper: str = option(
        "none", "kind of the gripper", choices=("robotiq", "digital_output", "none")
    )
    gripper_output: int = option(0, "standard digital output of a digital gripper", low=0, high=7)
    gripper_port: int = option(ROBOTIQ_PORT, "port of the Robotiq server", low=1, high=65535)
    gripper_speed: float = option(1.0, "share of the Robotiq's full speed", low=0.0, high=1.0)
    gripper_force: float = option(0.3, "share of the Robotiq's full force", low=0.0, high=1.0)
    gripper_timeout: float = option(
        1.0, "time for each answer of the gripper", unit="s", low=0.05, high=10.0
    )


class LimitParameters(Parameters):
    """What the arm may be told."""

    node = "ur5e_node"

    joint_lower: Numbers = option(
        (-6.2831, -6.2831, -3.1415, -6.2831, -6.2831, -6.2831),
        "smallest joint positions, base to wrist",
        unit="rad",
        size=6,
        low=-_TURN,
        high=_TURN,
    )
    joint_upper: Numbers = option(
        (6.2831, 6.2831, 3.1415, 6.2831, 6.2831, 6.2831),
        "largest joint positions, base to wrist",
        unit="rad",
        size=6,
        low=-_TURN,
        high=_TURN,
    )
    joint_margin: float = option(
        0.05, "angle kept from both joint limits", unit="rad", low=0.0, high=1.0
    )
    joint_speed: float = option(
        0.5, "speed of a move that names none", unit="rad/s", low=0.001, high=3.14
    )
    joint_speed_limit: float = option(
        1.05, "fastest joint of anything", unit="rad/s", low=0.001, high=3.14
    )
    joint_acceleration: float = option(
        0.8, "acceleration of a move that names none", unit="rad/s^2", low=0.01, high=40.0
    )
    joint_acceleration_limit: float = option(
        1.4, "largest acceleration of anything", unit="rad/s^2", low=0.01, high=40.0
    )
    tool_speed_limit: float = option(
        0.25,
        "fastest tool; moves are slowed to it; may only be lowered while the arm is driven",
        unit="m/s",
        low=0.001,
        high=1.0,
        changes=True,
    )
    tool_turn_limit: float = option(
        1.0, "fastest turn of the tool, streamed", unit="rad/s", low=0.001, high=3.14
    )
    workspace_lower: Numbers = option(
        (-0.9, -0.9, 0.0), "corner of the tool's box", unit="m", size=3, low=-2.0, high=2.0
    )
    workspace_upper: Numbers = option(
        (0.9, 0.9, 1.1), "the opposite corner", unit="m", size=3, low=-2.0, high=2.0
    )
    keep_out: str = option(
        "",
        "boxes that no part of the arm enters: x,y,z,x,y,z of two corners in m, several with ;",
    )
    tool_radius: float = option(
        0.05, "radius of the hull between flange and TCP", unit="m", low=0.0, high=0.3
    )
    servo_step: float = option(
        0.05, "angle that streamed joint targets may be ahead", unit="rad", low=0.001, high=0.5
    )
    command_timeout: float = option(
        0.1, "time after which a stream of commands is stale", unit="s", low=0.02, high=0.5
    )


class ArmParameters(LimitParameters, GripperParameters):
    """Of ur5e_node."""

    robot_ip: str = option("", "address of the robot's controller")
    frequency: float = option(
        125.0, "rate of the arm's state; e-Series up to 500", unit="Hz", low=125.0, high=500.0
    )
    frame_id: str = option("base", "TF frame of tcp_pose and wrench: the robot's base")
    home: Numbers = option(
        (0.0, -1.571, 1.571, -1.571, -1.571, 0.0),
        "where a rollout starts, base to wrist",
        unit="rad",
        size=6,
        low=-_TURN,
        high=_TURN,
    )
    home_lift: float = option(
        0.1, "height to which the tool is lifted before it goes home", unit="m", low=0.0, high=0.5
    )
    home_path_limit: float = option(
        1.5,
        "longest way of the tool on which the arm goes home without an explicit move_to_joints",
        unit="m",
        low=0.1,
        high=10.0,
    )
    set_down_depth: float = option(
        0.5,
        "farthest way down on which the arm sets an object down by itself; 0: it never does",
        unit="m",
        low=0.0,
        high=1.0,
    )
    set_down_force: float = option(
        15.0,
        "force at the tool, beside that before, by which the arm knows that the object stands",
        unit="N",
        low=3.0,
        high=100.0,
    )
    force_limit: float = option(
        150.0, "force at the tool that stops the arm", unit="N", low=10.0, high=1000.0
    )
    state_timeout: float = option(
        0.1, "time after which the arm's state is stale", unit="s", low=0.02, high=1.0
    )
    move_timeout: float = option(
        30.0, "time that a move may take beyond its duration", unit="s", low=1.0, high=600.0
    )
    servo_rate: float = option(
        125.0, "rate of servo commands and watchdog kicks", unit="Hz", low=50.0, high=500.0
    )
    servo_lookahead: float = option(
        0.1, "look-ahead of the servo controller: smoothing", unit="s", low=0.03, high=0.2
    )
    servo_gain: float = option(300.0, "gain of the servo controller", low=100.0, high=2000.0)
    watchdog_rate: float = option(
        10.0,
        "rate of packages below which the controller stops the arm",
        unit="Hz",
        low=2.0,
        high=25.0,
    )
    raised_priority: bool = option(
        True, "ask the system for real-time or raised priority for what sends servo commands"
    )
    set_tool: bool = option(False, "set TCP and payload; false: the pendant's are used")
    tcp_offset: Numbers = option(
        (0.0,) * 6,
        "tool in the flange: place, and turn as rotation vector",
        unit="m, rad",
        size=6,
        low=-7.0,
        high=7.0,
    )
    payload: float = option(0.0, "mass, gripper included", unit="kg", low=0.0, high=7.5)
    payload_cog: Numbers = option(
        (0.0, 0.0, 0.0), "centre of gravity in the flange", unit="m", size=3, low=-1.0, high=1.0
    )
    upper_registers: bool = option(
        False, "use RTDE registers 24 to 47 (another client has 0 to 23)"
    )
    tool_tolerance: float = option(
        0.01,
        "distance between the measured tool and where its TCP puts it: another was set",
        unit="m",
        low=0.001,
        high=0.1,
    )
    cell_silence: float = option(
        1.0, "silence of cell_state after which nothing moves", unit="s", low=0.3, high=10.0
    )
    require_cell_state: bool = option(
        True,
        "move only where perturbation_node says that nobody is in the cell; false: for an arm "
        "without it, by somebody who watches the cell",
    )
    recover_power: bool = option(False, "recover may power on and release the brakes")
