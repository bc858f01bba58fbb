# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera read by OpenCV in a thread of its own: devices, files and streams.

Every picture is stamped when it arrives, less the camera's known latency. What waited in a buffer
(after opening a stream, or when this machine was busy) has no known age and is dropped.
"""

import contextlib
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robomd_ros.arms.camera.controls import (
    Control,
    ControlRequest,
    fix_controls,
    uncontrolled,
)
from robomd_ros.arms.camera.parameters import CameraConfig
from robomd_ros.core.errors import ConfigurationError

_V4L2 = sys.platform.startswith("linux")
_BUFFERED_TIME = 1.0
"""s of buffered pictures in a row after which the newest is taken: the source outruns us."""
_OPEN_TIMEOUT = 10.0
"""s that a stream may take to send its first picture; some cameras start up only now."""
_SETTLING = 1.0
"""s that a device's automatic gets to find its values before it is switched off."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        stamp: Unix time in s before which nothing of it was exposed, as far as `latency` is right.
    """

    image: NDArray[np.uint8]
    stamp: float


@dataclass
class CameraState:
    """What is known of a camera; replaced, never changed in place.

    Attributes:
        connected: pictures come.
        error: why they do not; "" while they do.
        rate: pictures per s over the last 2 s.
        size: width and height of the pictures as they come, pixels.
        dropped: pictures that had been buffered since the start.
        connections: how often the source was opened.
        controls: what became of exposure and white balance.
    """

    connected: bool = False
    error: str = ""
    rate: float = 0.0
    size: tuple[int, int] = (0, 0)
    dropped: int = 0
    connections: int = 0
    controls: tuple[Control, ...] = ()


class Backlog:
    """Tells pictures that were waiting in a buffer from those that arrive now.

    Two signs, since a busy machine blurs each of them: how many must have come while nobody read,
    and whether the reader had to wait for this one.
    """

    def __init__(self) -> None:
        self._period = 1.0 / 30.0
        self._owed = 1.0  # opening a stream reads its first picture
        self._waits = 0
        self._last = 0.0
        self._since: float | None = None

    def holds(self, begun: float, arrived: float) -> bool:
        """Whether the picture just read had been waiting: its age is not known.

        Args:
            begun: when reading it began, s, monotonic.
            arrived: when it was there.
        """
        waited = arrived - begun
        self._waits = self._waits + 1 if waited >= 0.5 * self._period else 0
        if self._last:
            self._owed += (begun - self._last) / self._period
        buffered = (self._owed >= 1.0 or waited < 0.25 * self._period) and self._waits < 2
        if not buffered and self._since is None and self._last and arrived - self._last < 1.0:
            self._period += 0.1 * (arrived - self._last - self._period)
        self._last = arrived
        if not buffered:
            self._owed, self._since = 0.0, None
            return False
        self._owed = max(0.0, self._owed - 1.0)
        self._since = arrived if self._since is None else self._since
        return arrived - self._since < _BUFFERED_TIME


class Camera:
    """Reads one source until it is closed; a source that is gone is opened again and again."""

    def __init__(
        self,
        config: CameraConfig,
        on_frame: Callable[[Frame], None],
        on_event: Callable[[str, str], None] = lambda level, text: None,
        open_capture: Callable[[CameraConfig], Any] | None = None,
    ) -> None:
        """Only remember; `connect` starts the thread.

        Args:
            config: what is read.
            on_frame: called with every picture, from the camera's thread.
            on_event: called with "error" or "info" and a sentence when something changes.
            open_capture: from a configuration to a cv2.VideoCapture, which may be closed.
        """
        self._config = config
        self._on_frame = on_frame
        self._on_event = on_event
        self._open_capture = open_capture or open_source
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = CameraState()
        self._arrivals: deque[float] = deque(maxlen=600)
        self._due = 0.0
        self._controls_are_new = False
        self._controls = ControlRequest(config.exposure, config.white_balance, config.gain)

    @property
    def state(self) -> CameraState:
        """The state now; a camera that went silent shows a rate that falls to 0."""
        now = time.monotonic()
        recent = [t for t in list(self._arrivals) if now - t < 2.0]
        return replace(self._state, rate=len(recent) / 2.0)

    def set_controls(self, exposure: float, gain: float) -> None:
        """Set exposure and gain of the device; the next pictures show it, and the state says it.

        Args:
            exposure: in the driver's units; 0: as it is.
            gain: likewise.

        Raises:
            ConfigurationError: it is no device, or its automatic is on.
        """
        if self._config.kind != "device" or not self._config.fix_automatic:
            why = "its automatic is on" if self._config.kind == "device" else "it is no device"
            raise ConfigurationError(
                f"exposure and gain of the camera {self._config.name} cannot be set: {why}; set "
                "them in the camera's own settings, or use a device with fix_automatic true"
            )
        kept = self._controls
        self._controls = replace(kept, exposure=exposure or kept.exposure, gain=gain or kept.gain)
        self._controls_are_new = True

    def connect(self) -> None:
        """Start to read; idempotent. What is absent is reported through `on_event`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop reading and give the device back; idempotent."""
        self._ending.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            # a driver that hangs for good must not keep the process; the thread is a daemon
            thread.join(self._config.read_timeout + 1.0)

    def _run(self) -> None:
        while not self._ending.is_set():
            capture = self._open_capture(self._config)
            if capture.isOpened():
                self._opened(capture)
                self._read(capture)
            else:
                self._fail(_why_closed(self._config))
            with contextlib.suppress(cv2.error):
                capture.release()
            at_end = self._config.kind == "file" and not self._state.error
            self._ending.wait(0.0 if at_end else self._config.reconnect_period)

    def _opened(self, capture: Any) -> None:
        controls: tuple[Control, ...] = ()
        if self._config.fix_automatic:
            if self._config.kind == "device":
                controls = self._fix_controls(capture)
            elif self._config.kind == "stream":
                controls = tuple(uncontrolled("a stream's camera"))
        count = self._state.connections + 1
        self._state = replace(self._state, controls=controls, connections=count)

    def _fix_controls(self, capture: Any) -> tuple[Control, ...]:
        """Fix what can be fixed; the same values again after every reconnection."""
        if self._state.connections == 0:
            settled = time.monotonic() + _SETTLING
            while time.monotonic() < settled and capture.grab():
                pass
        controls = tuple(fix_controls(capture, self._controls, _V4L2))
        found = {c.name: c.value for c in controls if c.fixed and c.name in vars(self._controls)}
        self._controls = replace(self._controls, **found)
        return controls

    def _read(self, capture: Any) -> None:
        """Read until the source fails, ends, or the camera is closed."""
        is_file = self._config.kind == "file"
        pace = _period(capture)
        got, last = 0, 0.0
        backlog = Backlog()
        while not self._ending.is_set():
            if self._controls_are_new:
                self._controls_are_new = False
                self._state = replace(self._state, controls=self._fix_controls(capture))
                self._on_event("info", self._report())
            begun = time.monotonic()
            if not capture.grab():
                if not is_file or got == 0:
                    self._fail(_why_silent(self._config, got))
                return
            arrived, stamp = time.monotonic(), time.time() - self._config.latency
            got += 1
            if is_file:
                self._wait_until_due(pace)
                stamp = time.time() - self._config.latency
            elif backlog.holds(begun, arrived):
                self._state = replace(self._state, dropped=self._state.dropped + 1)
                continue
            # a little slack, so that a source of just this rate loses nothing
            if self._config.rate and arrived - last < 0.9 / self._config.rate:
                continue
            last = arrived
            self._deliver(capture, stamp)

    def _wait_until_due(self, period: float) -> None:
        """Make a file arrive at its own rate."""
        self._ending.wait(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic() - period) + period

    def _deliver(self, capture: Any, stamp: float) -> None:
        done, picture = capture.retrieve()
        if not done or picture is None:
            return
        if picture.ndim == 2:
            picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        self._arrivals.append(time.monotonic())
        size = (picture.shape[1], picture.shape[0])
        if not self._state.connected or size != self._state.size:
            self._state = replace(self._state, connected=True, error="", size=size)
            self._on_event("info", self._report())
        self._on_frame(Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), stamp))

    def _report(self) -> str:
        width, height = self._state.size
        parts = [f"camera {self._config.name} sends pictures of {width} x {height}"]
        return "; ".join([*parts, *map(str, self._state.controls)])

    def _fail(self, why: str) -> None:
        """Remember why; say it once per loss."""
        first = self._state.connected or not self._state.error
        self._state = replace(self._state, connected=False, error=why)
        if first and not self._ending.is_set():
            self._on_event("error", f"{why}. Trying again until it is there")


def _period(capture: Any) -> float:
    """Time between the pictures of a file, s."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return 1.0 / rate if 0.1 <= rate <= 1000 else 1.0 / 30.0


