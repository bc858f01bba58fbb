# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Looks at a controller over RTDE without taking control of it: state, and registers in use.

One short connection, plain sockets with time limits: the client library would hang for minutes on
a controller that is absent or silent. Nothing is written to an input, so nothing can move.
"""

import contextlib
import socket
import struct
from collections.abc import Sequence
from types import TracebackType

from robomd_ros.core.errors import CellFault

RTDE_PORT = 30004
_VERSION, _CONTROLLER, _OUTPUTS, _INPUTS = 86, 118, 79, 73
_START, _PAUSE, _DATA = 83, 80, 85
_RATE = 125.0
"""Hz; every series can send at it."""
_FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT32": "I",
    "UINT64": "Q",
    "INT32": "i",
    "DOUBLE": "d",
    "VECTOR3D": "3d",
    "VECTOR6D": "6d",
    "VECTOR6INT32": "6i",
    "VECTOR6UINT32": "6I",
}
IN_USE, NOT_FOUND = "IN_USE", "NOT_FOUND"
"""What the controller says of an input that another client owns, and of a name it does not know."""

Value = float | int | tuple[float, ...]


class RtdeProbe:
    """A connection to a controller's RTDE server; use it as a context.

    Raises:
        CellFault: from every method, where the controller does not answer in time.
    """

    def __init__(self, host: str, timeout: float = 2.0) -> None:
        """Prepare.

        Args:
            host: address of the controller.
            timeout: s for connecting and for each answer.
        """
        self._host = host
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def __enter__(self) -> "RtdeProbe":
        try:
            self._socket = socket.create_connection((self._host, RTDE_PORT), self._timeout)
            self._ask(_VERSION, struct.pack(">H", 2))
        except OSError as error:
            raise self._fault(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()

    def controller_version(self) -> tuple[int, int, int, int]:
        """Major, minor, bugfix and build of the controller's software."""
        major, minor, bugfix, build = struct.unpack(">4I", self._ask(_CONTROLLER)[:16])
        return major, minor, bugfix, build

    def inputs(self, names: Sequence[str]) -> dict[str, str]:
        """Ask for inputs, as a control client does first; closing gives them back.

        Returns:
            name -> type, IN_USE or NOT_FOUND.
        """
        reply = self._ask(_INPUTS, ",".join(names).encode())
        return dict(zip(names, reply[1:].decode().split(","), strict=True))

    def read(self, names: Sequence[str]) -> dict[str, Value]:
        """The present values of outputs; names that this controller does not know are left out."""
        reply = self._ask(_OUTPUTS, struct.pack(">d", _RATE) + ",".join(names).encode())
        types = dict(zip(names, reply[1:].decode().split(","), strict=True))
        known = [name for name in names if types[name] in _FORMATS]
        if len(known) < len(names):  # no recipe was made
            return self.read(known) if known else {}
        if not self._ask(_START)[0]:
            raise CellFault(f"the controller {self._host} refuses to send its state over RTDE")
        data = self._receive(_DATA)[1:]
        self._send(_PAUSE)
        return _unpacked(data, types)

    def _ask(self, kind: int, payload: bytes = b"") -> bytes:
        self._send(kind, payload)
        return self._receive(kind)

    def _send(self, kind: int, payload: bytes = b"") -> None:
        try:
            self._open.sendall(struct.pack(">HB", len(payload) + 3, kind) + payload)
        except OSError as error:
            raise self._fault(error) from error

    def _receive(self, wanted: int) -> bytes:
        """The payload of the next message of a kind; others (texts, state) are passed over."""
        try:
            while True:
                size, kind = struct.unpack(">HB", self._exactly(3))
                payload = self._exactly(size - 3)
                if kind == wanted:
                    return payload
        except OSError as error:
            raise self._fault(error) from error

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._open.recv(count - len(data))
            if not part:
                raise ConnectionError("the controller closed the connection")
            data += part
        return data

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise CellFault("the RTDE connection is not open; use it as a context")
        return self._socket

    def _fault(self, error: OSError) -> CellFault:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return CellFault(f"RTDE of {self._host} (port {RTDE_PORT}) does not answer: {what}")


def _unpacked(data: bytes, types: dict[str, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    offset = 0
    for name, kind in types.items():
        layout = ">" + _FORMATS[kind]
        numbers = struct.unpack_from(layout, data, offset)
        offset += struct.calcsize(layout)
        values[name] = numbers if len(numbers) > 1 else numbers[0]
    return values
