# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A real cell's arm where it is behind a ros2_control driver."""

import json
import math
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from robomd_ros.arms.gripper.gripper import Gripper, NoGripper
from robomd_ros.arms.ros2_control.arm import DriverArm
from robomd_ros.arms.ros2_control.parameters import DriverArmParameters
from robomd_ros.arms.ros2_control.recovery import recover_driver
from robomd_ros.arms.ros2_control.settings import driver_options
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.arms.ur5e.settings import gripper_of
from robomd_ros.arms.ur5e.status import ArmStatus, mode_name, safety_name
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.nodes.arm_node import ArmNode
from robomd_ros.nodes.driver_gripper import ActionGripper
from robomd_ros.nodes.driver_link import RosDriverLink
from robomd_ros.ros.runtime import main_of


class DriverArmNode(ArmNode):
    """Drives any arm through its ros2_control driver: ur_robot_driver's topics are the defaults.

    To the cell it is what ur5e_node is: the same topics, lease, lock, limits and stops. It alone
    may command the driver: a second publisher on its command topic, or a goal of somebody else,
    stops the arm until recover. A process of its own stops the arm if this node dies.

    Parameters:
        Those of DriverArmParameters; `ros2 param describe` prints them. `tool_speed_limit` may be
        lowered at any time: the next command is held to it.

    Publishers:
        joint_states (sensor_msgs/JointState, reliable): at `servo_rate`, while the state is new.
        tcp_pose (geometry_msgs/PoseStamped, reliable): likewise, in the frame `frame_id`.
        gripper_position (std_msgs/Float64, reliable): 0 open to 1 closed, 10 Hz, if known.
        robot_status (robomd_msgs/RobotStatus, latched): at every change.
        /diagnostics (diagnostic_msgs/DiagnosticArray, reliable): arm and gripper, once a second.
        <trajectory_controller>/joint_trajectory (trajectory_msgs/JointTrajectory, commands),
            <velocity_controller>/commands (std_msgs/Float64MultiArray) or <servo_topic>
            (geometry_msgs/TwistStamped): as `stream` says, while the arm is moved.

    Subscriptions:
        servo_twist (geometry_msgs/TwistStamped, commands): m/s and rad/s of the tool in the base
            frame; in force for `command_timeout`.
        servo_joints (sensor_msgs/JointState, commands): absolute positions by name; likewise.
        gripper_command (std_msgs/Float64, commands): 0 open to 1 closed. All three only from the
            node that holds the lease; stamped, and not older than `command_timeout`.
        cell_state (robomd_msgs/CellState, latched): whether somebody is asked to reach in.
        <joint_states> (sensor_msgs/JointState, sensor data): of the driver.
        <status_controller>/robot_program_running, robot_mode, safety_mode, <speed_scaling_topic>:
            as `driver_status` says.
        <trajectory_controller>/follow_joint_trajectory/_action/status: whose goals are done.

    Services:
        hold_motion (robomd_msgs/HoldMotion): take, renew, give back the lease.
        home (std_srvs/Trigger): move to `home`, if nobody holds the lease.
        stop_motion (std_srvs/Trigger): bring the arm to rest; nothing moves any more before
            recover.
        recover (std_srvs/Trigger): leave a stop, or say what a person must do first.

    Actions:
        move_to_joints (robomd_msgs/MoveToJoints): a move along a straight line in joint space.
    """

    model = DriverArmParameters
    _arm: DriverArm

    def _make_arm(self, listener: ArmListener) -> DriverArm:
        self._link = RosDriverLink(self, self._values)
        return DriverArm(driver_options(self._values), self._link, listener)

    def _make_gripper(self) -> Gripper:
        kind = self._values["gripper"]
        if kind == "action":
            return ActionGripper(self, self._values, lambda: self._link.gripper_position)
        if kind == "robotiq":
            return gripper_of(self._values, _no_output)
        return NoGripper()

    def _joint_names(self) -> Sequence[str]:
        names: Sequence[str] = self._values["joint_names"]
        return names

    def _place(self) -> str:
        return f"the driver of {self._values['joint_states']}"

    def _leave_stop(self) -> str:
        return recover_driver(self._arm, self._values["restart_program"])

    def _facts(self, status: ArmStatus) -> dict[str, Any]:
        """What the driver says of the robot, as values of JSON."""
        speed = status.speed_scaling
        known = {
            "safety_mode": safety_name(status.safety_mode),
            "robot_mode": mode_name(status.robot_mode),
        }
        return {
            **(known if self._values["driver_status"] == "ur" else {}),
            "program_running": status.program_running,
            "speed_scaling": speed if math.isfinite(speed) else None,
            "tcp": [round(v, 5) for v in self._values["tcp_offset"]],
            "driver_status": self._values["driver_status"],
            "gripper": self._values["gripper"],
        }

    def _arm_diagnostics(self) -> DiagnosticStatus:
        status = self._arm.status
        says = self._values["driver_status"]
        values = {
            "health_from": "joint states' age only" if says == "none" else says,
            "state_rate": self._state_rate(),
            "state_age": f"{self._arm.state_age:.3f} s",
            "speed_scaling": f"{status.speed_scaling:.2f}",
            "stream": self._values["stream"],
            "moves": self._values["moves"],
            "refused_commands": json.dumps(self._refused),
            "stream_held": self._arm.held,
        }
        level = DiagnosticStatus.OK if status.ready else DiagnosticStatus.ERROR
        return self._diagnosis("arm", level, status.detail or "ready", values)


def _no_output(_on: bool) -> None:
    raise ConfigurationError("a driver's arm switches no digital output")


def main() -> None:
    """Run the node."""
    main_of(DriverArmNode)


if __name__ == "__main__":
    main()
