# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm behind a ros2_control driver: the same checks, stops and latches as an arm of our own.

Nothing of ROS is known here; the driver is reached through a DriverLink.
"""

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.limits import UR5E_KINEMATICS, LimitGuard, Move
from robomd_ros.arms.motion import ArmFault, Ask, JointReading, MoveEnd, NotReadyError, OngoingMove
from robomd_ros.arms.motion_guard import StopLatch
from robomd_ros.arms.moving_arm import MovingArm
from robomd_ros.arms.ros2_control.chain import Chain, rotation_vector
from robomd_ros.arms.ros2_control.commands import DriverCommands
from robomd_ros.arms.ros2_control.health import DriverReport, is_near, status_of
from robomd_ros.arms.ros2_control.limits import narrowed
from robomd_ros.arms.ros2_control.line import LineTarget
from robomd_ros.arms.ros2_control.link import DriverLink, DriverMove, HeardJoints
from robomd_ros.arms.ros2_control.options import DriverOptions
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.arms.ur5e.status import ArmStatus
from robomd_ros.core.errors import RoboMDError

_MOVES, _RESTED = 0.03, 0.15
"""rad/s from which on the arm moves, and s below it after which it rests again."""
_LEASH_TIME = 0.25
"""s that the arm may lag behind a move at the speed limit, before the move waits for it."""
_POINT_PERIOD = 0.1
"""s between the points of a trajectory."""


class DriverArm(MovingArm[JointReading]):
    """An arm behind its driver. Every method may be called from any thread."""

    def __init__(self, options: DriverOptions, link: DriverLink, listener: ArmListener) -> None:
        """Prepare; `connect` begins."""
        super().__init__()
        self._options = options
        self.link = link
        self._latch = StopLatch()
        self.report = DriverReport(options.says)
        self.stopped_since = 0.0
        """Monotonic s at which a safety function was first seen to act; 0: none has."""
        self._listener = listener
        self._guard: LimitGuard | None = None
        self._guard_error = "the arm was not looked at yet"
        self._state: JointReading | None = None
        self._status = ArmStatus(remote_control=True)
        self._had_control = False
        self._moved_at = 0.0
        self._commands = DriverCommands(link)
        self._ours: DriverMove | None = None
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
    def options(self) -> DriverOptions:
        """How it is driven."""
        return self._options

    @property
    def latch(self) -> StopLatch:
        """Who or what has stopped the arm until somebody recovers it."""
        return self._latch

    @property
    def state(self) -> JointReading | None:
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

    @guard.setter
    def guard(self, guard: LimitGuard) -> None:
        self._guard = guard

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

    def stream_twist(self, twist: ArrayLike) -> None:
        """Move the tool with (6,) m/s and rad/s in the base frame until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        with self._streaming() as state:
            wanted = self.guard.twist(state.q, twist)
            self._commands.follow_twist(self.guard, state, wanted)

    def stream_joints(self, target: ArrayLike) -> None:
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
            wanted = self.guard.joints(state.q, target)
            self._commands.follow_joints(self.guard, state, wanted)

    def stop_stream(self) -> None:
        """Bring a stream to rest; a move goes on. Returns at once."""
        with self._lock:
            self._commands.stop_stream()

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
    def _streaming(self) -> Iterator[JointReading]:
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

    @property
    def _streams(self) -> bool:
        return self._commands.streaming

    def _move(self, goal: ArrayLike, ask: Ask) -> MoveEnd:
        try:
            return super()._move(goal, ask)
        finally:
            self._commands.forget_line()

    def _begin(self, _motion: OngoingMove, move: Move, start: tuple[float, ...]) -> None:
        limits = self.guard.limits
        leash = limits.servo_step + limits.joint_speed_limit * _LEASH_TIME
        line = LineTarget(start, move, leash)
        if self.options.moves_by_action:
            self._ours = self.link.start_move(line.points(_POINT_PERIOD))
        else:
            self._commands.follow_line(line)

    def _look(self, motion: OngoingMove) -> str:
        if not self.options.moves_by_action:
            motion.ended = not self._commands.on_line
        elif self._ours is not None and self._ours.ended:
            motion.reason, motion.ended = self._ours.reason, True
        return self.obstacle()

    def _send_stop(self) -> None:
        with self._lock:
            self._commands.stop()
        if self.options.moves_by_action and not self._at_rest():
            self.link.cancel_moves()

    def _halt(self, reason: str) -> None:
        self._listener.log(reason)
        self.link.halt()

    def _is_idle(self) -> bool:
        return not self._commands.busy

    def _stands(self) -> bool:
        return super()._stands() and self._is_idle()

    def _stop_until_recovered(self, reason: str) -> None:
        if self.latch.set(reason):
            self._listener.log(f"stopping the arm: {reason}")
            self._listener.halt(reason)
            self.end_motion(reason)

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
        self._state = JointReading(heard.received, q, qd, place)
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
