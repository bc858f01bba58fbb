# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the nodes that drive an arm and a gripper have in common."""

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Header
from std_srvs.srv import Trigger

from robomd_msgs.action import MoveToJoints
from robomd_msgs.msg import RobotStatus
from robomd_ros.arms.gripper.gripper import Gripper
from robomd_ros.arms.gripper.worker import GripperWorker
from robomd_ros.arms.limits import LimitError
from robomd_ros.arms.motion import JointReading, MoveCode, MoveEnd
from robomd_ros.arms.motion_guard import UNHEARD, LeaseCode, MotionGuard, MotionRefused
from robomd_ros.arms.moving_arm import MovingArm
from robomd_ros.arms.ur5e.kinematics import quat_xyzw
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.arms.ur5e.status import ArmStatus
from robomd_ros.core.cell_lock import CellLock
from robomd_ros.core.errors import RoboMDError
from robomd_ros.nodes.motion_gate import MotionGate
from robomd_ros.ros.parameters import allow_changes, declare
from robomd_ros.ros.qos import COMMANDS, LATCHED, STATE_OUT, TRIALS, overridable_publisher
from robomd_ros.ros.runtime import OneGoalServer, Ticker, finish, in_thread

_FEEDBACK = 0.1
"""s between feedback of a move."""
_DIAGNOSTICS_PERIOD = 1.0
_MOVE_CODES = {
    LeaseCode.LOCKED: MoveCode.LOCKED,
    LeaseCode.HELD: MoveCode.NO_LEASE,
    LeaseCode.NO_SUCH_LEASE: MoveCode.NO_LEASE,
    LeaseCode.WRONG_TOKEN: MoveCode.NO_LEASE,
    LeaseCode.STOPPED: MoveCode.NOT_READY,
    LeaseCode.NOT_READY: MoveCode.NOT_READY,
}
_OPEN, _LOOK = 0.1, 0.05
"""Closure below which a gripper is open, and s between looks at it."""
_OPENS, _OPENING = 0.5, 5.0
"""s that opening takes at least, where a gripper tells nothing of it, and at most."""
_REPEAT = 2.0
"""s before the same refusal is logged again."""


