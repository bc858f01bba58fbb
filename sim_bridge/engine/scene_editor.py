# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Applies scenes to the compiled model, live, and restores it exactly."""

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.variations import Scene, Variation
from sim_bridge.engine.edits import Bounds, Edit
from sim_bridge.tasks.task import Array, InForce, Slot, Task, Values

_NEVER_EDITED = ("mesh_", "tex_", "hfield_", "skin_", "flex", "name_", "names", "paths", "text_")
_STATISTICS = ("extent", "meaninertia", "meanmass", "meansize")


class SceneEditor:
    """Puts scenes in force on one compiled model of a task.

    Every `apply` starts from the nominal model and makes its edits in a fixed order, so the
    result depends neither on what was in force before nor on the order of the variations.
    """

    def __init__(self, model: mujoco.MjModel, task: Task[Any]) -> None:
        """Remember the model as it is now: that is the nominal scene.

        Raises:
            ConfigurationError: the model lacks what one of the task's edits changes.
        """
        self._model = model
        self._task = task
        self._edits = task.edits
        self._bound = {slot: edit.bind(model) for slot, edit in self._edits.items()}
        self._scratch = mujoco.MjData(model)
        arrays = [*_editable_arrays(model), *(a for b in self._bound.values() for a in b.arrays)]
        self._nominal = [(array, array.copy()) for array in arrays]
        self._statistics = {name: getattr(model.stat, name) for name in _STATISTICS}

    def check(self, scene: Scene) -> InForce:
        """The values of a scene that can be applied; changes nothing.

        Raises:
            CatalogueError: an unknown factor or target, a missing, unknown or wrong parameter, a
                variation that changes nothing, or what the task does not allow together.
        """
        values: dict[Slot, Values] = {}
        for variation in scene:
            values[variation.slot] = own = _values(variation, self._edit(variation))
            if self._bound[variation.slot].nominal(own):
                raise CatalogueError(
                    f"variation {variation.id!r} changes nothing: {dict(variation.parameters)} is "
                    f"what the nominal scene may have for {'/'.join(variation.slot)}; "
                    "change its parameters or remove it"
                )
        self._task.check(scene, values)
        return values

    def apply(self, scene: Scene, drawn: InForce) -> InForce:
        """Put a scene in force.

        Args:
            scene: what to change; empty is nominal.
            drawn: what the start has drawn, for what the scene leaves alone.

        Returns:
            All values now in force, the drawn ones included.

        Raises:
            CatalogueError: as check; nothing was changed.
        """
        values = {**drawn, **self.check(scene)}
        self.restore()
        self.edit(values)
        return values

    def edit(self, values: InForce) -> None:
        """Make the edits of checked values on the model as it is: nominal, or drawn anew."""
        for slot, edit in self._bound.items():
            if slot in values:
                edit.apply(values[slot])
        mujoco.mj_setConst(self._model, self._scratch)

    def meshes(self, values: InForce) -> frozenset[int]:
        """Meshes whose vertices these values change."""
        bound = [self._bound[slot] for slot in values if slot in self._bound]
        return frozenset(mesh for edit in bound for mesh in edit.meshes)

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
