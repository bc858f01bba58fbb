# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs the processes of a bring-up where the launch stack is not installed, in one loop."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from robomd_ros.core.errors import EXIT_CONFIGURATION
from robomd_ros.core.hosted.parent import starter_variables
from robomd_ros.ros.runtime import EXIT_CAMPAIGN
from robomd_ros.terminal.output import NOBODY_READS, drop_output

_QUICK_DEATHS = 3
_INFANCY = 10.0
"""s; a process that dies younger by itself, three times in a row, is not started again."""
_RESPAWN_DELAY = 1.0
"""s before a process that died is started again."""
_PATIENCE = 4.0
"""s that processes have to end before they are killed; Ctrl-C is promised to end all in 5 s."""
_LOOK = 0.1
"""s between looks at what has died."""
_FINAL = (0, -signal.SIGINT, -signal.SIGTERM, 130, 143, EXIT_CONFIGURATION, EXIT_CAMPAIGN)
"""Exit codes after which a process is not started again."""
_LONGEST_LINE = 1 << 16
_LAST_READS = 64
"""Pieces of output that are read after a process has ended: more than a pipe holds."""


class Supervisor:
    """Starts processes, starts those again that die, and ends all together.

    Each is a process group of its own. They end with this process, however that ends: its
    pid is in their environment, see `starter_variables`.
    """

    def __init__(self, write: Callable[[str, str], None], output: int | None = None) -> None:
        """Prepare.

        Args:
            write: is given (process name, line) of everything that the processes print.
            output: the descriptor to which that goes; when nobody reads it any more all ends.
        """
        self._write = write
        self._output = output
        self._children: list[_Child] = []
        self._poll = select.poll()
        self._reading: dict[int, _Child] = {}
        self._kill_at: float | None = None
        self._signalled = 0
        self.returncode: int | None = None
        """Code of the process that ended first, 128 + n after signal n; None before the end."""

    def add(
        self,
        name: str,
        command: Sequence[str],
        respawn: bool,
        env: Mapping[str, str],
        window: bool = False,
    ) -> None:
        """Add a process before `loop`.

        Args:
            name: shown before its lines.
            command: program and arguments; no shell.
            respawn: start it again when it dies.
            env: its environment.
            window: a person may close it at any time, and what it prints is of no interest.
        """
        environment = {**env, **starter_variables()}
        self._children.append(_Child(name, command, respawn and not window, environment, window))

    def loop(self) -> None:
        """Run until one of the processes has ended for good; then end the others too."""
        if self._output is not None:
            self._poll.register(self._output, 0)  # only its end is of interest
        with self._handlers():
            for child in self._children:
                self._start(child)
            while any(child.process is not None for child in self._children) or self._waiting():
                self._pass_on(self._poll.poll(1000 * _LOOK))
                self._look()

    def terminate(self, code: int) -> None:
        """End all; nothing is started again, and what does not end in time is killed.

        Args:
            code: what `returncode` will be, if nothing has ended before.
        """
        if self.returncode is None:
            self.returncode = code
        if self._kill_at is None:
            self._kill_at = time.monotonic() + _PATIENCE
            for child in self._children:
                child.signal(signal.SIGTERM)

    def _waiting(self) -> bool:
        """Whether a process is between two lives."""
        return self._kill_at is None and any(c.start_at is not None for c in self._children)

    def _look(self) -> None:
        """What a signal has asked, what has died, what is to be started, what has to be killed."""
        if self._signalled:
            number, self._signalled = self._signalled, 0
            if self._kill_at is not None:
                self._kill_at = 0.0  # asked again: no patience any more
            self.terminate(128 + number)
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and (code := child.process.poll()) is not None:
                self._ended(child, code)
            if child.start_at is not None and now >= child.start_at and self._kill_at is None:
                self._start(child)
        if self._kill_at is not None and now > self._kill_at:
            for child in self._children:
                child.signal(signal.SIGKILL)

    def _start(self, child: "_Child") -> None:
        child.start_at, child.born = None, time.monotonic()
        target = subprocess.DEVNULL if child.window else subprocess.PIPE
        try:
            child.process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                child.command,
                env=child.environment,
                stdin=subprocess.DEVNULL,  # nobody types at a node
                stdout=target,
                stderr=subprocess.DEVNULL if child.window else subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for this process alone
            )
        except OSError as error:
            self._write(child.name, f"{child.command[0]} cannot be started: {error.strerror}")
            self.terminate(EXIT_CONFIGURATION)
            return
        if child.process.stdout is not None:
            child.output = child.process.stdout.fileno()
            os.set_blocking(child.output, False)
            self._reading[child.output] = child
            self._poll.register(child.output, select.POLLIN)

    def _pass_on(self, events: list[tuple[int, int]]) -> None:
        for descriptor, event in events:
            if descriptor in self._reading:
                self._read(self._reading[descriptor])
            elif event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                self._poll.unregister(descriptor)
                drop_output()
                self.terminate(NOBODY_READS)

    def _read(self, child: "_Child") -> bool:
        """Pass on lines; whether there was anything. At the end of all let go of the pipe."""
        try:
            piece = os.read(child.output, _LONGEST_LINE)
        except BlockingIOError:
            return False
        *lines, child.begun = (child.begun + piece).split(b"\n")
        if child.begun and (not piece or len(child.begun) > _LONGEST_LINE):
            lines, child.begun = [*lines, child.begun], b""
        for line in lines:
            self._write(child.name, line.decode(errors="replace").rstrip("\r"))
        if not piece:
            self._let_go(child)
        return bool(piece)

    def _last_words(self, child: "_Child") -> None:
        """Pass on what is left of its output; what it has started may hold the pipe for ever."""
        for _ in range(_LAST_READS):
            if child.output < 0 or not self._read(child):
                break
        if child.begun:
            self._write(child.name, child.begun.decode(errors="replace").rstrip("\r"))
            child.begun = b""

    def _let_go(self, child: "_Child") -> None:
        if child.output >= 0:
            self._poll.unregister(child.output)
            del self._reading[child.output]
            child.output = -1
        if child.process is not None and child.process.stdout is not None:
            child.process.stdout.close()

    def _ended(self, child: "_Child", code: int) -> None:
        """Start it again in a while, or end all."""
        self._last_words(child)
        self._let_go(child)
        child.signal(signal.SIGKILL)  # nor may that live on
        child.process = None
        if child.window:
            return
        if self._kill_at is None and child.respawn and code not in _FINAL:
            # whoever is killed did not fail to start: somebody else, or lack of memory, ended it
            quick = time.monotonic() - child.born < _INFANCY and code != -signal.SIGKILL
            child.quick_deaths = child.quick_deaths + 1 if quick else 0
            if child.quick_deaths < _QUICK_DEATHS:
                self._write(child.name, f"died with code {code}; starting it again")
                child.start_at = time.monotonic() + _RESPAWN_DELAY
                return
            times = f"{_QUICK_DEATHS} times"
            self._write(
                child.name, f"died with code {code} as soon as it started, {times}: given up"
            )
        self.terminate(code if code >= 0 else 128 - code)

    @contextlib.contextmanager
    def _handlers(self) -> Iterator[None]:
        """Within this context a signal ends all."""

        def handle(number: int, _frame: Any) -> None:
            self._signalled = number

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup has it ignored
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Child:
    """One process of the bring-up, in all its lives."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        respawn: bool,
        environment: Mapping[str, str],
        window: bool,
    ) -> None:
        self.name, self.command, self.respawn = name, list(command), respawn
        self.environment, self.window = environment, window
        self.process: subprocess.Popen[bytes] | None = None
        self.output = -1
        self.begun = b""
        self.born = 0.0
        self.quick_deaths = 0
        self.start_at: float | None = None

    def signal(self, number: int) -> None:
        """Send a signal to its process group, if there is one."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
