# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Putting a rod through an opening: a task of this project's, of robosuite's building blocks."""

from sim_bridge.tasks.robosuite_task import CAMERAS, RobosuiteTask, Thing

THINGS = {
    "rod": Thing("rod_root", "rod_", "rod_joint0"),
    "stand": Thing("stand_root", "stand_", movable=True),
    "table": Thing("table"),
}


def threading(robot: str = "Panda", camera: str = "agentview", horizon: int = 400) -> RobosuiteTask:
    """A rod of 10 mm through an opening of 18 mm."""
    return RobosuiteTask(
        name="threading",
        environment="RodThreading",
        robot=robot,
        instruction="put the rod through the opening of the stand",
        camera=camera,
        cameras=CAMERAS,
        horizon=horizon,
        things=THINGS,
        handled="rod",
        lifted_above=0.87,
        module="sim_bridge.tasks.rod_threading",
    )
