# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Opening a door with a latch: robosuite's Door."""

from sim_bridge.tasks.robosuite_task import CAMERAS, RobosuiteTask, Thing

THINGS = {
    "door": Thing("Door_main", "Door_", movable=True),
    "handle": Thing("Door_latch"),
    "table": Thing("table"),
}


def door(robot: str = "Panda", camera: str = "agentview", horizon: int = 300) -> RobosuiteTask:
    """Turn the handle, pull the door open."""
    return RobosuiteTask(
        name="door",
        environment="Door",
        robot=robot,
        instruction="open the door",
        camera=camera,
        cameras=CAMERAS,
        horizon=horizon,
        things=THINGS,
    )
