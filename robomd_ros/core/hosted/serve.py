# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The child's side: hand-shake, the parent's death, and answering calls."""

from __future__ import annotations

import faulthandler
import fcntl
import importlib
import os
import platform
import queue
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.hosted.channel import Channel, ChannelError

PROTOCOL = 1
_SETTINGS = ("life", "reading", "writing")


def main(host: str, settings: dict[str, Any]) -> NoReturn:
    """Serve as `<module>:<function>`, called with the channel and the parent's options.

    The function returns the exit code of this process.
    """
    # the parent ends its children; a Ctrl-C in the terminal is for the parent alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    life, reading, writing = (int(settings[name]) for name in _SETTINGS)
    die_with_holder(life)
    faulthandler.enable()
    channel = Channel(reading, writing)
    try:
        channel.send(
            {
                "protocol": PROTOCOL,
                "pid": os.getpid(),
                "python": platform.python_version(),
                "numpy": np.__version__,
                "hosts": host,
            }
        )
        options = channel.receive()
        code = _function(channel, host)(channel, options)
    except ChannelError:
        code = 0  # the parent is gone
    leave(code)


def die_with_holder(life: int) -> None:
    """Let the kernel kill this whole process group when nobody holds the other end of a pipe.

    Only the parent holds it, nothing is ever written, and it is closed however the parent ends.
    The hang-up is signalled by the kernel: it works while Python itself is stuck, it reaches what
    this process has started, and nobody can ignore SIGKILL. PR_SET_PDEATHSIG could do none of this
    as well: it fires when the parent's *thread* that started the child ends, and spares
    grandchildren.
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    gone = select.poll()
    gone.register(life, 0)
    if gone.poll(0):  # the parent had died before
        os._exit(0)


def leave(code: int) -> NoReturn:
    """End at once: no library's exit handler may hang or fail."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def serve_calls(
    channel: Channel,
    options: Any,
    make: Callable[[Any, Callable[[], bool]], Any],
    cancellable: bool = False,
) -> int:
    """Make a host from the options, say what it is, and answer calls to its methods.

    Args:
        channel: to the parent.
        options: the parent's.
        make: from the options, and a function that says whether nobody waits for the running call
            any more, to the host; it has `describe() -> dict`.
        cancellable: listen beside the running call for its cancellation.
    """
    calls = _Calls(channel)
    try:
        host = make(options, calls.cancelled)
        described = host.describe()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the parent raises it again
        channel.send([-1, "refused", [type(error).__name__, said(error)]])
        return 1
    channel.send([-1, "done", described])
    if cancellable:
        calls.listen()
    while True:
        number, method, arguments = calls.next()
        try:
            answer = [number, "done", getattr(host, method)(*arguments)]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it spoils this call only
            answer = [number, "fault", [type(error).__name__, said(error)]]
        try:
            channel.send(answer)
        except TypeError as error:
            why = f"{method} returned what is no data: {error}"
            channel.send([number, "fault", ["TypeError", why]])


class _Calls:
    """What the parent asks, one call at a time."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: queue.SimpleQueue[Any] | None = None
        self._current = -1
        self._cancelled = -1

    def listen(self) -> None:
        """Take in calls on a thread, and cancellations while a call runs."""
        self._waiting = queue.SimpleQueue()
        threading.Thread(
            target=self._listen, args=(self._waiting,), name="listen", daemon=True
        ).start()

    def cancelled(self) -> bool:
        """Whether nobody waits for the running call any more."""
        return self._cancelled >= self._current

    def next(self) -> Any:
        """[number, method, arguments]; ChannelError when the parent is gone."""
        call = self._channel.receive() if self._waiting is None else self._waiting.get()
        self._current = call[0]
        return call

    def _listen(self, waiting: queue.SimpleQueue[Any]) -> None:
        while True:
            try:
                call = self._channel.receive()
            except ChannelError:
                os._exit(0)  # the parent is gone; the main thread may be stuck in the host
            if call[1] == "cancel":
                self._cancelled = call[0]
            else:
                waiting.put(call)


def said(error: BaseException) -> str:
    """Our own errors speak for themselves; others need their name."""
    if isinstance(error, RoboMDError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _function(channel: Channel, host: str) -> Callable[[Channel, Any], int]:
    module, _, name = host.partition(":")
    try:
        function: Callable[[Channel, Any], int] = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        channel.send([-1, "refused", [type(error).__name__, said(error)]])
        leave(1)
    return function
