# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One rollout of a policy on a real arm: look, ask, command, until it is over."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CellFault, PolicyFault
from robomd_ros.core.policies.commands import CommandSummary
from robomd_ros.core.policies.detector import RolloutVerdict
from robomd_ros.core.policies.hosted import Interrupted, PluginProcess
from robomd_ros.core.policies.pace import ASKED_RATE, PaceMeter
from robomd_ros.core.policies.policy import Observation
from robomd_ros.core.spaces import ActionSpec
from robomd_ros.core.trial import Outcome, Result, Source

_RESET_TIMEOUT = 5.0
"""s that a policy gets at least to begin an episode."""
_LOOK = 0.02
"""s between looks at the robot while the next step is waited for."""
_FINAL_DETECTION = 10.0
"""s that a detector gets for its last word."""


class RolloutCanceled(CellFault):
    """The rollout was asked to end."""


class Senses(Protocol):
    """What the robot's sensors give."""

    def observe(self) -> Observation:
        """What the policy sees now; CellFault where anything is too old or the robot not ready."""
        ...

    def fault(self) -> str:
        """Why the robot may not go on; empty if it may."""
        ...

    def flaw(self) -> str:
        """Why a rollout that has ended may not count; empty if it may."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What was measured of robot and camera during the rollout, as JSON has it."""
        ...


class Commands(Protocol):
    """The stream of commands to the arm."""

    def begin(self, allowed: Callable[[], bool]) -> None:
        """Open the stream; it falls silent whenever it is not allowed."""
        ...

    def command(self, action: NDArray[np.float64]) -> None:
        """Send this (size,) action, again and again until it is too old."""
        ...

    def stop(self) -> None:
        """End the stream with the arm at rest; idempotent."""
        ...


@dataclass(frozen=True)
class RolloutConfig:
    """How a rollout is done.

    Attributes:
        rate: Hz, of observations and commands.
        policy_timeout: s that one command may take.
        outcome_by: operator, policy or detector.
        detector_period: s between questions to the detector.
        action_size: values of a command, the gripper's included.
        action: what commands the cell takes; None where nobody says.
    """

    rate: float
    policy_timeout: float
    outcome_by: str
    detector_period: float
    action_size: int = 7
    action: ActionSpec | None = None


