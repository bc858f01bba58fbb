# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Watches camera, gripper and robot during one rollout, and keeps what was measured."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from robomd_ros.core.cell_watch.gripper_events import GripperEvents
from robomd_ros.core.cell_watch.lag import LagMeter, late
from robomd_ros.core.cell_watch.picture_checks import Picture
from robomd_ros.core.cell_watch.pictures import PictureLimits, PictureWatch

GRIPPER_FAULT = "gripper_fault"
"""The fact in which an arm's node says why its gripper cannot be used; empty if it can."""


class RolloutWatch:
    """What whoever runs a policy must know of the cell; times are monotonic, s.

    Callbacks hand over what they receive, another thread asks. Nothing here blocks.
    """

    def __init__(self, still_pictures: bool, picture_lag: float, cameras: Iterable[str]) -> None:
        """Watch a cell.

        Args:
            still_pictures: pictures of a scene at rest may repeat.
            picture_lag: s that pictures may follow the arm later than their stamps say.
            cameras: names of those that the policy is shown; nothing is said of others.
        """
        limits = PictureLimits(still=still_pictures)
        self._cameras = {name: PictureWatch(limits) for name in cameras}
        self._lags = {name: LagMeter() for name in self._cameras}
        self._grips = GripperEvents()
        self._picture_lag = picture_lag
        self._robot: Mapping[str, Any] = {}
        self._scaling = self._slowest = math.nan

    def begin(self, now: float) -> None:
        """A rollout starts."""
        for name, watch in self._cameras.items():
            watch.begin()
            self._lags[name].begin()
        self._grips.begin(now)
        self._slowest = self._scaling

    def picture(self, camera: str, image: Picture, times: tuple[float, float, float]) -> str:
        """A picture has come; why it may not be used, empty if it may.

        Args:
            camera: its name.
            image: (H, W, 3) uint8 RGB.
            times: the Unix time that stands on it, s; when it came; the Unix time now, s.
        """
        if camera not in self._cameras:
            return ""
        stamp, now, clock = times
        wrong = self._cameras[camera].take(image, stamp, now, clock)
        if not wrong:
            # by this machine's monotonic clock, as everything that it is compared with
            self._lags[camera].picture(now - (clock - stamp), image)
        return wrong

    def joints(self, positions: Sequence[float], velocities: Sequence[float], now: float) -> None:
        """Where the arm's joints are, rad, and how fast, rad/s; no velocities where none come."""
        for watch in self._cameras.values():
            watch.joints(positions)
        for meter in self._lags.values() if len(velocities) else ():
            meter.speed(now, max(abs(v) for v in velocities))

    def robot(self, facts: Mapping[str, Any], speed_scaling: float) -> None:
        """What the arm's node says of itself, and its share of the programmed speed."""
        self._robot, self._scaling = facts, speed_scaling
        self._slowest = min(self._slowest, speed_scaling)

    def gripper(self, closure: float, now: float) -> None:
        """Where the gripper is, 0 open to 1 closed."""
        self._grips.position(closure, now)

    def gripper_told(self, closure: float, now: float) -> None:
        """Where the gripper is told to go."""
        self._grips.command(closure, now)

    def unused(self, camera: str) -> str:
        """Why the last picture of a camera was not used; empty if it was."""
        watch = self._cameras.get(camera)
        return watch.spoiled if watch is not None else ""

    def camera_fault(self) -> str:
        """Why a camera cannot be used; empty if all can."""
        faults = ((name, watch.fault()) for name, watch in self._cameras.items())
        return next((f"{name}: {fault}" for name, fault in faults if fault), "")

    def gripper_fault(self) -> str:
        """Why the gripper cannot be used; empty if it can, or there is none."""
        return str(self._robot.get(GRIPPER_FAULT, ""))

    def flaw(self) -> str:
        """Why a rollout that has ended may not count, which only the whole of it shows."""
        flaws = ((name, late(lag, self._picture_lag)) for name, lag in self._lag().items())
        return next((f"{name}: {flaw}" for name, flaw in flaws if flaw), "")

    def facts(self) -> dict[str, Any]:
        """What was measured since `begin`, as JSON has it; nothing that is not known."""
        known = {**self._robot}
        if math.isfinite(self._slowest):
            known["speed_scaling"] = self._slowest
        if lags := [lag for lag in self._lag().values() if math.isfinite(lag)]:
            known["camera_lag"] = round(max(lags), 2)
        return {**known, "gripper_events": [list(event) for event in self._grips.events]}

    def _lag(self) -> dict[str, float]:
        """How late each camera is, s; NaN where nothing tells."""
        return {name: meter.lag() for name, meter in self._lags.items()}
