# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages that only the panel reads, as values for its widgets."""

import json

from sensor_msgs.msg import Image

from robomd_msgs import msg
from robomd_ros.ros.standard import image_from_msg
from robomd_ros.rqt.qt import QtGui
from robomd_ros.rqt.values import RobotState


def robot_from_msg(message: msg.RobotStatus) -> RobotState:
    """A robot's state; ValueError where a fact is no JSON."""
    return RobotState(
        ready=message.ready,
        detail=message.detail,
        speed_scaling=message.speed_scaling,
        moving=message.moving,
        stop_latched=message.stop_latched,
        holds_object=message.holds_object,
        position=message.position,
        facts={fact.key: json.loads(fact.value) for fact in message.facts},
    )


def picture_from_msg(message: Image) -> "QtGui.QImage":
    """A camera's picture; ValueError where it is not rgb8 or bgr8 or too short."""
    pixels = image_from_msg(message)
    height, width = pixels.shape[:2]
    form = QtGui.QImage.Format.Format_RGB888
    # copied: the image does not keep the buffer alive
    return QtGui.QImage(pixels.tobytes(), width, height, 3 * width, form).copy()
