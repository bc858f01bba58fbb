# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an arm needs of the driver that moves it, whatever carries it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from robomd_ros.arms.ur5e.kinematics import Array

Point = tuple[float, Array, Array]
"""Time from the start in s, (n,) rad, (n,) rad/s."""


@dataclass(frozen=True)
class HeardJoints:
    """The newest joint states.

    Attributes:
        received: s, this process's monotonic clock.
        position: by name, rad.
        velocity: by name, rad/s; empty where the driver sends none.
    """

    received: float
    position: dict[str, float]
    velocity: dict[str, float]


@dataclass
class DriverMove:
    """A move that the driver's trajectory controller does by itself.

    Attributes:
        ended: it is over, or was never taken.
        reason: why it did not get to its end; empty if it did.
    """

    ended: bool = False
    reason: str = ""


class DriverLink(Protocol):
    """The driver; every method may be called from any thread and returns at once."""

    streams_twists: bool
    """Twists are sent as they are, to MoveIt Servo."""

    def start(self, hear: Callable[..., None]) -> None:
        """Begin to offer commands, and to tell fields of DriverReport. ConfigurationError."""

    def joints(self) -> HeardJoints | None:
        """The newest joint states; None before the first."""

    def description(self) -> str | None:
        """The robot description; "" where none is wanted, None while it has not come."""

    def problem(self) -> str:
        """Why commands would not arrive; empty if they would."""

    def rival(self) -> str:
        """Who else commands the driver; empty if nobody does."""

    def send(self, q: Array, v: Array, q_actual: Array) -> None:
        """Go on along a stream: be at (n,) rad with (n,) rad/s; the arm is at (n,) rad."""

    def send_twist(self, twist: Sequence[float]) -> None:
        """Move the tool with (6,) m/s and rad/s."""

    def send_rest(self, q: Array) -> None:
        """The stream has ended at (n,) rad."""

    def start_move(self, points: Sequence[Point]) -> DriverMove:
        """Have the trajectory controller do a move."""

    def cancel_moves(self) -> None:
        """End every move of the trajectory controller, whoever asked for it."""

    def halt(self) -> None:
        """Stop by any other means that there is: the arm did not come to rest."""

    def call(self, service: str, timeout: float) -> str:
        """Call one of the driver's Trigger services; why it failed, empty if it did not. Blocks."""

    def close(self) -> None:
        """Let go of the driver."""
