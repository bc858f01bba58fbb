# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the arm may be told; checked here, before anything is sent to the controller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.body import ArmBody, Box
from robomd_ros.arms.ur5e.kinematics import (
    JOINT_NAMES,
    NO_TOOL,
    Array,
    joint_velocity,
    link_frames,
    transform,
)
from robomd_ros.arms.ur5e.parameters import LimitParameters
from robomd_ros.core.errors import ConfigurationError, RoboMDError

_PATH_STEP = 0.02
"""rad of the leading axis between looks at the path of a move; the box is convex, and between two
points this close the path strays from their chord by less than 0.1 mm."""
_PI2 = 2 * np.pi
JOINT_RANGE = (_PI2, _PI2, np.pi, _PI2, _PI2, _PI2)
"""rad, how far each joint of a UR5e turns to either side."""


class LimitError(RoboMDError):
    """A command lies outside the limits; nothing was sent. The message names which and by what."""


@dataclass(frozen=True)
class Kinematics:
    """What the limits must know of an arm of n joints.

    Attributes:
        joint_names: from base to wrist.
        parts: what lies at each frame but the first, for people: (n - 1,).
        link_frames: from (..., n) rad to (..., n, 4, 4) poses of the links in the base frame; the
            last one is the flange.
        joint_velocity: from (n,) rad, a twist and a tool to (n,) rad/s.
    """

    joint_names: tuple[str, ...]
    parts: tuple[str, ...]
    link_frames: Callable[[ArrayLike], Array]
    joint_velocity: Callable[[ArrayLike, ArrayLike, ArrayLike], Array]


UR5E_KINEMATICS = Kinematics(
    JOINT_NAMES,
    ("the elbow", "the forearm's end", "the wrist", "the wrist", "the flange"),
    link_frames,
    joint_velocity,
)


