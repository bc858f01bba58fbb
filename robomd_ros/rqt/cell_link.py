# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One cell of the graph, as the panel uses it."""

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from robomd_msgs import msg
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.ros.conversions import request_from_msg
from robomd_ros.ros.qos import IMAGE_IN, LATCHED
from robomd_ros.rqt.messages import picture_from_msg, robot_from_msg
from robomd_ros.rqt.values import CellPresence

CELL_TOPICS = ("operator_request", "camera/image_raw", "robot_status")
"""A namespace that has one of them is a cell."""
_PICTURE_PERIOD = 0.1
"""s between pictures that are shown; those between are dropped unread."""
Guard = Callable[[Callable[..., None]], Callable[..., None]]


class CellLink:
    """Subscriptions and clients of one cell; made and destroyed on the node's executor."""

    def __init__(
        self, node: Node, place: str, group: Any, guard: Guard, post: Callable[[str, Any], None]
    ) -> None:
        """Join the cell.

        Args:
            node: whose entities these are.
            place: namespace of the cell.
            group: callback group of all of them.
            guard: makes a callback whose errors are shown.
            post: is given the kind and the value of everything that comes.
        """
        self.node, self.place, self.group = node, place, group
        self._guard, self._post = guard, post
        self._camera: Any = None
        self._last_picture = 0.0
        self.answers = node.create_client(
            AnswerOperatorRequest, f"{place}/answer_operator_request", callback_group=group
        )
        self.triggers = {
            what: node.create_client(Trigger, f"{place}/{what}", callback_group=group)
            for what in ("recover", "stop_motion")
        }
        self._subscriptions = [
            self._subscribe(msg.OperatorRequest, "operator_request", self._on_request, LATCHED),
            self._subscribe(msg.RobotStatus, "robot_status", self._on_robot, LATCHED),
        ]

    def _subscribe(self, kind: Any, topic: str, take: Callable[[Any], None], qos: Any) -> Any:
        return self.node.create_subscription(
            kind, f"{self.place}/{topic}", self._guard(take), qos, callback_group=self.group
        )

    def watch_camera(self, wanted: bool) -> None:
        """Subscribe to its camera, or no longer: pictures cost time even where nobody looks."""
        if wanted and self._camera is None:
            self._camera = self._subscribe(Image, "camera/image_raw", self._on_image, IMAGE_IN)
        elif not wanted and self._camera is not None:
            self.node.destroy_subscription(self._camera)
            self._camera = None

    def presence(self) -> CellPresence:
        """What of it is there now."""

        def published(topic: str) -> bool:
            return self.node.count_publishers(f"{self.place}/{topic}") > 0

        request, camera, robot = (published(topic) for topic in CELL_TOPICS)
        return CellPresence(
            operator=request and self.answers.service_is_ready(),
            camera=camera,
            robot=robot,
            **{name: client.service_is_ready() for name, client in self.triggers.items()},
        )

    def destroy(self) -> None:
        """Leave the graph."""
        self.watch_camera(False)
        for subscription in self._subscriptions:
            self.node.destroy_subscription(subscription)
        for client in (self.answers, *self.triggers.values()):
            self.node.destroy_client(client)

    def _on_request(self, message: msg.OperatorRequest) -> None:
        self._post("request", request_from_msg(message))

    def _on_robot(self, message: msg.RobotStatus) -> None:
        self._post("robot", robot_from_msg(message))

    def _on_image(self, message: Image) -> None:
        now = time.monotonic()
        if now - self._last_picture >= _PICTURE_PERIOD:
            self._last_picture = now
            self._post("picture", picture_from_msg(message))
