# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Applies scenes to the compiled model, live, and restores it exactly."""

from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.variations import Scene, Variation
from sim_bridge.engine.edit_table import EDITS, Array, Bounds, Edit, Parts, Values
from sim_bridge.tasks.lift import Task

_NEVER_EDITED = ("mesh_", "tex_", "hfield_", "skin_", "flex", "name_", "names", "paths", "text_")
_STATISTICS = ("extent", "meaninertia", "meanmass", "meansize")
Edits = Mapping[tuple[str, str], Edit]


class SceneEditor:
    """Puts scenes in force on one compiled model of a robosuite tabletop task.

    Every `apply` starts from the nominal model and makes its edits in a fixed order, so the
    result depends neither on what was in force before nor on the order of the variations.
    """

    def __init__(self, model: mujoco.MjModel, task: Task, edits: Edits = EDITS) -> None:
        """Remember the model as it is now: that is the nominal scene."""
        self._model = model
        self._edits = edits
        self._parts = Parts(model, task)
        self._scratch = mujoco.MjData(model)
        self._nominal = [(array, array.copy()) for array in _editable_arrays(model)]
        self._statistics = {name: getattr(model.stat, name) for name in _STATISTICS}

    def check(self, scene: Scene) -> None:
        """Whether the scene can be applied; changes nothing.

        Raises:
            CatalogueError: an unknown factor or target, a missing, unknown or wrong parameter, a
                variation that changes nothing, or a cube that may start off the table.
        """
        for variation in scene:
            edit = self._edit(variation)
            if edit.nominal(self._parts, _values(variation, edit)):
                raise CatalogueError(
                    f"variation {variation.id!r} changes nothing: {dict(variation.parameters)} is "
                    f"what the nominal scene may have for {'/'.join(variation.slot)}; "
                    "change its parameters or remove it"
                )
        self._require_cube_on_table(scene)

    def _require_cube_on_table(self, scene: Scene) -> None:
        half_size = self._parts.table_half_size
        for variation in scene:
            if variation.slot == ("size", "table"):
                half_size = _values(variation, self._edit(variation))["half_size"]
        reach = self._parts.task.object_range + np.abs(self.object_shift(scene))
        if (reach > half_size[:2]).any():
            raise CatalogueError(
                f"in the scene of {', '.join(scene.ids)} the cube may start {reach.max():g} m from "
                f"the middle of a table of half-size {half_size[:2].tolist()} m, which is off it; "
                "enlarge the table or shift the cube less"
            )

    def apply(self, scene: Scene, nominal_half_size: Array) -> Array:
        """Put a scene in force.

        Args:
            scene: what to change; empty is nominal.
            nominal_half_size: (3,) m, the cube's, unless the scene sets its size.

        Returns:
            (3,) m, the half-size that the cube now has.

        Raises:
            CatalogueError: as check; nothing was changed.
        """
        self.check(scene)
        values = {v.slot: _values(v, self._edit(v)) for v in scene}
        size = values.setdefault(("size", "cube"), {"half_size": nominal_half_size})
        self.restore()
        for slot, edit in self._edits.items():
            if slot in values:
                edit.apply(self._parts, values[slot])
        mujoco.mj_setConst(self._model, self._scratch)
        return size["half_size"].copy()

    def restore(self) -> None:
        """Put the model back to what it was when the editor was made, to the bit."""
        for array, nominal in self._nominal:
            np.copyto(array, nominal)
        for name, value in self._statistics.items():
            setattr(self._model.stat, name, value)

    def _edit(self, variation: Variation) -> Edit:
        edit = self._edits.get(variation.slot)
        if edit is None:
            raise CatalogueError(
                f"variation {variation.id!r}: the simulation cannot change "
                f"{'/'.join(variation.slot)}; it can change: "
                + ", ".join(sorted("/".join(slot) for slot in self._edits))
            )
        return edit

    @staticmethod
    def object_shift(scene: Scene) -> Array:
        """(2,) m, how far the scene moves the object's start."""
        for variation in scene:
            if variation.slot == ("position", "cube"):
                return _values(variation, EDITS[variation.slot])["shift"]
        return np.zeros(2)


def _editable_arrays(model: mujoco.MjModel) -> list[NDArray[np.float64]]:
    """Views of everything that an edit or mj_setConst may write, big constant arrays left out."""
    names = [name for name in dir(model) if not name.startswith(("_", *_NEVER_EDITED))]
    arrays = [value for name in names if isinstance(value := getattr(model, name), np.ndarray)]
    headlight = model.vis.headlight
    return [*arrays, headlight.ambient, headlight.diffuse, headlight.specular, model.stat.center]


def _values(variation: Variation, edit: Edit) -> Values:
    """The variation's parameters as arrays; CatalogueError if one is not what the edit needs."""
    unknown = sorted(set(variation.parameters) - set(edit.parameters))
    if unknown:
        raise CatalogueError(
            f"variation {variation.id!r}: unknown parameter {unknown[0]!r} for "
            f"{'/'.join(variation.slot)}; it has: {', '.join(edit.parameters)}"
        )
    return {key: _value(variation, key, bounds) for key, bounds in edit.parameters.items()}


def _value(variation: Variation, key: str, bounds: Bounds) -> Array:
    given = variation.parameters.get(key)
    if given is None and not bounds.required:
        return np.zeros(bounds.count)
    numbers = given if isinstance(given, tuple) else (given,)
    right = len(numbers) == bounds.count and all(
        isinstance(x, int | float) and bounds.low <= x <= bounds.high for x in numbers
    )
    if not right:
        count = "a number" if bounds.count == 1 else f"{bounds.count} numbers"
        got = "nothing" if given is None else repr(given)
        raise CatalogueError(
            f"variation {variation.id!r}: {key} must be {count} from {bounds.low:g} to "
            f"{bounds.high:g}{' ' + bounds.unit if bounds.unit else ''}; got {got}"
        )
    return np.array(numbers, dtype=np.float64)
