# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parent's side: calls to a hosted child that may raise, hang or die, and is started again."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from robomd_ros.core import errors
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.hosted.channel import ChannelError
from robomd_ros.core.hosted.process import HostedProcess

_POLL = 0.05
"""s between looks at whether to wait no longer."""
_GRACE = 2.0
"""s that a call which nobody waits for may still take before the child is killed."""


class Interrupted(Exception):
    """Whoever asked does not want the answer any more; the child may still be working on it."""


class HostedFailure(RoboMDError):
    """The child died, hung, or closed its channel; the message says how.

    Attributes:
        late: it did not answer in time.
    """

    late = False


class HostedSilence(HostedFailure):
    """The child did not answer in time."""

    late = True


class HostedClosedError(HostedFailure):
    """The service was closed by whoever holds it."""


class HostedFault(RoboMDError):
    """A call, or the making of the host, raised in the child, which lives on.

    Attributes:
        class_name: of what was raised.
        ours: whether it is one of errors.py, whose text speaks for itself.
    """

    def __init__(self, class_name: str, message: str) -> None:
        super().__init__(message)
        self.class_name = class_name
        self.ours = hasattr(errors, class_name)


def never() -> bool:
    """Nobody gives up waiting."""
    return False


class HostedService:
    """A child that answers calls; one that hangs or dies costs one failure and is started again.

    Calls come from one thread at a time; `close`, `cancel` and `pid` may come from any.
    """

    def __init__(self, start: Callable[[], HostedProcess], start_timeout: float) -> None:
        """Only remember; `connect` starts the child.

        Args:
            start: makes one life of the child, which serves by `serve_calls`.
            start_timeout: s that it may take until it is ready.
        """
        self._make = start
        self._start_timeout = start_timeout
        self._process: HostedProcess | None = None
        self._ready = False
        self._closed = False
        self._number = 0
        self._abandoned_at = 0.0
        self._guard = threading.RLock()
        self.description: Mapping[str, Any] = {}
        """What the host says of itself, once connected."""

    @property
    def pid(self) -> int | None:
        """Process id of the child; None if there is none."""
        process = self._process
        return process.pid if process is not None else None

    @property
    def ready(self) -> bool:
        """Whether the host was made, in the present life of the child."""
        return self._ready

    def connect(self, abandoned: Callable[[], bool] = never) -> None:
        """Start the child and wait until its host is made; idempotent.

        Args:
            abandoned: asked now and then whether to wait no longer.

        Raises:
            ConfigurationError: the interpreter cannot host anything, or the host refused with one.
            HostedFault: the host raised anything else.
            HostedFailure: it died while starting, or took too long.
            Interrupted: abandoned; the start goes on.
        """
        process = self._process
        if process is not None and process.exit_code() is not None and self._ready:
            self.end()  # it died while nobody asked
        if self._ready:
            return
        self.start()
        try:
            answer, value = self._answer(-1, self._start_timeout, abandoned)
        except HostedFailure:
            self.end()
            raise
        if answer == "refused":
            self.end()
            raise refusal_of(*value) or HostedFault(*value)
        self.description = value
        self._ready = True

    def call(
        self,
        method: str,
        *arguments: Any,
        timeout: float,
        abandoned: Callable[[], bool] = never,
    ) -> Any:
        """Ask the host; start the child first if it does not run.

        Args:
            method: of the host.
            arguments: of the method; data, see channel.py.
            timeout: s that the answer may take; then the child is killed and started again.
            abandoned: asked now and then whether to wait no longer.

        Raises:
            HostedFault: the host raised.
            HostedFailure: it hung or died.
            Interrupted: abandoned; a late answer is thrown away.
            ConfigurationError: the child cannot be started again.
        """
        self._settle()
        self.connect(abandoned)
        process = self._process
        self._number += 1
        try:
            if process is None:
                raise HostedClosedError("it was closed")
            try:
                process.send([self._number, method, arguments], timeout)
            except ChannelError as error:
                raise self._died(process) from error
            except TimeoutError as error:
                raise _silence(timeout) from error
            answer, value = self._answer(self._number, timeout, abandoned)
        except HostedFailure:
            self.restart()
            raise
        if answer == "fault":
            raise HostedFault(*value)
        return value

    def cancel(self) -> None:
        """Tell the host that nobody waits for the running call; it may end it."""
        process = self._process
        if process is not None and self._ready:
            with contextlib.suppress(ChannelError, TimeoutError):
                process.send([self._number, "cancel", []], 0.1)

    def start(self) -> None:
        """Start the child unless it runs; returns at once.

        Raises:
            HostedClosedError: the service was closed.
            ConfigurationError: the interpreter does not start.
        """
        with self._guard:
            if self._closed:
                raise HostedClosedError("it was closed")
            if self._process is None:
                self._ready = False
                self._process = self._make()

    def restart(self) -> None:
        """Replace the child; the next call waits until the new one is ready."""
        self.end()
        with contextlib.suppress(HostedClosedError, ConfigurationError):
            self.start()

    def end(self) -> None:
        """End the child; idempotent, from any thread."""
        with self._guard:
            process, self._process = self._process, None
            self._ready, self._abandoned_at = False, 0.0
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child and start none any more; idempotent, from any thread."""
        self._closed = True
        self.end()

    def _settle(self) -> None:
        """Let an abandoned call end; kill the child if it does not."""
        process, since = self._process, self._abandoned_at
        self._abandoned_at = 0.0
        if not since or process is None:
            return
        try:
            while True:
                left = max(0.0, since + _GRACE - time.monotonic())
                if process.receive(left)[0] == self._number:
                    return
        except (ChannelError, TimeoutError):
            self.end()

    def _answer(
        self, number: int, timeout: float, abandoned: Callable[[], bool]
    ) -> tuple[str, Any]:
        """The answer of this number; earlier ones are thrown away."""
        process = self._process
        deadline = time.monotonic() + timeout
        while process is not None and not self._closed:
            left = deadline - time.monotonic()
            try:
                got, answer, value = process.receive(max(0.0, min(_POLL, left)))
                if got == number:
                    return answer, value
                continue
            except TimeoutError:
                # whatever it has forked may keep its channel open
                if process.exit_code() is not None and not process.poll(0.0):
                    raise self._died(process) from None
            except (ChannelError, ValueError, TypeError) as error:
                raise self._died(process) from error
            if left <= 0:
                raise _silence(timeout)
            if abandoned():
                self._abandoned_at = time.monotonic() if number >= 0 else 0.0
                raise Interrupted
        raise HostedClosedError("it was closed")

    def _died(self, process: HostedProcess) -> Exception:
        if self._closed or self._process is None:
            return HostedClosedError("it was closed")
        death = process.death()
        if reason := process.unusable():
            return ConfigurationError(reason)
        return HostedFailure(f"died: {death}")


def _silence(timeout: float) -> HostedSilence:
    return HostedSilence(f"no answer within {timeout:g} s")


def refusal_of(class_name: str, message: str) -> ConfigurationError | None:
    """The configuration error that a child told by its name; None for any other class."""
    kind = getattr(errors, class_name, None)
    if isinstance(kind, type) and issubclass(kind, ConfigurationError):
        return kind(message)
    return None
