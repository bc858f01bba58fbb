# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The child process that owns ur_rtde's control interface; it may crash, hang or be killed.

It speaks with its parent over an inherited pipe, moves nothing by itself, and stops the arm when
the parent falls silent. The controller stops the arm when this process falls silent (watchdog).
"""

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from robomd_ros.arms.limits import ArmLimits, LimitGuard
from robomd_ros.arms.ur5e.receive import load_ur_rtde
from robomd_ros.arms.ur5e.servo import ServoTarget
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.hosted.channel import Channel, ChannelError
from robomd_ros.core.hosted.priority import raise_priority

EXIT_LINK = 4
"""Exit code where the connection to the controller was lost."""
_BEAT = 0.02
"""s between signs of life to the parent."""
_PARENT_SILENCE = 0.5
"""s without a sign of life of the parent after which the arm is stopped."""
_STOP_DECELERATION = 4.0
"""m/s^2 of the tool (or rad/s^2, see the library) with which a move is broken off: at the default
limits it rests within 0.3 s."""
_SETTLE = 0.15
"""s that the arm may need to reach a target that stands still."""
_START_OF_MOVE = 0.5
"""s within which the controller must have begun a move."""
_LATE, _LATE_FOR = 0.95, 0.5
"""Share of the watchdog's time between two kicks that is late; s for which that is told."""
_LAG_FOR = 0.2
"""s for which the arm may be too far behind a stream's target before the stream is ended."""
_SOON = 0.002
"""s; a command that comes this close after a servo tick waits for the next one."""

IDLE, MOVING, STOPPING, STREAMING = "idle", "moving", "stopping", "streaming"


@dataclass(frozen=True)
class ControlOptions:
    """What the child must know.

    Attributes:
        host: address of the controller.
        limits: of the arm.
        frequency: Hz of the controller's packages to this process.
        tcp: (6,) m and rotation vector, rad, to be set; None: as set on the pendant.
        payload: kg to be set; None: as set on the pendant.
        payload_cog: (3,) m in the flange frame, with a payload.
        servo_rate: Hz of servo commands and watchdog kicks.
        lookahead: s, smoothing of the servo controller.
        gain: of the servo controller.
        watchdog_rate: Hz of packages below which the controller stops the program.
        upper_registers: use the registers from 24 on.
        output_pin: standard digital output that is written on request; None: none.
        raised_priority: ask the system for real-time or raised priority.
    """

    host: str
    limits: ArmLimits
    frequency: float
    tcp: tuple[float, ...] | None
    payload: float | None
    payload_cog: tuple[float, ...]
    servo_rate: float
    lookahead: float
    gain: float
    watchdog_rate: float
    upper_registers: bool
    output_pin: int | None
    raised_priority: bool


