# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of the camera: pictures, their rate, fixed exposure, calibration."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robomd_ros.arms.camera.calibration import load_calibration
from robomd_ros.arms.camera.camera import Camera, CameraConfig, CameraState, Frame
from robomd_ros.core.cell_watch.picture_checks import Picture, darkness, missing_part
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.doctor.findings import Finding, bad, good, note, probe, skipped

_PATIENCE = 15.0
"""s for the first picture."""
_LOOK = 2.5
"""s over which the rate is taken."""
_SLOW = 5.0
"""Hz; below it a policy acts on pictures that are too old."""
_OLD, _AHEAD = 0.5, 0.1
"""s that a picture may be old when it arrives, and that its stamp may be ahead."""
_SEVERAL = 5
"""Pictures that tell whether they repeat."""
_DARK = 12.0
"""Mean level of 255 below which a picture shows next to nothing."""


def check_camera(config: CameraConfig | None, calibration: str) -> Iterator[Finding]:
    """Check a camera by reading it for some seconds.

    Args:
        config: what camera_node would read; None where no camera is named.
        calibration: path of the calibration file; empty for none.
    """
    if config is None:
        yield skipped("camera", "give camera:=<device, file or URL> to look at it")
        return
    frames: list[Frame] = []
    camera = Camera(config, frames.append)
    camera.connect()
    try:
        state = _watch(camera, frames)
    finally:
        camera.close()
    if not frames:
        error = state.error or f"no picture of {config.name} within {_PATIENCE:g} s"
        yield bad("camera", error, "nothing can be diagnosed without pictures")
        yield from check_calibration(calibration, None)
        return
    yield pictures(config, state, frames[-1])
    yield alive("camera picture", [frame.image for frame in frames], config.kind == "file")
    yield rate(state)
    yield from exposure(state)
    yield from check_calibration(calibration, state.size)


def check_topics(cameras: Mapping[str, str]) -> Iterator[Finding]:
    """Check cameras behind topics of the user's drivers, some seconds each.

    Args:
        cameras: topics by what the policy calls the cameras.
    """
    for name, topic in cameras.items():
        check = f"camera {name}".strip()
        worked, said = probe("look", topic, timeout=40.0)
        if not worked:
            remedy = (
                "start the camera's driver; `ros2 topic list -t` shows what there is (of another "
                "machine only with ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET)"
            )
            yield bad(check, said, remedy)
            continue
        yield from topic_findings(check, topic, json.loads(said))


def topic_findings(check: str, topic: str, seen: Mapping[str, Any]) -> Iterator[Finding]:
    """What the probe `look` saw of a topic: its pictures, their rate, and their stamps."""
    text = f"{topic} sends {seen['size'][0]} x {seen['size'][1]} ({seen['encoding']})"
    yield brightness(check, text, seen["mean"])
    yield repeats(f"{check} picture", seen["pictures"], seen["same"])
    yield enough(f"{check} rate", seen["rate"])
    age = seen["age"]
    if age is None:
        yield bad(f"{check} stamps", "pictures are unstamped", "let the driver stamp them")
    elif not -_AHEAD <= age <= _OLD:
        remedy = "bring the clocks in step (chrony), or let the driver stamp at exposure"
        when = f"{age:.2f} s old" if age > 0 else f"{-age:.2f} s in the future"
        yield bad(f"{check} stamps", f"pictures arrive {when} by their stamps", remedy)
    else:
        yield good(f"{check} stamps", f"{max(age, 0.0):.2f} s old when they arrive")


def _watch(camera: Camera, frames: list[Frame]) -> CameraState:
    """Wait for pictures, then for as long as the rate needs."""
    deadline = time.monotonic() + _PATIENCE
    while not frames and time.monotonic() < deadline:
        time.sleep(0.05)
    if frames:
        time.sleep(_LOOK)
    return camera.state


def pictures(config: CameraConfig, state: CameraState, frame: Frame) -> Finding:
    """Whether the newest picture shows something."""
    width, height = state.size
    text = f"{config.name} sends {width} x {height}"
    return brightness("camera", text, float(frame.image.mean()))


def alive(check: str, seen: Sequence[Picture], a_file: bool = False) -> Finding:
    """Whether pictures, each (H, W, 3) uint8 RGB, are whole, and not one and the same for ever."""
    if wrong := darkness(seen[-1]) or missing_part(seen[-1]):
        return bad(check, wrong, "a trial with such pictures is INVALID")
    return repeats(check, len(seen), all(np.array_equal(seen[0], o) for o in seen[1:]), a_file)


def repeats(check: str, count: int, same: bool, a_file: bool = False) -> Finding:
    """Whether so many pictures, of which all are the same or not, come from a living camera."""
    if count >= _SEVERAL and same:
        remedy = (
            "start the camera, or its capture card, again; for a rendered camera, or a stream so "
            "strongly compressed that a scene at rest repeats, set still_pictures:=true"
        )
        what = "it is a picture, no camera" if a_file else "it is frozen, or has no noise"
        return bad(check, f"{count} pictures are the same, bit for bit: {what}", remedy)
    return good(check, f"{count} pictures, whole, and not all the same")


def brightness(check: str, text: str, mean: float) -> Finding:
    """Whether pictures of a mean level of [0, 255] show something."""
    if mean < _DARK:
        remedy = "take the lens cap off, switch the light on, or set a longer exposure"
        return note(check, f"{text}, but they are dark: {mean:.0f} of 255 on average", remedy)
    return good(check, f"{text}, {mean:.0f} of 255 bright on average")


def rate(state: CameraState) -> Finding:
    """Whether pictures come fast enough for a policy."""
    if state.rate == 0.0:
        remedy = "check the cable, its power and the network; see whether another program uses it"
        return bad("camera rate", "pictures stopped coming", remedy)
    return enough("camera rate", state.rate)


def enough(check: str, pictures_per_s: float) -> Finding:
    """Whether a rate in Hz is enough for a policy."""
    if pictures_per_s < _SLOW:
        remedy = "use a smaller picture, more light (shorter exposure), or another port"
        return bad(check, f"{pictures_per_s:.1f} Hz; at least {_SLOW:g} are needed", remedy)
    return good(check, f"{pictures_per_s:.1f} Hz")


def exposure(state: CameraState) -> Iterator[Finding]:
    """Whether exposure and white balance stay as they are: the light is part of what is tested."""
    if not state.controls:
        yield skipped("fixed exposure", "not wanted (fix_automatic is off), or a video file")
    for control in state.controls:
        name = f"fixed {control.name.replace('_', ' ')}"
        if control.fixed:
            yield good(name, f"{control.value:g}")
        else:
            remedy = "a camera that corrects the light hides what variations of the light do"
            yield note(name, control.detail or "the device does not confirm it", remedy)


def check_calibration(path: str, size: tuple[int, int] | None) -> Iterator[Finding]:
    """Whether the calibration file can be used with these pictures.

    Args:
        path: of the file; empty for none.
        size: width and height of the pictures, pixels; None if none came.
    """
    if not path:
        remedy = "give calibration:=<file> if your policy uses camera_info"
        yield note("calibration", "none is given", remedy)
        return
    try:
        found = load_calibration(Path(path).expanduser())
    except ConfigurationError as error:
        yield bad("calibration", str(error), "correct the argument or the file")
        return
    text = f"{path}, {found.width} x {found.height}"
    if size is not None and size != (found.width, found.height):
        remedy = "calibrate at the size that is used, or ask the camera for the calibrated size"
        yield bad("calibration", f"{text}, but pictures are {size[0]} x {size[1]}", remedy)
        return
    yield good("calibration", text)
