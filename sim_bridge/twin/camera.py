# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin's camera, drawn in a process of its own: drawing never delays a control cycle."""

import contextlib
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.variations import Scene

WIDTH, HEIGHT = 640, 480
RATE = 20.0
"""Hz, how often a new picture is drawn while somebody looks."""

NOISE = 1.5
"""Levels of 255, spread of a sensor's noise: no two pictures of a scene at rest are the same."""

_QUALITY = 90
_REMEMBERED = 200
"""Pictures that are kept for a stream that is late: 10 s."""
_IDLE_AFTER = 2.0
_ANSWER_WITHIN = 60.0

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]


class CameraError(RoboMDError):
    """The camera gives no pictures."""


class TwinCamera:
    """Gives the newest picture to any number of viewers; draws only while there are some."""

    def __init__(self) -> None:
        """Nobody looks yet: the process that draws is started for the first viewer."""
        self._pipe: Connection | None = None
        self._process: Any = None
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._jpeg, self._number = b"", 0
        self._drawn: deque[tuple[float, bytes]] = deque(maxlen=_REMEMBERED)
        self._viewed = -_IDLE_AFTER
        self._waiting = 0
        self._failure = ""
        self._closed = False

    @property
    def number(self) -> int:
        """Of the newest picture; 0 before the first."""
        return self._number

    def wanted(self) -> bool:
        """Whether somebody waits for a picture, or has looked lately."""
        return self._waiting > 0 or time.monotonic() - self._viewed < _IDLE_AFTER

    def _open(self) -> Connection:
        """The pipe to the process that draws; started if there is none."""
        if self._closed:
            raise CameraError("the camera is closed")
        if self._pipe is not None:
            return self._pipe
        context = multiprocessing.get_context("spawn")
        pipe, other = context.Pipe()
        self._process = context.Process(target=_draw, args=(other,), name="camera", daemon=True)
        self._process.start()
        other.close()
        self._pipe = pipe
        return pipe

    def draw(self, qpos: Array, scene: Scene, faults: Mapping[str, float]) -> None:
        """Draw a state; blocks until it is done.

        Args:
            qpos: positions of all joints.
            scene: in force.
            faults: of the camera, with their argument.

        Raises:
            CameraError: the process that draws has failed; the next call starts another one.
        """
        if "camera_frozen" in faults and self._jpeg:
            self._show(self._jpeg)
            return
        spoiled = [kind for kind in _SPOILING if kind in faults]
        with self._lock:
            try:
                pipe = self._open()
                pipe.send((qpos, scene, spoiled))
                if not pipe.poll(_ANSWER_WITHIN):
                    raise CameraError(f"no picture within {_ANSWER_WITHIN:g} s")
                answer = pipe.recv()
            except (OSError, EOFError) as error:
                self._end_process()
                raise CameraError("the process that draws the pictures has ended") from error
            except CameraError:
                self._end_process()
                raise
        if isinstance(answer, str):
            raise CameraError(answer)
        self._drawn.append((time.monotonic(), answer))
        self._show(self._from_before(faults.get("camera_late", 0.0)))

    def _from_before(self, age: float) -> bytes:
        """The newest picture that is so old, s; the oldest if none is."""
        limit = time.monotonic() - age
        old = [jpeg for drawn, jpeg in self._drawn if drawn <= limit]
        return old[-1] if old else self._drawn[0][1]

    def _show(self, jpeg: bytes) -> None:
        with self._changed:
            self._jpeg, self._number, self._failure = jpeg, self._number + 1, ""
            self._changed.notify_all()

    def fail(self, reason: str) -> None:
        """No picture comes until one is drawn again; viewers are told why."""
        with self._changed:
            self._failure = reason
            self._changed.notify_all()

    def newest(self, after: int, timeout: float = _ANSWER_WITHIN) -> tuple[int, bytes]:
        """The newest picture, as soon as there is one with a higher number than `after`.

        Returns:
            Its number and its JPEG file.

        Raises:
            CameraError: there is none within `timeout` s.
        """
        with self._changed:
            self._waiting += 1
            there = self._changed.wait_for(lambda: self._number > after or self._failure, timeout)
            self._waiting -= 1
            self._viewed = time.monotonic()
            if self._failure or not there:
                raise CameraError(self._failure or f"no picture within {timeout:g} s")
            return self._number, self._jpeg

    def close(self) -> None:
        """End the process, for good."""
        self._closed = True
        self._end_process()

    def _end_process(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
            self._process.terminate()
            self._process.join(5.0)


def _draw(pipe: Connection) -> None:
    """The process: draws what it is sent until the pipe closes."""
    import cv2  # noqa: PLC0415 - only this process draws
    import mujoco  # noqa: PLC0415

    from sim_bridge.engine.renderer import CameraRenderer  # noqa: PLC0415
    from sim_bridge.twin.scene import Tabletop  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the twin, which ends this process
    tabletop = Tabletop(0)
    renderer: Any = None
    rng = np.random.default_rng()
    grain = np.rint(rng.normal(0.0, NOISE, 2 * HEIGHT * WIDTH * 3)).astype(np.int16)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            qpos, scene, spoiled = pipe.recv()
            try:
                if renderer is None:
                    renderer = CameraRenderer(tabletop.model, tabletop.task.camera, (HEIGHT, WIDTH))
                if scene.key != tabletop.scene.key:
                    tabletop.apply(scene, reset_objects=False)
                tabletop.data.qpos[:] = qpos
                mujoco.mj_kinematics(tabletop.model, tabletop.data)
                mujoco.mj_comPos(tabletop.model, tabletop.data)
                mujoco.mj_camlight(tabletop.model, tabletop.data)
                picture = _grainy(renderer.draw(tabletop.data), grain, rng)
            except (mujoco.FatalError, RoboMDError, RuntimeError, ImportError) as error:
                pipe.send(f"pictures cannot be drawn: {error}")
                continue
            for kind in spoiled:
                picture = _SPOILING[kind](picture)
            quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
            _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
            pipe.send(jpeg.tobytes())


def _grainy(picture: Picture, grain: NDArray[np.int16], rng: np.random.Generator) -> Picture:
    """A picture with a sensor's noise: a piece of much noise, from somewhere else each time."""
    begin = int(rng.integers(grain.size - picture.size))
    noise = grain[begin : begin + picture.size].reshape(picture.shape)
    noisy: Picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return noisy


def _half(picture: Picture) -> Picture:
    """As a decoder shows a file of which half came."""
    cut = picture.copy()
    cut[len(cut) // 2 :] = 128
    return cut


_SPOILING: Mapping[str, Callable[[Picture], Picture]] = {
    "camera_black": np.zeros_like,
    "camera_half": _half,
    "camera_resized": lambda picture: np.ascontiguousarray(picture[::2, ::2]),
    "camera_swapped": lambda picture: np.ascontiguousarray(picture[..., ::-1]),
}
"""Fault -> what becomes of a picture."""
