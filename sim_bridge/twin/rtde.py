# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The RTDE server (port 30004), protocol versions 1 and 2."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim_bridge.twin.controller import Controller
from sim_bridge.twin.network import Connection
from sim_bridge.twin.outputs import Outputs
from sim_bridge.twin.registers import INPUT_TYPES, OUTPUT_TYPES, struct_format, width

PORT = 30004
BUILD = 1101

_VERSION, _URCONTROL, _TEXT, _DATA = 86, 118, 77, 85
_OUTPUTS, _INPUTS, _START, _PAUSE = 79, 73, 83, 80
_LONGEST = 4096
_MOST_RECIPES = 255
_WARNING = 1


@dataclass(frozen=True)
class _Recipe:
    names: tuple[str, ...]
    layout: struct.Struct
    widths: tuple[int, ...]


class RtdeServer:
    """All RTDE clients of a controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.outputs = Outputs(controller)
        self.clients: set[RtdeClient] = set()

    def connect(self, connection: Connection) -> "RtdeClient":
        """A new client."""
        client = RtdeClient(self, connection)
        self.clients.add(client)
        return client

    def send(self) -> None:
        """After a control cycle: give every client its data."""
        for client in tuple(self.clients):
            client.cycle()


class RtdeClient:
    """One client: its recipes and what it has sent so far."""

    def __init__(self, server: RtdeServer, connection: Connection) -> None:
        self._server = server
        self._controller = server.controller
        self._connection = connection
        self._buffer = b""
        self._version = 1
        self._started = False
        self._outputs: _Recipe | None = None
        self._getters: list[tuple[Callable[[], Any], bool]] = []
        self._period = 1
        self._inputs: list[_Recipe] = []

    def received(self, data: bytes) -> None:
        """Handle all whole packages; ConnectionError for what is no RTDE."""
        self._buffer += data
        while len(self._buffer) >= 3:
            size, kind = struct.unpack_from(">HB", self._buffer)
            if not 3 <= size <= _LONGEST:
                raise ConnectionError(f"an RTDE package cannot be {size} bytes long")
            if len(self._buffer) < size:
                return
            payload, self._buffer = self._buffer[3:size], self._buffer[size:]
            self._package(kind, payload)

    def closed(self) -> None:
        """Give back the inputs."""
        self._controller.inputs.release(self)
        self._server.clients.discard(self)

    def cycle(self) -> None:
        """Send the output recipe if it is due."""
        if not self._started or self._outputs is None or self._controller.cycles % self._period:
            return
        numbers: list[float] = []
        for getter, single in self._getters:
            if single:
                numbers.append(getter())
            else:
                numbers.extend(getter())
        data = self._outputs.layout.pack(*numbers)
        self._send(_DATA, b"\x01" + data if self._version == 2 else data, droppable=True)

    def _send(self, kind: int, payload: bytes, *, droppable: bool = False) -> None:
        header = struct.pack(">HB", len(payload) + 3, kind)
        self._connection.send(header + payload, droppable=droppable)

    def _package(self, kind: int, payload: bytes) -> None:
        if kind == _VERSION:
            wanted = int.from_bytes(payload[:2], "big")
            accepted = wanted in (1, 2)
            self._version = wanted if accepted else self._version
            self._send(_VERSION, bytes([accepted]))
        elif kind == _URCONTROL:
            self._send(_URCONTROL, struct.pack(">4I", *self._controller.version, BUILD))
        elif kind == _OUTPUTS:
            self._set_outputs(payload)
        elif kind == _INPUTS:
            self._set_inputs(payload)
        elif kind == _START:
            self._started = self._outputs is not None or bool(self._inputs)
            self._send(_START, bytes([self._started]))
        elif kind == _PAUSE:
            self._started = False
            self._send(_PAUSE, b"\x01")
        elif kind == _DATA:
            self._set_values(payload)
        elif kind != _TEXT:
            self._warn(f"unknown package type {kind}")

    def _set_outputs(self, payload: bytes) -> None:
        frequency = 125.0
        if self._version == 2:
            if len(payload) < 8:
                raise ConnectionError("the frequency is missing in the output recipe")
            frequency = struct.unpack_from(">d", payload)[0]
            payload = payload[8:]
        names = _names(payload)
        types = [OUTPUT_TYPES.get(name, "NOT_FOUND") for name in names]
        self._outputs = None if "NOT_FOUND" in types or not names else _recipe(names, OUTPUT_TYPES)
        if self._outputs is not None:
            getter, widths = self._server.outputs.getter, self._outputs.widths
            self._getters = [(getter(n), w == 1) for n, w in zip(names, widths, strict=True)]
        rate = 1.0 / self._controller.dt
        self._period = max(1, round(rate / min(frequency, rate))) if frequency > 0 else 1
        number = b"\x01" if self._outputs is not None else b"\x00"
        answer = ",".join(types).encode()
        self._send(_OUTPUTS, number + answer if self._version == 2 else answer)

    def _set_inputs(self, payload: bytes) -> None:
        names = _names(payload)
        types = [INPUT_TYPES.get(name, "NOT_FOUND") for name in names]
        number = 0
        if "NOT_FOUND" not in types:
            taken = self._controller.inputs.claim(names, self)
            types = ["IN_USE" if n in taken else t for n, t in zip(names, types, strict=True)]
            if not taken and len(self._inputs) < _MOST_RECIPES:
                self._inputs.append(_recipe(names, INPUT_TYPES))
                number = len(self._inputs)
        self._send(_INPUTS, bytes([number]) + ",".join(types).encode())

    def _set_values(self, payload: bytes) -> None:
        number = payload[0] if payload else 0
        if not 1 <= number <= len(self._inputs):
            self._warn(f"there is no input recipe {number}")
            return
        recipe = self._inputs[number - 1]
        if len(payload) - 1 < recipe.layout.size:
            self._warn(f"the data of input recipe {number} is too short")
            return
        values = recipe.layout.unpack_from(payload, 1)
        position = 0
        for name, count in zip(recipe.names, recipe.widths, strict=True):
            value = values[position] if count == 1 else values[position : position + count]
            self._controller.set_input(name, value)
            position += count

    def _warn(self, text: str) -> None:
        self._controller.log(f"RTDE: {text}")
        message, source = text.encode()[:255], b"twin"
        if self._version == 2:
            content = bytes([len(message)]) + message + bytes([len(source)]) + source
            self._send(_TEXT, content + bytes([_WARNING]))


def _names(payload: bytes) -> list[str]:
    """Variable names; ur_rtde ends its lists with a comma."""
    return [name for name in payload.decode("ascii", "replace").split(",") if name]


def _recipe(names: list[str], types: dict[str, str]) -> _Recipe:
    layout = struct.Struct(struct_format(names, types))
    return _Recipe(tuple(names), layout, tuple(width(types[name]) for name in names))
