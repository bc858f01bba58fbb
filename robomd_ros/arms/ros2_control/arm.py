# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm behind a ros2_control driver: the same checks, stops and latches as an arm of our own.

Nothing of ROS is known here; the driver is reached through a DriverLink.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from robomd_ros.arms.homing import far_home, way_home, way_in_words
from robomd_ros.arms.limits import UR5E_KINEMATICS, LimitError, LimitGuard, Move
from robomd_ros.arms.motion_guard import StopLatch
from robomd_ros.arms.ros2_control.chain import Chain, rotation_vector
from robomd_ros.arms.ros2_control.commands import DriverCommands
from robomd_ros.arms.ros2_control.health import DriverReport, DriverState, is_near, status_of
from robomd_ros.arms.ros2_control.limits import narrowed
from robomd_ros.arms.ros2_control.line import LineTarget
from robomd_ros.arms.ros2_control.link import DriverLink, HeardJoints
from robomd_ros.arms.ros2_control.options import DriverOptions
from robomd_ros.arms.ur5e.arm import AT_REST, ArmFault, MoveCode, MoveEnd, NotReadyError
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.arms.ur5e.status import ArmStatus
from robomd_ros.core.errors import ConfigurationError, RoboMDError

_AT_GOAL = 0.01
"""rad by which a joint may miss the goal of a move."""
_LOOK = 0.01
"""s between looks at something that is awaited."""
_STOP_GRACE = 0.5
"""s for the arm to come to rest when it is asked, before other means are tried."""
_MOVES, _RESTED = 0.03, 0.15
"""rad/s from which on the arm moves, and s below it after which it rests again."""
_LEASH_TIME = 0.25
"""s that the arm may lag behind a move at the speed limit, before the move waits for it."""
_POINT_PERIOD = 0.1
"""s between the points of a trajectory."""


