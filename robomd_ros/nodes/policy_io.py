# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy node hears from the robot and says to it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64

from robomd_msgs import msg
from robomd_ros.arms.camera.topics import OWN_TOPIC, topic_of
from robomd_ros.core.cell_watch.rollout_watch import RolloutWatch
from robomd_ros.core.errors import CellFault, ConfigurationError
from robomd_ros.core.image_fit import ImageFit
from robomd_ros.core.policies.policy import Observation
from robomd_ros.ros.conversions import facts_from_msg
from robomd_ros.ros.image_topic import ImageTopic
from robomd_ros.ros.qos import COMMANDS, LATCHED, STATE_IN
from robomd_ros.ros.standard import image_from_msg, time_from_msg

_JOINTS, _POSE = "joint_states", "tcp_pose"
_GRIPPER, _STATUS = "gripper_position", "robot_status"
_BASE_FRAME = "base"


@dataclass(frozen=True)
class SensesConfig:
    """How old what is sensed may be, and how it is shown to the policy.

    Attributes:
        image_timeout: s, of a picture.
        state_timeout: s, of joint states and the pose of the tool.
        gripper_state_timeout: s, of the gripper's position, where it was ever published.
        gripper_width: m, opening of the gripper.
        joint_names: of the arm, in its order.
        cameras: what the policy calls its cameras, and the fit to the size that it needs; empty for
            a policy that needs no picture.
        topics: of the cell's cameras, as `camera_topics` gives them. Pictures must come on all that
            the policy sees, or on the first where it sees none.
        still_pictures: pictures of a scene at rest may repeat.
        picture_lag: s that pictures may follow the arm later than they say.
    """

    image_timeout: float
    state_timeout: float
    gripper_state_timeout: float
    gripper_width: float
    joint_names: tuple[str, ...]
    cameras: Mapping[str, ImageFit]
    topics: Mapping[str, str]
    still_pictures: bool
    picture_lag: float


