# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Grippers behind one protocol: Robotiq over its socket, a digital output, or none."""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from robomd_ros.arms.gripper.motion_check import GripperFault, MotionCheck, checked_closure
from robomd_ros.core.errors import RoboMDError

_FULL = 255
_ANSWER = 1024
_MOVING, _STOPPED_CLOSING = 0, 2
"""OBJ of fingers that move, and that something stopped while they closed."""
_TREMBLE = 6
"""Of 255, by which fingers that hold something may move while the arm moves."""
_ACTIVE = 3
"""STA of a gripper that takes commands."""
_FAULTS = {
    5: "it must be activated before it can do what it was told",
    7: "it is not activated",
    8: "it is too hot",
    9: "nobody has spoken to it for a second",
    10: "its voltage is too low",
    11: "it was released automatically",
    12: "an internal fault",
    13: "its activation failed",
    14: "its motor takes too much current",
    15: "its automatic release has ended",
}
"""FLT, as the manual has it."""


class Gripper(Protocol):
    """A gripper whose closure is a number from 0 (open) to 1 (closed).

    Attributes:
        holds_object: something is in its fingers, as far as it can tell.
    """

    holds_object: bool

    def connect(self) -> None:
        """Make it ready; GripperFault if that fails."""

    def command(self, closure: float) -> None:
        """Start to move to a closure in [0, 1]; does not wait. GripperFault."""

    def position(self) -> float:
        """The present closure, as far as it is known; NaN if it is not. GripperFault."""

    def recover(self) -> None:
        """Leave a fault, as a person has allowed; its fingers may move. GripperFault."""

    def close(self) -> None:
        """Let go of the connection; idempotent."""


