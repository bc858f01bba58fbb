# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Kinematics and joint limits of an arm from its robot description (URDF)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.limits import Kinematics
from robomd_ros.arms.ur5e.kinematics import (
    Array,
    damped_velocity,
    rotation_matrix,
    transform,
)
from robomd_ros.core.errors import ConfigurationError

_TURNS = ("revolute", "continuous")
_LONGEST = 10_000_000
"""Characters of a description; with meshes named, not embedded, arms take some 100,000."""


@dataclass(frozen=True)
class _Joint:
    """One joint of the chain: its fixed pose in its parent, and how it moves."""

    name: str
    child: str
    origin: Array
    kind: str
    axis: Array
    lower: float
    upper: float
    speed: float


class Chain:
    """The joints from the base link to the tool link of a description."""

    def __init__(self, text: str, joint_names: Sequence[str], base: str, tool: str) -> None:
        """Read a description.

        Args:
            text: URDF.
            joint_names: of the arm, from base to wrist: those that turn between base and tool.
            base: the link in whose frame poses are.
            tool: the link of the flange.

        Raises:
            ConfigurationError: no URDF, an unknown link, or other joints between the two links.
        """
        joints = _joints(text)
        path: list[_Joint] = []
        link = tool
        while link != base:
            if link not in joints or len(path) > len(joints):
                known = ", ".join(sorted({*joints, *(p for p, _ in joints.values())}))[:300]
                raise ConfigurationError(
                    f"the robot description has no chain from base_link {base!r} to tool_link "
                    f"{tool!r}: it ends at {link!r}; its links are {known or 'none'}"
                )
            link, joint = joints[link]
            path.insert(0, joint)
        turning = [joint.name for joint in path if joint.kind != "fixed"]
        if turning != list(joint_names):
            raise ConfigurationError(
                f"between {base} and {tool} the robot description has the joints "
                f"{', '.join(turning) or 'none'}; joint_names are {', '.join(joint_names)}: give "
                "them in the order from base to wrist, or other base_link and tool_link"
            )
        if odd := [j.name for j in path if j.kind not in (*_TURNS, "fixed")]:
            raise ConfigurationError(f"{odd[0]} is no joint that turns; such arms are not driven")
        self._path = path
        self._moving = [joint for joint in path if joint.kind != "fixed"]

    @property
    def kinematics(self) -> Kinematics:
        """As the limits take it."""
        return Kinematics(
            tuple(joint.name for joint in self._moving),
            tuple(joint.child for joint in self._moving[1:]),
            self.link_frames,
            self.joint_velocity,
        )

    def limits(self) -> tuple[Array, Array, Array]:
        """(n,) lowest and highest position, rad, and speed, rad/s; inf where none is given."""
        rows = [(joint.lower, joint.upper, joint.speed) for joint in self._moving]
        lower, upper, speed = np.array(rows).T
        return lower, upper, speed

    def link_frames(self, q: ArrayLike) -> Array:
        """(..., n, 4, 4) poses of the links behind each joint for (..., n) rad; last the tool's."""
        return self._walk(np.asarray(q, float))[0]

    def jacobian(self, q: ArrayLike, tcp: ArrayLike) -> Array:
        """(6, n) geometric Jacobian of the tool centre point, (6,) in the tool link's frame."""
        frames, axes, origins = self._walk(np.asarray(q, float))
        tool = (frames[-1] @ transform(tcp))[:3, 3]
        return np.vstack([np.cross(axes, tool - origins).T, axes.T])

    def joint_velocity(self, q: ArrayLike, twist: ArrayLike, tcp: ArrayLike) -> Array:
        """(n,) rad/s that move the tool with a twist, by damped least squares."""
        return damped_velocity(self.jacobian(q, tcp), twist)

    def _walk(self, q: Array) -> tuple[Array, Array, Array]:
        """Frames (..., n, 4, 4), and axes and places of the joints (..., n, 3), base frame."""
        batch = q.shape[:-1]
        pose = np.broadcast_to(np.eye(4), (*batch, 4, 4))
        frames, axes, origins = [], [], []
        for joint in self._path:
            pose = pose @ joint.origin
            if joint.kind == "fixed":
                if frames:  # what is fixed to a link moves with it
                    frames[-1] = pose
                continue
            axes.append(pose[..., :3, :3] @ joint.axis)
            origins.append(pose[..., :3, 3])
            pose = pose @ _turn(joint.axis, q[..., len(frames)])
            frames.append(pose)
        return np.stack(frames, -3), np.stack(axes, -2), np.stack(origins, -2)


