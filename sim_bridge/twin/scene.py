# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What stands around the twin's arm, with its scene in force; and scenes as clients post them."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CatalogueError, ConfigurationError
from robomd_ros.core.variations import NOMINAL, Scene, Variation
from sim_bridge.engine.models import load_model
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.tasks.lift import shift_of
from sim_bridge.tasks.tabletop import tabletop
from sim_bridge.tasks.task import Pose, State

Array = NDArray[np.float64]


class Tabletop:
    """The model with its scene in force; the arm's part of the state is not touched here.

    Attributes:
        model: what is simulated.
        data: its state.
        scene: the variations in force.
    """

    def __init__(self, seed: int) -> None:
        self.task = tabletop()
        self.model = load_model(self.task)
        self.data = mujoco.MjData(self.model)
        self.scene = NOMINAL
        self._editor = SceneEditor(self.model, self.task)
        self._cube = int(self.model.joint("cube_joint0").qposadr[0])
        self._hand = self.model.site("gripper0_right_grip_site").id
        self._sides = _fingers(self.model)
        self._start = self.task.draw_start(seed)
        self._values = self.task.drawn(self._start)

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
            ConfigurationError: the gripper holds the cube; nothing was changed.
        """
        if self.held():
            raise ConfigurationError(
                "the gripper holds the cube, and no hand takes it out of closed fingers; open the "
                "gripper first"
            )
        start = self._start if seed is None else self.task.draw_start(seed)
        values = self._editor.apply(scene, self.task.drawn(start))
        moved = shift_of(values) - shift_of(self._values)
        self.scene, self._start, self._values = scene, start, values
        if reset_objects:
            self.task.place(self.model, self.data, start, values)
        else:
            self.data.qpos[self._cube : self._cube + 2] += moved
            self.task.place_distractors(self.model, self.data, values)
        mujoco.mj_forward(self.model, self.data)

    def held(self) -> bool:
        """Whether the fingers of both sides touch the cube."""
        cube, model = self.model.body(self.task.objects["cube"]).id, self.model
        touching = set()
        for geoms in self.data.contact.geom[: self.data.ncon]:
            bodies = [int(model.geom_bodyid[geom]) for geom in geoms]
            if cube in bodies:
                touching |= {side for body in bodies if (side := self._sides.get(body))}
        return len(touching) == 2

    def reset(self, seed: int) -> None:
        """Put the objects back to a seeded start of the scene in force."""
        self.apply(self.scene, reset_objects=True, seed=seed)

    def objects(self) -> dict[str, Array]:
        """World positions (3,), m, of the cube and of the distractors that are shown."""
        bodies = dict(self.task.objects)
        bodies |= {target: target for factor, target in self._values if factor == "distractor"}
        return {name: self.data.xpos[self.model.body(b).id].copy() for name, b in bodies.items()}

    def stages(self) -> dict[str, bool]:
        """What the task says of the present state: "task" is whether the cube is lifted."""
        data = self.data
        objects = {
            name: Pose(data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy())
            for name, body in ((n, self.model.body(b).id) for n, b in self.task.objects.items())
        }
        state = State(objects, data.site_xpos[self._hand].copy(), self._start, self._values)
        return dict(self.task.success(state))

    def lifted(self) -> bool:
        """Whether the cube is lifted."""
        return self.stages()["task"]


def _fingers(model: mujoco.MjModel) -> dict[int, str]:
    """Bodies of the gripper's fingers, with the side on which they are."""
    found = {}
    for body in range(model.nbody):
        hand, _, finger = model.body(body).name.partition("gripper0_right_")
        side = finger.partition("_")[0]
        if not hand and side in ("left", "right"):
            found[body] = side
    return found


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
