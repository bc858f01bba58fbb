# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a scene can change in simulation: kinds of edits, each bound to elements of a model.

A task lists its edits by factor and target; `bind` finds the elements in a compiled model, and
remembers how they are there: that is nominal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError
from sim_bridge.engine import model_edits
from sim_bridge.tasks.task import Array, Values

Indices = NDArray[np.int64]
Select = Callable[[mujoco.MjModel], Indices]
"""From a model to some of its geoms."""


@dataclass(frozen=True)
class Bounds:
    """What a parameter of a variation may be: `count` numbers in [low, high]; 0 if left out."""

    count: int
    low: float
    high: float
    unit: str = ""
    required: bool = True


@dataclass(frozen=True)
class BoundEdit:
    """An edit of one model.

    Attributes:
        apply: writes values into the model, which is nominal there.
        nominal: whether these values are those of the nominal scene.
        arrays: views of the model that only this edit writes, big ones like vertices.
        meshes: whose vertices these are: a renderer must load them again.
    """

    apply: Callable[[Values], None]
    nominal: Callable[[Values], bool]
    arrays: tuple[NDArray[Any], ...] = ()
    meshes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Edit:
    """One thing that can be changed.

    Attributes:
        parameters: what a variation of it states.
        bind: finds its elements in a nominal model; ConfigurationError if they are not there.
    """

    parameters: Mapping[str, Bounds]
    bind: Callable[[mujoco.MjModel], BoundEdit]


def of_bodies(*names: str) -> Select:
    """Visible geoms of these bodies."""
    return _visible(lambda body: body in names)


def of_prefixes(*prefixes: str) -> Select:
    """Visible geoms of all bodies whose names begin so."""
    return _visible(lambda body: body.startswith(prefixes))


def boxes_of(name: str) -> Select:
    """The visible boxes of a body: a table without its legs."""
    return _visible(lambda body: body == name, mujoco.mjtGeom.mjGEOM_BOX)


def of_world(prefix: str) -> Select:
    """Visible geoms that belong to no body and whose names begin so: walls, floor."""

    def select(model: mujoco.MjModel) -> Indices:
        found = np.flatnonzero((model.geom_group == 1) & (model.geom_bodyid == 0))
        kept = [model.geom(geom).name.startswith(prefix) for geom in found]
        chosen: Indices = found[np.array(kept, bool)]
        return chosen

    return select


Bodies = Callable[[str], bool]
"""Whether a body of this name is meant."""


def bodies(root: str, prefix: str = "") -> Bodies:
    """The body, and all whose names begin with the prefix where there is one."""
    return lambda name: name == root or (bool(prefix) and name.startswith(prefix))


def visible_of(meant: Bodies) -> Select:
    """Visible geoms of these bodies."""
    return _visible(meant)


def color(select: Select) -> Edit:
    """One plain colour for geoms."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        geoms = select(model)
        if not geoms.size:
            raise ConfigurationError("an edit of a color finds none of its visible geoms")
        plain = _plain_colour(model, geoms)
        return BoundEdit(
            lambda values: model_edits.paint(model, geoms, values["rgb"]),
            lambda values: plain is not None and np.allclose(plain, values["rgb"]),
        )

    return Edit({"rgb": Bounds(3, 0.0, 1.0)}, bind)


def box_size(body: str, nominal_range: tuple[float, float]) -> Edit:
    """The size of a box, whose nominal half-sizes lie in a range, m."""
    low, high = nominal_range

    def bind(model: mujoco.MjModel) -> BoundEdit:
        index = _body(model, body)
        return BoundEdit(
            lambda values: model_edits.resize_box(model, index, values["half_size"]),
            lambda values: bool(
                (values["half_size"] >= low - 1e-9).all()
                and (values["half_size"] <= high + 1e-9).all()
            ),
        )

    return Edit({"half_size": Bounds(3, 0.004, 0.06, "m")}, bind)


def table_size(body: str, height: float) -> Edit:
    """The size of robosuite's table, whose top stays at `height`, m."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        index = _body(model, body)
        nominal = model.geom_size[model.body_geomadr[index]].copy()
        return BoundEdit(
            lambda values: model_edits.resize_table(model, index, values["half_size"], height),
            lambda values: np.allclose(nominal, values["half_size"]),
        )

    return Edit({"half_size": Bounds(3, 0.02, 1.5, "m")}, bind)


