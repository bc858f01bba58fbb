# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages over a pair of pipes: a JSON header, then the bytes of its arrays.

It is no pickle: the two ends may be different Pythons, with different versions of numpy, and what
comes from a user's policy must be data. A message is any tree of None, bool, int, float, text,
bytes, lists, dictionaries with text as keys, and numeric numpy arrays; tuples arrive as lists.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import struct
import threading
import time
from typing import Any

import numpy as np

_HEAD = struct.Struct("<4sIQ")
"""Mark, bytes of the JSON header, bytes of all arrays."""
_MARK = b"rmd1"
_ALIGN = 16
_LARGEST = 1 << 32
"""Bytes of the largest message: more is a damaged stream."""
_LONGEST_HEADER = 1 << 28
_PLACE = "\0"
"""Key of the dictionary that stands for an array in the header; no name has it."""
_PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ = 1031
_PARTS = 64
"""Buffers that one system call takes."""


class ChannelError(Exception):
    """The other end is gone, or what came is no message; the text says which."""


class Channel:
    """One end of the pair; `send` may be called by any thread, `receive` by one at a time."""

    def __init__(self, reading: int, writing: int) -> None:
        """Take over two file descriptors of pipes."""
        self._reading, self._writing = reading, writing
        self._sending = threading.Lock()
        self._head = bytearray(_HEAD.size)
        self._begun: tuple[Any, int] | None = None
        self._broken = ""
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(reading, select.POLLIN)
        self._writable.register(writing, select.POLLOUT)
        enlarge(writing)

    def fileno(self) -> int:
        """The descriptor that can be read when something has come."""
        return self._reading

    def send(self, message: Any, timeout: float | None = None) -> None:
        """Send one message.

        Args:
            message: see the module.
            timeout: s that the other end may take to make room; None: for ever.

        Raises:
            ChannelError: the other end is gone.
            TimeoutError: it made no room in time; the channel is of no use any more.
            TypeError: the message holds what cannot be sent.
        """
        parts = encode(message)
        with self._sending:
            if self._broken:
                raise ChannelError(self._broken)
            deadline = None if timeout is None else time.monotonic() + timeout
            while parts:
                try:
                    written = os.writev(self._writing, parts[:_PARTS])
                except BlockingIOError:
                    written = 0
                except OSError as error:
                    self._broken = f"the other end is gone ({error.strerror})"
                    raise ChannelError(self._broken) from error
                _drop(parts, written)
                if not written and not self._writable.poll(_milliseconds(deadline)):
                    self._broken = "the other end took nothing any more"
                    raise TimeoutError(self._broken)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Whether something comes, or the end, within s (None: for ever)."""
        milliseconds = None if timeout is None else max(0.0, 1000.0 * timeout)
        return bool(self._readable.poll(milliseconds))

    def receive(self, timeout: float | None = None) -> Any:
        """The next message.

        Raises:
            TimeoutError: it has not come within s; what came of it is kept.
            ChannelError: the other end is gone, or sent no message.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._begun is None:
            self._begun = (memoryview(self._head), 0)
        while True:
            view, done = self._begun
            done = self._fill(view, done, deadline)
            if view.obj is self._head:
                mark, header, arrays = _HEAD.unpack(self._head)
                if mark != _MARK or header > _LONGEST_HEADER or arrays > _LARGEST:
                    raise ChannelError(f"what came is no message: it begins with {bytes(view)!r}")
                self._sizes = (header, arrays)
                self._begun = (memoryview(bytearray(header + arrays)), 0)
                continue
            self._begun = None
            return decode(view, self._sizes[0])

    def close(self) -> None:
        """Close both pipes; idempotent."""
        with self._sending:
            self._broken = self._broken or "the channel is closed"
            for descriptor in (self._reading, self._writing):
                if descriptor >= 0:
                    os.close(descriptor)
            self._reading = self._writing = -1

    def _fill(self, view: memoryview, done: int, deadline: float | None) -> int:
        """Read until the buffer is full; bytes of it that are."""
        while done < len(view):
            try:
                got = os.readv(self._reading, [view[done:]])
            except BlockingIOError:
                got = -1
            except OSError as error:
                raise ChannelError(f"the channel is closed ({error.strerror})") from error
            if not got:
                raise ChannelError("the other end is gone")
            done += max(0, got)
            if got < 0 and not self._readable.poll(_milliseconds(deadline)):
                self._begun = (view, done)
                raise TimeoutError("no message in time")
        return done


def encode(message: Any) -> list[Any]:
    """The buffers of a message; TypeError for what cannot be sent."""
    arrays: list[Any] = []
    offset = 0

    def place(value: Any) -> Any:
        nonlocal offset
        kind: Any = None
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = np.frombuffer(value, np.uint8)
            kind = "bytes"
        elif not isinstance(value, (np.ndarray, np.generic)):
            raise TypeError(f"{type(value).__name__} cannot be sent to another process")
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        if array.dtype.kind not in "biufc":
            raise TypeError(f"an array of type {array.dtype} cannot be sent to another process")
        at = offset + -offset % _ALIGN
        arrays.extend((bytes(at - offset), array.reshape(-1).view(np.uint8).data))
        offset = at + array.nbytes
        shape = "value" if kind is None and isinstance(value, np.generic) else list(array.shape)
        return {_PLACE: [at, kind or array.dtype.str, shape]}

    header = json.dumps(message, default=place, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _ALIGN)
    return [_HEAD.pack(_MARK, len(header), offset), header, *(a for a in arrays if len(a))]


def decode(body: memoryview, header: int) -> Any:
    """The message of a header of so many bytes and its arrays; ChannelError if it is none."""

    def find(value: dict[str, Any]) -> Any:
        if _PLACE not in value:
            return value
        at, kind, shape = value[_PLACE]
        if kind == "bytes":
            return bytes(body[header + at : header + at + shape[0]])
        dtype = np.dtype(kind)
        count = 1 if shape == "value" else int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(body, dtype, count, header + at) if count else np.empty(0, dtype)
        return array[0] if shape == "value" else array.reshape(shape)

    try:
        return json.loads(bytes(body[:header]), object_hook=find)
    except (ValueError, TypeError, KeyError) as error:
        raise ChannelError(f"what came is no message ({error})") from error


def enlarge(descriptor: int) -> None:
    """Let a pipe hold a picture, where the system allows it: fewer changes of process."""
    with contextlib.suppress(OSError):  # it works without, a little slower
        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_SIZE)


def _drop(parts: list[Any], written: int) -> None:
    """Take what was written off the front of the buffers."""
    while parts and written >= len(parts[0]):
        written -= len(parts.pop(0))
    if written:
        parts[0] = memoryview(parts[0])[written:]


def _milliseconds(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, 1000.0 * (deadline - time.monotonic()))
