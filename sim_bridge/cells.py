# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulator as a cell, in this process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.parameters import SimBridgeParameters
from robomd_ros.core.errors import CatalogueError, CellFault, ConfigurationError
from robomd_ros.core.policies import Policy, check_policy, load_policy, needs_of, wants_state
from robomd_ros.core.policies.hosted import ForeignPolicy
from robomd_ros.core.schema import default_of
from robomd_ros.core.spaces import require_fit, seen_cameras
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene
from sim_bridge.rollout import Rollout, Wish, picture_of, run_rollout
from sim_bridge.tasks.task import plain_name, simulated_task


@dataclass(frozen=True)
class SimulatorOptions:
    """What a simulator cell is made of.

    Attributes:
        task: name of the task.
        policy: specification of the policy under test, see `load_policy`.
        python: path of the interpreter that hosts it; empty: the simulator's own process.
        catalogue: every variation of it is checked before the first trial; None checks none.
        horizon: policy steps after which a rollout has failed; None takes the task's.
        trial_timeout: s that a worker may take for one trial before it is killed.
        start_timeout: s that a worker may take to start; the first start compiles the model.
    """

    task: str
    policy: str
    catalogue: Catalogue | None = None
    horizon: int | None = None
    trial_timeout: float = default_of(SimBridgeParameters, "trial_timeout")
    start_timeout: float = default_of(SimBridgeParameters, "start_timeout")
    python: str = default_of(SimBridgeParameters, "python")

    def __post_init__(self) -> None:
        simulated_task(self.task)
        if self.catalogue is not None and plain_name(self.catalogue.task) != plain_name(self.task):
            raise ConfigurationError(
                f"the catalogue is for the task {self.catalogue.task!r}, the cell for "
                f"{self.task!r}; use a catalogue of that task"
            )
        if self.horizon is not None and self.horizon < 1:
            raise ConfigurationError(f"horizon must be at least 1; got {self.horizon}")
        for name in ("trial_timeout", "start_timeout"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0 s; got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class _Start:
    """Where a simulation stands after `observe`, before the first step."""

    scene: list[tuple[str, dict[str, Any]]]
    seed: int
    observation: dict[str, Any]


def _contents(scene: Scene) -> list[tuple[str, dict[str, Any]]]:
    """Everything that a scene changes: two of the same ids may differ in their parameters."""
    return [(v.id, dict(v.parameters)) for v in scene]


class TrialRunner:
    """A simulation and a policy that fit each other."""

    def __init__(self, options: SimulatorOptions) -> None:
        """Load everything, compare what the policy needs with the task, and ask it once.

        Raises:
            PolicyLoadError: the policy is missing or does not fit the task.
            CatalogueError: the simulation cannot make one of the variations.
        """
        # MuJoCo and Numba are for the process that simulates, not for all that name its options
        from sim_bridge.engine.simulation import Simulation  # noqa: PLC0415

        self.options = options
        self._start: _Start | None = None
        self.task = simulated_task(options.task)
        self.policy = self._loaded()
        needs, gives = needs_of(self.policy), self.task.spaces
        require_fit(needs, gives, repr(options.policy), f"the simulated task {self.task.name}")
        self.simulation = Simulation(self.task, cameras=seen_cameras(needs, gives))
        try:
            for variation in options.catalogue or ():
                self.simulation.check(Scene((variation,)))
            self.simulation.reset(0, NOMINAL)
            observation = self.simulation.observe(needs.state)
            check_policy(self.policy, observation, gives.action, self.task.instruction)
        except ConfigurationError:
            self.simulation.close()  # a graphics context left to the interpreter's end complains
            raise

    def _loaded(self) -> Policy:
        """The policy, in this process or in the Python that is to host it."""
        options = self.options
        if not options.python:
            return load_policy(options.policy)
        limits = options.trial_timeout, options.start_timeout
        return ForeignPolicy(options.policy, options.python, self.task.action_size, *limits)

    def run(
        self,
        scene: Scene,
        seed: int,
        should_stop: Callable[[], bool],
        instruction: str = "",
        longest: float = 0.0,
    ) -> Rollout:
        """One rollout; see `run_rollout`. It goes on from an `observe` of the same start.

        Args:
            scene: the variations in force.
            seed: of the initial state and of the policy's episode.
            should_stop: asked before every step.
            instruction: what the policy is told to do; "": the task's own.
            longest: simulated time after which the rollout has failed, s; 0: as the options say.
        """
        horizon = self.options.horizon
        if longest:
            horizon = max(1, round(longest * self.task.control_freq))
        start, self._start = self._start, None
        first = None
        if start is not None and start.scene == _contents(scene) and start.seed == seed:
            first = start.observation
        return run_rollout(
            self.simulation,
            self.policy,
            scene,
            seed,
            self.task,
            wish=Wish(instruction, horizon),
            should_stop=should_stop,
            first=first,
        )

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """The first picture of the scene, (H, W, 3) uint8 RGB."""
        self._start = None
        self.simulation.reset(seed, scene)
        observation = self.simulation.observe(wants_state(self.policy))
        self._start = _Start(_contents(scene), seed, observation)
        return picture_of(self.simulation, observation, self.task)

    def joint_positions(self) -> NDArray[np.float64]:
        """Where the arm's joints are now, (n,) rad."""
        positions: NDArray[np.float64] = self.simulation.proprioception()["joint_pos"]
        return positions

    def poses(self) -> dict[str, NDArray[np.float64]]:
        """Where the arm's base and the camera are; see `Simulation.poses`."""
        return self.simulation.poses()

    def close(self) -> None:
        """Free the simulation."""
        self.simulation.close()


class SimulatorCell:
    """A cell in this process: for scripts and tests; a crash of the simulator takes all along."""

    def __init__(self, name: str, options: SimulatorOptions) -> None:
        """Only remember; `connect` does the work."""
        self._name = name
        self._options = options
        self._runner: TrialRunner | None = None
        self._cancelled = threading.Event()

    @property
    def name(self) -> str:
        """Unique name of the cell in a campaign."""
        return self._name

    def connect(self) -> None:
        """Build the simulation and load the policy; PolicyLoadError, CatalogueError."""
        if self._runner is None:
            runner = TrialRunner(self._options)
            # The graphics context belongs to a thread; trials may run on another than this one.
            runner.simulation.close()
            self._runner = runner

    def run(self, scene: Scene, seed: int) -> Trial:
        """One trial, INVALID if the simulator cannot make the scene; CellFault if cancelled."""
        runner = self._connected()
        self._cancelled.clear()
        try:
            rollout = runner.run(scene, seed, self._cancelled.is_set)
        except CatalogueError as error:
            return Trial(-1, self._name, scene, seed, Outcome(Result.INVALID, detail=str(error)))
        return Trial(-1, self._name, scene, seed, rollout.outcome, rollout.image)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """The first picture of the scene, (H, W, 3) uint8 RGB."""
        return self._connected().observe(scene, seed)

    def available(self) -> bool:
        """Whether `connect` was called and `close` was not."""
        return self._runner is not None

    def cancel(self) -> None:
        """A running trial ends before its next step."""
        self._cancelled.set()

    def close(self) -> None:
        """Free the simulation; idempotent."""
        runner, self._runner = self._runner, None
        self._cancelled.set()
        if runner is not None:
            runner.close()

    def _connected(self) -> TrialRunner:
        if self._runner is None:
            raise CellFault(f"cell {self._name!r} is not connected; call connect() first")
        return self._runner
