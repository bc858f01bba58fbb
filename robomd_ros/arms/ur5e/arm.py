# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A UR5e: motions that are checked before they begin, and a stop that trusts no return value."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from robomd_ros.arms.homing import far_home, way_home, way_in_words
from robomd_ros.arms.limits import LimitError, LimitGuard, Move
from robomd_ros.arms.motion_guard import StopLatch
from robomd_ros.arms.ur5e.options import ArmListener, ArmOptions
from robomd_ros.arms.ur5e.receive import ReceivedState
from robomd_ros.arms.ur5e.status import ArmStatus
from robomd_ros.arms.ur5e.supervisor import ArmSupervisor
from robomd_ros.core.errors import ConfigurationError, RoboMDError

AT_REST = 0.01
"""rad/s below which a joint counts as at rest."""
_TREMBLES = 0.03
"""rad/s below which a joint that was told to stop counts as stopped."""
_AT_GOAL = 0.01
"""rad by which a joint may miss the goal of a move."""
_LOOK = 0.01
"""s between looks at something that is awaited."""
_STOP_GRACE = 0.5
"""s for the arm to come to rest when it is asked, before its program is stopped."""
_STREAM_END = 1.0
"""s for a stream to end before a move begins."""


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
    """The end of a move: its code, the reason, and where the arm is, (6,) rad (empty: unknown)."""

    code: MoveCode
    reason: str = ""
    q: tuple[float, ...] = ()


@dataclass
class _Motion:
    """The move that is being done."""

    number: int
    ended: bool = False
    reason: str = ""
    fault: str = ""


@dataclass(frozen=True)
class _Ask:
    """How a move was asked for; see UR5e.move."""

    velocity: float
    acceleration: float
    cancelled: Callable[[], bool]
    forbidden: Callable[[], str]


