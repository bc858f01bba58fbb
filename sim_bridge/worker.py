# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulator as a cell in a supervised child process that may die or hang."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CellFault, CellLostError, ConfigurationError
from robomd_ros.core.hosted.process import HostedProcess, one_thread
from robomd_ros.core.hosted.service import (
    HostedClosedError,
    HostedFailure,
    HostedFault,
    HostedService,
    Interrupted,
)
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Scene
from sim_bridge.cells import SimulatorOptions
from sim_bridge.worker_data import options_to_data, outcome_from_data, variations_to_data

_CANCEL_GRACE = 2.0
"""s that a cancelled trial may still take before its worker is killed."""
_RETRY_AFTER = 10.0
"""s before a worker that could not start is tried again."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


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
        self.poses: Mapping[str, NDArray[np.float64]] = {}
        """Of base and camera, as of `Simulation.poses`, after the last answer."""
        self._service = HostedService(self._start, options.start_timeout)
        self._closed = False
        self._number = 0
        self._cancelled = -1
        self._retry_at = 0.0

    @property
    def name(self) -> str:
        """Unique name of the cell in a campaign."""
        return self._name

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None if there is none."""
        return self._service.pid

    def connect(self) -> None:
        """Start the worker and wait until it can run trials.

        Raises:
            PolicyLoadError, CatalogueError, ConfigurationError: as the worker found them.
            CellLostError: it died or took longer than `start_timeout`.
            CellFault: cancelled or closed; after a cancellation the start goes on.
        """
        self._number += 1
        self._make_ready()

    def run(self, scene: Scene, seed: int, instruction: str = "", longest: float = 0.0) -> Trial:
        """One trial; INVALID if the worker died or hung, which costs a restart.

        Args:
            scene: the variations in force.
            seed: of the initial state and of the policy's episode.
            instruction: what the policy is told to do; "": the task's own.
            longest: simulated time after which the rollout has failed, s; 0: as the options say.

        Raises:
            CellLostError: the worker cannot be started; try again when `available`.
            CellFault: cancelled or closed.
        """
        try:
            data, image, places = self._request("run", scene, seed, instruction, longest)
            self.joint_positions, self.poses = places
        except (HostedFailure, HostedFault) as failure:
            outcome = Outcome(Result.INVALID, detail=_reason(failure))
            return Trial(-1, self._name, scene, seed, outcome)
        return Trial(-1, self._name, scene, seed, outcome_from_data(data), image)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """The first picture of the scene, (H, W, 3) uint8 RGB; CellFault if there is none."""
        try:
            image: NDArray[np.uint8]
            image, (self.joint_positions, self.poses) = self._request("observe", scene, seed)
        except (HostedFailure, HostedFault) as failure:
            why = _reason(failure)
            raise CellFault(f"cell {self._name!r} took no picture: {why}") from failure
        return image

    def available(self) -> bool:
        """Whether a trial could start now; a worker that could not start is retried after 10 s."""
        return not self._closed and time.monotonic() >= self._retry_at

    def cancel(self) -> None:
        """A running trial ends before its next step; a stuck worker is killed after 2 s.

        A worker that is still starting goes on with it, and only the request ends.
        """
        self._cancelled = self._number
        self._service.cancel()

    def close(self) -> None:
        """End the worker; idempotent, from any thread."""
        self._closed = True
        self._service.close()

    def _request(self, method: str, scene: Scene, seed: int, *more: Any) -> Any:
        """What the worker answers.

        Raises:
            HostedFailure, HostedFault: it died or hung; its simulator or policy raised.
            CellFault: cancelled or closed, or the worker does not start.
        """
        self._number += 1
        try:
            self._make_ready()
        except ConfigurationError as error:
            raise CellLostError(f"cell {self._name!r} cannot start again: {error}") from error
        grace: float | None = None

        def stuck() -> bool:
            nonlocal grace
            if self._cancelled != self._number:
                return False
            if grace is None:  # it may have been cancelled before the worker knew the request
                self._service.cancel()
                grace = time.monotonic() + _CANCEL_GRACE
            return time.monotonic() > grace

        data = variations_to_data(scene)
        try:
            limit = self._options.trial_timeout
            return self._service.call(method, data, seed, *more, timeout=limit, abandoned=stuck)
        except Interrupted:
            self._service.restart()
            reason = f"cell {self._name!r}: cancelled; its stuck worker was killed"
            raise CellFault(reason) from None
        except HostedClosedError:
            raise CellFault(f"cell {self._name!r} was closed") from None
        except HostedFault as fault:
            if fault.class_name == CellFault.__name__:
                raise CellFault(f"cell {self._name!r}: {fault}") from fault
            raise

    def _make_ready(self) -> None:
        """Start the worker unless it runs, and wait for it; one that died idle spoils nothing."""
        try:
            self._service.connect(lambda: self._cancelled == self._number)
        except Interrupted:  # killed, it would begin again from nothing
            reason = f"cell {self._name!r}: cancelled while the simulator is starting"
            raise CellFault(reason) from None
        except HostedClosedError:
            raise CellFault(f"cell {self._name!r} is closed") from None
        except ConfigurationError:
            self._lose()
            raise
        except HostedFault as fault:
            self._lose()
            raise CellLostError(f"the worker could not start: {fault}") from fault
        except HostedFailure as failure:
            self._lose()
            why = _reason(failure, "start_timeout")
            raise CellLostError(f"cell {self._name!r} did not start: {why}") from failure

    def _start(self) -> HostedProcess:
        return HostedProcess(
            "sim_bridge.worker_process:serve",
            options_to_data(self._options),
            variables={**one_thread(*_THREADS), "PYTHONHASHSEED": "0"},
        )

    def _lose(self) -> None:
        self._retry_at = time.monotonic() + _RETRY_AFTER


def _reason(failure: HostedFailure | HostedFault, option: str = "trial_timeout") -> str:
    """Why there is no answer, with what helps; `option` is the timeout that applied."""
    if isinstance(failure, HostedFault):
        return str(failure) if failure.ours else f"the simulator raised {failure}"
    if not failure.late:
        return f"worker {failure}"
    return (
        f"{failure}: worker killed; if it only needs longer, raise {option} of sim_bridge_node in "
        "the parameter file"
    )
