# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parent's side of the control process: start, talk, notice its death or silence, kill."""

import contextlib
import signal
import subprocess
import threading
import time
from multiprocessing.connection import wait
from typing import Any

from robomd_ros.arms.ur5e.child import EXIT_LINK, ControlOptions
from robomd_ros.core.child_process import start_child

START_TIMEOUT = 12.0
"""s for the process to connect, upload the script and see it run."""
SILENCE = 0.4
"""s without a sign of life after which a process that was ready counts as hung."""
_LOOK = 0.1
"""s of silence that one look may count: who looks late was late itself."""


class ControlProcess:
    """One life of the control process; a new one is made for each start."""

    def __init__(self, options: ControlOptions) -> None:
        """Start the process; returns at once."""
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process, self._connection = start_child(
            "robomd_ros.arms.ur5e.child", variables=threads
        )
        self._lock = threading.Lock()
        self._started = self._looked = time.monotonic()
        self._silent = 0.0
        self.tcp: tuple[float, ...] | None = None
        """(6,) the tool centre point in force; None until the process is ready."""
        self.running = False
        """Whether the control script runs on the controller, as last heard."""
        self.mode = "starting"
        """idle, moving, stopping or streaming, as last heard."""
        self.held = ""
        """Why a stream's target does not follow its commands, as last heard."""
        self.send(options)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it has connected and its script runs."""
        return self.tcp is not None and self.running

    def send(self, message: Any) -> None:
        """Send; a process that is gone is noticed by `fault`."""
        with contextlib.suppress(OSError), self._lock:
            self._connection.send(message)

    def receive(self, timeout: float) -> list[Any]:
        """Messages that came within s, beats excluded; they are taken in here."""
        messages: list[Any] = []
        with contextlib.suppress(EOFError, OSError):
            if not wait([self._connection], timeout):
                return messages
            while self._connection.poll():
                message = self._connection.recv()
                self._silent = 0.0
                if message[0] == "beat":
                    _, self.running, self.mode, self.held = message
                    continue
                if message[0] == "ready":
                    self.tcp, self.running, self.mode = tuple(message[1]), True, "idle"
                messages.append(message)
        return messages

    def fault(self) -> str:
        """Why this process is of no use any more; empty while it is. Call it often."""
        code = self._process.poll()
        if code is not None:
            return _death(code)
        now = time.monotonic()
        self._silent += min(now - self._looked, _LOOK)
        self._looked = now
        if self.tcp is None:
            late = now - self._started > START_TIMEOUT
            return f"the control process did not start within {START_TIMEOUT:g} s" if late else ""
        hung = self._silent > SILENCE
        return f"the control process gave no sign of life for {SILENCE:g} s" if hung else ""

    def end(self, timeout: float = 1.0) -> None:
        """Ask it to stop arm and script and to leave; kill it if it does not."""
        self.send(("close",))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End it at once; idempotent."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._connection.close()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _death(code: int) -> str:
    if code == EXIT_LINK:
        return "the control process lost its connection to the controller"
    if code >= 0:
        return f"the control process ended with code {code}"
    return f"the control process died of signal {-code} ({signal.Signals(-code).name})"
