# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy or a detector in a supervised child process, which may raise, hang, crash or be killed.

A user's code is never run in the process that commands a robot: it could hold the interpreter's
lock, and then nothing would stop the arm.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError, PolicyFault, PolicyLoadError
from robomd_ros.core.hosted.process import HostedProcess, interpreter, one_thread
from robomd_ros.core.hosted.service import (
    HostedClosedError,
    HostedFailure,
    HostedFault,
    HostedService,
    Interrupted,
    never,
)
from robomd_ros.core.policies.detector import RolloutVerdict
from robomd_ros.core.policies.policy import Observation

__all__ = ["ForeignPolicy", "Interrupted", "PluginProcess"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PluginProcess:
    """Hosts one plug-in; one that hangs or dies costs one PolicyFault and is started again.

    Calls come from one thread at a time; `close` may come from any.
    """

    def __init__(self, kind: str, spec: str, start_timeout: float, python: str) -> None:
        """Only remember; `connect` starts the child.

        Args:
            kind: "policy" or "detector".
            spec: see load_policy and load_detector.
            start_timeout: s that loading may take.
            python: path of the interpreter that hosts it; empty: this one.

        Raises:
            ConfigurationError: there is no such interpreter.
        """
        self._python = interpreter(python)
        self._kind = kind
        self._spec = spec
        self._service = HostedService(self._start, start_timeout)

    @property
    def pid(self) -> int | None:
        """Process id of the child; None if there is none."""
        return self._service.pid

    @property
    def description(self) -> Mapping[str, Any]:
        """What the plug-in says of itself, once connected."""
        return self._service.description

    def connect(self, abandoned: Callable[[], bool] = never) -> None:
        """Start the child and wait until the plug-in is loaded; idempotent.

        Args:
            abandoned: asked now and then whether to wait no longer.

        Raises:
            PolicyLoadError, ConfigurationError: the plug-in cannot be loaded.
            PolicyFault: it died while loading, or took too long.
            Interrupted: abandoned; loading goes on.
        """
        try:
            self._service.connect(abandoned)
        except HostedFault as fault:
            raise PolicyFault(f"the plug-in could not start: {fault}") from fault
        except HostedFailure as failure:
            remedy = "raise start_timeout if it only needs longer to load"
            raise PolicyFault(self._reason(failure, remedy)) from failure

    def call(
        self,
        method: str,
        *arguments: Any,
        timeout: float,
        abandoned: Callable[[], bool] = never,
    ) -> Any:
        """Ask the plug-in; start it first if it does not run.

        Args:
            method: reset, act or detect.
            arguments: of the method.
            timeout: s that the answer may take; then the child is killed and started again.
            abandoned: asked now and then whether to wait no longer.

        Returns:
            None of `reset`; the command and the policy's verdict or None of `act`; the verdict or
            None of `detect`.

        Raises:
            PolicyFault: it raised, gave what cannot be used, hung or died.
            Interrupted: abandoned; a late answer is thrown away.
        """
        try:
            answer = self._service.call(method, *arguments, timeout=timeout, abandoned=abandoned)
        except ConfigurationError as error:
            raise PolicyFault(f"the {self._kind} cannot be started again: {error}") from error
        except HostedFault as fault:
            raise PolicyFault(str(fault)) from fault
        except HostedFailure as failure:
            remedy = f"{self._kind} killed; raise policy_timeout if it only needs longer"
            raise PolicyFault(self._reason(failure, remedy)) from failure
        if method == "act":
            action, said = answer
            return action, _verdict(said)
        return _verdict(answer)

    def close(self) -> None:
        """End the child; idempotent, from any thread."""
        self._service.close()

    def _start(self) -> HostedProcess:
        return HostedProcess(
            "robomd_ros.core.policies.host:serve",
            [self._kind, self._spec],
            python=self._python,
            variables=one_thread(*_THREADS),
        )

    def _reason(self, failure: HostedFailure, remedy: str) -> str:
        if isinstance(failure, HostedClosedError):
            return f"the {self._kind} was closed"
        if failure.late:
            return f"the {self._kind} gave {failure}: {remedy}"
        return f"the {self._kind}'s process {failure}"


class ForeignPolicy:
    """The policy under test in another Python, to be used like one in this process."""

    def __init__(
        self, spec: str, python: str, size: int, timeout: float, start_timeout: float
    ) -> None:
        """Start it and wait until it is loaded.

        Args:
            spec: see load_policy; a module is looked for by that Python.
            python: path of its interpreter.
            size: values of one command.
            timeout: s that an answer may take.
            start_timeout: s that loading may take.

        Raises:
            ConfigurationError: the interpreter or the policy cannot be used.
        """
        self._process = PluginProcess("policy", spec, start_timeout, python)
        self._size, self._timeout = size, timeout
        try:
            self._process.connect()
        except PolicyFault as fault:
            raise PolicyLoadError(f"the policy {spec!r} in {python}: {fault}") from fault
        self.needs = self._process.description["needs"]
        """As Spaces.to_mapping gives it."""

    def reset(self, seed: int, instruction: str) -> None:
        """An episode starts; PolicyFault."""
        self._process.call("reset", seed, instruction, timeout=self._timeout)

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The command for this observation, (size,) float64; PolicyFault."""
        action: NDArray[np.float64]
        action, _ = self._process.call("act", dict(observation), self._size, timeout=self._timeout)
        return action

    def close(self) -> None:
        """End its process; idempotent."""
        self._process.close()


def _verdict(said: Any) -> RolloutVerdict | None:
    return None if said is None else RolloutVerdict(*said)
