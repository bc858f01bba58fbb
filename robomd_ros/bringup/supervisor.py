# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs the processes of a bring-up under honcho, where the launch stack is not installed."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from honcho.manager import Manager
from honcho.printer import Message
from honcho.process import Popen, Process

from robomd_ros.core.errors import EXIT_CONFIGURATION
from robomd_ros.ros.runtime import EXIT_CAMPAIGN

_PR_SET_PDEATHSIG = 1
_QUICK_DEATHS = 3
_INFANCY = 10.0
"""s; a process that dies younger by itself, three times in a row, is not started again."""
_RESPAWN_DELAY = 1.0
"""s before a process that died is started again."""
_PATIENCE = 4.0
"""s that processes have to end before they are killed; Ctrl-C is promised to end all in 5 s."""
_FINAL = (0, -signal.SIGINT, -signal.SIGTERM, 130, 143, EXIT_CONFIGURATION, EXIT_CAMPAIGN)
"""Exit codes after which a process is not started again."""
_context = multiprocessing.get_context("fork")


def signal_on_parent_death(number: int) -> None:
    """Let the kernel send this process a signal when its parent dies (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


class Ending:
    """Whether everything is to end, told to all processes; nobody can die holding a lock of it."""

    def __init__(self) -> None:
        self._flag = _context.RawValue("b", 0)

    def set(self) -> None:
        """Everything is to end."""
        self._flag.value = 1

    def is_set(self) -> bool:
        """Whether everything is to end."""
        return bool(self._flag.value)

    def wait(self, timeout: float) -> None:
        """Wait for it, at most this long, s."""
        deadline = time.monotonic() + timeout
        while not self.is_set() and time.monotonic() < deadline:
            time.sleep(0.05)


class _Popen(Popen):
    """A child of a command list (no shell) that ends when its parent does."""

    def __init__(self, command: Sequence[str], **kwargs: Any) -> None:
        super().__init__(
            command,
            shell=False,
            stdin=-3,  # DEVNULL: nobody types at a node
            preexec_fn=_prepare_child,
            **kwargs,
        )


def _prepare_child() -> None:
    """Between fork and exec: the parent ignores the signals that end a node; the node must not."""
    signal_on_parent_death(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class RespawningProcess(Process):
    """A honcho process that is started again when it dies without having been asked to end."""

    def __init__(
        self, command: Sequence[str], ending: Ending, respawn: bool, **kwargs: Any
    ) -> None:
        super().__init__(command, **kwargs)
        self._child_ctor = _Popen
        self._ending = ending
        self._respawn = respawn
        self._quick_deaths = 0
        self._born = 0.0

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run, and run again, until it ends by wish, for a reason that stays, or all ends."""
        signal_on_parent_death(signal.SIGKILL)
        if ignore_signals:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._events = events
        code = self._run_once()
        while self._again(code):
            code = self._run_once()
        self._send_message({"returncode": code}, type="stop")

    def _again(self, code: int) -> bool:
        """Whether to start again after this exit code; waits before a yes."""
        if code in _FINAL or not self._respawn or self._ending.is_set():
            return False
        # whoever is killed did not fail to start: somebody else, or the lack of memory, ended it
        quick = time.monotonic() - self._born < _INFANCY and code != -signal.SIGKILL
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        if self._quick_deaths >= _QUICK_DEATHS:
            text = f"died with code {code} as soon as it started, {_QUICK_DEATHS} times: given up\n"
            self._send_message(text.encode())
            return False
        self._send_message(f"died with code {code}; starting it again\n".encode())
        self._ending.wait(_RESPAWN_DELAY)
        return not self._ending.is_set()

    def _run_once(self) -> int:
        self._born = time.monotonic()
        self._child = self._child_ctor(self.cmd, env=self.env, cwd=self.cwd)
        self._send_message({"pid": self._child.pid}, type="start")
        if self._ending.is_set():  # the end came while it started, and passed it by
            self._child.terminate()
        for line in iter(self._child.stdout.readline, b""):
            self._send_message(line)
        self._child.stdout.close()
        code: int = self._child.wait()
        return code


class LinePrinter:
    """Gives every line of output to a function; honcho's own messages are left out."""

    width = 0

    def __init__(self, write: Callable[[str, str], None]) -> None:
        self._write = write

    def write(self, message: Message) -> None:
        """Pass on one line of a process."""
        if message.type == "line" and message.colour is not None:
            data = message.data
            text = data.decode(errors="replace") if isinstance(data, bytes) else str(data)
            self._write(message.name, text.rstrip("\n"))


class Supervisor(Manager):
    """Starts processes, starts those again that die, and ends all together."""

    def __init__(self, write: Callable[[str, str], None]) -> None:
        """Prepare.

        Args:
            write: is given (process name, line) of everything that the processes print.
        """
        super().__init__(LinePrinter(write))
        self._ending = Ending()

    def add(self, name: str, command: Sequence[str], respawn: bool, env: Mapping[str, str]) -> None:
        """Add a process before `loop`."""

        def make(cmd: Sequence[str], **kwargs: Any) -> RespawningProcess:
            return RespawningProcess(cmd, self._ending, respawn, **kwargs)

        self._process_ctor = make
        self.add_process(name, list(command), env=dict(env))

    def terminate(self) -> None:
        """End all; nothing is started again, and what does not end in time is killed."""
        if self._terminating:
            return
        self._terminating = True
        self._ending.set()
        self._killall()
        timer = threading.Timer(_PATIENCE, self.kill)
        timer.daemon = True
        timer.start()

    def _killall(self, force: bool = False) -> None:
        """As honcho's, but a process that is between two lives, or gone, is no error."""
        number = signal.SIGKILL if force else signal.SIGTERM
        for process in self._processes.values():
            if "returncode" not in process and process.get("pid"):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process["pid"], number)


def node_command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command of a node as a module of this Python."""
    return [sys.executable, "-u", "-m", module, *arguments]


@contextlib.contextmanager
def windows(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Iterator[None]:
    """Programs with a window, e.g. RViz: whoever closes one does not end the campaign.

    Enter it before this process has threads.
    """
    children = [
        subprocess.Popen(  # noqa: S603 - our own command, no shell
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # Qt's and OGRE's chatter would break the live view
            start_new_session=True,  # Ctrl-C is for the campaign; the window closes after it
            preexec_fn=lambda: signal_on_parent_death(signal.SIGTERM),  # noqa: PLW1509 - no threads
        )
        for command in commands
    ]
    try:
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
