# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A real cell's arm and gripper: a UR5e."""

import json
import math
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import WrenchStamped

from robomd_ros.arms.gripper.gripper import Gripper
from robomd_ros.arms.ur5e.arm import UR5e
from robomd_ros.arms.ur5e.kinematics import JOINT_NAMES
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.arms.ur5e.receive import ReceivedState
from robomd_ros.arms.ur5e.recovery import recover
from robomd_ros.arms.ur5e.settings import arm_options, gripper_of
from robomd_ros.arms.ur5e.status import ArmStatus, mode_name, safety_name
from robomd_ros.core.cell_watch.rollout_watch import GRIPPER_FAULT
from robomd_ros.nodes.arm_node import ArmNode
from robomd_ros.ros.runtime import main_of


class Ur5eNode(ArmNode):
    """Drives a UR5e and its gripper; keeps running, not ready, while the robot is absent.

    What it does and never does is said at ArmNode; the arm is driven by `arms/ur5e/arm.py`.

    Parameters:
        Those of ArmParameters; `ros2 param describe` prints them. `tool_speed_limit` may be lowered
        at any time: the next command is held to it.

    Publishers:
        joint_states (sensor_msgs/JointState, reliable): at `frequency`, while the state is new.
        tcp_pose (geometry_msgs/PoseStamped, reliable): likewise, in the frame `frame_id`.
        wrench (geometry_msgs/WrenchStamped, reliable): likewise, at the tool centre point.
        gripper_position (std_msgs/Float64, reliable): 0 open to 1 closed, 10 Hz, if known.
        robot_status (robomd_msgs/RobotStatus, latched): at every change.
        /diagnostics (diagnostic_msgs/DiagnosticArray, reliable): arm and gripper, once a second.

    Subscriptions:
        servo_twist (geometry_msgs/TwistStamped, commands): m/s and rad/s of the tool in the base
            frame; in force for `command_timeout`.
        servo_joints (sensor_msgs/JointState, commands): absolute positions by name; likewise.
        gripper_command (std_msgs/Float64, commands): 0 open to 1 closed. All three only from the
            node that holds the lease; stamped, and not older than `command_timeout`.
        cell_state (robomd_msgs/CellState, latched): whether somebody is asked to reach in.

    Services:
        hold_motion (robomd_msgs/HoldMotion): take, renew, give back the lease.
        home (std_srvs/Trigger): move to `home`, if nobody holds the lease; answers when the arm is
            there. The tool goes up first; a way longer than `home_path_limit` is refused.
        set_down (std_srvs/Trigger): lower what the gripper holds until it meets something, open,
            go up; likewise, if nobody holds the lease. Not where `set_down_depth` is 0.
        stop_motion (std_srvs/Trigger): bring the arm to rest; answers when it rests. Nothing moves
            any more before recover.
        recover (std_srvs/Trigger): leave a stop by the documented steps; answers when the arm is
            ready, or says what a person must do first.

    Actions:
        move_to_joints (robomd_msgs/MoveToJoints): a move along a straight line in joint space.
    """

    model = ArmParameters
    _arm: UR5e

    def __init__(self, **kwargs: Any) -> None:
        """Declare and check; `connect` begins to connect."""
        super().__init__(**kwargs)
        self._wrenches = self._state_publisher(WrenchStamped, "wrench")

    def _make_arm(self, listener: ArmListener) -> UR5e:
        return UR5e(arm_options(self._values), listener)

    def _make_gripper(self) -> Gripper:
        return gripper_of(self._values, self._arm.switch_output)

    def _joint_names(self) -> Sequence[str]:
        return JOINT_NAMES

    def _place(self) -> str:
        return str(self._values["robot_ip"])

    def _leave_stop(self) -> str:
        return recover(self._arm, self._values["recover_power"])

    def _on_state(self, state: ReceivedState) -> None:  # type: ignore[override]
        super()._on_state(state)
        wrench = WrenchStamped(header=self._header())
        force, torque = wrench.wrench.force, wrench.wrench.torque
        force.x, force.y, force.z, torque.x, torque.y, torque.z = state.wrench
        self._wrenches.publish(wrench)

    def _facts(self, status: ArmStatus) -> dict[str, Any]:
        """What a UR5e says of itself, as values of JSON."""
        child = self._arm.supervisor.child
        tcp = child.tcp if child is not None else None
        speed, state = status.speed_scaling, self._arm.state
        payload = math.nan if state is None else state.payload
        return {
            "robot_mode": mode_name(status.robot_mode),
            "safety_mode": safety_name(status.safety_mode),
            "program_running": status.program_running,
            "remote_control": status.remote_control,
            "speed_scaling": speed if math.isfinite(speed) else None,
            "tcp": None if tcp is None else [round(v, 5) for v in tcp],
            "payload": round(payload, 2) if math.isfinite(payload) else None,
            "gripper": self._values["gripper"],
            GRIPPER_FAULT: self._gripper.fault,
        }

    def _arm_diagnostics(self) -> DiagnosticStatus:
        supervisor, status = self._arm.supervisor, self._arm.status
        child = supervisor.child
        values = {
            "robot_mode": mode_name(status.robot_mode),
            "safety_mode": str(status.safety_mode),
            "state_rate": self._state_rate(),
            "state_age": f"{supervisor.state_age:.3f} s",
            "speed_scaling": f"{status.speed_scaling:.2f}",
            "control_pid": str(child.pid if child else 0),
            "control_starts": str(supervisor.restarts),
            "refused_commands": json.dumps(self._refused),
            "stream_held": self._arm.held,
        }
        level = DiagnosticStatus.OK if status.ready else DiagnosticStatus.ERROR
        return self._diagnosis("arm", level, status.detail or "ready", values)


def main() -> None:
    """Run the node."""
    main_of(Ur5eNode)


if __name__ == "__main__":
    main()
