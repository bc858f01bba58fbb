# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy under test on a real cell."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from robomd_msgs.action import ExecutePolicy
from robomd_ros.arms.arm import ArmDescription, arm_named
from robomd_ros.arms.camera.topics import camera_topics
from robomd_ros.core.errors import CellFault, ConfigurationError, PolicyFault
from robomd_ros.core.image_fit import ImageFit
from robomd_ros.core.policies.dry_run import ask_hosted
from robomd_ros.core.policies.hosted import Interrupted, PluginProcess
from robomd_ros.core.policies.rollout import PolicyRollout, RolloutCanceled, RolloutConfig
from robomd_ros.core.spaces import Size, Spaces, require_fit, seen_cameras
from robomd_ros.core.trial import Outcome, Result
from robomd_ros.nodes.homing import Homing
from robomd_ros.nodes.motion_lease import MotionLease
from robomd_ros.nodes.policy_io import CommandStream, RosSenses, SensesConfig, command_config
from robomd_ros.nodes.scene_bond import SceneBond
from robomd_ros.ros.conversions import outcome_to_msg
from robomd_ros.ros.node_parameters import PolicyNodeParameters
from robomd_ros.ros.parameters import declare
from robomd_ros.ros.runtime import OneGoalServer, Ticker, finish, in_thread, main_of, unless

_TICK = 0.1
"""s between looks at what is waited for."""
_FEEDBACK_TICKS = 4
"""Feedback comes at every fourth tick: at least every 0.5 s."""
_HOME_ATTEMPTS, _HOME_PAUSE = 3, 0.5
"""How often the arm is asked to go home, and s between."""
_OPEN = 0.1
"""A gripper closed by no more than this is open."""