class ArmNode(Node, ABC):
    """What every node that drives an arm and its gripper is to the rest of the cell.

    It keeps running, not ready, while the robot is absent, and never powers an arm on, releases a
    brake or unlocks a stop by itself. Every command is checked against the limits before anything
    is sent; see `arms/moving_arm.py` for how the arm is stopped when something fails, and
    `arms/motion_guard.py` for who may move it, and when: nobody while a person is asked to reach
    in, then one node that holds the lease. A stop stays in force until somebody has called recover.

    Topics, services and the action are listed at Ur5eNode; `tool_speed_limit` may be lowered at any
    time: the next command is held to it.
    """

    model: type[Any]
    """Of its parameters."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare and check; `connect` begins to connect."""
        super().__init__(self.model.node, **kwargs)
        self._values = declare(self, self.model)
        listener = ArmListener(
            state=self._on_state, status=self._on_status, log=self._log, broken=self._on_broken
        )
        self._arm = self._make_arm(listener)
        self._gripper = GripperWorker(self._make_gripper(), self._on_grip, self._on_grip_fault)
        self._gate = MotionGate(
            self,
            MotionGuard(
                self._arm.latch,
                self._arm.obstacle,
                command_age=self._values["command_timeout"],
                cell=CellLock(
                    UNHEARD if self._values["require_cell_state"] else "",
                    self._values["cell_silence"],
                ),
            ),
            self._end_motion,
        )
        self._refused: dict[str, int] = {"twist": 0, "joints": 0, "gripper": 0}
        self._complained: dict[str, float] = {}
        self._told: tuple[bool, str] | None = None
        self._held, self._motion, self._closure = False, "", math.nan
        self._states, self._counted = 0, time.monotonic()
        self._joint_states = self._state_publisher(JointState, "joint_states")
        self._poses = self._state_publisher(PoseStamped, "tcp_pose")
        self._grips = self._state_publisher(Float64, "gripper_position")
        self._statuses = self.create_publisher(RobotStatus, "robot_status", LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", TRIALS)
        self._topics = {
            kind: self.create_subscription(message, topic, callback, COMMANDS).topic_name
            for kind, message, topic, callback in (
                ("twist", TwistStamped, "servo_twist", self._on_twist),
                ("joints", JointState, "servo_joints", self._on_joints),
                ("gripper", Float64, "gripper_command", self._on_gripper),
            )
        }
        self._gate.commands = tuple(self._topics.values())
        # these take seconds, during which everything else goes on
        group = ReentrantCallbackGroup()
        services = {"home": self._home, "stop_motion": self._stop, "recover": self._recover}
        if self._arm.sets_down:
            services["set_down"] = self._set_down
        for name, callback in services.items():
            self.create_service(Trigger, name, callback, callback_group=group)
        self._ticker = Ticker(self, _FEEDBACK)
        self._server = OneGoalServer(self, MoveToJoints, "move_to_joints", self._move)
        self.create_timer(_DIAGNOSTICS_PERIOD, self._publish_diagnostics)
        self._on_status(self._arm.status)
        allow_changes(self, self._values, self._on_change)

    # what a kind of arm has of its own

    @abstractmethod
    def _make_arm(self, listener: ArmListener) -> MovingArm[Any]:
        """The arm, of checked parameters."""

    @abstractmethod
    def _make_gripper(self) -> Gripper:
        """Its gripper; the arm is made."""

    @abstractmethod
    def _joint_names(self) -> Sequence[str]:
        """From base to wrist."""

    @abstractmethod
    def _place(self) -> str:
        """Where the robot is reached."""

    @abstractmethod
    def _leave_stop(self) -> str:
        """Leave a stop by the documented steps; what was done. ArmFault: what a person must do."""

    @abstractmethod
    def _facts(self, status: ArmStatus) -> dict[str, Any]:
        """What the robot says of itself, as values of JSON."""

    @abstractmethod
    def _arm_diagnostics(self) -> DiagnosticStatus:
        """How the arm is, once a second."""

    def connect(self) -> None:
        """Begin to connect to arm and gripper; ConfigurationError if what is needed is missing."""
        self._arm.connect()
        self._gripper.start()
        self._gate.start()
        if not self._values["require_cell_state"]:
            self.get_logger().warning(
                "require_cell_state is false: the arm moves although nobody says whether a person "
                "is in the cell; see to it yourself that nobody is"
            )
        self._log(f"up: waits for the robot at {self._place()}")

    def close(self) -> None:
        """Stop the arm and its script, let go of everything."""
        self._gate.close()
        self._arm.close()
        self._gripper.close()

    def _on_change(self, wanted: Any) -> None:
        """Take a lower limit of the tool's speed."""
        self._arm.lower_tool_speed(wanted.tool_speed_limit)
        self._values = wanted

    # states

    def _state_publisher(self, kind: Any, topic: str) -> Publisher:
        return overridable_publisher(self, kind, topic, STATE_OUT)

    def _on_state(self, state: JointReading) -> None:
        """Publish a state; runs in the thread that receives it."""
        self._states += 1
        header = self._header()
        self._joint_states.publish(
            JointState(header=header, name=self._joint_names(), position=state.q, velocity=state.qd)
        )
        pose = PoseStamped(header=header)
        place, turn = pose.pose.position, pose.pose.orientation
        place.x, place.y, place.z = state.tcp_pose[:3]
        turn.x, turn.y, turn.z, turn.w = quat_xyzw(state.tcp_pose[3:]).tolist()
        self._poses.publish(pose)

    def _header(self) -> Header:
        return Header(stamp=self.get_clock().now().to_msg(), frame_id=self._values["frame_id"])

    def _on_status(self, status: ArmStatus) -> None:
        self._publish_status(status)
        if (status.ready, status.detail) == self._told:
            return
        self._told = (status.ready, status.detail)
        if status.ready:
            self._log("ready")
        else:
            self.get_logger().warning(f"not ready: {status.detail}")

    def _publish_status(self, status: ArmStatus) -> None:
        self._statuses.publish(
            RobotStatus(
                header=self._header(),
                speed_scaling=status.speed_scaling,
                ready=status.ready,
                detail=status.detail,
                moving=status.moving,
                at_home=status.at_home,
                stop_latched=status.stop_latched,
                needs_person=status.needs_person,
                holds_object=self._held,
                position=self._position(status),
                facts=[
                    KeyValue(key=name, value=json.dumps(value))
                    for name, value in self._facts(status).items()
                ],
            )
        )

    def _position(self, status: ArmStatus) -> str:
        """Where the arm is, for people; "" where that is not known."""
        state = self._arm.state
        if status.at_home:
            return "at home"
        if self._motion or status.moving:
            return self._motion or "moving"
        if state is None:
            return ""
        x, y, z = state.tcp_pose[:3]
        return f"tool at x {x:.2f}, y {y:.2f}, z {z:.2f} m"

    def _on_broken(self, reason: str) -> None:
        """A stream ended by itself: whoever sent it must not go on."""
        self._gate.guard.end_lease(reason)
        self.get_logger().warning(reason)

    def _log(self, text: str) -> None:
        self.get_logger().info(text)

    def _on_grip(self, closure: float) -> None:
        if self._gripper.holds_object != self._held:
            self._held = self._gripper.holds_object
            self._publish_status(self._arm.status)
        self._closure = closure
        if math.isfinite(closure):
            self._grips.publish(Float64(data=closure))

    def _on_grip_fault(self, fault: str) -> None:
        self.get_logger().error(fault) if fault else self._log("the gripper answers")
        self._publish_status(self._arm.status)

    # commands

    def _on_twist(self, message: TwistStamped) -> None:
        frame = message.header.frame_id
        if frame not in ("", self._values["frame_id"]):
            self._arm.stop_stream()
            self._refuse("twist", f"servo_twist is in the frame {frame!r}; it must be "
                         f"{self._values['frame_id']!r}")  # fmt: skip
            return
        linear, angular = message.twist.linear, message.twist.angular
        twist = (linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
        self._command("twist", self._arm.stream_twist, twist, message.header.stamp)

    def _on_joints(self, message: JointState) -> None:
        self._command("joints", self._stream_by_name, message, message.header.stamp)

    def _stream_by_name(self, message: JointState) -> None:
        target = dict(zip(message.name, message.position, strict=False))
        names = self._joint_names()
        missing = [name for name in names if name not in target]
        if missing or len(message.name) != len(names):
            self._arm.stop_stream()
            raise LimitError(
                f"servo_joints needs each of the {len(names)} joints once, by name; "
                f"{len(message.name)} names came, missing: {', '.join(missing) or 'none'}"
            )
        self._arm.stream_joints([target[name] for name in names])

    def _on_gripper(self, message: Float64) -> None:
        self._command("gripper", self._gripper.command, message.data)

    def _command(self, kind: str, give: Any, value: Any, stamp: Time | None = None) -> None:
        """Give a command to arm or gripper, if its sender may move them and it is new."""
        opening = kind == "gripper" and value == 0.0
        try:
            self._gate.check_command(self._topics[kind], stamp, opening)
            give(value)
        except MotionRefused as refused:
            self._arm.stop_stream()
            self._refuse(kind, str(refused))
        except RoboMDError as error:
            self._refuse(kind, str(error))

    def _end_motion(self, reason: str) -> None:
        """Nobody may move the arm any more: it comes to rest, and the gripper stays as it is."""
        self._gripper.reset()
        self._arm.end_motion(reason)

    def _refuse(self, kind: str, reason: str) -> None:
        """Count and log; the same reason is logged once in a while."""
        self._refused[kind] += 1
        now = time.monotonic()
        kept = kind + reason[:20]
        if now - self._complained.get(kept, -_REPEAT) >= _REPEAT:
            self._complained[kept] = now
            self.get_logger().warning(f"refused: {reason}")

    # motions

    async def _move(self, handle: Any) -> MoveToJoints.Result:
        goal = handle.request
        positions = list(self._values["home"] if goal.home else goal.positions)

        def work(forbidden: Callable[[], str]) -> MoveEnd:
            asked = (goal.velocity, goal.acceleration, lambda: handle.is_cancel_requested)
            if goal.home:
                return self._arm.go_home(*asked, forbidden, self._announce)
            return self._arm.move(positions, *asked, forbidden)

        def feed() -> None:
            state = self._arm.state
            if state is not None and len(positions) == len(state.q):
                remaining = max(abs(a - b) for a, b in zip(positions, state.q, strict=True))
                handle.publish_feedback(
                    MoveToJoints.Feedback(positions=state.q, remaining=remaining)
                )

        with self._ticker.calling(feed):
            end = await self._move_for(goal.lease, work)
        if end.code is not MoveCode.NONE:
            self.get_logger().warning(f"move_to_joints: {end.code.name}: {end.reason}")
        return finish(
            handle,
            MoveToJoints.Result(positions=end.q, error_code=int(end.code), error_msg=end.reason),
        )

    async def _move_for(self, lease: str, work: Callable[[Callable[[], str]], MoveEnd]) -> MoveEnd:
        """Move for the holder of a lease; "": for somebody who needs none while nobody has it."""
        try:
            with self._gate.moving(lease) as forbidden:
                end: MoveEnd = await in_thread(self, "move", lambda: work(forbidden))
        except MotionRefused as refused:
            return MoveEnd(_MOVE_CODES[refused.code], str(refused))
        finally:
            self._motion = ""
        return end

    def _announce(self, text: str) -> None:
        """Say what the arm is about to do."""
        self._motion = text
        self._log(text)
        self._publish_status(self._arm.status)

    async def _home(self, _request: Any, response: Any) -> Any:
        end = await self._move_for(
            "", lambda forbidden: self._arm.go_home(forbidden=forbidden, announce=self._announce)
        )
        response.success = end.code is MoveCode.NONE
        response.message = end.reason or "the arm is at home"
        return response

    async def _set_down(self, _request: Any, response: Any) -> Any:
        end = await self._move_for(
            "",
            lambda forbidden: self._arm.set_down(self._open_fingers, forbidden, self._announce),
        )
        response.success = end.code is MoveCode.NONE
        response.message = end.reason or "the object stands, and the gripper is open above it"
        self._log(f"set_down: {response.message}")
        return response

    def _open_fingers(self) -> str:
        """Open the gripper and wait; why it is not open, empty if it is."""
        try:
            self._gripper.command(0.0)
        except RoboMDError as error:
            return str(error)
        over = time.monotonic() + _OPENING
        time.sleep(_OPENS)
        while time.monotonic() < over:
            time.sleep(_LOOK)
            if self._gripper.fault:
                return self._gripper.fault
            if not self._gripper.holds_object and not self._closure > _OPEN:
                return ""
        return f"the gripper did not open within {_OPENING:g} s"

    async def _stop(self, _request: Any, response: Any) -> Any:
        # before anything else: a stream that goes on would move the arm again
        self._arm.latch.set("stop_motion was called")
        self._end_motion("stop_motion was called")
        return await self._trigger(response, "stop", self._stop_arm)

    def _stop_arm(self) -> str:
        self._arm.stop("stop_motion was called")
        return "the arm rests; nothing moves before recover"

    async def _recover(self, _request: Any, response: Any) -> Any:
        return await self._trigger(response, "recover", self._recover_all)

    def _recover_all(self) -> str:
        done = self._leave_stop()
        if self._gripper.fault:
            self._gripper.recover()
            done += "; the gripper was activated anew"
        return done

    async def _trigger(self, response: Any, name: str, work: Any) -> Any:
        """Answer a Trigger with what the work returns, or with why it failed."""
        try:
            response.message = await in_thread(self, name, work)
            response.success = True
            self._log(f"{name}: {response.message}")
        except RoboMDError as error:
            response.message = str(error)
            self.get_logger().warning(f"{name}: {error}")
        return response

    def _publish_diagnostics(self) -> None:
        message = DiagnosticArray(status=[self._arm_diagnostics(), self._gripper_diagnostics()])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _gripper_diagnostics(self) -> DiagnosticStatus:
        fault = self._gripper.fault
        level = DiagnosticStatus.ERROR if fault else DiagnosticStatus.OK
        kind = self._values["gripper"]
        return self._diagnosis("gripper", level, fault or "answers", {"kind": kind})

    def _state_rate(self) -> str:
        """States since this was last asked, per second."""
        now = time.monotonic()
        rate = self._states / max(now - self._counted, 1e-6)
        self._states, self._counted = 0, now
        return f"{rate:.1f} Hz"

    def _diagnosis(
        self, part: str, level: bytes, text: str, values: dict[str, str]
    ) -> DiagnosticStatus:
        return DiagnosticStatus(
            name=f"{self.get_fully_qualified_name()}: {part}",
            level=level,
            message=text,
            hardware_id=self._place(),
            values=[KeyValue(key=k, value=v) for k, v in values.items()],
        )
