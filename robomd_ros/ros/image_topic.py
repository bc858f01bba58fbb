# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Subscribe to pictures so that none is lost on a busy machine, whoever publishes them."""

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from robomd_ros.ros.qos import IMAGE_IN, NEWEST_IMAGE

IMAGE_TYPES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
"""Types of topics that are pictures."""
_LOOK = 0.25
"""s between looks at whether a topic of unknown type has a publisher."""


def published_types(node: Node, topic: str) -> set[str]:
    """The types under which a topic is published; a subscriber that is wrong says nothing."""
    return {info.topic_type for info in node.get_publishers_info_by_topic(topic)}


class ImageTopic:
    """Receives every picture of a topic, reliably where its publisher can.

    A picture travels in many fragments; best effort gives the whole of it up for one that is lost.
    On a machine with more work than cores that was 6 of 7 pictures of 640 x 480, and none with a
    reliable subscription. Camera drivers that publish best effort are heard too, after the first
    notice that they are incompatible.
    """

    def __init__(
        self, node: Node, topic: str, callback: Callable[[Any], Any], kind: Any = None
    ) -> None:
        """Subscribe now, or as soon as somebody publishes.

        Args:
            node: whose executor calls back.
            topic: its name.
            callback: takes an Image or a CompressedImage.
            kind: which of them; None: as its publisher has it.
        """
        self._node = node
        self._topic = node.resolve_topic_name(topic)
        self._callback = callback
        self.foreign = ""
        """Why no picture of it can be read, if it is published as something else."""
        self._subscriptions: list[Any] = []
        self._timer = None
        if kind is not None:
            self._subscribe(kind)
            return
        self._timer = node.create_timer(_LOOK, self._look)
        self._look()

    def _look(self) -> None:
        found = published_types(self._node, self._topic)
        kinds = [kind for name, kind in IMAGE_TYPES.items() if name in found]
        if len(found) > 1 or (found and not kinds):
            self.foreign = (
                f"{self._topic} is published as {' and '.join(sorted(found))}; a camera's topic is "
                f"one of {', '.join(IMAGE_TYPES)}"
            )
            return
        self.foreign = ""
        if kinds and not self._subscriptions:
            self._subscribe(kinds[0])
            self._node.destroy_timer(self._timer)

    def _subscribe(self, kind: Any) -> None:
        def on_incompatible(_info: Any) -> None:
            if len(self._subscriptions) == 1:
                self._subscriptions.append(
                    self._node.create_subscription(kind, self._topic, self._callback, IMAGE_IN)
                )

        self._subscriptions.append(
            self._node.create_subscription(
                kind,
                self._topic,
                self._callback,
                NEWEST_IMAGE,
                event_callbacks=SubscriptionEventCallbacks(incompatible_qos=on_incompatible),
            )
        )
