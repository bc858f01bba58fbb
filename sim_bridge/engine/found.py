# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an environment of robosuite's has, for a task of which nobody has said it."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from sim_bridge.tasks.robosuite_task import Found, RobosuiteTask, Thing
from sim_bridge.tasks.task import ArmSize

_PLAIN = (mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER)
_NUMBERED = re.compile(r"\d+(_main)?\Z")
_MANY = 4
"""Bodies of one name and different numbers, from which on they are varied together: marks."""
_NOT_THINGS = ("world", "left_eef_target", "right_eef_target")


def look(task: RobosuiteTask) -> Found:
    """Make the environment once and read what it has."""
    from sim_bridge.engine.world import World, make_environment  # noqa: PLC0415 - they ask this

    environment = make_environment(task)
    try:
        world = World(task, environment)
        model, bound = world.model, world.binding
        fingers = len(bound.finger_qpos) if len(bound.finger_ctrl) else 0
        joints = [model.joint(i) for i in range(model.njnt)]
        kinds = [j.type[0] for j in joints if fingers and j.qposadr[0] == bound.finger_qpos[0]]
        unit = "m" if kinds == [mujoco.mjtJoint.mjJNT_SLIDE] else "rad"
        return Found(
            cameras=tuple(model.camera(i).name for i in range(model.ncam)),
            arm=ArmSize(len(bound.arm_qpos), fingers, unit),
            things=_things(environment, model),
        )
    finally:
        environment.close()


def snake(name: str) -> str:
    """A name as catalogues write it: SquareNut is square_nut."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _things(environment: Any, model: mujoco.MjModel) -> Mapping[str, Thing]:
    """Objects of the environment, then what else stands in its arena."""
    things: dict[str, Thing] = {}
    for one in environment.model.mujoco_objects:
        body = model.body(one.root_body)
        free = [
            name for name in one.joints if model.joint(name).type[0] == mujoco.mjtJoint.mjJNT_FREE
        ]
        things[snake(one.name)] = Thing(
            body.name, one.naming_prefix, free[0] if free else "", movable=not free
        )
    taken = tuple(thing.prefix for thing in things.values())
    robots = tuple(prefix for robot in environment.robots for prefix in _prefixes(robot))
    fixtures = [
        model.body(index)
        for index in range(1, model.nbody)
        if ((model.geom_bodyid == index) & (model.geom_group == 1)).any()
    ]
    fixtures = [b for b in fixtures if b.name not in _NOT_THINGS]
    fixtures = [b for b in fixtures if not b.name.startswith(robots + taken)]
    stems = Counter(_NUMBERED.sub("", body.name) for body in fixtures)
    for body in fixtures:
        stem = _NUMBERED.sub("", body.name)
        if stems[stem] >= _MANY:
            things.setdefault(snake(stem), Thing(body.name, stem))
            continue
        plain = np.isin(model.geom_type[model.geom_bodyid == body.id], _PLAIN).all()
        stretchable = bool(plain) and body.name != "table"  # robosuite's legs would not follow
        things.setdefault(snake(body.name), Thing(body.name, stretchable=stretchable))
    return things


def _prefixes(robot: Any) -> tuple[str, ...]:
    """Of the names of everything that belongs to a robot."""
    own = robot.robot_model
    models = [own, own.base, *robot.gripper.values()]
    return tuple(one.naming_prefix for one in models if one is not None)
