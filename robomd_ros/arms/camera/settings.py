# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""From the parameters of camera_node to what it reads; shared by whoever checks them first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robomd_ros.arms.camera.calibration import CameraCalibration, load_calibration
from robomd_ros.arms.camera.camera import CameraConfig
from robomd_ros.arms.camera.controls import ControlRequest
from robomd_ros.core.share import absolute_path


def camera_config(values: Mapping[str, Any]) -> CameraConfig:
    """The camera that these values of the CAMERA parameters describe; ConfigurationError."""
    return CameraConfig(
        source=values["source"].strip(),
        width=values["width"],
        height=values["height"],
        rate=values["rate"],
        latency=values["latency"],
        fix_automatic=values["fix_automatic"],
        controls=ControlRequest(values["exposure"], values["white_balance"], values["gain"]),
        reconnect_period=values["reconnect_period"],
        read_timeout=values["read_timeout"],
    )


def calibration_of(values: Mapping[str, Any]) -> CameraCalibration | None:
    """The calibration that the parameters name, None if none; ConfigurationError."""
    text = values["calibration"].strip()
    return load_calibration(Path(absolute_path(text.removeprefix("file://")))) if text else None
