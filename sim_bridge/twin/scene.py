# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What stands around the twin's arm: robosuite's table and cube, distractors, and their changes."""

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.variations import NOMINAL, Scene, Variation
from sim_bridge.engine.edit_table import EDITS, Bounds, Edit, Parts, Values
from sim_bridge.engine.models import load_model
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.tasks.lift import Start, Task, draw_start, task

Array = NDArray[np.float64]

HOME = (-0.294, -1.556, 2.106, -2.12, -1.571, 1.277)
"""rad, where the arm stands when the twin starts: over the table, the tool pointing down."""

CAMERA = "agentview"
LIFTED_BY = 0.04
"""m over its resting height at which the cube counts as lifted."""

TASK_NAME = "ur5e_tabletop"
_VARIANT = "twin2"
_DISTRACTORS: dict[str, tuple[mujoco.mjtGeom, tuple[float, ...], tuple[float, ...]]] = {
    "red_mug": (mujoco.mjtGeom.mjGEOM_CYLINDER, (0.035, 0.045, 0.0), (0.75, 0.06, 0.06, 1.0)),
    "green_can": (mujoco.mjtGeom.mjGEOM_CYLINDER, (0.033, 0.055, 0.0), (0.08, 0.5, 0.12, 1.0)),
    "blue_box": (mujoco.mjtGeom.mjGEOM_BOX, (0.04, 0.025, 0.05), (0.08, 0.15, 0.7, 1.0)),
}
"""Shape, sizes in m and colour; the heights are half of the whole."""

_DH_POSITIONS = {
    "robot0_shoulder_link": (0.0, 0.0, 0.1625),
    "robot0_wrist_1_link": (0.0, 0.0, 0.3922),
    "robot0_wrist_2_link": (0.0, 0.1263, 0.0),
    "robot0_wrist_3_link": (0.0, 0.0, 0.0997),
    "robot0_right_hand": (0.0, 0.0996, 0.0),
}
"""m, where robosuite's rounded link lengths give way to those of the controller's DH table."""

_MOST_TURN = 0.25
"""rad, how far a cube that is put back to its mark may be turned."""

_ASIDE = (-3.0, 0.0, 0.5)


def tabletop() -> Task:
    """The lift task of robosuite with a UR5e and a cube of 40 mm, as the catalogue has it."""
    return replace(
        task("lift"),
        name=TASK_NAME,
        robot="UR5e",
        camera=CAMERA,
        home=HOME,
        joint_noise=0.0,
        gripper_home=(0.0, 0.0),
        half_size_range=(0.02, 0.02),
        drop_height=0.001,
    )


def tabletop_model() -> mujoco.MjModel:
    """The compiled model, from the cache or built (seconds)."""
    return load_model(tabletop(), _adapt, _VARIANT)


def _adapt(spec: mujoco.MjSpec) -> None:
    """Give the arm the controller's lengths and no contact with itself; add the distractors."""
    for name, position in _DH_POSITIONS.items():
        spec.body(name).pos = position
    for body in spec.bodies:
        if body.name.startswith(("robot0_", "gripper0_", "fixed_mount0_")):
            for geom in body.geoms:
                if "inner_knuckle" in geom.name:  # its convex hull fills the space between fingers
                    geom.contype = geom.conaffinity = 0
                elif geom.contype:
                    geom.contype, geom.conaffinity = 2, 1
    for number, (name, (kind, size, colour)) in enumerate(_DISTRACTORS.items()):
        aside = (_ASIDE[0], 0.5 * number, _ASIDE[2])
        body = spec.worldbody.add_body(name=name, pos=aside, gravcomp=1.0)
        body.mass, body.inertia, body.explicitinertial = 0.2, (2e-4, 2e-4, 2e-4), True
        body.add_freejoint(name=f"{name}_joint")
        body.add_geom(
            name=name, type=kind, size=size, rgba=colour, group=1, contype=0, conaffinity=0
        )


def _distractor(name: str) -> Edit:
    def show(parts: Parts, values: Values) -> None:
        body, geom = parts.model.body(name).id, parts.model.geom(name).id
        parts.model.geom_contype[geom] = parts.model.geom_conaffinity[geom] = 1
        parts.model.body_gravcomp[body] = 0.0

    offset = {"offset": Bounds(2, -0.35, 0.35, "m")}
    return Edit(offset, show, lambda parts, values: False)


TWIN_EDITS = {**EDITS, **{("distractor", name): _distractor(name) for name in _DISTRACTORS}}
"""All that a scene can change in the twin, in the order in which the edits are made."""


