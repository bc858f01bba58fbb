# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy or a detector in a supervised child process, which may raise, hang, crash or be killed.

A user's code is never run in the process that commands a robot: it could hold the interpreter's
lock, and then nothing would stop the arm.
"""

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from robomd_ros.core.child_process import end_child, one_thread, refusal_of, start_child
from robomd_ros.core.errors import ConfigurationError, PolicyFault

_POLL = 0.05
"""s between looks at whether to wait no longer."""
_GRACE = 2.0
"""s that a call which nobody waits for may still take before the child is killed."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Interrupted(Exception):
    """Whoever asked does not want the answer any more; the plug-in may still be working on it."""


class PluginProcess:
    """Hosts one plug-in; one that hangs or dies costs one PolicyFault and is started again.

    Calls come from one thread at a time; `close` may come from any.
    """

    def __init__(self, kind: str, spec: str, start_timeout: float = 60.0) -> None:
        """Only remember; `connect` starts the child.

        Args:
            kind: "policy" or "detector".
            spec: see load_policy and load_detector.
            start_timeout: s that loading may take.
        """
        self._kind = kind
        self._spec = spec
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._ready = False
        self._closed = False
        self._number = 0
        self._abandoned_at = 0.0
        self._guard = threading.RLock()
        self.description: Mapping[str, Any] = {}
        """What the plug-in says of itself, once connected."""

    @property
    def pid(self) -> int | None:
        """Process id of the child; None if there is none."""
        process = self._process
        return process.pid if process is not None else None

    def connect(self, abandoned: Callable[[], bool] = lambda: False) -> None:
        """Start the child and wait until the plug-in is loaded; idempotent.

        Args:
            abandoned: asked now and then whether to wait no longer.

        Raises:
            PolicyLoadError, ConfigurationError: the plug-in cannot be loaded.
            PolicyFault: it died while loading, or took too long.
            Interrupted: abandoned; loading goes on.
        """
        process = self._process
        if process is not None and process.poll() is not None:
            self._end_process()  # it died while nobody asked
        if self._ready:
            return
        self._start()
        option = "raise start_timeout if it only needs longer to load"
        answer, value = self._receive(-1, self._start_timeout, abandoned, option)
        if answer == "refused":
            self._end_process()
            class_name, message = value
            reason = f"the plug-in could not start: {class_name}: {message}"
            raise refusal_of(class_name, message) or PolicyFault(reason)
        self.description = value
        self._ready = True

    def call(
        self,
        method: str,
        *arguments: Any,
        timeout: float,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Ask the plug-in; start it first if it does not run.

        Args:
            method: reset, act or detect.
            arguments: of the method.
            timeout: s that the answer may take; then the child is killed and started again.
            abandoned: asked now and then whether to wait no longer.

        Raises:
            PolicyFault: it raised, gave what cannot be used, hung or died.
            Interrupted: abandoned; a late answer is thrown away.
        """
        try:
            self._settle()
            self.connect(abandoned)
        except ConfigurationError as error:
            raise PolicyFault(f"the {self._kind} cannot be started again: {error}") from error
        self._number += 1
        connection = self._connection
        try:
            if connection is None:
                raise BrokenPipeError
            connection.send((self._number, method, arguments))
        except OSError as error:
            raise PolicyFault(self._death()) from error
        option = f"{self._kind} killed; raise policy_timeout if it only needs longer"
        answer, value = self._receive(self._number, timeout, abandoned, option)
        if answer == "fault":
            raise PolicyFault(value)
        return value

    def close(self) -> None:
        """End the child; idempotent, from any thread."""
        self._closed = True
        self._end_process()

    def _settle(self) -> None:
        """Let an abandoned call end; kill the child if it does not."""
        connection, since = self._connection, self._abandoned_at
        self._abandoned_at = 0.0
        if not since or connection is None:
            return
        try:
            while connection.poll(max(0.0, since + _GRACE - time.monotonic())):
                if connection.recv()[0] == self._number:
                    return
        except (EOFError, OSError):
            pass  # it died; connect starts another
        self._end_process()

    def _start(self) -> None:
        with self._guard:
            if self._closed:
                raise PolicyFault(f"the {self._kind} was closed")
            if self._process is not None:
                return
            self._process, self._connection = start_child(
                "robomd_ros.core.policies.plugin_child",
                self._kind,
                self._spec,
                variables=one_thread(*_THREADS),
            )
            self._ready = False

    def _receive(
        self, number: int, timeout: float, abandoned: Callable[[], bool], option: str
    ) -> tuple[str, Any]:
        """The answer of this number; earlier ones are thrown away."""
        deadline = time.monotonic() + timeout
        connection = self._connection
        while connection is not None and not self._closed:
            left = deadline - time.monotonic()
            try:
                if connection.poll(max(0.0, min(_POLL, left))):
                    got, answer, value = connection.recv()
                    if got == number:
                        return answer, value
                    continue
            except (EOFError, OSError) as error:
                raise PolicyFault(self._death()) from error
            if left <= 0:
                self._end_process()
                self._start()  # the next rollout finds it loaded
                raise PolicyFault(f"the {self._kind} gave no answer within {timeout:g} s: {option}")
            if abandoned():
                self._abandoned_at = time.monotonic() if number >= 0 else 0.0
                raise Interrupted
        raise PolicyFault(f"the {self._kind} was closed")

    def _death(self) -> str:
        """Why the child is gone; it is started again."""
        process = self._process
        if self._closed or process is None:
            return f"the {self._kind} was closed"
        try:
            code = process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            how = "closed its connection and was killed"
        else:
            how = f"exit code {code}" if code >= 0 else f"signal {_signal_name(-code)}"
        was_ready = self._ready
        self._end_process()
        if was_ready:
            with contextlib.suppress(PolicyFault):
                self._start()
        return f"the {self._kind}'s process died: {how}"

    def _end_process(self) -> None:
        with self._guard:
            process, self._process = self._process, None
            self._connection, self._ready = None, False
        end_child(process)


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return f"{number} ({signal.Signals(number).name})"
    return str(number)
