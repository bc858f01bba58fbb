# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell's picture where the camera is behind a topic of the user's driver."""

from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from robomd_ros.arms.camera.parameters import RelayParameters
from robomd_ros.arms.camera.topics import OWN_TOPIC
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.ros.image_topic import ImageTopic
from robomd_ros.ros.parameters import declare
from robomd_ros.ros.qos import IMAGE_OUT
from robomd_ros.ros.runtime import main_of
from robomd_ros.ros.standard import image_from_msg, image_to_msg

_REPEAT = 10.0
"""s before the same complaint is logged again."""


class CameraRelayNode(Node):
    """Shows the cell's first camera to whoever looks at the cell, whatever its driver publishes.

    The diagnosis, which takes the picture of each scene, and all displays look at one topic of one
    encoding; this node fills it, as often as they need, with the driver's own stamps. The policy
    takes its pictures from the driver's topics themselves. Nothing is published of a topic that is
    silent.

    Parameters:
        Those of RelayParameters; `ros2 param describe` prints them.

    Publishers:
        camera/image_raw (sensor_msgs/Image, rgb8, reliable): stamp and frame of the driver.

    Subscriptions:
        <topic> (sensor_msgs/Image or CompressedImage, reliable or best effort, as its publisher)
    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare and subscribe."""
        super().__init__("camera_relay_node", **kwargs)
        values = declare(self, RelayParameters)
        if not values["topic"]:
            raise ConfigurationError(
                "no topic is given; name the topic of the camera's driver, e.g. "
                "/camera/color/image_raw"
            )
        self._newest: Image | CompressedImage | None = None
        self._complained: dict[str, float] = {}
        self._images = self.create_publisher(Image, OWN_TOPIC, IMAGE_OUT)
        if self.resolve_topic_name(values["topic"]) == self._images.topic_name:
            raise ConfigurationError(
                f"the topic {values['topic']!r} is {self._images.topic_name}, which this node "
                "publishes; leave the relay out where the driver publishes there"
            )
        self._topic = ImageTopic(self, values["topic"], self._keep)
        self.create_timer(1.0 / values["rate"], self._show)
        self.get_logger().info(f"up: waits for pictures of {values['topic']}")

    def _keep(self, message: Image | CompressedImage) -> None:
        self._newest = message

    def _show(self) -> None:
        """Publish the newest picture, once."""
        if self._topic.foreign:
            self._complain(self._topic.foreign)
        message, self._newest = self._newest, None
        if message is None or not self._images.get_subscription_count():
            return
        try:
            image = image_from_msg(message)
        except ValueError as error:
            self._complain(str(error))
            return
        self._images.publish(image_to_msg(image, message.header.stamp, message.header.frame_id))

    def _complain(self, text: str) -> None:
        now = self.get_clock().now().nanoseconds * 1e-9
        if now - self._complained.get(text, -_REPEAT) >= _REPEAT:
            self._complained = {text: now}
            self.get_logger().error(text)


def main() -> None:
    """Run the node."""
    main_of(CameraRelayNode)


if __name__ == "__main__":
    main()
