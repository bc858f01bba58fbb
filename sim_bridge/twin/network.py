# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sockets of the twin: several listeners and clients, looked at once per control cycle."""

import selectors
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Protocol

from robomd_ros.core.errors import ConfigurationError

_MOST_WAITING = 1 << 18
"""Bytes that may wait for a client that does not read."""
_LONGEST_LINE = 4096


class Handler(Protocol):
    """What a server does with one client."""

    def received(self, data: bytes) -> None:
        """Bytes came from the client; ConnectionError hangs up."""

    def closed(self) -> None:
        """The client is gone."""


class Connection:
    """One client."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.handler: Handler | None = None
        self.open = True
        self.closing = False
        self._waiting = b""

    def send(self, data: bytes, *, droppable: bool = False) -> None:
        """Send now, or when the client reads again; what is droppable is dropped instead."""
        if not self.open or (droppable and self._waiting):
            return
        self._waiting += data
        self.flush()
        if len(self._waiting) > _MOST_WAITING:
            self.closing = True

    def flush(self) -> None:
        """Send what waits, as far as the client reads."""
        if not self._waiting or not self.open:
            return
        try:
            sent = self.socket.send(self._waiting)
        except BlockingIOError:
            return
        except OSError:
            self._waiting, self.closing = b"", True
            return
        self._waiting = self._waiting[sent:]

    def close_after_sending(self) -> None:
        """Hang up once everything is sent."""
        self.closing = True


class LineClient:
    """A client whose every line of text is answered with one; a Handler."""

    def __init__(self, connection: Connection, answer: Callable[[str], str]) -> None:
        """Serve a client.

        Args:
            connection: its.
            answer: from a line to the answer, both without line ends; "" answers nothing.
        """
        self._connection = connection
        self._answer = answer
        self._buffer = b""

    def received(self, data: bytes) -> None:
        """Answer all whole lines; ConnectionError for an endless one."""
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        if len(self._buffer) > _LONGEST_LINE:
            raise ConnectionError(f"a line of more than {_LONGEST_LINE} bytes")
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            answer = self._answer(text) if text else ""
            if answer:
                self._connection.send(f"{answer}\n".encode())

    def closed(self) -> None:
        """Nothing is kept."""


class Network:
    """All listeners and clients of a twin, for one thread."""

    def __init__(self, address: str, ports: Iterable[int]) -> None:
        """Open the ports; clients are let in once `listen` says who serves them.

        Raises:
            ConfigurationError: the address is not this machine's, or a port is taken.
        """
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._connections: dict[Connection, int] = {}
        self._listeners: dict[int, socket.socket] = {}
        for port in ports:
            self._open(port)

    def _open(self, port: int) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._address, port))
            listener.listen(16)
        except OSError as error:
            listener.close()
            self.close()
            raise ConfigurationError(
                f"cannot listen on {self._address}:{port}: {error.strerror}; end what uses it "
                "(another twin?) or choose another address:=127.0.0.N"
            ) from error
        listener.setblocking(False)
        self._listeners[port] = listener

    def listen(self, port: int, connect: Callable[[Connection], Handler]) -> None:
        """Serve an open port: `connect` makes the handler of each new client."""
        self._selector.register(self._listeners[port], selectors.EVENT_READ, (port, connect))

    def poll(self) -> None:
        """Accept, receive and send whatever can be, without waiting."""
        for key, _ in self._selector.select(0):
            if isinstance(key.data, Connection):
                self._receive(key.data)
            else:
                self._accept(key.fileobj, *key.data)  # type: ignore[arg-type]
        for connection in list(self._connections):
            connection.flush()
            if connection.closing and not connection._waiting:
                self.hang_up(connection)

    def _accept(
        self, listener: socket.socket, port: int, connect: Callable[[Connection], Handler]
    ) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock)
        self._connections[connection] = port
        self._selector.register(sock, selectors.EVENT_READ, connection)
        connection.handler = connect(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(65536)
            if data and connection.handler is not None:
                connection.handler.received(data)
        except BlockingIOError:
            return
        except (OSError, ValueError, struct.error):  # gone, or nothing of the protocol
            data = b""
        if not data:
            self.hang_up(connection)

    def hang_up(self, connection: Connection, *, reset: bool = False) -> None:
        """Close a client's connection, with a FIN or with a RST."""
        if not connection.open:
            return
        connection.open = False
        self._connections.pop(connection, None)
        self._selector.unregister(connection.socket)
        if reset:
            now = struct.pack("ii", 1, 0)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        connection.socket.close()
        if connection.handler is not None:
            connection.handler.closed()

    def drop(self, port: int, *, reset: bool) -> int:
        """Hang up on all clients of a port; how many there were."""
        clients = [c for c, of in self._connections.items() if of == port]
        for connection in clients:
            self.hang_up(connection, reset=reset)
        return len(clients)

    def close(self) -> None:
        """Close everything."""
        for connection in list(self._connections):
            self.hang_up(connection)
        for listener in self._listeners.values():
            listener.close()
        self._selector.close()
