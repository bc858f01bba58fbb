# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The cell's camera as whoever asks for changes sees it: is it well, and is the change made?"""

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image

from robomd_ros.arms.camera.topics import OWN_TOPIC
from robomd_ros.core.cell_watch.picture_checks import Picture, coarse
from robomd_ros.core.cell_watch.pictures import PictureLimits, PictureWatch
from robomd_ros.core.cell_watch.verify import Verification, verify
from robomd_ros.core.operator.desk import Changes
from robomd_ros.core.variations import Scene
from robomd_ros.ros.image_topic import ImageTopic
from robomd_ros.ros.runtime import Ticker, in_thread, unless
from robomd_ros.ros.standard import image_from_msg, time_from_msg

_PERIOD = 0.2
"""s between pictures that are looked at: a change stays, and decoding costs."""
_PATIENCE = 5.0
"""s for a picture that was taken after an answer, and for the person to be out of it."""
_STILL = 6.0
"""Levels of 255 at a place by which two pictures of a scene differ in which nobody moves."""
_FROZEN = (
    "I see no change: the camera's picture is frozen, bit for bit the one of before. Start the "
    "camera or its capture card again."
)
_NOT_VERIFIED = "change_verified"


class ChangeCheck:
    """Keeps the newest picture of a cell's camera, and compares it with one of before.

    A cell whose camera has never sent a picture is not checked; that is said in the facts.
    """

    def __init__(self, node: Node, ticker: Ticker, camera: str, still_pictures: bool) -> None:
        """Subscribe.

        Args:
            node: in the cell's namespace.
            ticker: of the node.
            camera: topic of pictures; empty: the cell has no camera.
            still_pictures: pictures of a scene at rest may repeat.
        """
        self._node = node
        self._ticker = ticker
        self._camera = camera
        self._watch = PictureWatch(PictureLimits(still=still_pictures), one_scene=False)
        self._still_pictures = still_pictures
        self._newest: tuple[float, Picture] | None = None
        self._arrived = -math.inf
        self.before: Picture | None = None
        """What it showed before the person went in; None: nothing."""
        if camera:
            kind = Image if camera == OWN_TOPIC else None
            self._topic = ImageTopic(node, camera, self._on_picture, kind)

    def fault(self) -> str:
        """Why the camera cannot be used, as a sentence; empty if it can, or there is none."""
        if self._newest is None:
            return ""
        silent = time.monotonic() - self._arrived
        if silent > _PATIENCE:
            return f"The camera has sent no picture for {silent:.0f} s: see that it runs."
        wrong = self._watch.fault()
        return f"The camera cannot be used: {wrong}." if wrong else ""

    def remember(self) -> None:
        """The picture now is the one of before: the arm is home, and nobody has gone in yet."""
        self.before = self._newest[1] if self._newest is not None else None

    async def look(self, steps: Changes, wanted: Scene) -> Verification:
        """Compare the scene now with the one of before; `frozen` where the camera is broken.

        Args:
            steps: what was asked for.
            wanted: the scene that should be in force.
        """
        if not self._camera or self.before is None:
            why = "no picture of before" if self._camera else "no camera"
            return Verification(facts={_NOT_VERIFIED: why})
        after = await self._settled_picture()
        if after is None:
            return Verification(facts={_NOT_VERIFIED: "no picture after the answer"})
        if fault := self.fault():
            return Verification(fault, frozen=True)
        before = self.before
        found: Verification = await in_thread(
            self._node, "verify", lambda: verify(before, after, steps, wanted)
        )
        if not found.frozen:
            return found
        return replace(found, frozen=not self._still_pictures, problem=_FROZEN)

    async def _settled_picture(self) -> Picture | None:
        """The first picture from now on in which nothing moves any more; else the newest."""
        begun, over = self._now(), time.monotonic() + _PATIENCE
        seen: list[Picture] = []

        def settled() -> bool:
            if self._newest is not None and self._newest[0] >= begun:
                last = seen[-1] if seen else None
                if last is not self._newest[1]:
                    seen.append(self._newest[1])
            return len(seen) >= 2 and not _moves(*seen[-2:])

        waiting = Future(executor=self._node.executor)
        await unless(self._ticker, waiting, lambda: settled() or time.monotonic() > over)
        return seen[-1] if seen else None

    def _on_picture(self, message: Any) -> None:
        now = time.monotonic()
        if now - self._arrived < _PERIOD:
            return
        try:
            picture = image_from_msg(message)
        except ValueError:
            return
        self._arrived = now
        stamp = time_from_msg(message.header.stamp)
        if not self._watch.take(picture, stamp, now, self._now()):
            self._newest = (stamp, picture)

    def _now(self) -> float:
        return float(self._node.get_clock().now().nanoseconds) * 1e-9


def _moves(first: Picture, second: Picture) -> bool:
    if first.shape != second.shape:
        return True
    return bool((np.abs(coarse(first) - coarse(second)).max(axis=2) > _STILL).mean() > 0.002)
