# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulator as a cell in a supervised child process that may die or hang."""

import contextlib
import signal
import subprocess
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.child_process import end_child, one_thread, refusal_of, start_child
from robomd_ros.core.errors import CellFault, CellLostError, ConfigurationError
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Scene
from sim_bridge.cells import SimulatorOptions

_POLL = 0.1
"""s between looks at the cancel flag while waiting."""
_CANCEL_GRACE = 2.0
"""s that a cancelled trial may still take before its worker is killed."""
_RETRY_AFTER = 10.0
"""s before a worker that could not start is tried again."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class _WorkerFailure(Exception):
    """The worker died or was killed; the message says why."""


class WorkerCell:
    """A cell whose simulator and policy run in a child process.

    A worker that dies or does not answer in time makes the trial INVALID with the reason and is
    started again. The child ends with this process, however that ends.
    """

    def __init__(self, name: str, options: SimulatorOptions) -> None:
        """Only remember; `connect` starts the child."""
        self._name = name
        self._options = options
        self.joint_positions: NDArray[np.float64] | None = None
        """(n,) rad, where the arm's joints were after the last answer; None before the first."""
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._ready = False
        self._closed = False
        self._number = 0
        self._cancelled = -1
        self._retry_at = 0.0
        self._guard = threading.RLock()
        self._send_lock = threading.Lock()

    @property
    def name(self) -> str:
        """Unique name of the cell in a campaign."""
        return self._name

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None if there is none."""
        process = self._process
        return process.pid if process is not None else None

    def connect(self) -> None:
        """Start the worker and wait until it can run trials.

        Raises:
            PolicyLoadError, CatalogueError, ConfigurationError: as the worker found them.
            CellLostError: it died or took longer than `start_timeout`.
            CellFault: cancelled or closed; after a cancellation the start goes on.
        """
        self._number += 1
        self._make_ready()

    def run(self, scene: Scene, seed: int) -> Trial:
        """One trial; INVALID if the worker died or hung, which costs a restart.

        Raises:
            CellLostError: the worker cannot be started; try again when `available`.
            CellFault: cancelled or closed.
        """
        try:
            kind, value = self._request("run", scene, seed)
        except _WorkerFailure as failure:
            return self._invalid(scene, seed, str(failure))
        if kind == "fault":
            return self._invalid(scene, seed, value)
        outcome, image, self.joint_positions = value
        return Trial(-1, self._name, scene, seed, outcome, image)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """The first picture of the scene, (H, W, 3) uint8 RGB; CellFault if there is none."""
        try:
            kind, value = self._request("observe", scene, seed)
        except _WorkerFailure as failure:
            raise CellFault(f"cell {self._name!r} took no picture: {failure}") from failure
        if kind == "fault":
            raise CellFault(f"cell {self._name!r} took no picture: {value}")
        image: NDArray[np.uint8]
        image, self.joint_positions = value
        return image

    def available(self) -> bool:
        """Whether a trial could start now; a worker that could not start is retried after 10 s."""
        return not self._closed and time.monotonic() >= self._retry_at

    def cancel(self) -> None:
        """A running trial ends before its next step; a stuck worker is killed after 2 s.

        A worker that is still starting goes on with it, and only the request ends.
        """
        number = self._number
        self._cancelled = number
        with contextlib.suppress(OSError, AttributeError):
            self._send(("cancel", number, None, 0))

    def close(self) -> None:
        """End the worker; idempotent, from any thread."""
        self._closed = True
        self._end_process()

    def _request(self, kind: str, scene: Scene, seed: int) -> tuple[str, Any]:
        self._number += 1
        number = self._number
        try:
            self._make_ready()
        except ConfigurationError as error:
            raise CellLostError(f"cell {self._name!r} cannot start again: {error}") from error
        try:
            self._send((kind, number, scene, seed))
            answer, value, _ = self._receive("trial_timeout")
        except _WorkerFailure:
            self._restart()
            raise
        except OSError as error:
            reason = self._death()
            self._restart()
            raise _WorkerFailure(reason) from error
        if answer == "cancelled":
            raise CellFault(f"cell {self._name!r}: {value}")
        return answer, value

    def _make_ready(self) -> None:
        """Start the worker unless it runs, and wait for it; one that died idle spoils nothing."""
        process = self._process
        if process is not None and process.poll() is not None:
            self._end_process()
        if not self._ready:
            try:
                self._start()
                answer = self._receive("start_timeout")
            except _WorkerFailure as failure:
                self._lose()
                raise CellLostError(f"cell {self._name!r} did not start: {failure}") from failure
            if answer[0] == "refused":
                self._lose()
                _, class_name, message = answer
                reason = f"the worker could not start: {message}"
                raise refusal_of(class_name, f"{message}") or CellLostError(reason)
            self._ready = True

    def _start(self) -> None:
        with self._guard:
            if self._closed:
                raise CellFault(f"cell {self._name!r} is closed")
            if self._process is not None:
                return
            self._process, self._connection = start_child(
                "sim_bridge.worker_process", variables=one_thread(*_THREADS)
            )
            self._ready = False
        with contextlib.suppress(OSError):
            self._send(self._options)

    def _send(self, message: Any) -> None:
        with self._send_lock:
            connection = self._connection
            if connection is None:
                raise BrokenPipeError("no worker")
            connection.send(message)

    def _receive(self, option: str) -> Any:
        """The next message; _WorkerFailure when the worker died, hung or had to be killed.

        Args:
            option: name of the timeout that applies, s.
        """
        connection, starting = self._connection, not self._ready
        limit: float = getattr(self._options, option)
        deadline = time.monotonic() + limit
        grace: float | None = None
        while connection is not None:
            now = time.monotonic()
            if grace is None and self._cancelled == self._number:
                if starting:  # killed, it would begin again from nothing
                    raise CellFault(
                        f"cell {self._name!r}: cancelled while the simulator is starting"
                    )
                grace = now + _CANCEL_GRACE
            if grace is not None and now > grace:
                self._restart()
                raise CellFault(f"cell {self._name!r}: cancelled; its stuck worker was killed")
            if now > deadline:
                self._end_process()
                raise _WorkerFailure(
                    f"no answer within {limit:g} s: worker killed; if it only needs longer, raise "
                    f"{option} of sim_bridge_node in the parameter file"
                )
            try:
                if connection.poll(_POLL):
                    return connection.recv()
            except (EOFError, OSError) as error:
                raise _WorkerFailure(self._death()) from error
        raise CellFault(f"cell {self._name!r} is closed")

    def _death(self) -> str:
        """Why the worker is gone; CellFault if that was our own wish."""
        process = self._process
        if self._closed or process is None:
            raise CellFault(f"cell {self._name!r} was closed")
        try:
            code = process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return "worker closed its connection and was killed"
        if code >= 0:
            return f"worker died: exit code {code}"
        return f"worker died: signal {-code} ({signal.Signals(-code).name})"

    def _lose(self) -> None:
        self._end_process()
        self._retry_at = time.monotonic() + _RETRY_AFTER

    def _restart(self) -> None:
        """Replace the worker; the next trial waits for the new one to be ready."""
        self._end_process()
        if not self._closed:
            self._start()

    def _end_process(self) -> None:
        with self._guard:
            process, self._process = self._process, None
            self._connection, self._ready = None, False
        end_child(process)

    def _invalid(self, scene: Scene, seed: int, reason: str) -> Trial:
        return Trial(-1, self._name, scene, seed, Outcome(Result.INVALID, detail=reason))