class Tabletop:
    """The model with its scene in force; the arm's part of the state is not touched here.

    Attributes:
        model: what is simulated.
        data: its state.
        scene: the variations in force.
    """

    def __init__(self, seed: int) -> None:
        self.task = tabletop()
        self.model = tabletop_model()
        self.data = mujoco.MjData(self.model)
        self.scene = NOMINAL
        self._editor = SceneEditor(self.model, self.task, TWIN_EDITS)
        self._half_size = np.full(3, self.task.half_size_range[0])
        self._cube = int(self.model.joint("cube_joint0").qposadr[0])
        self._start = self._draw_start(seed)

    def _draw_start(self, seed: int) -> Start:
        """A start of the task, the cube turned little: a person lays it down along the table."""
        start = draw_start(self.task, seed)
        return replace(start, object_yaw=_MOST_TURN * (start.object_yaw / np.pi - 1.0))

    def check(self, scene: Scene) -> None:
        """CatalogueError if the scene cannot be put in force."""
        self._editor.check(scene)

    def apply(self, scene: Scene, *, reset_objects: bool, seed: int | None = None) -> None:
        """Put a scene in force, as a person would between two trials.

        Args:
            scene: what is changed; empty is nominal.
            reset_objects: put the cube back to its mark too; else it keeps its place.
            seed: of the start that the cube is put back to; None keeps the last one.

        Raises:
            CatalogueError: the scene cannot be applied; nothing was changed.
        """
        self._half_size = self._editor.apply(scene, np.full(3, self.task.half_size_range[0]))
        moved = SceneEditor.object_shift(scene) - SceneEditor.object_shift(self.scene)
        self.scene = scene
        if seed is not None:
            self._start = self._draw_start(seed)
        if reset_objects:
            self._place_cube(self._start)
        elif moved.any():
            self.data.qpos[self._cube : self._cube + 2] += moved
        self._place_distractors()
        mujoco.mj_forward(self.model, self.data)

    def reset(self, seed: int) -> None:
        """Put the objects back to a seeded start of the scene in force."""
        self.apply(self.scene, reset_objects=True, seed=seed)

    def _place_cube(self, start: Start) -> None:
        xy = start.object_xy + SceneEditor.object_shift(self.scene)
        height = self.task.table_height + self._half_size[2] + self.task.drop_height
        turn = (np.cos(start.object_yaw / 2), 0.0, 0.0, np.sin(start.object_yaw / 2))
        self._put("cube_joint0", (*xy, height), turn)

    def _place_distractors(self) -> None:
        shown = {v.target: v.parameters["offset"] for v in self.scene if v.factor == "distractor"}
        for number, (name, (kind, size, _)) in enumerate(_DISTRACTORS.items()):
            place = (_ASIDE[0], 0.5 * number, _ASIDE[2])
            if name in shown:
                half = size[1] if kind == mujoco.mjtGeom.mjGEOM_CYLINDER else size[2]
                x, y = (float(value) for value in shown[name])  # type: ignore[union-attr]
                place = (x, y, self.task.table_height + half)
            self._put(f"{name}_joint", place, (1.0, 0.0, 0.0, 0.0))

    def _put(self, joint: str, place: tuple[float, ...], turn: tuple[float, ...]) -> None:
        address = int(self.model.joint(joint).qposadr[0])
        velocity = int(self.model.joint(joint).dofadr[0])
        self.data.qpos[address : address + 7] = (*place, *turn)
        self.data.qvel[velocity : velocity + 6] = 0.0

    def objects(self) -> dict[str, Array]:
        """World positions (3,), m, of the cube and of the distractors that are shown."""
        shown = {"cube": self.data.xpos[self.model.body("cube_main").id].copy()}
        for variation in self.scene:
            if variation.factor == "distractor":
                body = self.model.body(variation.target).id
                shown[variation.target] = self.data.xpos[body].copy()
        return shown

    def lifted(self) -> bool:
        """Whether the cube is more than LIFTED_BY over its resting height."""
        resting = self.task.table_height + self._half_size[2]
        return bool(self.data.qpos[self._cube + 2] > resting + LIFTED_BY)


def scene_from(entries: object) -> Scene:
    """A scene from what a client posted: id, factor, target and parameters of each variation.

    Raises:
        CatalogueError: an entry is malformed, or two change the same thing.
    """
    if not isinstance(entries, list):
        raise CatalogueError(f"variations must be a list; got {entries!r}")
    variations = []
    for entry in entries:
        needed = {"id", "factor", "target"}
        known = needed | {"parameters", "description", "change_cost"}
        if not isinstance(entry, dict) or not needed <= set(entry) <= known:
            raise CatalogueError(
                "a variation needs id, factor, target and parameters, and may have description; "
                f"got {entry!r}"
            )
        parameters = entry.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise CatalogueError(f"variation {entry['id']!r}: parameters must be a mapping")
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
        text = entry.get("description") or str(entry["id"])
        variations.append(Variation(entry["id"], entry["factor"], entry["target"], text, values))
    return Scene(tuple(variations))
