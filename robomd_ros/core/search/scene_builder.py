# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How scenes grow and are reset: the bookkeeping of Algorithm 1."""

from enum import Enum

from robomd_ros.core.variations import NOMINAL, Scene, Variation


class EpisodeEnd(Enum):
    """What an outcome means for the search episode that it belongs to."""

    NONE = "goes on"
    TERMINATED = "ended by its own rules"
    TRUNCATED = "cut off at the largest scene"


class SceneBuilder:
    """The scene of one lane: variations accumulate on success and are discarded on failure.

    Algorithm 1, lines 4 to 11: a_new = a_old + a; on failure a_old is emptied, else a_old = a_new.

    Note:
        The paper lets a scene grow until the policy fails. Here a search episode also ends after
        `max_scene_size` successes, so that a sturdy policy is not tried for ever in scenes that
        nobody would call a variation; and a scene holds one variation per factor and target.
    """

    def __init__(self, accumulate: bool, max_scene_size: int) -> None:
        if max_scene_size < 1:
            raise ValueError(f"max_scene_size must be at least 1; got {max_scene_size}")
        self._accumulate = accumulate
        self._max_scene_size = max_scene_size
        self._successes = 0
        self.scene: Scene = NOMINAL
        """The scene in force between two trials: a_old."""

    def proposed(self, variation: Variation) -> Scene:
        """The scene to try: a_new = a_old + a."""
        return self.scene.adding(variation)

    def record(self, tried: Scene, failed: bool) -> EpisodeEnd:
        """Take in the valid outcome of a proposed scene."""
        if failed or not self._accumulate:
            self.reset()
            return EpisodeEnd.TERMINATED
        self._successes += 1
        if self._successes >= self._max_scene_size:
            self.reset()
            return EpisodeEnd.TRUNCATED
        self.scene = tried
        return EpisodeEnd.NONE

    def reset(self) -> None:
        """Back to the nominal scene: a_old is empty."""
        self.scene = NOMINAL
        self._successes = 0


class Lanes:
    """One scene builder per lane; a lane exists from its first use on."""

    def __init__(self, accumulate: bool, max_scene_size: int) -> None:
        self._settings = (accumulate, max_scene_size)
        self._builders: dict[int, SceneBuilder] = {}

    def __getitem__(self, lane: int) -> SceneBuilder:
        if lane not in self._builders:
            self._builders[lane] = SceneBuilder(*self._settings)
        return self._builders[lane]
