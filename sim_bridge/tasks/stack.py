# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stacking one cube on another: robosuite's Stack."""

from sim_bridge.tasks.robosuite_task import CAMERAS, RobosuiteTask, Thing

THINGS = {
    "cube_a": Thing("cubeA_main", "cubeA_", "cubeA_joint0"),
    "cube_b": Thing("cubeB_main", "cubeB_", "cubeB_joint0"),
    "table": Thing("table"),
}


def stack(robot: str = "Panda", camera: str = "agentview", horizon: int = 200) -> RobosuiteTask:
    """The red cube, 40 mm, on the green one, 50 mm."""
    return RobosuiteTask(
        name="stack",
        environment="Stack",
        robot=robot,
        instruction="put the red cube on the green cube",
        camera=camera,
        cameras=CAMERAS,
        horizon=horizon,
        things=THINGS,
        handled="cube_a",
        lifted_above=0.86,
    )
