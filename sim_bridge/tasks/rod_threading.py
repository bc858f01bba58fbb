# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An environment of robosuite's building blocks: a rod, and a stand with an opening for it.

Importing this module registers it: `robosuite.make("RodThreading", ...)`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from robosuite.environments.manipulation.manipulation_env import ManipulationEnv
from robosuite.models.arenas import TableArena
from robosuite.models.objects import CompositeObject
from robosuite.models.tasks import ManipulationTask

TABLE = (0.8, 0.8, 0.05)
TABLE_HEIGHT = 0.8
BLOCK = 0.018
"""m, half side of the block by which the rod is gripped; it is the rod's origin."""
ROD = (0.055, 0.005, 0.005)
"""m, half sizes of the rod, which begins at the block."""
OPENING = 0.009
"""m, half side of the opening; its middle is the stand's origin."""
BAR = 0.008
"""m, half thickness of the stand's bars."""
HEIGHT = 0.15
"""m of the opening's middle above the table."""
_END = 0.015
"""m that the opening must be from either end of the rod."""
ROD_X, ROD_Y, ROD_YAW = (-0.17, -0.07), (0.08, 0.18), 0.5
STAND_X, STAND_Y = (0.06, 0.10), (-0.12, -0.04)


def rod() -> CompositeObject:
    """The rod and its block; it lies along its x axis."""
    reach = BLOCK + 2 * ROD[0]
    return CompositeObject(
        name="rod",
        total_size=[reach, BLOCK, BLOCK],
        geom_types=["box", "box"],
        geom_sizes=[[BLOCK] * 3, list(ROD)],
        geom_locations=[[0.0, 0.0, 0.0], [BLOCK + ROD[0], 0.0, 0.0]],
        geom_names=["block", "bar"],
        geom_rgbas=[[0.15, 0.3, 0.8, 1.0], [0.85, 0.2, 0.15, 1.0]],
        geom_frictions=[[1.2, 0.005, 0.0001], [0.3, 0.005, 0.0001]],
        density=300.0,
        locations_relative_to_center=True,
    )


def stand() -> CompositeObject:
    """Four bars around the opening, on a post; it has no joint."""
    side, long = OPENING + BAR, OPENING + 2 * BAR
    post = (HEIGHT - long) / 2
    return CompositeObject(
        name="stand",
        total_size=[0.04, 0.04, HEIGHT],
        geom_types=["box"] * 6,
        geom_sizes=[
            [BAR, BAR, OPENING],
            [BAR, BAR, OPENING],
            [BAR, long, BAR],
            [BAR, long, BAR],
            [BAR, BAR, post],
            [0.04, 0.04, 0.004],
        ],
        geom_locations=[
            [0.0, side, 0.0],
            [0.0, -side, 0.0],
            [0.0, 0.0, side],
            [0.0, 0.0, -side],
            [0.0, 0.0, -long - post],
            [0.0, 0.0, 0.004 - HEIGHT],
        ],
        geom_names=["left", "right", "top", "bottom", "post", "foot"],
        geom_rgbas=[[0.2, 0.6, 0.3, 1.0]] * 6,
        geom_frictions=[[0.3, 0.005, 0.0001]] * 6,
        joints=None,
        locations_relative_to_center=True,
    )


class RodThreading(ManipulationEnv):
    """Put the rod through the stand's opening, along the world's x."""

    def __init__(self, robots: Any, reward_scale: float = 1.0, **options: Any) -> None:
        self.reward_scale = reward_scale
        super().__init__(robots=robots, **options)

    def reward(self, action: Any = None) -> float:
        """The scale once the task is done, else nothing."""
        return self.reward_scale * float(self._check_success())

    def _load_model(self) -> None:
        super()._load_model()
        robot = self.robots[0].robot_model
        robot.set_base_xpos(robot.base_xpos_offset["table"](TABLE[0]))
        arena = TableArena(table_full_size=TABLE, table_offset=(0.0, 0.0, TABLE_HEIGHT))
        arena.set_origin([0, 0, 0])
        self.rod, self.stand = rod(), stand()
        self.model = ManipulationTask(
            mujoco_arena=arena,
            mujoco_robots=[one.robot_model for one in self.robots],
            mujoco_objects=[self.rod, self.stand],
        )

    def _setup_references(self) -> None:
        super()._setup_references()
        self._rod = self.sim.model.body_name2id(self.rod.root_body)
        self._stand = self.sim.model.body_name2id(self.stand.root_body)

    def _reset_internal(self) -> None:
        super()._reset_internal()
        if self.deterministic_reset:
            return
        yaw = self.rng.uniform(-ROD_YAW, ROD_YAW)
        place = self.rng.uniform(*ROD_X), self.rng.uniform(*ROD_Y), TABLE_HEIGHT + BLOCK + 0.002
        turn = np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)
        self.sim.data.set_joint_qpos(self.rod.joints[0], np.array([*place, *turn]))
        self.sim.model.body_pos[self._stand] = (
            self.rng.uniform(*STAND_X),
            self.rng.uniform(*STAND_Y),
            TABLE_HEIGHT + HEIGHT,
        )

    def _check_success(self) -> bool:
        """Whether the opening's middle is within the rod's section, away from its ends."""
        data = self.sim.data
        opening: NDArray[np.float64] = data.body_xpos[self._stand] - data.body_xpos[self._rod]
        x, y, z = data.body_xmat[self._rod].reshape(3, 3).T @ opening
        along = BLOCK + _END < x < BLOCK + 2 * ROD[0] - _END
        return bool(along and max(abs(y), abs(z)) < OPENING)
