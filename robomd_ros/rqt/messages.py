# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages that only the panel reads, as values for its widgets."""

from sensor_msgs.msg import Image

from robomd_msgs import msg
from robomd_ros.core.robot_modes import RobotMode, SafetyMode
from robomd_ros.ros.standard import image_from_msg
from robomd_ros.rqt.qt import QtGui
from robomd_ros.rqt.values import RobotState


def robot_from_msg(message: msg.RobotStatus) -> RobotState:
    """A robot's state; ValueError for a mode that this version does not know."""
    return RobotState(
        robot_mode=RobotMode(message.robot_mode),
        safety_mode=SafetyMode(message.safety_mode),
        program_running=message.program_running,
        remote_control=message.remote_control,
        speed_scaling=message.speed_scaling,
        ready=message.ready,
        detail=message.detail,
    )


def picture_from_msg(message: Image) -> "QtGui.QImage":
    """A camera's picture; ValueError where it is not rgb8 or bgr8 or too short."""
    pixels = image_from_msg(message)
    height, width = pixels.shape[:2]
    form = QtGui.QImage.Format.Format_RGB888
    # copied: the image does not keep the buffer alive
    return QtGui.QImage(pixels.tobytes(), width, height, 3 * width, form).copy()
