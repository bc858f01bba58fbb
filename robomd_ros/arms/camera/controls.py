# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Switch a camera's automatic exposure and white balance off, and read back what became of it.

A camera that corrects the light by itself hides what a diagnosis about light asks for.
"""

from dataclasses import dataclass
from typing import Any

import cv2

_V4L2_MANUAL = 1.0
_OTHER_MANUAL = 0.25
"""Values that mean manual exposure: V4L2 passes the driver's own menu through, others do not."""


@dataclass(frozen=True)
class ControlRequest:
    """What is wanted of a device; 0 keeps the value that the device has.

    Attributes:
        exposure: in the driver's units (V4L2: 0.1 ms as a rule).
        white_balance: K.
        gain: in the driver's units.
    """

    exposure: float
    white_balance: float
    gain: float


@dataclass(frozen=True)
class Control:
    """What became of one control.

    Attributes:
        name: exposure, white_balance, gain or focus.
        fixed: whether the device confirms that it does not change it by itself.
        value: read back from the device.
        detail: what is wrong and what to do, "" if nothing.
    """

    name: str
    fixed: bool
    value: float
    detail: str = ""

    def __str__(self) -> str:
        state = f"fixed at {self.value:g}" if self.fixed else "NOT fixed"
        return f"{self.name} {state}{': ' if self.detail else ''}{self.detail}"


def fix_controls(capture: Any, wanted: ControlRequest, v4l2: bool) -> list[Control]:
    """Fix exposure, white balance, gain and focus of an open device.

    Args:
        capture: a cv2.VideoCapture of a device.
        wanted: values to set.
        v4l2: whether the device is driven by Video4Linux 2.

    Returns:
        One report per control that the device has, exposure and white balance always.
    """
    manual = _V4L2_MANUAL if v4l2 else _OTHER_MANUAL
    return [
        _fix(capture, "exposure", cv2.CAP_PROP_AUTO_EXPOSURE, manual, _value(wanted.exposure)),
        _fix(capture, "white_balance", cv2.CAP_PROP_AUTO_WB, 0.0, _value(wanted.white_balance)),
        *_gain(capture, wanted.gain),
        *_focus(capture),
    ]


def uncontrolled(source: str) -> list[Control]:
    """The report on a source whose camera cannot be reached through OpenCV."""
    why = f"{source} cannot be set from here; switch the automatic off in the camera's own settings"
    return [Control(name, False, 0.0, why) for name in ("exposure", "white_balance")]


def _value(wanted: float) -> float | None:
    return wanted or None


def _fix(capture: Any, name: str, auto: int, manual: float, wanted: float | None) -> Control:
    """Switch one automatic off, set the value, read both back."""
    setting = cv2.CAP_PROP_EXPOSURE if name == "exposure" else cv2.CAP_PROP_WB_TEMPERATURE
    found = capture.get(setting)  # what the automatic has chosen, before it is switched off
    capture.set(auto, manual)
    capture.set(setting, found if wanted is None else wanted)
    value, state = capture.get(setting), capture.get(auto)
    if state != manual:
        return Control(
            name, False, value, f"the device keeps its automatic on (it answers {state:g})"
        )
    if wanted is not None and abs(value - wanted) > max(1e-6, 0.05 * abs(wanted)):
        return Control(
            name, True, value, f"{wanted:g} was asked for; take a value that the device has"
        )
    return Control(name, True, value)


def _gain(capture: Any, wanted: float) -> list[Control]:
    if not wanted:
        return []
    done = capture.set(cv2.CAP_PROP_GAIN, wanted)
    value = capture.get(cv2.CAP_PROP_GAIN)
    detail = "" if done and abs(value - wanted) <= 0.05 * wanted else f"{wanted:g} was asked for"
    return [Control("gain", bool(done), value, detail)]


def _focus(capture: Any) -> list[Control]:
    """Hold the focus where it is, on devices that move it."""
    if capture.get(cv2.CAP_PROP_AUTOFOCUS) != 1.0:
        return []
    capture.set(cv2.CAP_PROP_AUTOFOCUS, 0.0)
    fixed = capture.get(cv2.CAP_PROP_AUTOFOCUS) == 0.0
    return [Control("focus", fixed, capture.get(cv2.CAP_PROP_FOCUS))]
