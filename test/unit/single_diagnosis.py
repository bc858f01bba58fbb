# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 2 as one gymnasium environment: what the arrays of the product are held against."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robomd_ros.core.embedding.virtual import NOBODY, VirtualProblem, agent_spaces


class EmbeddingDiagnosisEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One environment of `VirtualDiagnosis`, step by step.

    `info` holds the scene (ids), whether it failed, the penalty, and N(a).
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (gymnasium's own declaration)

    def __init__(self, problem: VirtualProblem) -> None:
        self.problem = problem
        self.observation_space: spaces.Space[Any]
        self.action_space: spaces.Space[Any]
        self.observation_space, self.action_space = agent_spaces(problem.frame.size)
        self._state, self._last, self._repeats, self._steps = problem.start, NOBODY, 0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Back to the nominal scene."""
        super().reset(seed=seed)
        self._state, self._last, self._repeats, self._steps = self.problem.start, NOBODY, 0, 0
        return self.problem.observations[self._state].copy(), {"scene": ()}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Execute the nearest known embedding."""
        problem = self.problem
        nearest, penalties = problem.execute(np.asarray(action)[None])
        executed, penalty = int(nearest[0]), float(penalties[0])
        failed = bool(problem.draw_failures(nearest, self.np_random)[0])
        self._repeats = self._repeats + 1 if executed == self._last else 0
        reward = float(problem.reward.of(failed, penalty, self._repeats))
        self._state, self._last, self._steps = executed, executed, self._steps + 1
        truncated = not failed and self._steps >= problem.max_steps
        scene = problem.known.scene_ids[executed]
        info = {"scene": scene, "failed": failed, "penalty": penalty, "repeats": self._repeats}
        return problem.observations[executed].copy(), reward, failed, truncated, info
