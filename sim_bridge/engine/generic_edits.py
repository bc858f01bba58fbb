# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What can be varied in any environment of robosuite's: lights, camera, robot, and each thing."""

from collections.abc import Mapping

from sim_bridge.engine import disturbance, edits
from sim_bridge.engine.edits import Edit
from sim_bridge.tasks.robosuite_task import RobosuiteTask, Thing
from sim_bridge.tasks.task import Slot

_ROBOT = ("robot0_", "gripper0_")


def edits_of(task: RobosuiteTask) -> Mapping[Slot, Edit]:
    """Edits of the task by factor and target, in the order in which they are done."""
    things = task.varied
    found: dict[Slot, Edit] = {}
    for name, thing in things.items():
        found |= {(factor, name): edit for factor, edit in _of_thing(thing).items()}
    camera = task.camera
    return {
        **found,
        ("color", "robot"): edits.color(edits.of_prefixes(*_ROBOT)),
        ("color", "wall"): edits.color(edits.of_world("wall")),
        ("color", "floor"): edits.color(edits.of_world("floor")),
        ("color", "light"): edits.light("rgb", 0.0, 1.0, 3),
        ("strength", "light"): edits.light("factor", 0.0, 5.0, 1),
        ("direction", "light"): edits.light_direction(),
        ("pose", "camera"): edits.camera_pose(camera),
        ("zoom", "camera"): edits.field_of_view(camera),
        **disturbance.EDITS,
    }


def _of_thing(thing: Thing) -> dict[str, Edit]:
    bodies = edits.bodies(thing.body, thing.prefix)
    own: dict[str, Edit] = {}
    if thing.joint:
        own = {
            # sizes first: they scale what a mass sets anew
            "size": edits.scale(thing.body, thing.prefix, each_axis=False),
            "mass": edits.mass_factor(thing.body, thing.prefix),
            "position": edits.start_shift(),
        }
    elif thing.movable:
        own = {"position": edits.start_shift()}
    elif thing.stretchable:
        own = {"size": edits.scale(thing.body, thing.prefix, each_axis=True)}
    select = edits.boxes_of("table") if thing.body == "table" else edits.visible_of(bodies)
    return {**own, "friction": edits.friction_of(bodies), "color": edits.color(select)}