def serve(channel: Channel, data: dict[str, Any]) -> int:
    """Own the control interface; the options as of dataclasses.asdict."""
    try:
        options = _options(data)
        # before the client library makes its threads: they get it too
        priority = raise_priority() if options.raised_priority else "no raised priority wanted"
        owner = _Owner(channel, options)
        tcp = owner.configure()
    except Exception as error:  # noqa: BLE001 - pybind hands over whatever the library throws
        channel.send(("refused", str(error) or type(error).__name__))
        return 1
    channel.send(("ready", tcp, priority))
    try:
        owner.serve()
    except RuntimeError as error:
        # the library throws where it finds the connection gone before it has said so
        print(f"the control process lost the controller: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_LINK
    return 0


def _options(data: dict[str, Any]) -> ControlOptions:
    limits = ArmLimits(**{k: _value(v) for k, v in data.pop("limits").items()})
    return ControlOptions(limits=limits, **{k: _value(v) for k, v in data.items()})


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class _Owner:
    """The one owner of the control interface; everything happens on one thread."""

    def __init__(self, channel: Channel, options: ControlOptions) -> None:
        """Connect to the controller and upload the script; the library's exceptions pass."""
        _, rtde_control = load_ur_rtde()
        interface = rtde_control.RTDEControlInterface
        flags = interface.FLAG_UPLOAD_SCRIPT
        if options.upper_registers:
            flags |= interface.FLAG_UPPER_RANGE_REGISTERS
        self._channel = channel
        self._options = options
        self._period = 1.0 / options.servo_rate
        self._control = interface(options.host, options.frequency, flags)
        self._outputs = _output_interface(options)
        self._guard = LimitGuard(options.limits)
        self._mode = IDLE
        self._target: ServoTarget | None = None
        self._move = 0
        self._operation = -1
        self._why = ""
        self._since = self._heard = self._commanded = self._stepped = time.monotonic()
        self._beaten, self._kicked, self._was_late = 0.0, time.monotonic(), -_LATE_FOR
        self._q_actual: tuple[float, ...] | None = None

    def configure(self) -> tuple[float, ...]:
        """Set tool and payload where asked, read the tool back, arm the watchdog.

        Returns:
            (6,) the tool centre point in force.

        Raises:
            RoboMDError: the controller did not take a value.
        """
        options, control = self._options, self._control
        if options.payload is not None:
            control.setPayload(options.payload, list(options.payload_cog))
        if options.tcp is not None:
            control.setTcp(list(options.tcp))
        tcp = tuple(control.getTCPOffset())
        if len(tcp) != 6:
            raise RoboMDError("the controller did not say its tool centre point")
        wanted = options.tcp if options.tcp is not None else tcp
        if any(abs(a - b) > 1e-4 for a, b in zip(tcp, wanted, strict=True)):
            raise RoboMDError(
                f"the controller did not take the tool centre point {list(wanted)}; it has "
                f"{list(tcp)}"
            )
        self._guard = LimitGuard(options.limits, tcp)
        if not control.setWatchdog(options.watchdog_rate):
            raise RoboMDError("the controller did not arm the watchdog; its script is not running")
        return tcp

    def serve(self) -> None:
        """Take commands and tick, until the parent is gone or says so."""
        due = time.monotonic()
        while True:
            due = max(due + self._period, time.monotonic())
            while self._channel.poll(max(0.0, due - time.monotonic())):
                try:
                    message = self._channel.receive()
                except ChannelError:
                    message = ("close",)
                if message[0] == "close":
                    self._end()
                    return
                self._take(*message)
            self._tick()

    def _take(self, kind: str, *values: Any) -> None:
        now = time.monotonic()
        if kind == "beat":
            self._heard, self._q_actual = now, values[0]
        elif kind == "move":
            self._start_move(*values)
        elif kind in ("twist", "joints"):
            self._stream(kind, *values)
        elif kind == "stop":
            self._stop()
        elif kind == "output" and self._outputs is not None:
            done = self._outputs.setStandardDigitalOut(self._options.output_pin, values[0])
            self._channel.send(("output", bool(done)))

    def _tick(self) -> None:
        now = time.monotonic()
        if not self._control.isConnected():
            # the library would now connect again by itself, and crash while it does
            os._exit(EXIT_LINK)
        if now - self._heard > _PARENT_SILENCE and self._mode in (MOVING, STREAMING):
            self._stop("the node was silent")
        if now - self._kicked > _LATE / self._options.watchdog_rate:
            self._was_late = now
        self._kicked = now
        running = self._control.isProgramRunning()
        if not running and self._mode != IDLE:
            self._ended("the controller has stopped the program")
        if self._mode == STREAMING:
            self._stream_on(now)
        elif running:
            self._control.kickWatchdog()
        if self._mode in (MOVING, STOPPING):
            self._watch_move(now)
        if now - self._beaten >= _BEAT:
            self._beaten = now
            held = self._target.held if self._target is not None else ""
            late = now - self._was_late < _LATE_FOR
            self._channel.send(("beat", running, self._mode, held, late))

    def _start_move(self, number: int, q: Any, velocity: float, acceleration: float) -> None:
        self._move = number
        if self._mode == STREAMING:
            self._control.servoStop()
            self._target = None
        self._operation = self._control.getAsyncOperationProgressEx().operationId()
        self._mode, self._since = MOVING, time.monotonic()
        if not self._control.moveJ(list(q), velocity, acceleration, True):
            self._ended("the controller did not take the move; its script is not running")

    def _watch_move(self, now: float) -> None:
        """End a move, or a stop, when the controller's own operation has ended."""
        status = self._control.getAsyncOperationProgressEx()
        begun = status.operationId() != self._operation
        if begun and not status.isAsyncOperationRunning():
            self._ended("" if self._mode == MOVING else self._why)
        elif not begun and now - self._since > _START_OF_MOVE:
            self._ended(self._why if self._mode == STOPPING else "the move did not begin")

    def _stream(self, kind: str, value: Any, start: Any) -> None:
        """Follow a command, (6,), from (6,) rad on if no stream is running yet."""
        if self._mode in (MOVING, STOPPING):
            return
        now = time.monotonic()
        if self._target is None:
            self._target = ServoTarget(self._guard, start)
            self._mode, self._stepped = STREAMING, now - self._period
        self._commanded = self._since = now
        if kind == "twist":
            self._target.follow_twist(value)
        else:
            self._target.follow_joints(value)
        if now - self._stepped > _SOON:
            self._stream_on(now)

    def _stream_on(self, now: float) -> None:
        options, target = self._options, self._target
        if target is None:
            return
        if now - self._commanded > options.limits.command_timeout:
            target.stop()
        dt = min(now - self._stepped, 3 * self._period)
        self._stepped = now
        q = target.step(dt, self._q_actual)
        fresh = now - self._commanded <= options.limits.command_timeout
        if fresh or not target.at_rest:
            self._since = now
        if target.lagging > _LAG_FOR:
            self._control.servoStop()
            self._ended(f"the arm does not follow its commands: {target.held or 'it lags behind'}")
        elif now - self._since > _SETTLE:
            self._control.servoStop()
            self._ended("")
        elif not self._control.servoJ(
            list(q), 0.0, 0.0, self._period, options.lookahead, options.gain
        ):
            self._ended("the controller's script is not running")

    def _stop(self, reason: str = "stopped") -> None:
        """Bring the arm to rest; the watchdog is kicked meanwhile."""
        self._why = reason
        if self._mode == STREAMING:
            self._commanded = 0.0
        elif self._mode == MOVING:
            self._operation = self._control.getAsyncOperationProgressEx().operationId()
            self._mode, self._since = STOPPING, time.monotonic()
            # a blocking stop would outlast the watchdog
            self._control.stopJ(_STOP_DECELERATION, True)

    def _ended(self, reason: str) -> None:
        """A move or a stream is over; empty reason: it ended as it should."""
        what, self._mode, self._target = self._mode, IDLE, None
        number = self._move if what in (MOVING, STOPPING) else 0
        self._channel.send(("ended", number, reason))

    def _end(self) -> None:
        """Stop the arm and the script."""
        with contextlib.suppress(Exception):
            if self._target is not None:
                self._control.servoStop()
            self._control.stopScript()


def _output_interface(options: ControlOptions) -> Any:
    if options.output_pin is None:
        return None
    import rtde_io  # noqa: PLC0415 - it claims inputs that other clients may need

    return rtde_io.RTDEIOInterface(options.host)