class RosSenses:
    """The newest messages of a cell, and whether they may still be used.

    Callbacks run on the node's executor, everything else in the rollout's thread.
    """

    def __init__(self, node: Node, config: SensesConfig) -> None:
        self._node = node
        self._config = config
        self._newest: dict[str, tuple[Any, float]] = {}
        self._not_before = 0.0
        self._begun = 0.0
        self.forbidden: Callable[[], str] = lambda: ""
        """Why this node may not move the robot any more; empty if it may."""
        seen = [topic_of(config.topics, name) for name in config.cameras]
        self.watch = RolloutWatch(config.still_pictures, config.picture_lag, seen)
        """Of what is sensed."""
        self._images = {
            topic: ImageTopic(
                node,
                topic,
                partial(self._on_picture, topic),
                Image if topic == OWN_TOPIC else None,
            )
            for topic in seen or [next(iter(config.topics.values()))]
        }
        for message_type, topic, qos, look in (
            (JointState, _JOINTS, STATE_IN, self._look_at_joints),
            (PoseStamped, _POSE, STATE_IN, lambda _message, _now: None),
            (Float64, _GRIPPER, STATE_IN, lambda m, now: self.watch.gripper(m.data, now)),
            (msg.RobotStatus, _STATUS, LATCHED, self._look_at_status),
        ):
            node.create_subscription(message_type, topic, self._keep(topic, look), qos)

    def _keep(self, topic: str, look: Callable[[Any, float], None]) -> Callable[[Any], None]:
        def keep(message: Any) -> None:
            now = time.monotonic()
            self._newest[topic] = (message, now)
            look(message, now)

        return keep

    def _on_picture(self, topic: str, message: Any) -> None:
        """Keep a picture unless something is wrong with it; a malformed one is told by `look`."""
        now, stamp = time.monotonic(), time_from_msg(message.header.stamp)
        try:
            image = image_from_msg(message)
        except ValueError:
            self._newest[topic] = (message, now)
            return
        if not self.watch.picture(topic, image, (stamp, now, self._now())):
            self._newest[topic] = (message, now)

    def _look_at_joints(self, message: JointState, now: float) -> None:
        self.watch.joints(message.position, message.velocity, now)

    def _look_at_status(self, message: msg.RobotStatus, _now: float) -> None:
        self.watch.robot(facts_from_msg(message.facts), message.speed_scaling)

    def begin(self) -> None:
        """From now on only what is sensed later counts: a rollout starts."""
        self._begun = time.monotonic()
        self._not_before = self._now()
        self.watch.begin(self._begun)

    def flaw(self) -> str:
        """Why the rollout that has ended may not count, which only the whole of it shows."""
        return self.watch.flaw()

    def facts(self) -> dict[str, Any]:
        """What was measured since `begin`, as JSON has it."""
        return self.watch.facts()

    def robot_fault(self) -> str:
        """Why the robot itself cannot move; empty if it can."""
        if _STATUS not in self._newest:
            return f"nobody publishes {_STATUS}; start ur5e_node in this cell"
        if reason := self.forbidden():
            return reason
        status = self._newest[_STATUS][0]
        return "" if status.ready else f"the robot is not ready: {status.detail or 'no reason'}"

    @property
    def says_position(self) -> bool:
        """Whether the robot says where its arm is; then whoever asks people relies on it."""
        return _STATUS in self._newest and bool(self._newest[_STATUS][0].position)

    @property
    def holds_object(self) -> bool:
        """Whether the robot says that its gripper holds something."""
        return _STATUS in self._newest and bool(self._newest[_STATUS][0].holds_object)

    def fault(self) -> str:
        """Why a rollout may not go on; empty if it may."""
        return self.robot_fault() or self.sensed_fault()

    def sensed_fault(self) -> str:
        """What is not sensed, or is too old; empty if nothing. The robot need not be ready."""
        limit = self._config.state_timeout
        return (
            self._aged(_JOINTS, limit)
            or self._aged(_POSE, limit)
            or self.watch.camera_fault()
            or next(filter(None, map(self._aged_picture, self._images)), "")
            or self.watch.gripper_fault()
            or self._aged_gripper()
        )

    def observe(self) -> Observation:
        """What the policy sees; CellFault where anything is missing, stale or malformed."""
        if reason := self.fault():
            raise CellFault(reason)
        return self.look()

    def look(self) -> Observation:
        """As observe, of a robot that may not be ready to move."""
        if reason := self.sensed_fault():
            raise CellFault(reason)
        pose = self._newest[_POSE][0].pose
        at, turned = pose.position, pose.orientation
        width = (1.0 - self.gripper_position()) * self._config.gripper_width
        proprioception = {
            "eef_pos": np.array([at.x, at.y, at.z]),
            "eef_quat_xyzw": np.array([turned.x, turned.y, turned.z, turned.w]),
            **self._joints(),
            # two fingers that move against each other, as robosuite's Panda has them
            "gripper_qpos": np.array([width / 2, -width / 2]),
        }
        for name, values in proprioception.items():
            if not np.isfinite(values).all():
                raise CellFault(f"the robot sent a {name} that is not finite: {values.tolist()}")
        return {"images": self._pictures(), "proprioception": proprioception}

    def gripper_position(self) -> float:
        """0 open to 1 closed; open where nobody measures it."""
        message = self._newest.get(_GRIPPER)
        value = message[0].data if message is not None else 0.0
        return float(np.clip(value, 0.0, 1.0)) if np.isfinite(value) else 0.0

    @property
    def measures_gripper(self) -> bool:
        """Whether anybody has ever published the gripper's position."""
        return _GRIPPER in self._newest

    def _pictures(self) -> dict[str, NDArray[np.uint8]]:
        """What the cameras show, by the policy's names of them, in the sizes that it needs."""
        shown = {}
        for name, fit in self._config.cameras.items():
            topic = topic_of(self._config.topics, name)
            try:
                shown[name] = fit.apply(image_from_msg(self._newest[topic][0]))
            except (ValueError, ConfigurationError) as error:
                raise CellFault(f"{topic}: {error}") from error
        return shown

    def _joints(self) -> dict[str, NDArray[np.float64]]:
        """Positions, rad, and velocities, rad/s, in the arm's order: the message's means nothing.

        There are no velocities where the arm's driver sends none.
        """
        message: JointState = self._newest[_JOINTS][0]
        names = self._config.joint_names
        positions = dict(zip(message.name, message.position, strict=False))
        if missing := [name for name in names if name not in positions]:
            known = ", ".join(positions) or "none"
            raise CellFault(f"{_JOINTS} lacks {missing[0]}; it has {known}")
        joints = {"joint_pos": np.array([positions[name] for name in names])}
        velocities = dict(zip(message.name, message.velocity, strict=False))
        if all(name in velocities for name in names):
            joints["joint_vel"] = np.array([velocities[name] for name in names])
        return joints

    def _aged(self, topic: str, limit: float) -> str:
        if topic not in self._newest:
            return f"no {topic} has come; is its publisher running?"
        arrived = self._newest[topic][1]
        unused = self.watch.unused(topic)
        if arrived < self._begun:
            why = f" that could be used: {unused}" if unused else "; is its publisher running?"
            return f"no {topic} has come since the rollout was asked for{why}"
        age = time.monotonic() - arrived
        if age <= limit:
            return ""
        return f"{topic} is stale: {age:.2f} s old (limit {limit:g} s)" + (
            f"; what came since cannot be used: {unused}" if unused else ""
        )

    def _aged_picture(self, topic: str) -> str:
        limit = self._config.image_timeout
        if reason := self._images[topic].foreign or self._aged(topic, limit):
            return reason
        stamp = time_from_msg(self._newest[topic][0].header.stamp)
        if not stamp:
            return f"pictures on {topic} are unstamped; let their driver stamp them"
        if stamp < self._not_before:
            return (
                f"no picture on {topic} was taken since the rollout was asked for (the last one "
                f"{self._not_before - stamp:.2f} s before, by its stamp); are the clocks in step?"
            )
        age = self._now() - stamp
        if age <= limit:
            return ""
        came = time.monotonic() - self._newest[topic][1]
        behind = (
            f", and came only {came:.2f} s ago: the clock of the camera's machine is behind, or "
            "pictures wait somewhere"
        )
        return f"{topic} is stale: {age:.2f} s old (limit {limit:g} s)" + (
            behind if came <= limit else ""
        )

    def _aged_gripper(self) -> str:
        limit = self._config.gripper_state_timeout
        return self._aged(_GRIPPER, limit) if self.measures_gripper else ""

    def _now(self) -> float:
        return float(self._node.get_clock().now().nanoseconds) * 1e-9