def open_source(config: CameraConfig) -> Any:
    """Open the source with OpenCV; the capture that comes back may be closed."""
    cv2.setLogLevel(0)  # its warnings would repeat at every attempt; ours names the cause
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if config.kind == "device":
        return _open_device(config)
    source = config.source if config.kind == "stream" else str(Path(config.source).expanduser())
    milliseconds = round(1000 * config.read_timeout)
    wanted = {
        "CAP_PROP_OPEN_TIMEOUT_MSEC": round(1000 * _OPEN_TIMEOUT),
        "CAP_PROP_READ_TIMEOUT_MSEC": milliseconds,
        # with one thread per core the decoder holds back as many pictures as it has threads
        "CAP_PROP_N_THREADS": 1,
    }
    known = {getattr(cv2, name): value for name, value in wanted.items() if hasattr(cv2, name)}
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, [x for pair in known.items() for x in pair])


def _open_device(config: CameraConfig) -> Any:
    # read at the first capture: by default a stalled device blocks its reader for 10 s
    seconds = max(1, round(config.read_timeout))
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(seconds))
    device = int(config.source) if config.source.isdecimal() else config.source
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if _V4L2 else cv2.CAP_ANY)
    if capture.isOpened():
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        for setting, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, config.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
            (cv2.CAP_PROP_FPS, config.rate),
        ):
            if value:
                capture.set(setting, value)
    return capture