class PolicyRollout:
    """Runs rollouts, one at a time; blocks the calling thread."""

    def __init__(
        self,
        config: RolloutConfig,
        policy: PluginProcess,
        detector: PluginProcess | None,
        senses: Senses,
        commands: Commands,
    ) -> None:
        """Take what a rollout needs.

        Args:
            config: how it is done.
            policy: the policy under test.
            detector: says whether the task is done; None if nobody asks it.
            senses: the robot's.
            commands: to the robot.
        """
        self._config = config
        self._policy = policy
        self._detector = detector
        self._senses = senses
        self._commands = commands
        self._given = CommandSummary(config.action)
        self._pace = PaceMeter(config.rate)
        self.steps = 0
        self.duration = 0.0

    def begin(self) -> None:
        """Nothing has been done yet; `run` does it too."""
        self.steps, self.duration = 0, 0.0
        self._pace.begin()
        self._given = CommandSummary(self._config.action)

    def measured(self, outcome: Outcome) -> Outcome:
        """An outcome with what was measured in the last rollout, also of one that broke off."""
        pace = self._pace.pace
        return replace(
            outcome,
            achieved_rate=pace.achieved,
            inference_p50=pace.p50,
            inference_p95=pace.p95,
            facts={
                **outcome.facts,
                **self._given.facts(),
                ASKED_RATE: pace.asked,
                **self._senses.facts(),
            },
        )

    def run(
        self, seed: int, instruction: str, time_limit: float, canceled: threading.Event
    ) -> Outcome:
        """One rollout.

        Args:
            seed: of the policy's episode.
            instruction: what the policy is told to do.
            time_limit: s after which the rollout is over.
            canceled: set to end it.

        Returns:
            SUCCESS or FAILURE where the policy or the detector says so, else UNKNOWN; with what
            was measured.

        Raises:
            PolicyFault: the policy raised, hung, died, or gave an impossible command.
            CellFault: a sensor is stale, the robot not ready, the camera or the gripper broken, or
                the detector failed.
            RolloutCanceled: `canceled` was set.
        """
        self.begin()
        watch = _DetectorWatch(self._detector, self._config.detector_period)
        try:
            self._ask(canceled, "reset", seed, instruction, timeout=self._reset_timeout)
            watch.begin(seed, instruction)
            self._commands.begin(lambda: not self._senses.fault())
            said = self._steps(time_limit, canceled, watch)
        finally:
            self._commands.stop()
            watch.end()
        if flaw := self._senses.flaw():
            raise CellFault(flaw)
        return self.measured(self._label(said, time_limit, watch))

    @property
    def _reset_timeout(self) -> float:
        return max(_RESET_TIMEOUT, self._config.policy_timeout)

    def _steps(
        self, time_limit: float, canceled: threading.Event, watch: "_DetectorWatch"
    ) -> RolloutVerdict | None:
        """Go on until the time is up or somebody says that the rollout is over."""
        begun = due = time.monotonic()
        while time.monotonic() - begun < time_limit:
            observation = self._senses.observe()
            timeout = self._config.policy_timeout
            size = self._config.action_size
            asked = time.monotonic()
            action, said = self._ask(canceled, "act", observation, size, timeout=timeout)
            self._pace.step(asked, time.monotonic() - asked)
            self._require_ready()
            self._commands.command(action)
            self._given.add(action)
            self.steps += 1
            self.duration = time.monotonic() - begun
            if said is not None and self._config.outcome_by != "detector":
                return said if isinstance(said, RolloutVerdict) else None
            if (seen := watch.look(observation)) is not None and seen.success:
                return seen
            # a policy that is late loses its place: the arm must not catch up in a burst
            due = max(due + 1.0 / self._config.rate, time.monotonic())
            self._wait(min(due, begun + time_limit), canceled)
        self.duration = time.monotonic() - begun
        return None

    def _ask(self, canceled: threading.Event, method: str, *arguments: Any, timeout: float) -> Any:
        """Ask the policy, but no longer than the robot is ready and the rollout wanted."""
        try:
            return self._policy.call(
                method,
                *arguments,
                timeout=timeout,
                abandoned=lambda: canceled.is_set() or bool(self._senses.fault()),
            )
        except Interrupted:
            if canceled.is_set():
                raise RolloutCanceled("the rollout was canceled") from None
            self._require_ready()
            raise CellFault("the robot was not ready for a moment; run the trial again") from None

    def _require_ready(self) -> None:
        if reason := self._senses.fault():
            raise CellFault(reason)

    def _wait(self, until: float, canceled: threading.Event) -> None:
        while True:
            if canceled.is_set():
                raise RolloutCanceled("the rollout was canceled")
            self._require_ready()
            left = until - time.monotonic()
            if left <= 0:
                return
            canceled.wait(min(_LOOK, left))

    def _label(
        self, said: RolloutVerdict | None, time_limit: float, watch: "_DetectorWatch"
    ) -> Outcome:
        duration, steps = self.duration, self.steps
        if self._config.outcome_by == "operator":
            why = f"the policy says: {said.detail or said.success}" if said else ""
            return Outcome(Result.UNKNOWN, Source.UNKNOWN, duration, steps, why)
        if self._config.outcome_by == "policy":
            said = said or RolloutVerdict(False, f"no success within {time_limit:g} s")
            result = Result.SUCCESS if said.success else Result.FAILURE
            return Outcome(result, Source.POLICY, duration, steps, said.detail)
        said = said or watch.last_word(self._senses.observe())
        if said is None:
            return Outcome(
                Result.UNKNOWN, Source.UNKNOWN, duration, steps, "the detector is undecided"
            )
        result = Result.SUCCESS if said.success else Result.FAILURE
        return Outcome(result, Source.DETECTOR, duration, steps, said.detail)


class _DetectorWatch:
    """Asks the detector beside the rollout, so that a slow one does not hold up the arm."""

    def __init__(self, detector: PluginProcess | None, period: float) -> None:
        self._detector = detector
        self._period = period
        self._newest: Observation | None = None
        self._said: RolloutVerdict | None = None
        self._error = ""
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, seed: int, instruction: str) -> None:
        """Tell the detector that a rollout starts."""
        if self._detector is None:
            return
        self._call("reset", seed, instruction)
        self._thread = threading.Thread(target=self._run, name="detector", daemon=True)
        self._thread.start()

    def look(self, observation: Observation) -> RolloutVerdict | None:
        """Give it the newest observation; what it said last. CellFault if it failed."""
        self._newest = observation
        if self._error:
            raise CellFault(self._error)
        return self._said

    def end(self) -> None:
        """Ask no more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def last_word(self, observation: Observation) -> RolloutVerdict | None:
        """What the detector says of the end of the rollout; CellFault if it failed."""
        said = self._call("detect", observation)
        return said if isinstance(said, RolloutVerdict) else None

    def _run(self) -> None:
        while not self._ending.wait(self._period):
            if self._newest is None:
                continue
            try:
                self._said = self._call("detect", self._newest)
            except CellFault as fault:
                self._error = str(fault)
                return

    def _call(self, method: str, *arguments: Any) -> Any:
        if self._detector is None:
            return None
        try:
            return self._detector.call(method, *arguments, timeout=_FINAL_DETECTION)
        except PolicyFault as fault:
            # no fault of the policy: the trial has no label
            raise CellFault(f"no outcome: {fault}") from fault