class PolicyNode(Node):
    """Hosts the policy under test and lets it move the arm, one rollout at a time.

    The policy runs in a supervised child process. Its needs are compared with what the cell gives,
    and it is asked once about the first picture and state, without a motion; only then is the
    action offered, so that nobody makes a scene for a policy that cannot run.

    Pictures and states older than the goal are never used; whenever one is stale, or the robot not
    ready, the rollout is INVALID and the commands end. A rollout that nobody labels ends with
    UNKNOWN: then the diagnosis asks a person.

    Parameters:
        Those of PolicyNodeParameters; `ros2 param describe` prints them.

    Publishers:
        servo_twist (geometry_msgs/TwistStamped, reliable, depth 1): m/s and rad/s in the frame
            base, where command_mode is twist.
        servo_joints (sensor_msgs/JointState, reliable, depth 1): absolute targets, rad, where
            command_mode is joints.
        gripper_command (std_msgs/Float64, reliable, depth 1): 0 open to 1 closed, when it changes.

    Subscriptions:
        camera/image_raw (sensor_msgs/Image, reliable, depth 1; sensor data where the publisher is),
            or the topics of `cameras` (sensor_msgs/Image or CompressedImage, likewise)
        joint_states (sensor_msgs/JointState, sensor data): rad, by name.
        tcp_pose (geometry_msgs/PoseStamped, sensor data): m, in the frame base.
        gripper_position (std_msgs/Float64, sensor data): 0 open to 1 closed; not required.
        robot_status (robomd_msgs/RobotStatus, latched)
        cell_state (robomd_msgs/CellState, latched): which scene is in force, and that nobody is
            inside; while it says otherwise, or is silent, goals are refused and rollouts end.
        driver (std_msgs/String, latched, liveliness 0.3 s): a rollout ends when its sender is gone.

    Services:
        open_gripper (std_srvs/Trigger): open the gripper for a person who holds the object.

    Services called:
        hold_motion (robomd_msgs/HoldMotion): the right to move the arm, where its node grants it.
        home, stop_motion (std_srvs/Trigger): where it does not, before and after a rollout.

    Actions called:
        move_to_joints (robomd_msgs/MoveToJoints): home, under the lease, before and after a
            rollout, where home_first is true.

    Actions:
        execute_policy (robomd_msgs/ExecutePolicy): run the policy once in the scene whose token
            the goal quotes.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare and check; `connect` starts the policy."""
        super().__init__("policy_node", **kwargs)
        self._values = values = declare(self, PolicyNodeParameters)
        # refused now, before the policy is loaded
        ImageFit(values["image_width"], values["image_height"], values["crop"])
        self._arm: ArmDescription = arm_named(values["arm"])
        if values["outcome_by"] == "detector" and not values["detector"]:
            raise ConfigurationError(
                "outcome_by is detector, but no detector is given; give one with "
                "detector:=python:<module>:<name>, or let the operator label"
            )
        timeout = values["start_timeout"]
        self._policy = PluginProcess("policy", values["policy"], timeout, values["python"])
        by_detector = values["outcome_by"] == "detector"
        self._detector = (
            PluginProcess("detector", values["detector"], timeout, "") if by_detector else None
        )
        self._canceled = threading.Event()
        self._closing = threading.Event()
        self._ticks = 0
        self._rollout: PolicyRollout | None = None
        self._server: OneGoalServer | None = None

    def connect(self) -> None:
        """Load the policy and the detector; the action follows once the policy was asked.

        Raises:
            ConfigurationError: one of them cannot be loaded, or does not fit the cell.
            PolicyFault: one of them died or hung while it was loaded.
        """
        for plugin in self._plugins():
            _in_thread_that_heeds_ctrl_c(plugin.connect)
        described = self._policy.description
        if self._values["outcome_by"] == "policy" and not described["says_outcome"]:
            raise ConfigurationError(
                f"outcome_by is policy, but {self._values['policy']} has no method outcome(); "
                "choose operator or detector"
            )
        gives = self._arm.cell_spaces(self._values)
        needs = Spaces.from_mapping(described["needs"])
        require_fit(needs, gives, repr(self._values["policy"]), f"the cell {self.get_namespace()}")
        names = self._arm.joint_names
        self._commands = CommandStream(self, command_config(self._values, names))
        self._senses = RosSenses(self, self._senses_config(seen_cameras(needs, gives)))
        self._commands.on_gripper = lambda closure: self._senses.watch.gripper_told(
            closure, time.monotonic()
        )
        self._action = gives.action
        self._rollout = PolicyRollout(
            RolloutConfig(
                self._values["rate"],
                self._values["policy_timeout"],
                self._values["outcome_by"],
                self._values["detector_period"],
                self._action.size,
                self._action,
            ),
            self._policy,
            self._detector,
            self._senses,
            self._commands,
        )
        self._ticker = Ticker(self, _TICK)
        self._lease = MotionLease(self, self._ticker)
        self._bond = SceneBond(self, self._ticker, self._on_driver_gone)
        self._senses.forbidden = lambda: self._lease.lost or self._bond.broken()
        self._homing = Homing(self, self._ticker, self._lease)
        self.create_service(
            Trigger, "open_gripper", self._on_open, callback_group=ReentrantCallbackGroup()
        )
        # a task of its own: a timer's coroutine would keep all other callbacks waiting
        self.executor.create_task(self._offer)
        self.get_logger().info(
            f"up: policy {self._values['policy']} is loaded, waits for pictures and joint states"
        )

    async def _offer(self) -> None:
        """Offer the action once the policy has answered; ConfigurationError ends the node."""
        await in_thread(self, "first-question", self._ask_once)
        if self._closing.is_set():
            return
        self._server = OneGoalServer(
            self, ExecutePolicy, "execute_policy", self._execute, on_cancel=self._canceled.set
        )
        self.get_logger().info(f"policy {self._values['policy']} is ready")

    def _ask_once(self) -> None:
        """Ask the policy about the first picture and state; nothing moves. PolicyLoadError."""
        missing = ""
        while not self._closing.wait(_TICK):
            try:
                observation = self._senses.look()
            except CellFault as fault:
                if missing != str(fault).partition(":")[0]:
                    missing = str(fault).partition(":")[0]
                    self.get_logger().info(f"before the action is offered: {fault}")
                continue
            with contextlib.suppress(Interrupted):
                ask_hosted(
                    self._policy,
                    observation,
                    self._action,
                    self._values["instruction"],
                    self._values["start_timeout"],
                    self._closing.is_set,
                )
            return

    def close(self) -> None:
        """End a running rollout, the policy and the detector."""
        self._closing.set()
        self._canceled.set()
        deadline = time.monotonic() + 3.0
        while self._server is not None and self._server.busy and time.monotonic() < deadline:
            time.sleep(0.02)
        for plugin in self._plugins():
            plugin.close()

    def _plugins(self) -> list[PluginProcess]:
        return [p for p in (self._policy, self._detector) if p is not None]

    def _senses_config(self, cameras: Mapping[str, Size]) -> SensesConfig:
        values = self._values
        return SensesConfig(
            values["image_timeout"],
            values["state_timeout"],
            values["gripper_state_timeout"],
            values["gripper_width"],
            self._arm.joint_names,
            {
                name: ImageFit(width, height, values["crop"])
                for name, (height, width) in cameras.items()
            },
            camera_topics(values["cameras"]),
            values["still_pictures"],
            values["picture_lag"],
        )

    async def _execute(self, handle: Any) -> ExecutePolicy.Result:
        if not self._closing.is_set():
            self._canceled.clear()
        code, reason = await self._bond.bind(handle.request)
        result = ExecutePolicy.Result(token=self._bond.in_force, error_code=code, error_msg=reason)
        if code:
            self.get_logger().warning(f"no rollout: {reason}")
            result.outcome = outcome_to_msg(Outcome(Result.INVALID, detail=reason))
            return finish(handle, result)
        with self._ticker.calling(lambda: self._feedback(handle)):
            try:
                outcome = await self._trial(handle.request)
                result.outcome = outcome_to_msg(outcome)
            except RolloutCanceled as canceled:
                result.error_code, result.error_msg = result.CANCELED, str(canceled)
            except PolicyFault as fault:
                result.error_code, result.error_msg = result.POLICY_FAULT, str(fault)
            except CellFault as fault:
                result.error_code, result.error_msg = result.CELL_FAULT, str(fault)
            if result.error_code:
                outcome = Outcome(Result.INVALID, detail=result.error_msg)
                outcome = self._rollout.measured(outcome) if self._rollout else outcome
                result.outcome = outcome_to_msg(outcome)
                self.get_logger().warning(f"the rollout is invalid: {result.error_msg}")
            result.token = self._bond.in_force
            await self._home_after(Result(result.outcome.result))
            self._bond.release()
            self._lease.give_back()
        return finish(handle, result)

    async def _trial(self, goal: ExecutePolicy.Goal) -> Outcome:
        """Prepare the robot and run the policy; see PolicyRollout.run for what it raises."""
        rollout = self._rollout
        if rollout is None:
            raise CellFault("the node is not connected")
        rollout.begin()
        await self._prepare(goal.token)
        limit = goal.time_limit or self._values["time_limit"]
        instruction = goal.instruction or self._values["instruction"]
        outcome: Outcome = await in_thread(
            self, "rollout", lambda: rollout.run(goal.seed, instruction, limit, self._canceled)
        )
        return outcome

    async def _prepare(self, token: str) -> None:
        """Robot ready and ours, home, gripper open, and everything sensed anew; CellFault."""
        self._lease.lost = ""
        # the latched status of a robot that has just started may still be on its way
        await self._until(lambda: not self._senses.robot_fault(), self._values["input_timeout"])
        if reason := self._senses.robot_fault():
            raise CellFault(reason)
        await self._lease.take(token, unwanted=self._canceled.is_set)
        if self._values["home_first"] and (reason := await self._move_home()):
            raise CellFault(reason)
        if self._values["open_gripper_first"]:
            await self._open_gripper()
        self._senses.begin()
        await self._until(lambda: not self._senses.fault(), self._values["input_timeout"])
        if reason := self._senses.fault():
            raise CellFault(reason)

    def _on_driver_gone(self) -> None:
        """The arm rests, and stays where it is, when nobody waits for the rollout any more."""
        if self._server is not None and self._server.busy:
            self.get_logger().warning("the diagnosis that drives this cell is gone: the arm rests")
            self._canceled.set()

    async def _on_open(self, _request: Any, response: Any) -> Any:
        """Open the gripper for a person who holds the object; nothing else moves."""
        if self._server is None or self._server.busy or self._closing.is_set():
            response.message = "a rollout is being executed, or the node is not ready"
            return response
        self._canceled.clear()
        try:
            await self._lease.take(self._bond.in_force, only_open=True)
            await self._open_gripper()
            response.success, response.message = True, "the gripper is open"
        except CellFault as fault:
            response.message = str(fault)
        finally:
            self._lease.give_back()
        return response

    async def _open_gripper(self) -> None:
        self._commands.forget_gripper()
        self._commands.move_gripper(0.0)
        if not self._senses.measures_gripper:
            return
        limit = self._values["open_timeout"]
        if not await self._until(lambda: self._senses.gripper_position() <= _OPEN, limit):
            raise CellFault(
                f"the gripper did not open within {limit:g} s (it is closed by "
                f"{self._senses.gripper_position():.2f}); is it powered and free?"
            )

    async def _home_after(self, result: Result) -> None:
        """Move home after a rollout, also an invalid one, unless somebody ended it.

        What the gripper holds is released by a person's word, and a rollout without a label is
        looked at first: then whoever asks the person has the arm go home.
        """
        wanted = self._values["home_first"] and not self._canceled.is_set()
        if self._senses.says_position:
            waits = result is Result.UNKNOWN or self._senses.holds_object
            wanted = wanted and not waits
        if wanted and not self._senses.robot_fault() and (reason := await self._move_home()):
            self.get_logger().warning(f"the arm did not go home after the rollout: {reason}")

    async def _move_home(self) -> str:
        """Move the arm home; why it is not there, empty if it is. RolloutCanceled."""
        for attempt in range(_HOME_ATTEMPTS):
            reason = await self._try_home()
            # an arm that has just stopped may still swing, and refuses to move until it rests
            if not reason or self._senses.robot_fault() or attempt == _HOME_ATTEMPTS - 1:
                break
            await self._until(lambda: False, _HOME_PAUSE)
        return reason

    async def _try_home(self) -> str:
        limit = self._values["home_timeout"]

        def unwanted() -> bool:
            return self._canceled.is_set() or bool(self._senses.robot_fault())

        reason = await self._homing.go(limit, unwanted)
        self._raise_if_canceled()
        return self._senses.robot_fault() or reason

    def _raise_if_canceled(self) -> None:
        if self._canceled.is_set():
            raise RolloutCanceled("the rollout was canceled")

    async def _until(self, condition: Callable[[], bool], limit: float) -> bool:
        """Wait until something is true; whether it is. RolloutCanceled."""
        over_at = time.monotonic() + limit
        done = Future(executor=self.executor)

        def over() -> bool:
            return condition() or self._canceled.is_set() or time.monotonic() > over_at

        if not over():
            await unless(self._ticker, done, over)
        self._raise_if_canceled()
        return condition()

    def _feedback(self, handle: Any) -> None:
        self._ticks += 1
        if self._rollout is None or self._ticks % _FEEDBACK_TICKS:
            return
        feedback = ExecutePolicy.Feedback()
        feedback.steps, feedback.duration = self._rollout.steps, self._rollout.duration
        handle.publish_feedback(feedback)


def _in_thread_that_heeds_ctrl_c(work: Callable[..., None]) -> None:
    """Do what may take minutes in a thread, so that a signal ends it."""
    errors: list[Exception] = []
    ending = threading.Event()

    def target() -> None:
        try:
            work(ending.is_set)
        except Interrupted:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            errors.append(error)

    thread = threading.Thread(target=target, name="load", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    finally:
        ending.set()
    if errors:
        raise errors[0]


def main() -> None:
    """Run the node."""
    main_of(PolicyNode)


if __name__ == "__main__":
    main()
