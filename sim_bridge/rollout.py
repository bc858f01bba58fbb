# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One execution of the policy in one scene of the simulator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CellFault, PolicyFault
from robomd_ros.core.policies import Policy, next_action, start_episode, wants_state
from robomd_ros.core.policies.commands import CommandSummary
from robomd_ros.core.trial import Outcome, Result, Source
from robomd_ros.core.variations import Scene
from sim_bridge.tasks.task import Task


class Engine(Protocol):
    """What a rollout needs of a simulator: this project's engine and stock robosuite both do."""

    def reset(self, seed: int, scene: Scene) -> None:
        """Start an episode: same seed and scene, same start."""
        ...

    def step(self, action: NDArray[np.float64]) -> None:
        """Execute one command for one control period."""
        ...

    def observe(self, state: bool = False) -> dict[str, Any]:
        """What the policy sees now."""
        ...

    def draw(self) -> NDArray[np.uint8]:
        """The picture of the task's camera, (H, W, 3) uint8 RGB."""
        ...

    @property
    def success(self) -> bool:
        """Whether the task is done now."""
        ...

    @property
    def steps(self) -> int:
        """Commands executed since the reset."""
        ...

    @property
    def time(self) -> float:
        """Simulated time since the reset, s."""
        ...


@dataclass(frozen=True)
class Wish:
    """What is wanted of one rollout where the task alone does not say it.

    Attributes:
        instruction: what the policy is told to do; "": the task's own.
        horizon: policy steps after which the rollout has failed; None: the task's own.
    """

    instruction: str = ""
    horizon: int | None = None


NOTHING_ELSE = Wish()


@dataclass(frozen=True, eq=False)
class Rollout:
    """What a rollout gave.

    Attributes:
        outcome: SUCCESS as soon as the task is done, FAILURE at the horizon, INVALID if the policy
            gave no command.
        image: (H, W, 3) uint8 RGB, the first picture of the task's camera.
    """

    outcome: Outcome
    image: NDArray[np.uint8]


def run_rollout(
    simulation: Engine,
    policy: Policy,
    scene: Scene,
    seed: int,
    task: Task[Any],
    *,
    wish: Wish = NOTHING_ELSE,
    should_stop: Callable[[], bool] = lambda: False,
    first: dict[str, Any] | None = None,
) -> Rollout:
    """Execute the policy once from the start that the seed draws, in the scene.

    Args:
        simulation: where it runs; it is reset first, unless it is at the start already.
        policy: the policy under test; nothing it does raises here.
        scene: the variations in force.
        seed: of the initial state and of the policy's episode.
        task: instruction, camera, horizon and command size.
        wish: another instruction or horizon than the task's.
        should_stop: asked before every step.
        first: what the policy sees at the start, if the simulation has just been reset to this
            seed and scene; None resets it.

    Raises:
        CellFault: `should_stop` said so; the rollout has no outcome.
    """
    limit = task.horizon if wish.horizon is None else wish.horizon
    state = wants_state(policy)
    if first is None:
        simulation.reset(seed, scene)
    observation = simulation.observe(state) if first is None else first
    image = picture_of(simulation, observation, task)
    commands = CommandSummary(task.spaces.action)
    try:
        start_episode(policy, seed, wish.instruction or task.instruction)
        while simulation.steps < limit:
            if should_stop():
                raise CellFault(f"the rollout was cancelled after {simulation.steps} steps")
            if simulation.steps:
                observation = simulation.observe(state)
            action = next_action(policy, observation, task.action_size)
            commands.add(action)
            simulation.step(action)
            if simulation.success:
                return Rollout(_outcome(simulation, Result.SUCCESS, commands), image)
    except PolicyFault as fault:
        detail = f"at step {simulation.steps}: {fault}"
        return Rollout(_outcome(simulation, Result.INVALID, commands, detail), image)
    return Rollout(_outcome(simulation, Result.FAILURE, commands), image)


def picture_of(
    simulation: Engine, observation: dict[str, Any], task: Task[Any]
) -> NDArray[np.uint8]:
    """A copy of what the task's camera shows: of the observation, or drawn where it is not there.

    Args:
        simulation: stands where the observation was made.
        observation: what the policy sees.
        task: names the camera.
    """
    seen = observation["images"].get(task.camera)
    picture: NDArray[np.uint8] = (simulation.draw() if seen is None else seen).copy()
    return picture


def _outcome(
    simulation: Engine, result: Result, commands: CommandSummary, detail: str = ""
) -> Outcome:
    source = Source.POLICY if result is Result.INVALID else Source.SIMULATOR
    facts = commands.facts()
    return Outcome(result, source, simulation.time, simulation.steps, detail, facts=facts)
