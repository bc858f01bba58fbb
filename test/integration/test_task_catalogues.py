# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shipped catalogues of robosuite's tasks: each variation shows or is felt, and is taken back."""

import numpy as np
import pytest

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Scene, Variation, load_catalogue
from sim_bridge.engine.scene_editor import _editable_arrays
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.defaults import catalogue_of
from sim_bridge.tasks.task import simulated_task

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("stack", "square", "door")]


@pytest.fixture(scope="module", params=["can", *SLOW, pytest.param("threading")])
def simulation(request):
    simulation = Simulation(simulated_task(request.param))
    yield simulation
    simulation.close()


def arrays(simulation):
    model = simulation._model
    return [*_editable_arrays(model), model.mesh_vert]


def test_every_variation_changes_something_and_is_restored_to_the_bit(simulation):
    catalogue = load_catalogue(config_file("variations", catalogue_of(simulation.task.name, "")))
    assert len(list(catalogue)) >= 21
    simulation.reset(3)
    picture, qpos = simulation.draw().copy(), simulation._data.qpos.copy()
    kept = [array.copy() for array in arrays(simulation)]
    for variation in catalogue:
        simulation.reset(3, Scene((variation,)))
        seen = not np.array_equal(simulation.draw(), picture)
        moved = not np.array_equal(simulation._data.qpos, qpos)
        felt = any(not np.array_equal(a, b) for a, b in zip(arrays(simulation), kept, strict=True))
        assert seen or felt or moved, variation.id
        if variation.factor in ("color", "size", "pose", "zoom", "strength"):
            assert seen, variation.id
        simulation.reset(3)
        np.testing.assert_array_equal(simulation._data.qpos, qpos)
        for array, nominal in zip(arrays(simulation), kept, strict=True):
            np.testing.assert_array_equal(array, nominal, err_msg=variation.id)
        np.testing.assert_array_equal(simulation.draw(), picture, err_msg=variation.id)


def test_what_the_task_lacks_is_refused_with_what_it_has(simulation):
    spoon = Variation("s", "color", "spoon", "Change spoon color to red", {"rgb": (1.0, 0.0, 0.0)})
    with pytest.raises(CatalogueError, match=r"cannot change color/spoon; it can change: .*camera"):
        simulation.check(Scene((spoon,)))
    same = Variation("s", "zoom", "camera", "Let the camera see as much", {"factor": 1.0})
    with pytest.raises(CatalogueError, match="changes nothing"):
        simulation.check(Scene((same,)))
