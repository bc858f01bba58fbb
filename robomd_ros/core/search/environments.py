# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The search problem as a gymnasium environment: Algorithm 1."""

from typing import Any

import cv2
import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import CellFault
from robomd_ros.core.search.reward import DiscreteReward
from robomd_ros.core.search.scene_builder import EpisodeEnd, SceneBuilder
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene

PICTURE_SIZE = 84
"""Side of the square picture that search agents see, pixels."""


def agent_picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A camera's picture as the search agent sees it.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (84, 84, 3) uint8 RGB; the same values where the size is right already.

    Raises:
        ValueError: the array is no such picture.
    """
    picture = np.asarray(image)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(
            f"a picture must be (H, W, 3) uint8 RGB; got shape {picture.shape}, {picture.dtype}"
        )
    size = (PICTURE_SIZE, PICTURE_SIZE)
    if picture.shape[:2] == size:
        return picture.copy()
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class DiscreteDiagnosisEnv(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """Algorithm 1 on one cell: change the scene, execute the policy under test, look.

    Action: index into the catalogue. Observation: (84, 84, 3) uint8 RGB, the first picture of the
    rollout (of the nominal scene after a reset). Reward: Sec. III-A. An episode terminates with a
    failure and is truncated after `max_scene_size` successes.

    An invalid trial is asked again up to `max_attempts` times. If none is valid the episode is
    truncated with reward 0, the observation stays and `info["invalid"]` says why: a learner must
    not use that step.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (gymnasium's own declaration)

    def __init__(
        self,
        cell: Cell,
        catalogue: Catalogue,
        reward: DiscreteReward,
        max_scene_size: int = 3,
        max_attempts: int = 3,
    ) -> None:
        """Connect the pieces; nothing runs yet.

        Args:
            cell: where trials run.
            catalogue: the actions.
            reward: of a valid outcome.
            max_scene_size: successes after which an episode ends, at least 1.
            max_attempts: tries of one scene whose trials are invalid, at least 1.
        """
        if max_attempts < 1:
            raise ValueError(f"max_attempts must be at least 1; got {max_attempts}")
        shape = (PICTURE_SIZE, PICTURE_SIZE, 3)
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.action_space = spaces.Discrete(len(catalogue))
        self._cell = cell
        self._catalogue = catalogue
        self._reward = reward
        self._builder = SceneBuilder(accumulate=True, max_scene_size=max_scene_size)
        self._max_attempts = max_attempts
        self._picture = np.zeros(shape, np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Back to the nominal scene.

        Raises:
            CellFault: no picture could be taken.
        """
        super().reset(seed=seed)
        self._builder.reset()
        self._picture = agent_picture(self._cell.observe(NOMINAL, self._trial_seed()))
        return self._picture, {"scene": ()}

    def step(self, action: np.int64) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Run one trial in the present scene and the action's variation."""
        scene = self._builder.proposed(self._catalogue.variations[int(action)])
        trial = self._valid_trial(scene)
        info: dict[str, Any] = {"scene": scene.ids, "result": trial.outcome.result.name}
        if not trial.outcome.valid:
            self._builder.reset()
            return self._picture, 0.0, False, True, {**info, "invalid": trial.outcome.detail}
        if trial.image is not None:
            self._picture = agent_picture(trial.image)
        end = self._builder.record(scene, trial.outcome.failed)
        terminated, truncated = end is EpisodeEnd.TERMINATED, end is EpisodeEnd.TRUNCATED
        return self._picture, self._reward(trial.outcome), terminated, truncated, info

    def close(self) -> None:
        """Free the cell."""
        self._cell.close()

    def _valid_trial(self, scene: Scene) -> Trial:
        """The first valid trial of the scene, or the last of the invalid ones."""
        seed = self._trial_seed()
        for _ in range(self._max_attempts):
            try:
                trial = self._cell.run(scene, seed)
            except CellFault as fault:
                reason = str(fault) or type(fault).__name__
                outcome = Outcome(Result.INVALID, detail=reason)
                trial = Trial(-1, self._cell.name, scene, seed, outcome)
            if trial.outcome.valid:
                break
        return trial

    def _trial_seed(self) -> int:
        return int(self.np_random.integers(2**31))
