# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said of any arm's motions: its state, how a move was asked for, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from robomd_ros.core.errors import RoboMDError


class NotReadyError(RoboMDError):
    """The arm cannot move now; the message says why and what to do."""


class ArmFault(RoboMDError):
    """Something that was asked of the arm did not work; the message says why and what to do."""


class MoveCode(IntEnum):
    """How a move ended; as the error codes of the action MoveToJoints."""

    NONE = 0
    OUT_OF_LIMITS = 1
    NOT_READY = 2
    CANCELED = 3
    STOPPED = 4
    TIMEOUT = 5
    BUSY = 6
    LOCKED = 7
    NO_LEASE = 8


@dataclass(frozen=True)
class MoveEnd:
    """The end of a move: its code, the reason, and where the arm is, (n,) rad (empty: unknown)."""

    code: MoveCode
    reason: str = ""
    q: tuple[float, ...] = ()


@dataclass
class OngoingMove:
    """The move that is being done.

    Attributes:
        number: of the move, from 1 on.
        ended: whoever does it says that it has ended.
        reason: why it ended before its goal, by whoever does it; "" if it did not.
        fault: why it must end; "" while it may go on.
    """

    number: int
    ended: bool = False
    reason: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Ask:
    """How a move was asked for; see MovingArm.move."""

    velocity: float
    acceleration: float
    cancelled: Callable[[], bool]
    forbidden: Callable[[], str]


@dataclass(frozen=True)
class JointReading:
    """One state of the joints.

    Attributes:
        received: s, this process's monotonic clock.
        q: (n,) rad.
        qd: (n,) rad/s.
        tcp_pose: (6,) m and rotation vector, rad; base frame.
    """

    received: float
    q: tuple[float, ...]
    qd: tuple[float, ...]
    tcp_pose: tuple[float, ...]

    @property
    def speed(self) -> float:
        """The fastest joint, rad/s."""
        return max(abs(v) for v in self.qd)


@dataclass(frozen=True, kw_only=True)
class MoveOptions:
    """How moves are done.

    Attributes:
        state_timeout: s after which the state is stale.
        move_timeout: s that a move may take beyond its own duration.
        home: (n,) rad.
        home_lift: m that the tool goes up before it goes there.
        home_path_limit: m that the tool may travel on the way there.
        set_down_depth: m that the tool goes down at most to set something down; 0: it never does.
        set_down_force: N, beside those before, by which it is known that something was met.
    """

    state_timeout: float
    move_timeout: float
    home: tuple[float, ...]
    home_lift: float
    home_path_limit: float
    set_down_depth: float = 0.0
    set_down_force: float = 0.0
