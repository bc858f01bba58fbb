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


@pytest.fixture(
    scope="module", params=["can", *SLOW, pytest.param("threading", marks=pytest.mark.long)]
)
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
        if variation.target == "control":
            continue  # what is between policy and arm is tested below
        assert seen or felt or moved, variation.id
        if variation.factor in ("color", "size", "pose", "zoom", "strength", "blur", "noise"):
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


def one(factor, target, **parameters):
    return Scene((Variation("v", factor, target, "as in the test", parameters),))


def hand_after(simulation, scene, commands):
    simulation.reset(3, scene)
    for command in commands:
        simulation.step(command)
    return simulation.proprioception()["eef_pos"]


def test_late_commands_are_the_same_ones_later(simulation):
    up = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0])
    rest = up * (0, 0, 0, 0, 0, 0, 1)
    late = hand_after(simulation, one("latency", "control", steps=3.0), [up] * 8)
    np.testing.assert_array_equal(late, hand_after(simulation, Scene(), [*[rest] * 3, *[up] * 5]))
    assert np.linalg.norm(late - hand_after(simulation, Scene(), [up] * 8)) > 0.01


def test_noise_is_the_same_for_the_same_start_however_often_it_is_drawn(simulation):
    noisy = one("noise", "camera", std=30.0)
    simulation.reset(3, noisy)
    first = simulation.draw()
    np.testing.assert_array_equal(simulation.draw(), first)
    simulation.step(np.zeros(7))
    assert not np.array_equal(simulation.draw(), first)
    simulation.reset(3, noisy)
    np.testing.assert_array_equal(simulation.draw(), first)
    shaken = one("noise", "control", std=1.0)
    rest = [np.zeros(7)] * 5
    moved = hand_after(simulation, shaken, rest)
    np.testing.assert_array_equal(moved, hand_after(simulation, shaken, rest))
    assert np.linalg.norm(moved - hand_after(simulation, Scene(), rest)) > 0.005


def test_blur_keeps_the_mean_and_takes_the_edges(simulation):
    simulation.reset(3)
    sharp = simulation.draw().astype(float)
    simulation.reset(3, one("blur", "camera", radius=2.0))
    soft = simulation.draw().astype(float)
    assert abs(soft.mean() - sharp.mean()) < 2.0
    edges = [np.abs(np.diff(picture, axis=1)).mean() for picture in (sharp, soft)]
    assert edges[1] < 0.6 * edges[0]
