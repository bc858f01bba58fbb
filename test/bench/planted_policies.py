# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies whose weakness is known: the scripted expert, which stands still where it is planted.

In the folder of this file: `robomd sim policy:=python:planted_policies:Pair search:=covering`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.spaces import Spaces
from sim_bridge.experts.lift import ScriptedExpert

Ids = frozenset[str]
_DARK = 82.0
"""Mean of a picture, of 255, below which `Dim` sees nothing: 218 unchanged, 130 under gray light,
92 with a coloured table, 72 to 74 under coloured light."""


class Never(ScriptedExpert):
    """The expert itself; what is planted in a class below is said by `stands_still`."""

    def reset(self, seed: int, instruction: str) -> None:
        """An episode begins; chance comes from its seed."""
        super().reset(seed, instruction)
        self.draw = float(np.random.default_rng([seed, 5]).random())

    def act(self, observation: Any) -> NDArray[np.float64]:
        """The expert's command, or none."""
        if self.stands_still(frozenset(observation["state"]["scene"]), observation):
            return np.zeros(7)
        return super().act(observation)

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """Whether it does nothing in this scene."""
        return False


class Always(Never):
    """Fails in every scene, the unchanged one too."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """In every scene."""
        return True


class Chance(Never):
    """Fails in three of ten episodes, whatever the scene."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """By the episode's seed alone."""
        return self.draw < 0.3


class Colour(Never):
    """Does not see a green cube."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """Beside a green cube."""
        return "cube_color_green" in scene


class Pair(Never):
    """Fails where two changes come together."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """On a red table under blue light."""
        return {"table_color_red", "light_color_blue"} <= scene


class Triple(Never):
    """Fails where three changes come together."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """A green robot at a red table under blue light."""
        return {"table_color_red", "light_color_blue", "robot_color_green"} <= scene


class Half(Never):
    """Fails in every second episode under each of three changes."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """By the episode's seed, under one of the three."""
        weak = {"cube_color_green", "table_color_blue", "light_color_red"}
        return bool(weak & scene) and self.draw < 0.5


class Rescue(Never):
    """Does not see a green cube, unless the light is gray."""

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """Beside a green cube in another light."""
        return "cube_color_green" in scene and "light_color_gray" not in scene


class Dim(Never):
    """Fails where the picture is dark, by its pixels and no name: under coloured light."""

    needs = Spaces(
        cameras={"agentview": (84, 84)},
        proprioception=ScriptedExpert.needs.proprioception,
        state=True,
    )

    def reset(self, seed: int, instruction: str) -> None:
        """An episode begins."""
        super().reset(seed, instruction)
        self.dark: bool | None = None

    def stands_still(self, scene: Ids, observation: Any) -> bool:
        """By the first picture of the episode."""
        if self.dark is None:
            self.dark = float(observation["images"]["agentview"].mean()) < _DARK
        return self.dark