def rotation_vector(matrix: Array) -> Array:
    """A (3, 3) rotation as (3,) rotation vector, rad."""
    skew = np.array(
        [matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]
    )
    sine, cosine = float(np.linalg.norm(skew)) / 2, (float(np.trace(matrix)) - 1) / 2
    angle = math.atan2(sine, cosine)
    if sine > 1e-6:
        vector: Array = skew / (2 * sine) * angle
        return vector
    if cosine > 0:
        return skew / 2
    # half a turn: the axis stands in the symmetric part
    column = (matrix + np.eye(3))[:, int(np.argmax(np.diag(matrix)))]
    half: Array = column / np.linalg.norm(column) * angle
    return half


def _turn(axis: Array, angle: Array) -> Array:
    """(..., 4, 4) turns about an axis (3,) by angles (...), rad."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sine, cosine = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    turned = np.zeros((*np.shape(angle), 4, 4))
    turned[..., :3, :3] = np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
    turned[..., 3, 3] = 1.0
    return turned


def _joints(text: str) -> Mapping[str, tuple[str, _Joint]]:
    """Child link -> (parent link, joint)."""
    if len(text) > _LONGEST or "<!" in text.replace("<!--", ""):
        raise ConfigurationError(
            f"the robot description must be plain URDF (xacro's output) of at most {_LONGEST} "
            f"characters without document types; got {len(text)} that begin {text[:60]!r}"
        )
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities
        return {
            _link(element, "child"): (_link(element, "parent"), _joint(element))
            for element in root.iter("joint")
            if element.find("child") is not None
        }
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"the robot description is no URDF: {error}; give what xacro or robot_state_publisher "
            "has, e.g. robot_description:=/robot_description"
        ) from error


def _link(element: ElementTree.Element, which: str) -> str:
    found = element.find(which)
    if found is None:
        raise ValueError(f"joint {element.get('name')!r} has no {which}")
    return found.attrib["link"]


def _joint(element: ElementTree.Element) -> _Joint:
    origin, axis, limit = (element.find(part) for part in ("origin", "axis", "limit"))
    pose = np.eye(4)
    if origin is not None:
        pose[:3, 3] = _numbers(origin.get("xyz", "0 0 0"))
        about_x, about_y, about_z = np.diag(_numbers(origin.get("rpy", "0 0 0")))
        for vector in (about_z, about_y, about_x):  # fixed axes: the first turn stands last
            pose[:3, :3] = pose[:3, :3] @ rotation_matrix(vector)
    direction = _numbers(axis.get("xyz", "1 0 0") if axis is not None else "1 0 0")
    length = float(np.linalg.norm(direction))
    if length < 1e-6:
        raise ValueError(f"the axis of joint {element.get('name')!r} has no direction")
    kind = element.attrib["type"]
    given = dict(limit.attrib) if limit is not None else {}
    endless = kind == "continuous"
    return _Joint(
        element.attrib["name"],
        _link(element, "child"),
        pose,
        kind,
        direction / length,
        -math.inf if endless else float(given.get("lower", "-inf")),
        math.inf if endless else float(given.get("upper", "inf")),
        float(given.get("velocity", "inf")),
    )


def _numbers(text: str) -> Array:
    numbers = np.array([float(part) for part in text.split()])
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise ValueError(f"{text!r} must be three numbers")
    return numbers