def _why_closed(config: CameraConfig) -> str:
    """One sentence on why a source does not open, with the remedy."""
    if config.kind == "stream":
        return (
            f"the camera stream {config.name} does not open{_http_reason(config)}; is the camera "
            "on, and the address right?"
        )
    if config.kind == "file":
        return (
            f"the file {config.name} is no video that OpenCV can read; convert it to MP4 or MJPEG"
        )
    device = Path(f"/dev/video{config.source}" if config.source.isdecimal() else config.source)
    if not device.exists():
        there = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
        return f"there is no camera {device} (there are: {there}); plug it in, or give another one"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"the camera {device} may not be opened; add this user to the group video"
    return f"the camera {device} does not open; does another program use it?"


def _http_reason(config: CameraConfig) -> str:
    if not config.source.startswith(("http://", "https://")):
        return ""
    try:
        with urllib.request.urlopen(config.source, timeout=config.read_timeout) as answer:  # noqa: S310
            kind = answer.headers.get("Content-Type", "nothing")
            return f" (the server answers with {kind})"
    except urllib.error.HTTPError as error:
        return f" (the server answers {error.code} {error.reason})"
    except (OSError, ValueError) as error:
        return f" ({getattr(error, 'reason', error)})"


def _why_silent(config: CameraConfig, got: int) -> str:
    if got:
        return (
            f"the camera {config.name} stopped sending pictures; check its cable, its power and "
            "the network"
        )
    return (
        f"the camera {config.name} opens but sends no picture within {config.read_timeout:g} s; "
        "does another program use it?"
    )
