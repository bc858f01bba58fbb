# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A task of your own, in simulation, run in the folder of this file.

robomd sim task:=python:own_task:OwnTask catalogue:=own_task.yaml budget:=12 \
    policy:=python:sim_bridge.experts.lift:ScriptedExpert
"""

from dataclasses import dataclass

from sim_bridge.engine import edits
from sim_bridge.tasks.lift import LiftTask, lift


@dataclass(frozen=True)
class HighLift(LiftTask):
    """Lift's model and start, with another aim and fewer things that can be varied."""

    @property
    def edits(self):
        """What can be varied: (factor, target) of the catalogue -> what it changes in the model."""
        return {
            ("color", "cube"): edits.color(edits.of_bodies(self.objects["cube"])),
            ("strength", "light"): edits.light("factor", 0.0, 5.0, 1),
        }

    def success(self, state):
        """The "task" itself, and stages on the way to it."""
        stages = super().success(state)
        cube = state.objects["cube"].position
        return {**stages, "off the table": bool(cube[2] > self.table_height + 0.03)}


def OwnTask(height: float = 0.06):  # noqa: N802 - named as the class that it stands for
    """The cube's centre must rise this far above the table, m; ?height=0.08 asks for more."""
    return HighLift(
        name="own_task",
        robot="Panda",
        home=lift().home,
        instruction="lift the cube high",
        success_height=height,
    )