class DriverArm:
    """The arm. Every method may be called from any thread; as UR5e's of the same names."""

    def __init__(self, options: DriverOptions, link: DriverLink, listener: ArmListener) -> None:
        """Prepare; `connect` begins."""
        self.options = options
        self.link = link
        self.latch = StopLatch()
        self.report = DriverReport(options.says)
        self.stopped_since = 0.0
        """Monotonic s at which a safety function was first seen to act; 0: none has."""
        self._listener = listener
        self._guard: LimitGuard | None = None
        self._guard_error = "the arm was not looked at yet"
        self._state: DriverState | None = None
        self._status = ArmStatus(remote_control=True)
        self._had_control = False
        self._moved_at = 0.0
        self._moving, self._recovering = threading.Lock(), threading.Lock()
        self._commands = DriverCommands(link)
        self._fault = ""
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driver-arm", daemon=True)

    # what it is asked

    def connect(self) -> None:
        """Begin to hear the driver; ConfigurationError if its messages are not installed."""
        self.link.start(self.hear)
        self._thread.start()

    def close(self) -> None:
        """Bring the arm to rest and let go of the driver; idempotent."""
        if self._ending.is_set():
            return
        if self._thread.is_alive():
            with contextlib.suppress(ArmFault):
                self.stop("the node ends")
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(3.0)
        self.link.close()

    @property
    def state(self) -> DriverState | None:
        """The last state; None before the first. See `fresh`."""
        return self._state

    @property
    def state_age(self) -> float:
        """S since the driver last told a new state."""
        state = self._state
        return math.inf if state is None else time.monotonic() - state.received

    @property
    def fresh(self) -> bool:
        """Whether the last state is as new as it must be."""
        return self.state_age <= self.options.state_timeout

    @property
    def status(self) -> ArmStatus:
        """As last given to the listener."""
        return self._status

    @property
    def held(self) -> str:
        """Why a stream's target does not follow its commands; empty if it does."""
        return self._commands.held

    @property
    def guard(self) -> LimitGuard:
        """The limits; NotReadyError while the arm's kinematics are not known."""
        if self._guard is None:
            raise NotReadyError(self._guard_error)
        return self._guard

    def obstacle(self) -> str:
        """Why no motion can start now, and the remedy; empty if one can."""
        if self._guard is None:
            return self._guard_error
        if self._state is None:
            return "no joint states have come from the driver; is it up, and joint_states right?"
        if not self.fresh:
            limit = self.options.state_timeout
            return f"no new joint states have come from the driver for more than {limit:g} s"
        if reason := self.report.stop():
            return reason
        if self.latch.reason:
            return f"stopped: {self.latch.reason}; see that all is well, then call recover"
        return self.report.obstacle() or self.link.problem()

    def move(
        self,
        goal: object,
        velocity: float = 0.0,
        acceleration: float = 0.0,
        cancelled: Callable[[], bool] = lambda: False,
        forbidden: Callable[[], str] = lambda: "",
    ) -> MoveEnd:
        """Move all joints to a goal along a straight line in joint space; see UR5e.move."""
        return self._alone(lambda: self._move(goal, velocity, acceleration, cancelled, forbidden))

    def go_home(
        self,
        velocity: float = 0.0,
        acceleration: float = 0.0,
        cancelled: Callable[[], bool] = lambda: False,
        forbidden: Callable[[], str] = lambda: "",
        announce: Callable[[str], None] = lambda text: None,
    ) -> MoveEnd:
        """Move home: straight up first, then without whole turns; see UR5e.go_home."""

        def work() -> MoveEnd:
            options, state = self.options, self._ready_state()
            way = way_home(self.guard, state.q, options.home, options.home_lift)
            if way.sweep > options.home_path_limit:
                raise LimitError(far_home(way.sweep, options.home_path_limit))
            announce(way_in_words(way))
            end = MoveEnd(MoveCode.NONE)
            for point in way.points:
                end = self._move(point, velocity, acceleration, cancelled, forbidden)
                if end.code is not MoveCode.NONE:
                    break
            return end

        return self._alone(work)

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
            self._commands.forget_line()
            self._moving.release()

    def stream_twist(self, twist: object) -> None:
        """Move the tool with (6,) m/s and rad/s in the base frame until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        with self._streaming() as state:
            wanted = self.guard.twist(state.q, twist)  # type: ignore[arg-type]
            self._commands.follow_twist(self.guard, state, wanted)

    def stream_joints(self, target: object) -> None:
        """Follow an absolute joint target, (n,) rad, until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        with self._streaming() as state:
            if self.link.streams_twists:
                raise NotReadyError(
                    "stream is twist, so that joint targets cannot be followed; set stream to "
                    "trajectory or velocity"
                )
            wanted = self.guard.joints(state.q, target)  # type: ignore[arg-type]
            self._commands.follow_joints(self.guard, state, wanted)

    def lower_tool_speed(self, limit: float) -> None:
        """Let the tool be no faster than this, m/s; ConfigurationError if it is faster than now."""
        guard = self.guard
        present = guard.limits.tool_speed_limit
        if limit > present:
            raise ConfigurationError(
                f"tool_speed_limit may only be lowered while the arm is driven: it is {present:g} "
                f"m/s, got {limit:g}; start the node again to raise it"
            )
        limits = guard.limits.changed(tool_speed_limit=limit)
        self._guard = LimitGuard(limits, guard.tcp, guard.kinematics)

    def stop_stream(self) -> None:
        """Bring a stream to rest; a move goes on. Returns at once."""
        with self._lock:
            self._commands.stop_stream()

    def end_motion(self, reason: str) -> None:
        """As `stop`, but returns at once: a thread sees to it that the arm comes to rest."""
        self._tell_to_stop(reason)

        def see_to_it() -> None:
            with contextlib.suppress(ArmFault):
                self._see_to_rest(reason)

        if not self._at_rest():
            threading.Thread(target=see_to_it, name="driver-arm-end", daemon=True).start()

    def stop(self, reason: str = "stopped on request") -> None:
        """Bring the arm to rest; a move ends with this reason. Blocks until it is at rest.

        Raises:
            ArmFault: the arm is not known to be at rest.
        """
        self._tell_to_stop(reason)
        self._see_to_rest(reason)

    def _see_to_rest(self, reason: str) -> None:
        """Wait for what was told to stop; ArmFault where no means have brought it to rest."""
        if self._wait_for_rest():
            return
        self._listener.log(f"{reason}: the arm did not come to rest by itself")
        self.link.halt()
        if not self._wait_for_rest():
            raise ArmFault("the arm is not known to be at rest; use the emergency stop")

    @contextlib.contextmanager
    def exclusive_recovery(self) -> Iterator[None]:
        """Held while somebody recovers the arm; ArmFault for a second one."""
        if not self._recovering.acquire(blocking=False):
            raise ArmFault("a recovery is under way already")
        try:
            yield
        finally:
            self._recovering.release()

    def clear_recovery(self) -> None:
        """A person has confirmed, and what stop there was has been left."""
        self.stopped_since, self._had_control = 0.0, False
        self.latch.clear()

    def hear(self, **said: Any) -> None:
        """The driver said something else: fields of DriverReport."""
        with self._lock:
            before, self.report = self.report, replace(self.report, **said)
            if reason := self.report.stop():
                if not self.stopped_since and self.report.safety_mode not in (None, 0, 1, 2):
                    self.stopped_since = time.monotonic()
                self._tell_to_stop(reason.split(":")[0])
            if self._had_control and (reason := self.report.taken_over(before)):
                self._stop_until_recovered(reason)

    # motions

    @contextlib.contextmanager
    def _streaming(self) -> Iterator[DriverState]:
        """The state for which a command is checked; what is refused ends the stream."""
        with self._lock:
            try:
                state = self._ready_state()
                if self._moving.locked():
                    raise NotReadyError("a move is being done; streamed commands wait for its end")
                yield state
            except RoboMDError:
                self.stop_stream()
                raise

    def _move(
        self,
        goal: object,
        velocity: float,
        acceleration: float,
        cancelled: Callable[[], bool],
        forbidden: Callable[[], str],
    ) -> MoveEnd:
        self.stop_stream()
        deadline = time.monotonic() + 1.0
        while self._commands.streaming and time.monotonic() < deadline:
            time.sleep(_LOOK)
        state = self._ready_state()
        move = self.guard.move(state.q, goal, velocity, acceleration)  # type: ignore[arg-type]
        limits = self.guard.limits
        leash = limits.servo_step + limits.joint_speed_limit * _LEASH_TIME
        line = LineTarget(state.q, move, leash)
        self._fault = ""
        done = self._begin(line)
        deadline = time.monotonic() + move.duration + self.options.move_timeout
        while not (done() or self._fault):
            time.sleep(_LOOK)
            if cancelled():
                return self._break_off(MoveCode.CANCELED, "cancelled")
            if reason := forbidden() or self.obstacle():
                return self._break_off(MoveCode.STOPPED, reason)
            if time.monotonic() > deadline:
                reason = (
                    f"not there after {move.duration:.1f} s and {self.options.move_timeout:g} s "
                    "more; look at the speed slider of the pendant"
                )
                return self._break_off(MoveCode.TIMEOUT, reason)
        if self._fault:
            self._wait_for_rest()
            return self._end(MoveCode.STOPPED, self._fault)
        return self._arrival(move)

    def _begin(self, line: LineTarget) -> Callable[[], bool]:
        """Start a move; what says that it has ended, with `_fault` where it failed."""
        if not self.options.moves_by_action:
            self._commands.follow_line(line)
            return lambda: not self._commands.on_line
        ours = self.link.start_move(line.points(_POINT_PERIOD))

        def ended() -> bool:
            if ours.ended and ours.reason:
                self._fault = self._fault or ours.reason
            return ours.ended

        return ended

    def _arrival(self, move: Move) -> MoveEnd:
        """What the state says of a move that the driver calls ended."""
        rested, state = self._wait_for_rest(), self._state
        if state is None or not rested:
            return self._end(MoveCode.STOPPED, self._fault or "not at rest")
        miss = max(abs(a - b) for a, b in zip(move.q, state.q, strict=True))
        if self._fault or miss > _AT_GOAL:
            short = f"the arm stopped {miss:.3g} rad before its goal"
            return self._end(MoveCode.STOPPED, self._fault or short)
        return self._end(MoveCode.NONE, "")

    def _break_off(self, code: MoveCode, reason: str) -> MoveEnd:
        with contextlib.suppress(ArmFault):
            self.stop(reason)
        return self._end(code, reason)

    def _end(self, code: MoveCode, reason: str) -> MoveEnd:
        state = self._state
        return MoveEnd(code, reason, state.q if state is not None else ())

    def _ready_state(self) -> DriverState:
        reason, state = self.obstacle(), self._state
        if reason or state is None:
            raise NotReadyError(reason)
        return state

    def _tell_to_stop(self, reason: str) -> None:
        with self._lock:
            if self._moving.locked():
                self._fault = self._fault or reason
            self._commands.stop()
        if self.options.moves_by_action and not self._at_rest():
            self.link.cancel_moves()

    def _stop_until_recovered(self, reason: str) -> None:
        if self.latch.set(reason):
            self._listener.log(f"stopping the arm: {reason}")
            self._listener.halt(reason)
            self.end_motion(reason)

    def _wait_for_rest(self) -> bool:
        """Whether the arm came to rest in time, by a fresh state."""
        deadline = time.monotonic() + _STOP_GRACE
        while not self._at_rest():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK)
        return True

    def _at_rest(self) -> bool:
        state = self._state
        rests = state is not None and self.fresh and state.speed < AT_REST
        return rests and not self._commands.busy

    # the thread that hears and sends

    def _run(self) -> None:
        period = 1.0 / self.options.rate
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due = max(due + period, time.monotonic())
            with self._lock:
                self._hear_joints(self.link.joints())
                self._command(period)
            self._watch()
            self._publish()

    def _hear_joints(self, heard: HeardJoints | None) -> None:
        """Take a new state; ill-formed ones are as good as none, and make the state stale."""
        if self._guard is None:
            self._know_arm()
        before = self._state
        if heard is None or self._guard is None:
            return
        if before is not None and heard.received == before.received:
            return
        names = self.options.joint_names
        q = tuple(heard.position.get(name, math.nan) for name in names)
        if not np.isfinite(q).all():
            return
        qd = tuple(heard.velocity.get(name, math.nan) for name in names)
        if not np.isfinite(qd).all():
            span = heard.received - before.received if before is not None else math.inf
            last = before.q if before is not None else q
            qd = tuple((b - a) / span for a, b in zip(last, q, strict=True))
        pose = self._guard.tool_pose(q)
        place = (*pose[:3, 3].tolist(), *rotation_vector(pose[:3, :3]).tolist())
        self._state = DriverState(heard.received, q, qd, place)
        self._listener.state(self._state)  # type: ignore[arg-type]

    def _know_arm(self) -> None:
        """Find the kinematics, at once or as soon as the description comes."""
        text = self.link.description()
        if text is None:
            self._guard_error = "no robot description has come; is robot_state_publisher up?"
            return
        options = self.options
        try:
            kinematics, limits = UR5E_KINEMATICS, options.limits
            if text:
                chain = Chain(text, options.joint_names, options.base_link, options.tool_link)
                kinematics, limits = chain.kinematics, narrowed(limits, chain)
            guard = LimitGuard(limits, options.tcp, kinematics)
            guard.check_joints(np.asarray(options.home))
            self._guard = guard
        except RoboMDError as error:
            self._guard_error = str(error)

    def _watch(self) -> None:
        """Notice who else commands the arm, and stop it."""
        if reason := self.link.rival():
            self._stop_until_recovered(reason)

    def _command(self, period: float) -> None:
        """Send what is due, and end what the arm does not follow."""
        state = self._state
        if state is not None and (reason := self._commands.tick(state, self.fresh, period)):
            self._tell_to_stop(reason)
            self._listener.broken(reason)

    def _publish(self) -> None:
        """Tell the status where it has changed."""
        reason, state = self.obstacle(), self._state
        self._had_control = self._had_control or not reason
        now = time.monotonic()
        if self._commands.busy or (state is not None and state.speed > _MOVES):
            self._moved_at = now
        moving = now - self._moved_at < _RESTED
        at_home = not moving and state is not None and is_near(state.q, self.options.home)
        status = status_of(self.report, reason, self.latch.reason, moving, at_home)
        if repr(status) != repr(self._status):  # NaN differs from itself
            self._status = status
            self._listener.status(status)
