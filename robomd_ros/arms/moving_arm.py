# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all arms have in common: moves that are checked before they begin, and how they end."""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms import set_down
from robomd_ros.arms.homing import far_home, straight, way_home, way_in_words
from robomd_ros.arms.limits import LimitError, LimitGuard, Move
from robomd_ros.arms.motion import (
    ArmFault,
    Ask,
    JointReading,
    MoveCode,
    MoveEnd,
    MoveOptions,
    NotReadyError,
    OngoingMove,
)
from robomd_ros.arms.motion_guard import StopLatch
from robomd_ros.arms.ur5e.status import ArmStatus
from robomd_ros.core.errors import ConfigurationError

AT_REST = 0.01
"""rad/s below which a joint counts as at rest."""
_TREMBLES = 0.03
"""rad/s below which a joint that was told to stop counts as stopped."""
_AT_GOAL = 0.01
"""rad by which a joint may miss the goal of a move."""
_LOOK = 0.01
"""s between looks at something that is awaited."""
_STOP_GRACE = 0.5
"""s for the arm to come to rest when it is asked, before other means are tried."""
_STREAM_END = 1.0
"""s for a stream to end before a move begins."""

State = TypeVar("State", bound=JointReading)


class MovingArm(ABC, Generic[State]):
    """An arm of any kind. Every method may be called from any thread.

    A kind says how a move is begun and how the arm is told to stop; what is checked before, when a
    move ends, and that a stop trusts no return value, is the same for all.
    """

    def __init__(self) -> None:
        """Nothing is being done."""
        self._moving = threading.Lock()
        self._recovering = threading.Lock()
        self._motion: OngoingMove | None = None
        self._number = 0
        self._changed = threading.Condition()

    # what a kind of arm has of its own

    @property
    @abstractmethod
    def options(self) -> MoveOptions:
        """How it is driven."""

    @property
    @abstractmethod
    def state(self) -> State | None:
        """The last state; None before the first. See `fresh`."""

    @property
    @abstractmethod
    def fresh(self) -> bool:
        """Whether the last state is as new as it must be."""

    @property
    @abstractmethod
    def status(self) -> ArmStatus:
        """As last given to the listener."""

    @property
    @abstractmethod
    def held(self) -> str:
        """Why a stream's target does not follow its commands; empty if it does."""

    @property
    @abstractmethod
    def latch(self) -> StopLatch:
        """Who or what has stopped the arm until somebody recovers it."""

    @property
    @abstractmethod
    def guard(self) -> LimitGuard:
        """The limits in force; NotReadyError while they are not known."""

    @guard.setter
    @abstractmethod
    def guard(self, guard: LimitGuard) -> None: ...

    @abstractmethod
    def connect(self) -> None:
        """Begin to connect, and go on whenever the robot is lost; returns at once."""

    @abstractmethod
    def close(self) -> None:
        """Bring the arm to rest and let go of it; idempotent."""

    @abstractmethod
    def obstacle(self) -> str:
        """Why no motion can start now, and the remedy; empty if one can."""

    @abstractmethod
    def stream_twist(self, twist: ArrayLike) -> None:
        """Move the tool with (6,) m/s and rad/s in the base frame until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """

    @abstractmethod
    def stream_joints(self, target: ArrayLike) -> None:
        """Follow an absolute joint target, (n,) rad, until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """

    @abstractmethod
    def stop_stream(self) -> None:
        """Bring a stream to rest; a move goes on. Returns at once."""

    @property
    @abstractmethod
    def _streams(self) -> bool:
        """Whether a stream is being followed, or comes to rest."""

    @abstractmethod
    def _begin(self, motion: OngoingMove, move: Move, start: tuple[float, ...]) -> None:
        """Begin a move from (n,) rad; returns at once. `motion` is told how it goes on."""

    @abstractmethod
    def _send_stop(self) -> None:
        """Tell whatever moves the arm to bring it to rest; returns at once."""

    @abstractmethod
    def _halt(self, reason: str) -> None:
        """Stop the arm by other means, as it did not come to rest by itself."""

    @abstractmethod
    def _is_idle(self) -> bool:
        """Whether whatever moves the arm has nothing to do."""

    def force(self) -> tuple[float, ...]:
        """(3,) N at the tool, base frame, of the newest state; empty where this arm tells none."""
        return ()

    def _look(self, _motion: OngoingMove) -> str:
        """Find out how a move goes on, where nobody tells; why it must end, "" if it may go on."""
        return ""

    # moves

    def move(
        self,
        goal: ArrayLike,
        velocity: float = 0.0,
        acceleration: float = 0.0,
        cancelled: Callable[[], bool] = lambda: False,
        forbidden: Callable[[], str] = lambda: "",
    ) -> MoveEnd:
        """Move all joints to a goal along a straight line in joint space; blocks.

        Args:
            goal: (n,) rad.
            velocity: of the leading axis, rad/s; 0 is the default.
            acceleration: of the leading axis, rad/s^2; 0 is the default.
            cancelled: asked often; when true the arm is brought to rest and the move ends.
            forbidden: likewise, for the reason why it must end; empty while it may go on.
        """
        ask = Ask(velocity, acceleration, cancelled, forbidden)
        return self._alone(lambda: self._move(goal, ask))

    def go_home(
        self,
        velocity: float = 0.0,
        acceleration: float = 0.0,
        cancelled: Callable[[], bool] = lambda: False,
        forbidden: Callable[[], str] = lambda: "",
        announce: Callable[[str], None] = lambda text: None,
    ) -> MoveEnd:
        """Move home: straight up first, then through joint space without whole turns; blocks.

        Args:
            velocity: as for `move`; so are the others.
            acceleration: likewise.
            cancelled: likewise.
            forbidden: likewise.
            announce: told the way, in words, before anything moves.
        """
        ask = Ask(velocity, acceleration, cancelled, forbidden)
        return self._alone(lambda: self._go_home(ask, announce))

    def _go_home(self, ask: Ask, announce: Callable[[str], None]) -> MoveEnd:
        self._end_stream()
        options, state = self.options, self._ready_state()
        way = way_home(self.guard, state.q, options.home, options.home_lift)
        if way.sweep > options.home_path_limit:
            raise LimitError(far_home(way.sweep, options.home_path_limit))
        announce(way_in_words(way))
        end = MoveEnd(MoveCode.NONE)
        for point in way.points:
            end = self._move(point, ask)
            if end.code is not MoveCode.NONE:
                break
        return end

    @property
    def sets_down(self) -> bool:
        """Whether it may set down what its gripper holds."""
        return self.options.set_down_depth > 0.0

    def set_down(
        self,
        opened: Callable[[], str],
        forbidden: Callable[[], str] = lambda: "",
        announce: Callable[[str], None] = lambda text: None,
    ) -> MoveEnd:
        """Lower what the gripper holds until it meets something, open, and go up; blocks.

        Where nothing is met within the limits, the arm stays there and the gripper closed.

        Args:
            opened: opens the gripper; blocks; why it did not open, empty if it did.
            forbidden: as for `move`.
            announce: told what comes, in words, before anything moves.
        """
        ask = Ask(0.0, 0.0, lambda: False, forbidden)
        return self._alone(lambda: self._set_down(opened, ask, announce))

    def _set_down(
        self, opened: Callable[[], str], ask: Ask, announce: Callable[[str], None]
    ) -> MoveEnd:
        self._end_stream()
        state, depth = self._ready_state(), self.options.set_down_depth
        if not self.force():
            raise NotReadyError(
                "this arm does not tell the force at its tool: it sets nothing down"
            )
        announce(set_down.in_words(depth))
        touch = set_down.Touch(self.force, self.options.set_down_force)
        end = self._through(
            straight(self.guard, np.asarray(state.q), -depth),
            replace(ask, forbidden=lambda: ask.forbidden() or touch.look()),
        )
        if not touch.met:
            nothing = "nothing was met on the way down, as far as the limits allow"
            return end if end.code is not MoveCode.NONE else self._end(MoveCode.STOPPED, nothing)
        self._wait_for(self._at_rest)
        if reason := ask.forbidden() or self.obstacle() or opened() or ask.forbidden():
            return self._end(MoveCode.STOPPED, reason)
        state = self._ready_state()
        return self._through(straight(self.guard, np.asarray(state.q), self.options.home_lift), ask)

    def _through(self, points: Sequence[ArrayLike], ask: Ask) -> MoveEnd:
        """Move slowly through points, (n,) rad each; the end of the last move that was made."""
        end = MoveEnd(MoveCode.NONE)
        for point in points:
            speed = set_down.axis_speed(self.guard, self._ready_state().q, point)
            end = self._move(point, replace(ask, velocity=speed))
            if end.code is not MoveCode.NONE:
                break
        return end

    def _alone(self, work: Callable[[], MoveEnd]) -> MoveEnd:
        """Do a move, unless another one is being done."""
        if not self._moving.acquire(blocking=False):
            return MoveEnd(MoveCode.BUSY, "another move is being done; cancel it or wait")
        try:
            return work()
        except LimitError as error:
            return self._end(MoveCode.OUT_OF_LIMITS, str(error))
        except NotReadyError as error:
            return self._end(MoveCode.NOT_READY, str(error))
        finally:
            self._motion = None
            self._moving.release()

    def _move(self, goal: ArrayLike, ask: Ask) -> MoveEnd:
        self._end_stream()
        state = self._ready_state()
        move = self.guard.move(state.q, goal, ask.velocity, ask.acceleration)
        self._number += 1
        self._motion = motion = OngoingMove(self._number)
        self._begin(motion, move, state.q)
        patience = self.options.move_timeout
        deadline = time.monotonic() + move.duration + patience
        while not (motion.ended or motion.fault):
            with self._changed:
                self._changed.wait(_LOOK)
            obstacle = self._look(motion)
            if ask.cancelled():
                return self._break_off(MoveCode.CANCELED, "cancelled")
            if reason := ask.forbidden() or obstacle:
                return self._break_off(MoveCode.STOPPED, reason)
            if time.monotonic() > deadline:
                reason = (
                    f"not there after {move.duration:.1f} s and {patience:g} s more; look at the "
                    "speed slider of the pendant"
                )
                return self._break_off(MoveCode.TIMEOUT, reason)
        if motion.fault:
            self._wait_for(self._stands)
            return self._end(MoveCode.STOPPED, motion.fault)
        return self._arrival(move, motion)

    def _arrival(self, move: Move, motion: OngoingMove) -> MoveEnd:
        """What the state says of a move that is called ended."""
        rested = self._wait_for(self._at_rest)
        state = self.state
        if motion.fault or motion.reason or state is None or not rested:
            return self._end(MoveCode.STOPPED, motion.fault or motion.reason or "not at rest")
        miss = max(abs(a - b) for a, b in zip(move.q, state.q, strict=True))
        if miss > _AT_GOAL:
            return self._end(MoveCode.STOPPED, f"the arm stopped {miss:.3g} rad before its goal")
        return self._end(MoveCode.NONE, "")

    def _break_off(self, code: MoveCode, reason: str) -> MoveEnd:
        with contextlib.suppress(ArmFault):
            self.stop(reason)
        return self._end(code, reason)

    def _end(self, code: MoveCode, reason: str) -> MoveEnd:
        state = self.state
        return MoveEnd(code, reason, state.q if state is not None else ())

    def _end_stream(self) -> None:
        """A stream that is followed ends before a move begins."""
        if not self._streams:
            return
        self.stop_stream()
        deadline = time.monotonic() + _STREAM_END
        while self._streams and time.monotonic() < deadline:
            time.sleep(_LOOK)

    def _ready_state(self) -> State:
        reason, state = self.obstacle(), self.state
        if reason or state is None:
            raise NotReadyError(reason)
        return state

    # stops

    def stop(self, reason: str = "stopped on request") -> None:
        """Bring the arm to rest; a move ends with this reason. Blocks until it is at rest.

        Raises:
            ArmFault: the arm is not known to be at rest; it goes on being stopped.
        """
        self._tell_to_stop(reason)
        self._see_to_rest(reason)

    def end_motion(self, reason: str) -> None:
        """As `stop`, but returns at once: a thread sees to it that the arm comes to rest."""
        self._tell_to_stop(reason)

        def see_to_it() -> None:
            with contextlib.suppress(ArmFault):
                self._see_to_rest(reason)

        if not self._stands():
            threading.Thread(target=see_to_it, name="arm-end-motion", daemon=True).start()

    def lower_tool_speed(self, limit: float) -> None:
        """Let the tool be no faster than this, m/s, from the next command on.

        Raises:
            ConfigurationError: it is faster than now.
        """
        guard = self.guard
        present = guard.limits.tool_speed_limit
        if limit > present:
            raise ConfigurationError(
                f"tool_speed_limit may only be lowered while the arm is driven: it is {present:g} "
                f"m/s, got {limit:g}; start the node again to raise it"
            )
        limits = guard.limits.changed(tool_speed_limit=limit)
        self.guard = LimitGuard(limits, guard.tcp, guard.kinematics)

    @contextlib.contextmanager
    def exclusive_recovery(self) -> Iterator[None]:
        """Held while somebody recovers the arm; ArmFault for a second one."""
        if not self._recovering.acquire(blocking=False):
            raise ArmFault("a recovery is under way already")
        try:
            yield
        finally:
            self._recovering.release()

    def _tell_to_stop(self, reason: str) -> None:
        self._fail(reason)
        self._send_stop()

    def _fail(self, reason: str) -> None:
        """The move that is being done must end, for the first reason of all."""
        motion = self._motion
        if motion is not None:
            motion.fault = motion.fault or reason
        with self._changed:
            self._changed.notify_all()

    def _see_to_rest(self, reason: str) -> None:
        """Wait for what was told to stop; ArmFault where no means have brought it to rest."""
        if self._wait_for(self._stands):
            return
        self._halt(f"{reason}: the arm did not come to rest by itself")
        if not self._wait_for(self._stands):
            raise ArmFault("the arm is not known to be at rest; use the emergency stop")

    def _wait_for(self, rests: Callable[[], bool]) -> bool:
        """Whether the arm came to rest in time."""
        deadline = time.monotonic() + _STOP_GRACE
        while not rests():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK)
        return True

    def _stands(self) -> bool:
        """Whether it stands still, by a fresh state; what it holds may make it tremble."""
        state = self.state
        return state is not None and self.fresh and state.speed < _TREMBLES

    def _at_rest(self) -> bool:
        """Whether it stands still and nothing is being done."""
        state = self.state
        rests = state is not None and self.fresh and state.speed < AT_REST
        return rests and self._is_idle()