@dataclass(frozen=True)
class CommandConfig:
    """How actions become commands.

    Attributes:
        mode: twist or joints.
        joint_names: of the arm, in its order.
        linear_scale: m/s of a delta of 1.
        angular_scale: rad/s of a delta of 1.
        rate: Hz, at which the newest command is sent again.
        hold: s after which a command counts no more.
    """

    mode: str
    joint_names: tuple[str, ...]
    linear_scale: float
    angular_scale: float
    rate: float
    hold: float


class CommandStream:
    """Sends the newest action to the arm again and again, and falls silent when it is too old.

    The arm stops by itself when its stream falls silent; before that a twist of zero is sent.
    """

    def __init__(self, node: Node, config: CommandConfig) -> None:
        self._node = node
        self._config = config
        self._lock = threading.Lock()
        self._action: NDArray[np.float64] | None = None
        self._given = 0.0
        self._gripper: float | None = None
        self.on_gripper: Callable[[float], None] = lambda closure: None
        """Told what the gripper is told."""
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._allowed: Callable[[], bool] = lambda: True
        self._twist = self._joints = None
        if config.mode == "twist":
            self._twist = node.create_publisher(TwistStamped, "servo_twist", COMMANDS)
        else:
            self._joints = node.create_publisher(JointState, "servo_joints", COMMANDS)
        self._grippers = node.create_publisher(Float64, "gripper_command", COMMANDS)

    def begin(self, allowed: Callable[[], bool]) -> None:
        """Open the stream; nothing is sent before the first command."""
        self.stop()
        self._allowed = allowed
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        self._thread.start()

    def command(self, action: NDArray[np.float64]) -> None:
        """Send this action from now on.

        Args:
            action: (size,), finite. Twist, (7,): the delta pose of robosuite's OSC_POSE in [-1, 1],
                clipped there, in the base frame. Joints: absolute targets, rad. The last value is
                the gripper's: above 0 closes, below 0 opens, 0 leaves it.
        """
        with self._lock:
            self._action, self._given = action, time.monotonic()
        if action[-1]:
            self.move_gripper(1.0 if action[-1] > 0 else 0.0)

    def move_gripper(self, closure: float) -> None:
        """Tell the gripper, 0 open to 1 closed, unless it was told the same before."""
        if closure != self._gripper:
            self._gripper = closure
            self.on_gripper(closure)
            self._grippers.publish(Float64(data=closure))

    def forget_gripper(self) -> None:
        """Whatever the gripper was told before: tell it again."""
        self._gripper = None

    def stop(self) -> None:
        """End the stream; returns when nothing more is sent."""
        self._ending.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        with self._lock:
            self._action = None

    def _run(self) -> None:
        moving = False
        while not self._ending.wait(1.0 / self._config.rate):
            with self._lock:
                action, age = self._action, time.monotonic() - self._given
            if action is not None and age <= self._config.hold and self._allowed():
                self._send(action)
                moving = True
            elif moving:
                self._send_rest()
                moving = False
        if moving:
            self._send_rest()

    def _send(self, action: NDArray[np.float64]) -> None:
        stamp = self._node.get_clock().now().to_msg()
        if self._twist is None:
            names = list(self._config.joint_names)
            joints = JointState(name=names, position=action[:-1].tolist())
            joints.header.stamp, joints.header.frame_id = stamp, _BASE_FRAME
            self._joints.publish(joints)
            return
        delta = np.clip(action[:6], -1.0, 1.0)
        twist = TwistStamped()
        twist.header.stamp, twist.header.frame_id = stamp, _BASE_FRAME
        linear, angular = twist.twist.linear, twist.twist.angular
        linear.x, linear.y, linear.z = (self._config.linear_scale * delta[:3]).tolist()
        angular.x, angular.y, angular.z = (self._config.angular_scale * delta[3:]).tolist()
        self._twist.publish(twist)

    def _send_rest(self) -> None:
        """A twist of zero; joint targets simply end."""
        if self._twist is not None:
            self._send(np.zeros(7))


def command_config(values: Mapping[str, Any], joint_names: tuple[str, ...]) -> CommandConfig:
    """From the POLICY_NODE parameters and the arm."""
    return CommandConfig(
        values["command_mode"],
        joint_names,
        values["linear_scale"],
        values["angular_scale"],
        values["command_rate"],
        values["command_hold"],
    )
