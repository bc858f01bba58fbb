# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A UR5e: motions that are checked before they begin, and a stop that trusts no return value."""

import contextlib
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from robomd_ros.arms.limits import LimitGuard, Move
from robomd_ros.arms.motion import ArmFault, NotReadyError, OngoingMove
from robomd_ros.arms.motion_guard import StopLatch
from robomd_ros.arms.moving_arm import MovingArm
from robomd_ros.arms.ur5e.options import ArmListener, ArmOptions
from robomd_ros.arms.ur5e.receive import ReceivedState
from robomd_ros.arms.ur5e.status import ArmStatus
from robomd_ros.arms.ur5e.supervisor import ArmSupervisor
from robomd_ros.core.errors import RoboMDError


class UR5e(MovingArm[ReceivedState]):
    """A UR5e behind its control process. Every method may be called from any thread."""

    def __init__(self, options: ArmOptions, listener: ArmListener | None = None) -> None:
        """Prepare; `connect` begins.

        Args:
            options: how to drive it.
            listener: who is told of states, status and faults.

        Raises:
            ConfigurationError: no address was given.
        """
        super().__init__()
        self._listener = listener or ArmListener()
        self.supervisor = ArmSupervisor(
            options, replace(self._listener, message=self._hear, halt=self._fail)
        )
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
    def options(self) -> ArmOptions:
        """How it is driven."""
        return self.supervisor.options

    @property
    def guard(self) -> LimitGuard:
        """The limits, with the tool in force."""
        return self.supervisor.guard

    @guard.setter
    def guard(self, guard: LimitGuard) -> None:
        self.supervisor.guard = guard

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

    def stream_twist(self, twist: ArrayLike) -> None:
        """Move the tool with (6,) m/s and rad/s in the base frame until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        self._command("twist", twist)

    def stream_joints(self, target: ArrayLike) -> None:
        """Follow an absolute joint target, (6,) rad, until the command is stale.

        Raises:
            LimitError, NotReadyError: nothing was sent; a running stream ends.
        """
        self._command("joints", target)

    def stop_stream(self) -> None:
        """Bring a stream to rest; a move goes on. Returns at once."""
        if self._motion is None:
            self.supervisor.tell(("stop",))

    @property
    def latch(self) -> StopLatch:
        """Who or what has stopped the arm until somebody recovers it."""
        return self.supervisor.latch

    def force(self) -> tuple[float, ...]:
        """(3,) N at the tool, base frame, of the newest state; empty before the first."""
        state = self.state
        return () if state is None else state.wrench[:3]

    def switch_output(self, on: bool) -> None:
        """Switch the digital output of the options; ArmFault if it did not work."""
        self._output_done = None
        self.supervisor.tell(("output", on))
        with self._changed:
            self._changed.wait_for(lambda: self._output_done is not None, 1.0)
        if not self._output_done:
            raise ArmFault(f"the controller did not switch the output; {self.obstacle()}")

    # what a move of any arm asks for

    @property
    def _streams(self) -> bool:
        return not self._is_idle()

    def _begin(self, motion: OngoingMove, move: Move, _start: tuple[float, ...]) -> None:
        self.supervisor.tell(("move", motion.number, move.q, move.velocity, move.acceleration))

    def _send_stop(self) -> None:
        self.supervisor.tell(("stop",))

    def _halt(self, reason: str) -> None:
        self.supervisor.halt(reason)

    def _is_idle(self) -> bool:
        child = self.supervisor.child
        return child is None or child.mode in ("idle", "starting")

    def _command(self, kind: str, value: ArrayLike) -> None:
        guard = self.guard
        try:
            state = self._ready_state()
            if self._moving.locked():  # also while it waits for this stream to end
                raise NotReadyError("a move is being done; streamed commands wait for its end")
            check = guard.twist if kind == "twist" else guard.joints
            checked = check(state.q, value)
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
