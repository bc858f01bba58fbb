# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 2 without rollouts: the environments in which the search agent learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from robomd_ros.core.embedding.frame import ActionFrame
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.search.reward import ContinuousReward

NOBODY = -1
"""Index of the last executed embedding at the start of an episode."""


def agent_spaces(size: int) -> tuple[spaces.Box, spaces.Box]:
    """Observations R^c and actions [-1, 1]^c of a frame of c coordinates, float32."""
    return (
        spaces.Box(-np.inf, np.inf, (size,), np.float32),
        spaces.Box(-1.0, 1.0, (size,), np.float32),
    )


@dataclass(frozen=True, eq=False)
class VirtualProblem:
    """What the environments are made of.

    A state is the index of the embedding of the present scene: m, the number of known embeddings,
    is the nominal scene. An action moves to its nearest known embedding, whose outcome is drawn
    from that embedding's recorded trials.

    Note:
        The paper's penalty is "proportional to" the distance. The factor here is `penalty` over
        the spread of the known embeddings, so that it means the same in every embedding.

    Attributes:
        known: the known embeddings.
        nominal: (d,) embedding of the nominal scene, the state after a reset.
        frame: coordinates of the actions and of the observations.
        reward: Eq. 2.
        penalty: of an action as far from everything known as the known are spread, at least 0.
        max_steps: executions after which an episode is cut off, at least 1.
    """

    known: KnownEmbeddings
    nominal: NDArray[np.floating[Any]]
    frame: ActionFrame
    reward: ContinuousReward
    penalty: float = 1.0
    max_steps: int = 8

    def __post_init__(self) -> None:
        if self.nominal.shape != (self.known.size,) or not np.all(np.isfinite(self.nominal)):
            raise ValueError(
                f"the nominal embedding must be ({self.known.size},) and finite; "
                f"got {self.nominal.shape}"
            )
        if not self.penalty >= 0 or self.max_steps < 1:
            raise ValueError(
                "penalty must be at least 0 and max_steps at least 1; "
                f"got {self.penalty}, {self.max_steps}"
            )

    @property
    def start(self) -> int:
        """The state after a reset."""
        return len(self.known)

    @cached_property
    def observations(self) -> NDArray[np.float32]:
        """(m + 1, c) what the agent sees in each state: its embedding in the action frame."""
        points = np.vstack([self.known.embeddings, self.nominal[None]])
        return self.frame.to_actions(points).astype(np.float32)

    def draw_failures(
        self, executed: NDArray[np.intp], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Outcomes (n,), each of a trial drawn from those recorded of the executed embedding."""
        return np.asarray(rng.random(len(executed)) < self.known.failure_rates[executed])

    def execute(
        self, actions: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The known embedding that each action executes, (n,), and the penalty, (n,)."""
        nearest, distances = self.known.nearest(self.frame.to_embeddings(actions))
        return nearest, self.penalty * distances / self.known.spread


class VirtualDiagnosis(VecEnv):
    """Algorithm 2 as many environments stepped together in arrays, for SB3.

    Action: (c,) float32 in [-1, 1], a point of the embedding space in the problem's frame.
    Observation: (c,) float32, the embedding of the present scene in that frame; nominal after a
    reset, the executed embedding after a success. Reward: Eq. 2. An episode terminates with a
    failure and is truncated after `max_steps` executions.

    An environment that ends starts again at once, as SB3 wants it, and only those that ended are
    touched one by one. Outcomes are drawn for all of them from one generator.
    """

    render_mode: str | None = None

    def __init__(self, problem: VirtualProblem, count: int, seed: int = 0) -> None:
        """Connect the pieces.

        Args:
            problem: what is searched.
            count: environments, at least 1.
            seed: of the outcomes.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1 environment; got {count}")
        super().__init__(count, *agent_spaces(problem.frame.size))
        self.problem = problem
        self._rng = np.random.default_rng(seed)
        self._actions: NDArray[np.float32] = np.zeros((count, problem.frame.size), np.float32)
        self.reset()

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the outcomes of all environments together."""
        self._rng = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def reset(self) -> NDArray[np.float32]:
        """All environments back to the nominal scene; (n, c)."""
        self._state = np.full(self.num_envs, self.problem.start)
        self._last = np.full(self.num_envs, NOBODY)
        self._repeats = np.zeros(self.num_envs, dtype=np.int64)
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return np.asarray(self.problem.observations[self._state])

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Take the actions (n, c)."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Execute the nearest known embedding of every action."""
        problem = self.problem
        executed, penalties = problem.execute(self._actions)
        failed = problem.draw_failures(executed, self._rng)
        self._repeats = np.where(executed == self._last, self._repeats + 1, 0)
        rewards = problem.reward.of(failed, penalties, self._repeats)
        self._state, self._last, self._steps = executed.copy(), executed, self._steps + 1
        truncated = ~failed & (self._steps >= problem.max_steps)
        done = failed | truncated
        infos = self._begin_again(done, truncated, executed)
        return problem.observations[self._state], rewards.astype(np.float32), done, infos

    def _begin_again(
        self, done: NDArray[np.bool_], truncated: NDArray[np.bool_], executed: NDArray[np.intp]
    ) -> list[dict[str, Any]]:
        """Put the environments that ended back to the nominal scene; their infos."""
        infos: list[dict[str, Any]] = [{}] * self.num_envs
        for i in np.flatnonzero(done):
            infos[i] = {
                "terminal_observation": self.problem.observations[executed[i]],
                "TimeLimit.truncated": bool(truncated[i]),
            }
        self._state[done], self._last[done] = self.problem.start, NOBODY
        self._repeats[done] = self._steps[done] = 0
        return infos

    def close(self) -> None:
        """Nothing is held."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the environments; they share it."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused: the environments are one array."""
        raise AttributeError(f"{attr_name} cannot be set in single environments of an array")

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Refused: the environments are one array."""
        raise AttributeError(f"single environments of an array have no method {method_name}")

    def env_is_wrapped(
        self,
        wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]],
        indices: VecEnvIndices = None,
    ) -> list[bool]:
        """No environment is wrapped."""
        return [False] * len(list(self._get_indices(indices)))