def mass(body: str) -> Edit:
    """The mass of a body; no mass is nominal, because it is drawn with the size."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        index = _body(model, body)
        return BoundEdit(
            lambda values: model_edits.set_mass(model, index, float(values["mass"][0])),
            lambda values: False,
        )

    return Edit({"mass": Bounds(1, 0.001, 5.0, "kg")}, bind)


def friction(body: str) -> Edit:
    """The sliding friction of a body."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        index = _body(model, body)
        nominal = float(model.geom_friction[model.body_geomadr[index], 0])
        return BoundEdit(
            lambda values: model_edits.set_friction(model, index, float(values["sliding"][0])),
            lambda values: np.allclose(nominal, values["sliding"]),
        )

    return Edit({"sliding": Bounds(1, 0.01, 5.0)}, bind)


def mass_factor(root: str, prefix: str) -> Edit:
    """The mass of an object of one or more bodies, as a multiple of what it is."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        indices = _bodies(model, root, prefix)
        return BoundEdit(
            lambda values: model_edits.scale_mass(model, indices, float(values["factor"][0])),
            lambda values: bool(np.allclose(values["factor"], 1.0)),
        )

    return Edit({"factor": Bounds(1, 0.02, 50.0)}, bind)


def friction_of(meant: Bodies) -> Edit:
    """The sliding friction of everything of these bodies that can be touched."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        touched = np.flatnonzero((model.geom_contype != 0) | (model.geom_conaffinity != 0))
        of_bodies = [meant(model.body(model.geom_bodyid[geom]).name) for geom in touched]
        geoms: Indices = touched[np.array(of_bodies, bool)]
        nominal = model.geom_friction[geoms, 0].copy()

        def apply(values: Values) -> None:
            model.geom_friction[geoms, 0] = values["sliding"][0]

        return BoundEdit(apply, lambda values: np.allclose(nominal, values["sliding"]))

    return Edit({"sliding": Bounds(1, 0.01, 5.0)}, bind)


def scale(root: str, prefix: str, each_axis: bool) -> Edit:
    """The size of an object as a multiple of what it is, about its origin, at the same density.

    Args:
        root: its root body.
        prefix: of the names of its other bodies.
        each_axis: one factor for each of the body's axes, for what is fixed and made of boxes and
            upright cylinders; else one for all.
    """

    def bind(model: mujoco.MjModel) -> BoundEdit:
        indices = _bodies(model, root, prefix)
        meshes = model_edits.meshes_of(model, indices)

        def apply(values: Values) -> None:
            factor = np.broadcast_to(values["factor"], 3).astype(np.float64)
            model_edits.scale_bodies(model, indices, factor)

        arrays = tuple(model_edits.vertices(model, mesh) for mesh in meshes)
        return BoundEdit(
            apply, lambda values: bool(np.allclose(values["factor"], 1.0)), arrays, meshes
        )

    return Edit({"factor": Bounds(3 if each_axis else 1, 0.2, 5.0)}, bind)


def light_direction() -> Edit:
    """Where light falls to, for all lamps."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        nominal = model.light_dir.copy()

        def apply(values: Values) -> None:
            direction = values["direction"]
            model.light_dir[:] = direction / max(float(np.linalg.norm(direction)), 1e-9)

        def is_nominal(values: Values) -> bool:
            norm = max(float(np.linalg.norm(values["direction"])), 1e-9)
            return bool(np.allclose(nominal, values["direction"] / norm, atol=1e-3))

        return BoundEdit(apply, is_nominal)

    return Edit({"direction": Bounds(3, -1.0, 1.0)}, bind)


def field_of_view(camera: str) -> Edit:
    """How much a camera sees, as a multiple of its vertical angle."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        index = _camera(model, camera)

        def apply(values: Values) -> None:
            angle = model.cam_fovy[index] * float(values["factor"][0])
            model.cam_fovy[index] = min(angle, 150.0)

        return BoundEdit(apply, lambda values: bool(np.allclose(values["factor"], 1.0)))

    return Edit({"factor": Bounds(1, 0.3, 2.5)}, bind)


