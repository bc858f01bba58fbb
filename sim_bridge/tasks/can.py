# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Putting a can into the other bin: robosuite's PickPlaceCan."""

from sim_bridge.tasks.robosuite_task import CAMERAS, RobosuiteTask, Thing

THINGS = {
    "can": Thing("Can_main", "Can_", "Can_joint0"),
    "box": Thing("bin2", stretchable=True),
    "first_box": Thing("bin1"),
}


def can(robot: str = "Panda", camera: str = "agentview", horizon: int = 400) -> RobosuiteTask:
    """The can from the first box into its quarter of the other, "box" in the paper's Table VI."""
    return RobosuiteTask(
        name="can",
        environment="PickPlaceCan",
        robot=robot,
        instruction="put the can into the other box",
        camera=camera,
        cameras=tuple(name for name in CAMERAS if name != "sideview"),
        horizon=horizon,
        things=THINGS,
        seen={"place": "VisualCan_main", "bin1": "bin1", "bin2": "bin2"},
        handled="can",
        lifted_above=0.95,
    )