class ArmLimits(LimitParameters):
    """The limits of one arm.

    The tool centre point stays in the box of the workspace; the arm's links stay above its floor,
    out of the boxes of `keep_out`, and away from each other. A streamed joint target may be away
    from the arm by `servo_step` and by what the arm can do within `command_timeout`.
    """

    def model_post_init(self, _context: Any) -> None:
        """ConfigurationError for limits that contradict each other or the arm."""
        for i, (joint, reach) in enumerate(self.joints()):
            self._check_joint(i, joint, reach)
        _ = self.boxes
        for axis, low, high in zip("xyz", self.workspace_lower, self.workspace_upper, strict=True):
            if not low < high:
                raise ConfigurationError(
                    f"workspace_lower must be below workspace_upper; along {axis} they are "
                    f"{low:g} and {high:g} m"
                )
        for name in ("joint_speed", "joint_acceleration"):
            value, limit = getattr(self, name), getattr(self, f"{name}_limit")
            if value > limit:
                raise ConfigurationError(
                    f"{name} is {value:g}, above {name}_limit, which is {limit:g}; lower the first"
                )

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Those of keep_out; ConfigurationError for one that is none."""
        return tuple(_box(text) for text in self.keep_out.split(";") if text.strip())

    def joints(self) -> list[tuple[str, float]]:
        """What each joint is called, and how far the arm turns it to either side, rad."""
        return list(zip(JOINT_NAMES, JOINT_RANGE, strict=True))

    def _check_joint(self, i: int, joint: str, reach: float) -> None:
        low, high = self.joint_lower[i], self.joint_upper[i]
        if low < -reach - 1e-6 or high > reach + 1e-6:
            raise ConfigurationError(
                f"joint_lower and joint_upper of {joint} are {low:g} and {high:g} rad; a UR5e "
                f"turns it {reach:.4g} rad to either side"
            )
        if high - low <= 2 * self.joint_margin:
            raise ConfigurationError(
                f"joint_lower and joint_upper of {joint} are {low:g} and {high:g} rad: with a "
                f"joint_margin of {self.joint_margin:g} nothing is left between them"
            )


@dataclass(frozen=True)
class Move:
    """A move that was checked.

    Attributes:
        q: (6,) rad, the goal.
        velocity: rad/s of the leading axis.
        acceleration: rad/s^2 of the leading axis.
        duration: s that it takes at full speed scaling.
    """

    q: tuple[float, ...]
    velocity: float
    acceleration: float
    duration: float


class LimitGuard:
    """Checks commands against the limits of an arm with a certain tool."""

    def __init__(
        self,
        limits: ArmLimits,
        tcp: ArrayLike = NO_TOOL,
        kinematics: Kinematics = UR5E_KINEMATICS,
    ) -> None:
        """Prepare.

        Args:
            limits: what is allowed.
            tcp: (6,) tool centre point in the flange frame: m and rotation vector, rad.
            kinematics: of the arm; n is how many joints it has.
        """
        self.limits = limits
        self.kinematics = kinematics
        self.size = len(kinematics.joint_names)
        self.tcp: Array = vector(tcp, 6, "the tool centre point")
        self._tool = transform(self.tcp)
        self._low = np.asarray(limits.joint_lower) + limits.joint_margin
        self._high = np.asarray(limits.joint_upper) - limits.joint_margin
        self._box_low = np.asarray(limits.workspace_lower)
        self._box_high = np.asarray(limits.workspace_upper)
        own = kinematics is UR5E_KINEMATICS  # of other arms nobody knows the hull
        self._body = ArmBody(self._tool, limits.tool_radius, limits.boxes) if own else None

    @property
    def tool(self) -> Array:
        """(4, 4) from the flange to the tool centre point."""
        return self._tool

    def joint_range(self, i: int) -> tuple[float, float]:
        """Rad between which joint i may be, the margin taken off."""
        return float(self._low[i]), float(self._high[i])

    def move(self, q_now: ArrayLike, goal: ArrayLike, velocity: float, acceleration: float) -> Move:
        """Check a move of all joints along a straight line in joint space.

        Args:
            q_now: (6,) rad, where the arm is.
            goal: (6,) rad.
            velocity: of the leading axis, rad/s; 0 is the default.
            acceleration: of the leading axis, rad/s^2; 0 is the default.

        Returns:
            The move, slowed down where the tool would be faster than its limit.

        Raises:
            LimitError: which limit, where on the way, and by how much.
        """
        limits = self.limits
        target = vector(goal, self.size, "the goal")
        start = vector(q_now, self.size, "the present joint position")
        speed = _rate(velocity, limits.joint_speed, limits.joint_speed_limit, "velocity", "rad/s")
        rate = _rate(
            acceleration,
            limits.joint_acceleration,
            limits.joint_acceleration_limit,
            "acceleration",
            "rad/s^2",
        )
        self.check_joints(target)
        length = float(np.max(np.abs(target - start)))
        steps = int(np.ceil(length / _PATH_STEP)) + 1
        path = start + np.linspace(0.0, 1.0, steps + 1)[:, None] * (target - start)
        tools = self.check_places(path)
        # m of the tool for each rad of the leading axis, at its worst
        reach = np.max(np.linalg.norm(np.diff(tools, axis=0), axis=1)) / max(length / steps, 1e-9)
        speed = min(speed, limits.tool_speed_limit / max(float(reach), 1e-9))
        ramp = min(speed**2 / rate, length)
        duration = (length - ramp) / speed + 2 * float(np.sqrt(ramp / rate))
        return Move(tuple(target.tolist()), speed, rate, duration)

    def twist(self, q_now: ArrayLike, twist: ArrayLike) -> tuple[float, ...]:
        """Check a tool velocity for as long as it is in force.

        Args:
            q_now: (6,) rad, where the arm is.
            twist: (6,) m/s and rad/s in the base frame.

        Raises:
            LimitError: not finite, too fast, or it would lead out of the limits before it is stale.
        """
        limits = self.limits
        wanted = vector(twist, 6, "the twist")
        for part, limit, what, unit in (
            (wanted[:3], limits.tool_speed_limit, "tool speed", "m/s"),
            (wanted[3:], limits.tool_turn_limit, "turning speed of the tool", "rad/s"),
        ):
            size = float(np.linalg.norm(part))
            if size > limit * (1 + 1e-9):
                raise LimitError(f"{what} is {size:.4g} {unit}; the limit is {limit:g}")
        q = vector(q_now, self.size, "the present joint position")
        rates = self.joint_rates(q, wanted)
        ahead = q + np.linspace(0.0, 1.0, 3)[:, None] * rates * limits.command_timeout
        self.check_joints(ahead[-1])
        self.check_places(ahead)
        return tuple(wanted.tolist())

    def joints(self, q_now: ArrayLike, target: ArrayLike) -> tuple[float, ...]:
        """Check a streamed absolute joint target.

        Args:
            q_now: (6,) rad, where the arm is.
            target: (6,) rad.

        Raises:
            LimitError: not finite, beyond the joint limits or the box, or too far from the arm.
        """
        limits = self.limits
        wanted = vector(target, self.size, "the servo target")
        q = vector(q_now, self.size, "the present joint position")
        self.check_joints(wanted)
        step = np.abs(wanted - q)
        allowed = limits.joint_speed_limit * limits.command_timeout + limits.servo_step
        worst = int(np.argmax(step))
        if step[worst] > allowed:
            raise LimitError(
                f"the servo target is {step[worst]:.4g} rad away from "
                f"{self.kinematics.joint_names[worst]}; at "
                f"most {allowed:.4g} is allowed: stream smaller steps, or use move_to_joints"
            )
        self.check_places(q + np.linspace(0.0, 1.0, 4)[:, None] * (wanted - q))
        return tuple(wanted.tolist())

    def joint_rates(self, q: Array, twist: ArrayLike) -> Array:
        """(6,) rad/s for a twist; slowed down as a whole where a joint would be too fast."""
        rates = self.kinematics.joint_velocity(q, twist, self.tcp)
        fastest = float(np.max(np.abs(rates)))
        return rates * min(1.0, self.limits.joint_speed_limit / max(fastest, 1e-9))

    def check_joints(self, q: Array) -> None:
        """LimitError unless every joint, (6,) rad, is within its range less the margin."""
        outside = np.flatnonzero((q < self._low - 1e-9) | (q > self._high + 1e-9))
        if outside.size:
            i = int(outside[0])
            raise LimitError(
                f"{self.kinematics.joint_names[i]} would be at {q[i]:.4g} rad; it is limited to "
                f"[{self._low[i]:.4g}, {self._high[i]:.4g}]"
            )

    def check_places(self, path: Array, body: bool = True) -> Array:
        """Check where the arm is along a path.

        Args:
            path: (n, 6) rad.
            body: look at the links' hulls too; without, at the points that they turn about.

        Returns:
            (n, 3) m, the tool centre point in the base frame.

        Raises:
            LimitError: the tool leaves the box, a link goes below its floor, enters a box that it
                is to keep out of, or meets another link.
        """
        frames = self.kinematics.link_frames(path)
        tools: Array = (frames[:, -1] @ self._tool)[:, :3, 3]
        outside = (tools < self._box_low - 1e-9) | (tools > self._box_high + 1e-9)
        if outside.any():
            n, axis = (int(i) for i in np.argwhere(outside)[0])
            raise LimitError(
                f"the tool would be at {'xyz'[axis]} = {tools[n, axis]:.4g} m, "
                f"{100 * n // max(len(path) - 1, 1)} % of the way; the workspace is "
                f"[{self._box_low[axis]:g}, {self._box_high[axis]:g}]"
            )
        heights = frames[:, 1:, 2, 3]
        if (heights < self._box_low[2] - 1e-9).any():
            n, link = (int(i) for i in np.argwhere(heights < self._box_low[2] - 1e-9)[0])
            raise LimitError(
                f"{self.kinematics.parts[link]} would be at z = {heights[n, link]:.4g} m; the "
                f"floor of the workspace is {self._box_low[2]:g}"
            )
        floor = float(self._box_low[2])
        if body and self._body is not None and (reason := self._body.fault(frames, floor)):
            raise LimitError(reason)
        return tools

    def tool_pose(self, q: ArrayLike) -> Array:
        """(4, 4) pose of the tool centre point in the base frame for (n,) rad."""
        pose: Array = self.kinematics.link_frames(q)[-1] @ self._tool
        return pose

    def tool_positions(self, path: Array) -> Array:
        """(n, 3) m, the tool centre point for (n, 6) rad."""
        places: Array = (self.kinematics.link_frames(path)[:, -1] @ self._tool)[:, :3, 3]
        return places

    def tool_error(self, q: ArrayLike, tcp_pose: ArrayLike) -> tuple[float, float]:
        """How far the tool is from where this tool would be.

        Args:
            q: (6,) rad, measured.
            tcp_pose: (6,) m and rotation vector, rad, measured.

        Returns:
            m, and rad of the turn between them.
        """
        own, measured = self.tool_pose(q), transform(tcp_pose)
        cosine = (float(np.trace(own[:3, :3].T @ measured[:3, :3])) - 1) / 2
        place = float(np.linalg.norm(own[:3, 3] - measured[:3, 3]))
        return place, float(np.arccos(np.clip(cosine, -1.0, 1.0)))

    def permits(self, q: Array, body: bool = True) -> str:
        """Why the arm may not be at (6,) rad; empty if it may. For body see check_places."""
        try:
            self.check_joints(q)
            self.check_places(q[None], body)
        except LimitError as error:
            return str(error)
        return ""


def _box(text: str) -> Box:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    lower, upper = tuple(numbers[:3]), tuple(numbers[3:])
    if len(numbers) != 6 or not all(a < b for a, b in zip(lower, upper, strict=True)):
        raise ConfigurationError(
            "keep_out needs six numbers for each box, x,y,z of its lower and upper corner in m, "
            f"and a semicolon between boxes; got {text.strip()!r}"
        )
    return Box(lower, upper)


def vector(value: Any, size: int, what: str) -> Array:
    """A (size,) vector of finite numbers; LimitError that names what it should have been."""
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise LimitError(f"{what} must be {size} numbers; got {value!r}") from None
    if array.shape != (size,):
        raise LimitError(f"{what} must have {size} numbers; got {array.size}")
    if not np.isfinite(array).all():
        raise LimitError(f"{what} must be finite; got {array.tolist()}")
    return array


def _rate(value: float, default: float, limit: float, what: str, unit: str) -> float:
    if not np.isfinite(value) or value < 0:
        raise LimitError(f"{what} must be at least 0 and finite; got {value!r}")
    if value > limit:
        raise LimitError(f"{what} is {value:.4g} {unit}; the limit is {limit:g}")
    return float(value) or default