class UR5e:
    """The arm. Every method may be called from any thread."""

    def __init__(self, options: ArmOptions, listener: ArmListener | None = None) -> None:
        """Prepare; `connect` begins.

        Args:
            options: how to drive it.
            listener: who is told of states, status and faults.

        Raises:
            ConfigurationError: no address was given.
        """
        self._listener = listener or ArmListener()
        self.supervisor = ArmSupervisor(
            options, replace(self._listener, message=self._hear, halt=self._on_halt)
        )
        self._moving = threading.Lock()
        self._recovering = threading.Lock()
        self._motion: _Motion | None = None
        self._number = 0
        self._changed = threading.Condition()
        self._output_done: bool | None = None

    def connect(self) -> None:
        """Begin to connect, and go on whenever the robot is lost; returns at once.

        Raises:
            ConfigurationError: ur_rtde is not installed.
        """
        self.supervisor.connect()

    def close(self) -> None:
        """Stop the arm and its script, end the control process; idempotent."""
        if self.supervisor.child is not None:
            with contextlib.suppress(ArmFault):
                self.stop("the node ends")
        self.supervisor.close()

    @property
    def state(self) -> ReceivedState | None:
        """The last state; None before the first. See `fresh`."""
        return self.supervisor.state

    @property
    def fresh(self) -> bool:
        """Whether the last state is as new as it must be."""
        return self.supervisor.fresh

    @property
    def status(self) -> ArmStatus:
        """As last given to the listener."""
        return self.supervisor.status

    def obstacle(self) -> str:
        """Why no motion can start now, and the remedy; empty if one can."""
        return self.supervisor.obstacle()

    @property
    def held(self) -> str:
        """Why a stream's target does not follow its commands; empty if it does."""
        child = self.supervisor.child
        return child.held if child is not None else ""

    def move(
        self,
        goal: object,
        velocity: float = 0.0,
        acceleration: float = 0.0,
        cancelled: Callable[[], bool] = lambda: False,
        forbidden: Callable[[], str] = lambda: "",
    ) -> MoveEnd:
        """Move all joints to a goal along a straight line in joint space; blocks.

        Args:
            goal: (6,) rad.
            velocity: of the leading axis, rad/s; 0 is the default.
            acceleration: of the leading axis, rad/s^2; 0 is the default.
            cancelled: asked often; when true the arm is brought to rest and the move ends.
            forbidden: likewise, for the reason why it must end; empty while it may go on.
        """
        ask = _Ask(velocity, acceleration, cancelled, forbidden)
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
        ask = _Ask(velocity, acceleration, cancelled, forbidden)
        return self._alone(lambda: self._go_home(ask, announce))

    def _go_home(self, ask: "_Ask", announce: Callable[[str], None]) -> MoveEnd:
        self._end_stream()
        options, state = self.supervisor.options, self._ready_state()
        way = way_home(self.supervisor.guard, state.q, options.home, options.home_lift)
        if way.sweep > options.home_path_limit:
            raise LimitError(far_home(way.sweep, options.home_path_limit))
        announce(way_in_words(way))
        end = MoveEnd(MoveCode.NONE)
        for point in way.points:
            end = self._move(point, ask)
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

    def stream_twist(self, twist: object) -> None:
        """Move the tool with (6,) m/s and rad/s in the base frame until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        self._command("twist", twist)

    def stream_joints(self, target: object) -> None:
        """Follow an absolute joint target, (6,) rad, until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        self._command("joints", target)

    def lower_tool_speed(self, limit: float) -> None:
        """Let the tool be no faster than this, m/s, from the next command on.

        Raises:
            ConfigurationError: it is faster than now.
        """
        guard = self.supervisor.guard
        present = guard.limits.tool_speed_limit
        if limit > present:
            raise ConfigurationError(
                f"tool_speed_limit may only be lowered while the arm is driven: it is {present:g} "
                f"m/s, got {limit:g}; start the node again to raise it"
            )
        self.supervisor.guard = LimitGuard(guard.limits.changed(tool_speed_limit=limit), guard.tcp)

    def stop_stream(self) -> None:
        """Bring a stream to rest; a move goes on. Returns at once."""
        if self._motion is None:
            self.supervisor.tell(("stop",))

    @property
    def latch(self) -> StopLatch:
        """Who or what has stopped the arm until somebody recovers it."""
        return self.supervisor.latch

    def stop(self, reason: str = "stopped on request") -> None:
        """Bring the arm to rest; a move ends with this reason. Blocks until it is at rest.

        Raises:
            ArmFault: the arm is not known to be at rest; its program goes on being stopped.
        """
        self._tell_to_stop(reason)
        if not self._wait_for_rest(self._stands):
            self.supervisor.halt(f"{reason}: the arm did not come to rest by itself")
            if not self._wait_for_rest(self._stands):
                raise ArmFault("the arm is not known to be at rest; use the emergency stop")

    def end_motion(self, reason: str) -> None:
        """As `stop`, but returns at once: a thread sees to it that the arm comes to rest."""
        self._tell_to_stop(reason)

        def see_to_it() -> None:
            with contextlib.suppress(ArmFault):
                self.stop(reason)

        if not self._stands():
            threading.Thread(target=see_to_it, name="arm-end-motion", daemon=True).start()

    def _tell_to_stop(self, reason: str) -> None:
        motion = self._motion
        if motion is not None:
            motion.fault = motion.fault or reason
        self.supervisor.tell(("stop",))

    def switch_output(self, on: bool) -> None:
        """Switch the digital output of the options; ArmFault if it did not work."""
        self._output_done = None
        self.supervisor.tell(("output", on))
        with self._changed:
            self._changed.wait_for(lambda: self._output_done is not None, 1.0)
        if not self._output_done:
            raise ArmFault(f"the controller did not switch the output; {self.obstacle()}")

    @contextlib.contextmanager
    def exclusive_recovery(self) -> Iterator[None]:
        """Held while somebody recovers the arm; ArmFault for a second one."""
        if not self._recovering.acquire(blocking=False):
            raise ArmFault("a recovery is under way already")
        try:
            yield
        finally:
            self._recovering.release()

    def _move(self, goal: object, ask: "_Ask") -> MoveEnd:
        self._end_stream()
        state = self._ready_state()
        move = self.supervisor.guard.move(state.q, goal, ask.velocity, ask.acceleration)
        self._number += 1
        self._motion = motion = _Motion(self._number)
        self.supervisor.tell(("move", motion.number, move.q, move.velocity, move.acceleration))
        patience = self.supervisor.options.move_timeout
        deadline = time.monotonic() + move.duration + patience
        while not (motion.ended or motion.fault):
            with self._changed:
                self._changed.wait(0.02)
            if ask.cancelled():
                return self._break_off(MoveCode.CANCELED, "cancelled")
            if reason := ask.forbidden():
                return self._break_off(MoveCode.STOPPED, reason)
            if time.monotonic() > deadline:
                reason = (
                    f"not there after {move.duration:.1f} s and {patience:g} s more; look at the "
                    "speed slider of the pendant"
                )
                return self._break_off(MoveCode.TIMEOUT, reason)
        if motion.fault:
            self._wait_for_rest(self._stands)
            return self._end(MoveCode.STOPPED, motion.fault)
        return self._arrival(move, motion)

    def _arrival(self, move: Move, motion: _Motion) -> MoveEnd:
        """What the state says of a move that the control process calls ended."""
        rested = self._wait_for_rest(self._at_rest)
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
        """A stream that is running ends before a move begins."""
        child = self.supervisor.child
        if child is None or child.mode in ("idle", "starting"):
            return
        self.supervisor.tell(("stop",))
        deadline = time.monotonic() + _STREAM_END
        while child.mode != "idle" and time.monotonic() < deadline:
            time.sleep(_LOOK)

    def _wait_for_rest(self, rests: Callable[[], bool]) -> bool:
        """Whether the arm came to rest in time."""
        deadline = time.monotonic() + _STOP_GRACE
        while not rests():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK)
        return True

    def _stands(self) -> bool:
        """Whether it stands still, by a fresh state; what it holds may make it tremble."""
        return self.state is not None and self.fresh and self.state.speed < _TREMBLES

    def _at_rest(self) -> bool:
        """Whether it stands still and nothing is being done."""
        state, child = self.state, self.supervisor.child
        idle = child is None or child.mode in ("idle", "starting")
        return state is not None and self.fresh and state.speed < AT_REST and idle

    def _ready_state(self) -> ReceivedState:
        reason, state = self.obstacle(), self.state
        if reason or state is None:
            raise NotReadyError(reason)
        return state

    def _command(self, kind: str, value: object) -> None:
        guard = self.supervisor.guard
        try:
            state = self._ready_state()
            if self._moving.locked():  # also while it waits for this stream to end
                raise NotReadyError("a move is being done; streamed commands wait for its end")
            check = guard.twist if kind == "twist" else guard.joints
            checked = check(state.q, value)  # type: ignore[arg-type]
        except RoboMDError:
            self.stop_stream()
            raise
        # at rest the controller's target is where the arm is, without the trembling of sensors
        lag = max(abs(a - b) for a, b in zip(state.target_q, state.q, strict=True))
        start = state.target_q if lag < guard.limits.servo_step else state.q
        self.supervisor.tell((kind, checked, start))

    def _hear(self, message: tuple[Any, ...]) -> None:
        """What the control process says."""
        motion = self._motion
        if message[0] == "output":
            self._output_done = bool(message[1])
        elif message[0] == "ended" and motion is not None and motion.number == message[1]:
            motion.reason, motion.ended = str(message[2]), True
        elif message[0] == "ended" and message[2] and not message[1]:
            self._listener.broken(f"a stream of commands ended: {message[2]}")
        with self._changed:
            self._changed.notify_all()

    def _on_halt(self, reason: str) -> None:
        motion = self._motion
        if motion is not None and not motion.fault:
            motion.fault = reason
        with self._changed:
            self._changed.notify_all()
