# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Times and pictures as standard messages: what a device's node needs of the conversions."""

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import Image


def time_to_msg(seconds: float) -> Time:
    """Unix time in s to a Time."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def time_from_msg(stamp: Time) -> float:
    """A Time to Unix time in s."""
    return float(stamp.sec) + stamp.nanosec * 1e-9


def image_to_msg(image: NDArray[np.uint8], stamp: Time, frame_id: str) -> Image:
    """An (H, W, 3) uint8 RGB picture as an rgb8 Image."""
    height, width = image.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    # bytes, not the array: assigning an ndarray is converted element by element
    message.data = image.tobytes()
    return message


def image_from_msg(message: Image) -> NDArray[np.uint8]:
    """An rgb8 or bgr8 Image as (H, W, 3) uint8 RGB, its own copy.

    Raises:
        ValueError: another encoding, or fewer bytes than the size needs.
    """
    if message.encoding not in ("rgb8", "bgr8"):
        raise ValueError(f"image encoding must be rgb8 or bgr8; got {message.encoding!r}")
    step = message.step or 3 * message.width
    flat = np.frombuffer(bytes(message.data), np.uint8)
    if step < 3 * message.width or flat.size < step * message.height:
        raise ValueError(
            f"an image of {message.width} x {message.height} with step {step} needs "
            f"{step * message.height} bytes; got {flat.size}"
        )
    rows = flat[: step * message.height].reshape(message.height, step)
    image = rows[:, : 3 * message.width].reshape(message.height, message.width, 3)
    return image.copy() if message.encoding == "rgb8" else image[:, :, ::-1].copy()
