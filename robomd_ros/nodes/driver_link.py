# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ros2_control driver as DriverArm uses it: its topics, its action and its services."""

import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from unique_identifier_msgs.msg import UUID

from robomd_ros.arms.ros2_control.link import DriverMove, HeardJoints, Point
from robomd_ros.arms.ur5e.kinematics import Array
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.nodes.driver_messages import hear_driver, optional
from robomd_ros.nodes.driver_sentinel import Sentinel, SentinelTask
from robomd_ros.ros.polled import PolledSubscription
from robomd_ros.ros.qos import COMMANDS, LATCHED, STATE_IN
from robomd_ros.ros.runtime import on_executor

_GRAPH_PERIOD, _CONTROLLER_PERIOD = 0.2, 1.0
"""s between looks at the graph, and at the controllers."""
_DECELERATION = 4.0
"""rad/s^2 with which a short trajectory comes to rest at its end."""
_AHEAD = 2.0
"""Ticks for which a short trajectory goes on before it comes to rest."""
_GAIN = 4.0
"""1/s by which streamed velocities draw the arm to its target."""
_ALIVE = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)


class RosDriverLink:
    """Commands a driver, and sees who else does; see DriverLink."""

    def __init__(self, node: Node, values: Any) -> None:
        """Prepare; `start` subscribes and offers commands.

        Args:
            node: whose executor serves all of it.
            values: DriverArmParameters.
        """
        self._node, self._values = node, values
        self._names = list(values["joint_names"])
        self._mode = values["stream"]
        self.streams_twists = self._mode == "twist"
        self._action = f"{values['trajectory_controller']}/follow_joint_trajectory"
        self._publisher: Any = None
        self._client: ActionClient | None = None
        self._ours: set[bytes] = set()
        self._last_move: DriverMove | None = None
        self._foreign = ""
        self._description: str | None = ""
        self._heard: HeardJoints | None = None
        self._stamp = 0
        self.gripper_position: float | None = None
        """Of the gripper's joint, as the driver has it; None: not measured."""
        self._graph_looked = 0.0
        self._rival, self._problem = "", "the driver was not looked at yet"
        self._controllers: dict[str, str] = {}
        by_action = values["moves"] == "action"
        self._sentinel = Sentinel(
            SentinelTask(
                node.get_namespace(),
                f"{node.get_name()}_sentinel",
                self._stream_topic() if self._mode == "velocity" else "",
                len(self._names),
                self._stream_topic() if self._mode == "twist" else "",
                self._action if by_action else "",
                values["frame_id"],
            )
        )

    def start(self, hear: Callable[..., None]) -> None:
        """Subscribe and offer; ConfigurationError where messages are not installed."""
        node, values = self._node, self._values
        if values["moves"] == "action":
            kind = optional("control_msgs.action", "moves: action", "or set moves to stream")
            self._client = ActionClient(node, kind.FollowJointTrajectory, self._action)
        hear_driver(node, values, hear)
        kinds = {
            "trajectory": JointTrajectory,
            "velocity": Float64MultiArray,
            "twist": TwistStamped,
        }
        self._publisher = node.create_publisher(kinds[self._mode], self._stream_topic(), COMMANDS)
        self._joint_states = PolledSubscription(node, JointState, values["joint_states"], STATE_IN)
        node.create_subscription(
            GoalStatusArray, f"{self._action}/_action/status", self._on_goals, LATCHED
        )
        self._cancel = node.create_client(CancelGoal, f"{self._action}/_action/cancel_goal")
        board, status = values["dashboard"], values["status_controller"]
        self._services = {
            name: node.create_client(Trigger, f"{place}/{name}")
            for place, name in (
                (board, "unlock_protective_stop"), (board, "play"), (board, "stop"),
                (status, "resend_robot_program"),
            )
        }  # fmt: skip
        self._describe(values["robot_description"])
        with contextlib.suppress(ConfigurationError):  # then the graph says what there is
            kind = optional("controller_manager_msgs.srv", "", "").ListControllers
            self._lister = node.create_client(
                kind, f"{values['controller_manager']}/list_controllers"
            )
            node.create_timer(_CONTROLLER_PERIOD, lambda: self._ask_controllers(kind.Request()))
        self._sentinel.start()

    def close(self) -> None:
        """End the sentinel: the arm rests."""
        self._sentinel.close()

    # what is heard

    def joints(self) -> HeardJoints | None:
        """The newest joint states of the arm; others on the topic may be of a gripper."""
        for data in reversed(self._joint_states.take()):
            message = deserialize_message(data, JointState)
            position = dict(zip(message.name, message.position, strict=False))
            joint = self._values["gripper_joint"]
            if joint in position:
                self.gripper_position = position[joint]
            stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            if any(name not in position for name in self._names):
                continue
            if stamp and stamp == self._stamp:  # said again: nothing new
                break
            self._stamp = stamp
            velocity = dict(zip(message.name, message.velocity, strict=False))
            self._heard = HeardJoints(time.monotonic(), position, velocity)
            break
        return self._heard

    def description(self) -> str | None:
        """The robot description; "" where none is wanted, None while it has not come."""
        return self._description

    def _describe(self, source: str) -> None:
        if not source:
            return
        path = Path(source).expanduser()
        if path.is_file():
            self._description = path.read_text(encoding="utf-8", errors="replace")
            return
        self._description = None

        def keep(message: String) -> None:
            self._description = message.data

        self._node.create_subscription(String, source, keep, LATCHED)

    def problem(self) -> str:
        """Why commands would not arrive; empty if they would."""
        self._look_at_graph()
        return self._problem

    def rival(self) -> str:
        """Who else commands the driver; empty if nobody does."""
        self._look_at_graph()
        return self._rival

    def _look_at_graph(self) -> None:
        now = time.monotonic()
        if now - self._graph_looked < _GRAPH_PERIOD or self._publisher is None:
            return
        self._graph_looked = now
        self._rival = self._foreign or self._second_publisher()
        self._problem = self._sentinel.problem() or self._deaf()

    def _second_publisher(self) -> str:
        topic = self._publisher.topic_name
        own = self._node.get_fully_qualified_name()
        names = sorted(
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in self._node.get_publishers_info_by_topic(topic)
        )
        others = [name for name in names if name not in (own, f"{own}_sentinel")]
        doubled = len(names) - len(set(names)) > 0
        if not others and not doubled:
            return ""
        return (
            f"another node commands the arm on {topic}: {', '.join(others or names)}; end it (one "
            "that has died is listed for up to 20 s)"
        )

    def _deaf(self) -> str:
        """Which controller would not hear a command; empty if all would."""
        manager = self._values["controller_manager"]
        wanted = [] if self._client is None else [self._values["trajectory_controller"]]
        if self._mode != "twist":
            wanted.append(self._stream_topic().rpartition("/")[0])
        for controller in dict.fromkeys(wanted):
            name = controller.rpartition("/")[2]
            state = self._controllers.get(name, "active") if self._controllers else "active"
            if self._controllers and name not in self._controllers:
                state = "not loaded"
            if state != "active":
                return (
                    f"the controller {name} is {state} in {manager}; activate it: ros2 control "
                    f"switch_controllers --activate {name} (one that moves the same joints must "
                    "be inactive: then choose moves and stream so that one controller does both)"
                )
        if self._client is not None and not self._client.server_is_ready():
            return f"nobody offers {self._action}; is its controller loaded and active?"
        if not self._node.count_subscribers(self._publisher.topic_name):
            return f"nobody listens on {self._publisher.topic_name}; is its controller active?"
        return ""

    def _on_goals(self, message: GoalStatusArray) -> None:
        foreign = [
            bytes(status.goal_info.goal_id.uuid)
            for status in message.status_list
            if status.status in _ALIVE
        ]
        self._foreign = (
            f"somebody else moves the arm by {self._action}; end that, its goal is cancelled"
            if any(goal not in self._ours for goal in foreign)
            else ""
        )
        if self._foreign:
            self.cancel_moves()

    def _ask_controllers(self, request: Any) -> None:
        if not self._lister.service_is_ready():
            self._controllers = {}
            return

        def keep(future: Future) -> None:
            answer = future.result()
            if answer is not None:
                self._controllers = {one.name: one.state for one in answer.controller}

        self._lister.call_async(request).add_done_callback(keep)

    # what is commanded

    def send(self, q: Array, v: Array, q_actual: Array) -> None:
        """Go on along a stream."""
        if self._mode == "velocity":
            limit = self._values["joint_speed_limit"]
            wanted = np.clip(v + _GAIN * (q - q_actual), -limit, limit)
            self._publisher.publish(Float64MultiArray(data=wanted.tolist()))
        elif self._mode == "trajectory":
            ahead = _AHEAD / self._values["servo_rate"]
            ramp = max(float(np.max(np.abs(v))) / _DECELERATION, 1.0 / self._values["servo_rate"])
            onward = q + v * ahead
            self._publisher.publish(
                self._trajectory([
                    (ahead, onward, v),
                    (ahead + ramp, onward + v * ramp / 2, np.zeros_like(v)),
                ])
            )  # fmt: skip

    def send_twist(self, twist: Sequence[float]) -> None:
        """Move the tool with a twist, by MoveIt Servo."""
        message = TwistStamped()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = self._values["frame_id"]
        linear, angular = message.twist.linear, message.twist.angular
        linear.x, linear.y, linear.z, angular.x, angular.y, angular.z = map(float, twist)
        self._publisher.publish(message)

    def send_rest(self, q: Array) -> None:
        """The stream has ended: velocities stay in force until they are zero."""
        if self._mode == "velocity":
            for _ in range(3):
                self._publisher.publish(Float64MultiArray(data=[0.0] * len(q)))

    def start_move(self, points: Sequence[Point]) -> DriverMove:
        """Have the trajectory controller do a move."""
        move = DriverMove()
        client, kind = self._client, optional("control_msgs.action", "", "").FollowJointTrajectory
        identity = uuid.uuid4().bytes
        self._ours.add(identity)
        self._last_move = move
        goal = kind.Goal(trajectory=self._trajectory(points))

        def end(reason: str) -> None:
            move.reason, move.ended = reason, True

        def on_result(future: Future) -> None:
            answer = future.result()
            done = answer.status == GoalStatus.STATUS_SUCCEEDED
            said = answer.result.error_string or f"error {answer.result.error_code}"
            end("" if done else f"the trajectory controller broke the move off: {said}")

        def on_accepted(future: Future) -> None:
            handle = future.result()
            if not handle.accepted:
                end("the trajectory controller refused the move; is it active?")
            else:
                handle.get_result_async().add_done_callback(on_result)
                if move.reason:  # it was cancelled before it was accepted
                    handle.cancel_goal_async()

        if client is None or not client.server_is_ready():
            end(f"nobody offers {self._action}")
            return move
        sent = on_executor(
            self._node, lambda: client.send_goal_async(goal, goal_uuid=UUID(uuid=list(identity)))
        )
        sent.add_done_callback(on_accepted)
        return move

    def cancel_moves(self) -> None:
        """End every move of the trajectory controller, whoever asked for it."""
        last = self._last_move
        if last is not None and not last.ended:
            last.reason = last.reason or "it was cancelled"
        if self._client is not None and self._cancel.service_is_ready():
            on_executor(self._node, lambda: self._cancel.call_async(CancelGoal.Request()))

    def halt(self) -> None:
        """Have the program on the robot stopped, if there is a dashboard."""
        stop = self._services["stop"]
        if stop.service_is_ready():
            on_executor(self._node, lambda: stop.call_async(Trigger.Request()))

    def call(self, service: str, timeout: float) -> str:
        """Call one of the driver's Trigger services; why it failed. Blocks a thread of its own."""
        client = self._services[service]
        if not client.service_is_ready():
            return f"nobody offers {client.srv_name}"
        answered = on_executor(self._node, lambda: client.call_async(Trigger.Request()))
        until = time.monotonic() + timeout
        while not answered.done():
            if time.monotonic() > until:
                return f"{client.srv_name} gave no answer within {timeout:g} s"
            time.sleep(0.02)
        answer = answered.result()
        return "" if answer.success else f"{client.srv_name} said: {answer.message or 'no'}"

    def _stream_topic(self) -> str:
        values = self._values
        return {
            "trajectory": f"{values['trajectory_controller']}/joint_trajectory",
            "velocity": f"{values['velocity_controller']}/commands",
            "twist": values["servo_topic"],
        }[self._mode]

    def _trajectory(self, points: Sequence[Point]) -> JointTrajectory:
        """From now on: a stamp of zero begins when it arrives."""
        message = JointTrajectory(joint_names=self._names)
        for at, q, v in points:
            seconds, rest = divmod(round(at * 1e9), 10**9)
            message.points.append(
                JointTrajectoryPoint(
                    positions=q.tolist(),
                    velocities=v.tolist(),
                    time_from_start=Duration(sec=seconds, nanosec=rest),
                )
            )
        return message
