# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parent's side of the control process: start, talk, notice its death or silence, kill."""

import contextlib
import dataclasses
import time
from typing import Any

from robomd_ros.arms.ur5e.child import EXIT_LINK, ControlOptions
from robomd_ros.core.hosted.channel import ChannelError
from robomd_ros.core.hosted.process import HostedProcess

START_TIMEOUT = 12.0
"""s for the process to connect, upload the script and see it run."""
SILENCE = 0.4
"""s without a sign of life after which a process that was ready counts as hung."""
_SEND_TIME = 0.1
"""s that a message may wait; a process that reads nothing for so long will be found silent."""
_LOOK = 0.1
"""s of silence that one look may count: who looks late was late itself."""


class ControlProcess:
    """One life of the control process; a new one is made for each start."""

    def __init__(self, options: ControlOptions) -> None:
        """Start the process; returns at once."""
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = HostedProcess(
            "robomd_ros.arms.ur5e.child:serve",
            {**dataclasses.asdict(options), "limits": dict(options.limits)},
            variables=threads,
        )
        self._started = self._looked = time.monotonic()
        self._silent = 0.0
        self.tcp: tuple[float, ...] | None = None
        """(6,) the tool centre point in force; None until the process is ready."""
        self.running = False
        """Whether the control script runs on the controller, as last heard."""
        self.mode = "starting"
        """idle, moving, stopping or streaming, as last heard."""
        self.late = False
        """Whether it was so late a moment ago that the controller's watchdog may have acted."""
        self.held = ""
        """Why a stream's target does not follow its commands, as last heard."""

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
        with contextlib.suppress(ChannelError, TimeoutError):
            self._process.send(message, _SEND_TIME)

    def receive(self, timeout: float) -> list[Any]:
        """Messages that came within s, beats excluded; they are taken in here."""
        messages: list[Any] = []
        if not self._process.poll(timeout):
            return messages
        with contextlib.suppress(ChannelError, TimeoutError):
            while True:
                message = self._process.receive(0.0)
                self._silent = 0.0
                if message[0] == "beat":
                    _, self.running, self.mode, self.held, self.late = message
                    continue
                if message[0] == "ready":
                    self.tcp, self.running, self.mode = tuple(message[1]), True, "idle"
                messages.append(message)
        return messages

    def fault(self) -> str:
        """Why this process is of no use any more; empty while it is. Call it often."""
        code = self._process.exit_code()
        if code is not None:
            return self._death(code)
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
        self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End it at once; idempotent."""
        self._process.kill()

    def _death(self, code: int) -> str:
        if code == EXIT_LINK:
            return "the control process lost its connection to the controller"
        return f"the control process died: {self._process.death()}"
