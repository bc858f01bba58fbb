# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a scene can change in simulation: one row per factor and target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim_bridge.engine import model_edits
from sim_bridge.tasks.lift import Task

Array = NDArray[np.float64]
Values = Mapping[str, Array]


@dataclass(frozen=True)
class Bounds:
    """What a parameter of a variation may be: `count` numbers in [low, high]; 0 if left out."""

    count: int
    low: float
    high: float
    unit: str = ""
    required: bool = True


class Parts:
    """Where a nominal model has the things that can be changed, and how they are there.

    Attributes:
        model: the model that edits are written into.
        task: its task.
        cube: body.
        table: body.
        camera: the policy's camera.
        geoms: target -> visible geoms.
        painted: target -> the one plain colour it has, (3,) rgb; None with a texture or several.
        table_half_size: (3,) m.
        friction: the cube's sliding friction.
    """

    def __init__(self, model: mujoco.MjModel, task: Task) -> None:
        self.model = model
        self.task = task
        self.cube = model.body(task.object_names["cube"]).id
        self.table = model.body(task.object_names["table"]).id
        self.camera = model.camera(task.camera).id
        self.geoms = _visible_geoms(model, task)
        self.painted = {target: _plain_colour(model, ids) for target, ids in self.geoms.items()}
        self.table_half_size = model.geom_size[model.body_geomadr[self.table]].copy()
        self.friction = float(model.geom_friction[model.body_geomadr[self.cube], 0])


@dataclass(frozen=True)
class Edit:
    """One thing that can be changed.

    Attributes:
        parameters: what a variation of it states.
        apply: writes it into the model.
        nominal: whether these values are those of the nominal scene.
    """

    parameters: Mapping[str, Bounds]
    apply: Callable[[Parts, Values], None]
    nominal: Callable[[Parts, Values], bool]


def _visible_geoms(model: mujoco.MjModel, task: Task) -> dict[str, NDArray[np.int64]]:
    """Visible geoms of each target that can be painted: the table without its legs, the robot with
    its hand but without the pedestal.
    """
    visual = np.flatnonzero(model.geom_group == 1)
    names = [model.body(model.geom_bodyid[geom]).name for geom in visual]
    robot = [name.startswith(("robot0_", "gripper0_")) for name in names]
    box = model.geom_type[visual] == mujoco.mjtGeom.mjGEOM_BOX
    table = np.array([name == task.object_names["table"] for name in names]) & box
    cube = [name == task.object_names["cube"] for name in names]
    return {"cube": visual[cube], "table": visual[table], "robot": visual[robot]}


def _plain_colour(model: mujoco.MjModel, geoms: NDArray[np.int64]) -> Array | None:
    colours = np.unique(model.geom_rgba[geoms, :3], axis=0)
    if len(colours) > 1 or (model.geom_matid[geoms] >= 0).any():
        return None
    return np.asarray(colours[0], dtype=np.float64)


def _paint(target: str) -> Edit:
    def apply(parts: Parts, values: Values) -> None:
        model_edits.paint(parts.model, parts.geoms[target], values["rgb"])

    def nominal(parts: Parts, values: Values) -> bool:
        plain = parts.painted[target]
        return plain is not None and np.allclose(plain, values["rgb"])

    return Edit({"rgb": Bounds(3, 0.0, 1.0)}, apply, nominal)


def _cube_size(parts: Parts, values: Values) -> None:
    model_edits.resize_box(parts.model, parts.cube, values["half_size"])


def _is_cube_size(parts: Parts, values: Values) -> bool:
    low, high = parts.task.half_size_range
    half_size = values["half_size"]
    return bool((half_size >= low - 1e-9).all() and (half_size <= high + 1e-9).all())


def _table_size(parts: Parts, values: Values) -> None:
    height = parts.task.table_height
    model_edits.resize_table(parts.model, parts.table, values["half_size"], height)


def _cube_mass(parts: Parts, values: Values) -> None:
    model_edits.set_mass(parts.model, parts.cube, float(values["mass"][0]))


def _cube_friction(parts: Parts, values: Values) -> None:
    model_edits.set_friction(parts.model, parts.cube, float(values["sliding"][0]))


def _camera_pose(parts: Parts, values: Values) -> None:
    model_edits.move_camera(parts.model, parts.camera, values["shift"], values["turn"])


def _light(key: str, low: float, high: float, count: int) -> Edit:
    return Edit(
        {key: Bounds(count, low, high)},
        lambda parts, values: model_edits.scale_light(parts.model, values[key]),
        lambda parts, values: bool(np.allclose(values[key], 1.0)),
    )


def _nothing(parts: Parts, values: Values) -> None:
    """The object's start is not part of the model; Simulation.reset moves it."""


def _is_zero(parts: Parts, values: Values) -> bool:
    return not any(value.any() for value in values.values())


EDITS: dict[tuple[str, str], Edit] = {
    ("size", "table"): Edit(
        {"half_size": Bounds(3, 0.02, 1.5, "m")},
        _table_size,
        lambda parts, values: np.allclose(parts.table_half_size, values["half_size"]),
    ),
    ("size", "cube"): Edit({"half_size": Bounds(3, 0.004, 0.06, "m")}, _cube_size, _is_cube_size),
    # A mass is absolute, so it comes after the size, which would scale it.
    ("mass", "cube"): Edit(
        {"mass": Bounds(1, 0.001, 5.0, "kg")}, _cube_mass, lambda parts, values: False
    ),
    ("friction", "cube"): Edit(
        {"sliding": Bounds(1, 0.01, 5.0)},
        _cube_friction,
        lambda parts, values: np.allclose(parts.friction, values["sliding"]),
    ),
    ("position", "cube"): Edit({"shift": Bounds(2, -0.2, 0.2, "m")}, _nothing, _is_zero),
    ("color", "cube"): _paint("cube"),
    ("color", "table"): _paint("table"),
    ("color", "robot"): _paint("robot"),
    ("color", "light"): _light("rgb", 0.0, 1.0, 3),
    ("strength", "light"): _light("factor", 0.0, 5.0, 1),
    ("pose", "camera"): Edit(
        {
            "shift": Bounds(3, -0.5, 0.5, "m", required=False),
            "turn": Bounds(3, -np.pi, np.pi, "rad", required=False),
        },
        _camera_pose,
        _is_zero,
    ),
}
"""In the order in which the edits of a scene are made."""
