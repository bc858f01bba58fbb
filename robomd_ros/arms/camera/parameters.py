# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a camera."""

import math
import re
from pathlib import Path
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import Numbers, Parameters, option

_UNIT = 0.01
"""How far from 1 a quaternion's length may be, as people round it."""
_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtp", "udp", "tcp")


class CameraParameters(Parameters):
    """Of camera_node."""

    node = "camera_node"

    source: str = option("", "device number or path, video file, or URL of a stream")
    width: int = option(0, "width asked of a device; 0: its own", unit="px", low=0, high=10_000)
    height: int = option(0, "height asked of a device; 0: its own", unit="px", low=0, high=10_000)
    rate: float = option(
        0.0, "highest rate of pictures published; 0: all that come", unit="Hz", low=0.0, high=1000.0
    )
    latency: float = option(
        0.1, "time from exposure to arrival, taken off the stamps", unit="s", low=0.0, high=5.0
    )
    fix_automatic: bool = option(
        True, "switch a device's automatic exposure, white balance and focus off"
    )
    exposure: float = option(
        0.0,
        "exposure of a device, in its own units; 0: what it has found",
        low=-100.0,
        high=1e6,
        changes=True,
    )
    white_balance: float = option(
        0.0, "white balance of a device; 0: what it has found", unit="K", low=0.0, high=20_000.0
    )
    gain: float = option(
        0.0, "gain of a device, in its own units; 0: as it is", low=0.0, high=1e6, changes=True
    )
    calibration: str = option("", "YAML file of ROS's camera_calibration; empty: uncalibrated")
    crop: str = option("auto", "auto, none, or x,y,width,height: the part that is published")
    output_width: int = option(0, "width published; 0: as they come", unit="px", low=0, high=10_000)
    output_height: int = option(
        0, "height published; 0: as they come", unit="px", low=0, high=10_000
    )
    frame_id: str = option("", "TF frame of the pictures; empty: <cell>_camera_optical")
    mount_frame: str = option("base", "TF frame in which `mount` is: the robot's base, or world")
    mount: Numbers = option(
        (0.0,) * 7,
        "pose of the pictures' frame in mount_frame: x, y, z in m, quaternion x, y, z, w; zeros: "
        "unknown, not published",
        size=7,
        low=-100.0,
        high=100.0,
    )
    reconnect_period: float = option(
        1.0, "time between attempts to open a lost camera", unit="s", low=0.05, high=3600.0
    )
    read_timeout: float = option(
        2.0, "time without a picture: the camera is opened again", unit="s", low=0.1, high=60.0
    )


class RelayParameters(Parameters):
    """Of camera_relay_node."""

    node = "camera_relay_node"

    topic: str = option("", "pictures of the user's driver: Image or CompressedImage")
    rate: float = option(15.0, "highest rate of pictures published", unit="Hz", low=0.5, high=100.0)


class CameraConfig(CameraParameters):
    """The same of a camera that is named.

    Raises:
        ConfigurationError: no source, one of no known kind, or a file that does not exist.
    """

    def model_post_init(self, _context: Any) -> None:
        """Look at the source, which is not opened, and at the mount."""
        turn = math.hypot(*self.mount[3:])
        if any(self.mount) and abs(turn - 1.0) > _UNIT:
            raise ConfigurationError(
                "mount must be x, y, z in m and a quaternion x, y, z, w of length 1, or zeros "
                f"where it is not known; got {list(self.mount)}"
            )
        kind = self.kind
        if kind == "stream" and self.source.partition("://")[0].lower() not in _SCHEMES:
            raise ConfigurationError(
                f"the camera {self.name!r} is no stream that can be read; give one of "
                f"{', '.join(_SCHEMES)}://, a device number, or a file"
            )
        if kind == "file" and not Path(self.source).expanduser().is_file():
            raise ConfigurationError(
                f"there is no video file {self.source!r}; give a file, a device number such as 0, "
                "a device path such as /dev/video0, or a URL such as http://host/stream; a topic "
                "of a camera's driver is given as cameras:=<topic>"
            )

    @property
    def kind(self) -> str:
        """device, stream or file."""
        if not self.source:
            raise ConfigurationError(
                "no camera is given; name a device (0, /dev/video0), a video file, or a stream URL"
            )
        if self.source.isdecimal() or self.source.startswith("/dev/"):
            return "device"
        return "stream" if "://" in self.source else "file"

    @property
    def name(self) -> str:
        """The source as it may be shown: without the password of a URL."""
        return re.sub(r"(?<=://)[^/@]*@", "", self.source)
