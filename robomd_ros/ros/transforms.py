# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where cameras and bases are, on /tf_static, where ROS has the type of its messages."""

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rclpy.node import Node

from robomd_ros.ros.qos import LATCHED

Poses = Mapping[str, ArrayLike]
"""By frame: (7,) x, y, z in m and a quaternion x, y, z, w."""


class StaticTransforms:
    """Publishes poses of frames in a parent frame, again whenever one of them has changed.

    tf2_msgs comes with an installation of ROS, and with no wheel: without it nothing is published.
    """

    def __init__(self, node: Node, parent: str) -> None:
        """Offer /tf_static.

        Args:
            node: publishes.
            parent: the frame in which the poses are.
        """
        self._node = node
        self._parent = parent
        self._known: dict[str, NDArray[np.float64]] = {}
        self._publisher = None
        if find_spec("tf2_msgs") is None:
            node.get_logger().debug("tf2_msgs is not installed: no transforms are published")
            return
        # here, since both come with an installation of ROS and are for nothing else
        from geometry_msgs.msg import TransformStamped  # noqa: PLC0415
        from tf2_msgs.msg import TFMessage  # noqa: PLC0415

        self._message, self._transform = TFMessage, TransformStamped
        self._publisher = node.create_publisher(TFMessage, "/tf_static", LATCHED)

    def publish(self, poses: Poses) -> None:
        """Publish all poses, unless they are as they were."""
        now = {frame: np.asarray(pose, np.float64) for frame, pose in poses.items()}
        known, self._known = self._known, now
        same = now.keys() == known.keys() and all(np.array_equal(now[f], known[f]) for f in now)
        if self._publisher is None or same:
            return
        stamp = self._node.get_clock().now().to_msg()
        message = self._message()
        for frame, pose in now.items():
            transform = self._transform(child_frame_id=frame)
            transform.header.stamp, transform.header.frame_id = stamp, self._parent
            place, turn = transform.transform.translation, transform.transform.rotation
            place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w = pose.tolist()
            message.transforms.append(transform)
        self._publisher.publish(message)
