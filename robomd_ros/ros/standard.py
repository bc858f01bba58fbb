# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Times and pictures as standard messages: what a device's node needs of the conversions."""

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image


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


_CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
"""Encodings of Image that are read, and bytes of a pixel."""


def image_from_msg(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """A picture of any camera's driver as (H, W, 3) uint8 RGB, its own copy.

    Args:
        message: an Image as rgb8, bgr8, rgba8, bgra8 or mono8, or a JPEG or PNG.

    Raises:
        ValueError: another encoding, or bytes that are no picture of the size.
    """
    if isinstance(message, CompressedImage):
        return _decompressed(message)
    encoding = message.encoding
    channels = _CHANNELS.get(encoding)
    if channels is None:
        raise ValueError(
            f"image encoding must be one of {', '.join(_CHANNELS)}; got {encoding!r}: "
            f"{_remedy(encoding)}"
        )
    used = channels * message.width
    step = message.step or used
    flat = np.frombuffer(bytes(message.data), np.uint8)
    if step < used or flat.size < step * message.height:
        raise ValueError(
            f"an image of {message.width} x {message.height} with step {step} needs "
            f"{step * message.height} bytes; got {flat.size}"
        )
    rows = flat[: step * message.height].reshape(message.height, step)
    image = rows[:, :used].reshape(message.height, message.width, channels)
    if channels == 1:
        return image.repeat(3, axis=2)
    return image[:, :, 2::-1].copy() if encoding.startswith("bgr") else image[:, :, :3].copy()


def _decompressed(message: CompressedImage) -> NDArray[np.uint8]:
    import cv2  # noqa: PLC0415 - heavy, and most cells have no compressed pictures

    form = message.format
    if form.startswith(("16", "32", "64")) or "compressedDepth" in form:
        raise ValueError(
            f"compressed pictures must have 8 bits a colour; got {form!r}: {_remedy('16')}"
        )
    # as the driver has it: a note about the camera's attitude in a JPEG turns nothing
    data = bytes(message.data)
    # OpenCV shows the rest of a picture that was cut off in grey
    end = data.rstrip(b"\0")  # some cameras pad
    cut_off = (data.startswith(b"\xff\xd8") and not end.endswith(b"\xff\xd9")) or (
        data.startswith(b"\x89PNG") and b"IEND" not in end[-16:]
    )
    how = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        whole = data and not cut_off
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), how) if whole else None
    except cv2.error:  # a size that no camera has
        bgr = None
    if bgr is None:
        raise ValueError(
            f"a compressed picture must be a whole JPEG or PNG; got {len(data)} bytes that are "
            f"none (format {form!r})"
        )
    return np.ascontiguousarray(bgr[:, :, ::-1], dtype=np.uint8)


def _remedy(encoding: str) -> str:
    """What to do about an encoding that cannot be read."""
    if encoding.startswith(("16", "32", "64", "mono16", "rgb16", "bgr16", "rgba16", "bgra16")):
        return "name the camera's colour picture of 8 bits, not its depth or raw one"
    return "set the driver to rgb8, or name its topic of debayered or converted pictures"