class NoGripper:
    """No gripper: commands are refused."""

    holds_object = False

    def connect(self) -> None:
        """Nothing to do."""

    def command(self, closure: float) -> None:
        """GripperFault: there is nothing to move."""
        raise GripperFault(
            "this cell has no gripper; set the parameter gripper to robotiq or digital_output"
        )

    def position(self) -> float:
        """Unknown."""
        return math.nan

    def recover(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class DigitalOutputGripper:
    """A gripper that closes while a digital output of the controller is on."""

    def __init__(self, write: Callable[[bool], None]) -> None:
        """Use an output; `write(True)` switches it on and raises RoboMDError if it cannot."""
        self._write = write
        self._closed: bool | None = None
        self.holds_object = False
        """Whether it is closed: this gripper does not tell whether on something."""

    def connect(self) -> None:
        """Nothing is switched: what the gripper holds stays held."""

    def command(self, closure: float) -> None:
        """Close from 0.5 on, else open; GripperFault if the output cannot be written."""
        closed = checked_closure(closure) >= 0.5
        if closed is self._closed:
            return
        try:
            self._write(closed)
        except RoboMDError as error:
            raise GripperFault(f"the gripper's digital output was not switched: {error}") from error
        self._closed = self.holds_object = closed

    def position(self) -> float:
        """What was last commanded; NaN before that."""
        return math.nan if self._closed is None else float(self._closed)

    def recover(self) -> None:
        """The next command is written, whatever was written before."""
        self._closed = None

    def close(self) -> None:
        """The output stays as it is."""


class RobotiqGripper:
    """A Robotiq gripper through the socket server of its URCap.

    The protocol is text: `SET POS 255` is answered by `ack`, `GET POS` by `POS 255`. Any time-out
    closes the connection; the next call connects again. The reported closure is the motor's: fully
    closed fingers may say 0.9, depending on the gripper and on what they hold.
    """

    def __init__(
        self,
        host: str,
        *,
        port: int,
        timeout: float,
        speed: float,
        force: float,
        activation_timeout: float = 8.0,
    ) -> None:
        """Prepare.

        Args:
            host: address of the controller.
            port: of the gripper's server there.
            timeout: s for each answer.
            speed: share of the full speed, [0, 1].
            force: share of the full force, [0, 1].
            activation_timeout: s that the gripper may take to find its range.
        """
        self._address = (host, port)
        self._timeout = timeout
        self._activation_timeout = activation_timeout
        self._speed, self._force = (round(_FULL * share) for share in (speed, force))
        self._socket: socket.socket | None = None
        self._lock = threading.RLock()
        self._activated = False
        """Since the start: what was active and is not any more has lost it."""
        self._prepared = False
        """Speed and force are set, since the connection was made."""
        self._watch = MotionCheck()
        self.holds_object, self._held_at = False, 0

    def connect(self) -> None:
        """Connect; nothing moves.

        Raises:
            GripperFault: not reachable or silent.
        """
        with self._lock:
            self._open()
            self._get("STA")

    def activate(self) -> None:
        """Let the gripper find its range, for which its fingers move, unless it has done so.

        Raises:
            GripperFault: it does not become active in time.
        """
        with self._lock:
            if self._get("STA") != _ACTIVE:
                self._set({"ACT": 0, "ATR": 0})
                self._wait("STA", 0)
                self._set({"ACT": 1})
                self._wait("STA", _ACTIVE)
            self._activated = True
            self._prepare()

    def recover(self) -> None:
        """Activate it anew where it has lost its activation or reports a fault.

        Raises:
            GripperFault: it does not become active in time.
        """
        with self._lock:
            self._connected()
            self._watch.forget()
            if self._get("FLT") and self._get("STA") == 3:
                self._set({"ACT": 0})  # a fault is left by activating anew only
            if self._activated:
                self.activate()

    def command(self, closure: float) -> None:
        """Start to move to a closure; the first time it is activated. GripperFault."""
        wanted = round(_FULL * checked_closure(closure))
        with self._lock:
            self._connected()
            if not self._activated:
                self.activate()
            self._require_health()
            if not self._prepared:
                self._prepare()
            self._watch.command(wanted, self._get("POS"), time.monotonic())
            self._set({"POS": wanted, "GTO": 1})

    def position(self) -> float:
        """The present closure.

        Raises:
            GripperFault: it is silent, has lost its activation, reports a fault, or does not move
                although it was told to.
        """
        with self._lock:
            self._connected()
            if self._activated:
                self._require_health()
            position = self._get("POS")
            stopped_by = self._get("OBJ")
            if stopped_by == _STOPPED_CLOSING:
                self.holds_object, self._held_at = True, position
            elif stopped_by != _MOVING or abs(position - self._held_at) > _TREMBLE:
                self.holds_object = False  # an arm that moves makes what is held tremble
            self._watch.look(position, stopped_by, time.monotonic())
            return min(1.0, position / _FULL)

    def _prepare(self) -> None:
        self._set({"GTO": 1, "SPE": self._speed, "FOR": self._force})
        self._prepared = True

    def _require_health(self) -> None:
        status = self._get("STA")
        if status != _ACTIVE:
            raise GripperFault(
                f"the gripper has lost its activation (status {status}): it was without power, as "
                "after an emergency stop. Hold what is in its fingers, then call recover: they "
                "move when it is activated"
            )
        fault = self._get("FLT")
        if fault:
            meaning = _FAULTS.get(fault, "see its manual")
            raise GripperFault(
                f"the gripper reports fault {fault} ({meaning}); mend it, then call recover"
            )

    def close(self) -> None:
        """Disconnect; the gripper holds what it holds."""
        with self._lock:
            connection, self._socket, self._prepared = self._socket, None, False
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _connected(self) -> None:
        if self._socket is None:
            self.connect()

    def _open(self) -> None:
        self.close()
        try:
            self._socket = socket.create_connection(self._address, self._timeout)
        except OSError as error:
            raise self._silent(error) from error

    def _wait(self, name: str, value: int) -> None:
        deadline = time.monotonic() + self._activation_timeout
        while self._get(name) != value:
            if time.monotonic() > deadline:
                self.close()
                raise GripperFault(
                    f"the gripper did not become active within {self._activation_timeout:g} s; "
                    "look at its power and at its URCap on the pendant"
                )
            time.sleep(0.05)

    def _set(self, values: dict[str, int]) -> None:
        text = "SET " + " ".join(f"{name} {value}" for name, value in values.items())
        answer = self._ask(text)
        if answer != "ack":
            raise GripperFault(f"the gripper refused {text!r}: {answer!r}")

    def _get(self, name: str) -> int:
        answer = self._ask(f"GET {name}")
        parts = answer.split()
        if len(parts) != 2 or parts[0] != name or not parts[1].isdecimal():
            raise GripperFault(f"the gripper answered {answer!r} to 'GET {name}'")
        return int(parts[1])

    def _ask(self, command: str) -> str:
        try:
            if self._socket is None:
                raise ConnectionError("not connected")
            self._socket.sendall(command.encode() + b"\n")
            answer = self._socket.recv(_ANSWER)
            if not answer:
                raise ConnectionError("the gripper's server closed the connection")
        except OSError as error:
            # an answer that comes late would be taken for the answer to the next question
            self.close()
            raise self._silent(error) from error
        return answer.decode(errors="replace").strip()

    def _silent(self, error: OSError) -> GripperFault:
        host, port = self._address
        return GripperFault(
            f"the gripper at {host}:{port} does not answer ({str(error) or type(error).__name__}); "
            "look at its cable, its power, and whether its URCap is installed"
        )
