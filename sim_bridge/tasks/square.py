# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Putting a square nut on a square peg: robosuite's NutAssemblySquare."""

from sim_bridge.tasks.robosuite_task import CAMERAS, RobosuiteTask, Thing

THINGS = {
    "square_nut": Thing("SquareNut_main", "SquareNut_", "SquareNut_joint0"),
    "peg": Thing("peg1"),
    "round_peg": Thing("peg2"),
    "table": Thing("table"),
}


def square(robot: str = "Panda", camera: str = "agentview", horizon: int = 400) -> RobosuiteTask:
    """The nut by its handle, on the peg of the same section."""
    return RobosuiteTask(
        name="square",
        environment="NutAssemblySquare",
        robot=robot,
        instruction="put the square nut on the square peg",
        camera=camera,
        cameras=CAMERAS,
        horizon=horizon,
        things=THINGS,
        handled="square_nut",
        lifted_above=0.87,
    )
