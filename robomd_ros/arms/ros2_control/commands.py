# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a driver is being told, tick by tick: a stream of commands, or a move along a line."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from robomd_ros.arms.limits import LimitGuard
from robomd_ros.arms.motion import JointReading
from robomd_ros.arms.ros2_control.line import LineTarget
from robomd_ros.arms.ros2_control.link import DriverLink
from robomd_ros.arms.ur5e.kinematics import Array
from robomd_ros.arms.ur5e.servo import ServoTarget

_NO_TWIST = (0.0,) * 6
_NEAR, _SETTLE = 0.004, 2.0
"""rad from its end at which a move is over, and s that the arm may take to get so near."""


@dataclass
class Follows:
    """Whether the arm does what it is told, by what it was told and where it has been.

    Attributes:
        window: s over which both are compared.
        least: rad that must have been commanded in that time before anything is said.
        share: of it that the arm must have done.
    """

    window: float = 1.2
    least: float = 0.05
    share: float = 0.1
    _seen: list[tuple[float, Array, float]] = field(default_factory=list)

    def look(self, now: float, q: Array, commanded: float) -> str:
        """Call it at every tick.

        Args:
            now: monotonic s.
            q: (n,) rad, measured.
            commanded: rad of the leading joint since the last tick.

        Returns:
            Why the motion must end; empty if the arm follows.
        """
        self._seen.append((now, q, commanded))
        while self._seen[-1][0] - self._seen[0][0] > self.window:
            self._seen.pop(0)
        if now - self._seen[0][0] < 0.9 * self.window:
            return ""
        told = sum(c for _, _, c in self._seen[1:])
        done = max(float(np.max(np.abs(p - self._seen[0][1]))) for _, p, _ in self._seen)
        if told < self.least or done >= self.share * told:
            return ""
        return (
            f"the arm does not follow its commands: it moved {done:.3f} rad where {told:.3f} rad "
            "were commanded; is the controller active, and the speed slider up?"
        )

    def reset(self) -> None:
        """A motion ended."""
        self._seen.clear()


@dataclass
class _Stream:
    """What is commanded from outside; `until` is monotonic s, a twist alone is passed on."""

    target: ServoTarget | None
    twist: Sequence[float]
    until: float


class DriverCommands:
    """Sends one thing at a time, until it is over, stale, or stopped. Its owner holds a lock."""

    def __init__(self, link: DriverLink) -> None:
        """Send through this link; nothing is commanded yet."""
        self._link = link
        self._stream: _Stream | None = None
        self._line: LineTarget | None = None
        self._arrived = 0.0
        self._follows = Follows()

    @property
    def streaming(self) -> bool:
        """Whether a stream goes on."""
        return self._stream is not None

    @property
    def on_line(self) -> bool:
        """Whether a move goes on."""
        return self._line is not None

    @property
    def busy(self) -> bool:
        """Whether anything is commanded."""
        return self.streaming or self.on_line

    @property
    def held(self) -> str:
        """Why a stream's target does not follow its commands; empty if it does."""
        stream = self._stream
        return stream.target.held if stream is not None and stream.target is not None else ""

    def follow_twist(self, guard: LimitGuard, state: JointReading, twist: Sequence[float]) -> None:
        """Move the tool with a checked twist until the command is stale."""
        target = None if self._link.streams_twists else self._target(guard, state)
        if target is not None:
            target.follow_twist(twist)
        self._begin(guard, target, twist)

    def follow_joints(self, guard: LimitGuard, state: JointReading, goal: Sequence[float]) -> None:
        """Go to checked joint positions until the command is stale."""
        target = self._target(guard, state)
        target.follow_joints(goal)
        self._begin(guard, target, _NO_TWIST)

    def follow_line(self, line: LineTarget) -> None:
        """Do a move."""
        self._follows.reset()
        self._line, self._arrived = line, 0.0

    def forget_line(self) -> None:
        """The move is over, however it ended."""
        self._line = None

    def stop_stream(self) -> None:
        """Let the stream come to rest; a move goes on."""
        if self._stream is not None:
            self._stream.until = 0.0

    def stop(self) -> None:
        """Let everything come to rest."""
        self.stop_stream()
        if self._line is not None:
            self._line.stop()

    def tick(self, state: JointReading, fresh: bool, period: float) -> str:
        """Send what is due.

        Args:
            state: the newest.
            fresh: it is as new as it must be.
            period: s since the last tick.

        Returns:
            Why what is commanded must end: the arm does not follow; else empty.
        """
        q = np.asarray(state.q)
        told = 0.0
        if self._line is not None:
            told = self._go_on(self._line, q, fresh, period)
        elif self._stream is not None and self._stream.target is not None:
            told = self._go_on_streaming(self._stream, self._stream.target, q, fresh, period)
        elif self._stream is not None:
            self._pass_twist(self._stream, fresh)
        if not self.busy:
            return ""
        reason = self._follows.look(time.monotonic(), q, told)
        if reason:
            self._follows.reset()
        return reason

    def _begin(self, guard: LimitGuard, target: ServoTarget | None, twist: Sequence[float]) -> None:
        self._stream = _Stream(target, twist, time.monotonic() + guard.limits.command_timeout)

    def _target(self, guard: LimitGuard, state: JointReading) -> ServoTarget:
        """The target of the stream that runs, or a new one where the arm stands."""
        stream = self._stream
        if stream is not None and stream.target is not None:
            return stream.target
        self._follows.reset()
        return ServoTarget(guard, state.q)

    def _go_on(self, line: LineTarget, q: Array, fresh: bool, period: float) -> float:
        """Rad that the leading joint was told to go."""
        if not fresh:
            line.stop()
        line.step(period, q)
        if not line.at_rest:
            self._arrived = 0.0
        elif not self._arrived:
            self._arrived = time.monotonic()
        near = float(np.max(np.abs(line.q - q))) < _NEAR
        patient = self._arrived and time.monotonic() - self._arrived < _SETTLE
        if line.at_rest and (near or line.stopped or not patient):
            self._line = None
            self._link.send_rest(line.q)
            return 0.0
        self._link.send(line.q, line.v, q)
        return float(np.max(np.abs(line.v))) * period

    def _go_on_streaming(
        self, stream: _Stream, target: ServoTarget, q: Array, fresh: bool, period: float
    ) -> float:
        over = time.monotonic() > stream.until
        if over or not fresh:
            target.stop()
        target.step(period, q)
        if target.at_rest and over:
            self._stream = None
            self._link.send_rest(target.q)
            return 0.0
        self._link.send(target.q, target.v, q)
        return float(np.max(np.abs(target.v))) * period

    def _pass_twist(self, stream: _Stream, fresh: bool) -> None:
        over = time.monotonic() > stream.until or not fresh
        self._link.send_twist(_NO_TWIST if over else stream.twist)
        if over:
            self._stream = None