def start_shift() -> Edit:
    """Where an object starts: no part of the model, the task places it."""
    bound = BoundEdit(lambda values: None, _is_zero)
    return Edit({"shift": Bounds(2, -0.2, 0.2, "m")}, lambda model: bound)


def light(key: str, low: float, high: float, count: int) -> Edit:
    """Colour or strength of all light, as factors."""
    return Edit(
        {key: Bounds(count, low, high)},
        lambda model: BoundEdit(
            lambda values: model_edits.scale_light(model, values[key]),
            lambda values: bool(np.allclose(values[key], 1.0)),
        ),
    )


def camera_pose(camera: str) -> Edit:
    """Where a camera is, and how it is turned."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        index = _camera(model, camera)
        return BoundEdit(
            lambda values: model_edits.move_camera(model, index, values["shift"], values["turn"]),
            _is_zero,
        )

    return Edit(
        {
            "shift": Bounds(3, -0.5, 0.5, "m", required=False),
            "turn": Bounds(3, -np.pi, np.pi, "rad", required=False),
        },
        bind,
    )


def shown(name: str) -> Edit:
    """A body with one geom of its name that touches nothing until it is shown."""

    def bind(model: mujoco.MjModel) -> BoundEdit:
        body, geom = _body(model, name), model.geom(name).id

        def apply(_values: Values) -> None:
            model.geom_contype[geom] = model.geom_conaffinity[geom] = 1
            # pairs of bodies are left out before their geoms are looked at
            model.body_contype[body] = model.body_conaffinity[body] = 1
            model.body_gravcomp[body] = 0.0

        return BoundEdit(apply, lambda values: False)

    return Edit({"offset": Bounds(2, -0.35, 0.35, "m")}, bind)


def _camera(model: mujoco.MjModel, camera: str) -> int:
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
    if index < 0:
        known = ", ".join(model.camera(i).name for i in range(model.ncam))
        raise ConfigurationError(
            f"the model has no camera {camera!r}, which an edit moves; it has {known}"
        )
    return int(index)


def _bodies(model: mujoco.MjModel, root: str, prefix: str) -> Indices:
    """The root body first, then those of the prefix."""
    first, meant = _body(model, root), bodies(root, prefix)
    others = [i for i in range(model.nbody) if i != first and meant(model.body(i).name)]
    return np.array([first, *others], dtype=np.int64)


def _body(model: mujoco.MjModel, name: str) -> int:
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
    if index < 0:
        raise ConfigurationError(f"the model has no body {name!r}, which an edit changes")
    return int(index)


def _visible(belongs: Callable[[str], bool], kind: mujoco.mjtGeom | None = None) -> Select:
    def select(model: mujoco.MjModel) -> Indices:
        visual = np.flatnonzero(model.geom_group == 1)
        of_body = [belongs(model.body(model.geom_bodyid[geom]).name) for geom in visual]
        found: Indices = visual[np.array(of_body, bool)]
        return found if kind is None else found[model.geom_type[found] == kind]

    return select


def _plain_colour(model: mujoco.MjModel, geoms: Indices) -> Array | None:
    """The one colour that geoms have; None with a texture or several colours."""
    colours = np.unique(model.geom_rgba[geoms, :3], axis=0)
    if len(colours) > 1 or (model.geom_matid[geoms] >= 0).any():
        return None
    return np.asarray(colours[0], dtype=np.float64)


def _is_zero(values: Values) -> bool:
    return not any(value.any() for value in values.values())
