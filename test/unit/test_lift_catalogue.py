# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Lift catalogue: the paper's 21 variations, each of which the simulation can show."""

from pathlib import Path

import numpy as np
import pytest

from robomd_ros.core.variations import load_catalogue
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.task import task

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "config" / "variations" / "lift.yaml")
PAPER = """Change cube color to red; Change cube color to green; Change cube color to blue;
Change cube color to gray; Change table color to green; Change table color to blue;
Change table color to red; Change table color to gray; Resize table to (0.8, 0.2, 0.025);
Resize table to (0.2, 0.8, 0.025); Resize cube to (0.04, 0.04, 0.04);
Resize cube to (0.01, 0.01, 0.01); Resize cube to (0.04, 0.01, 0.01); Change robot color to red;
Change robot color to green; Change robot color to cyan; Change robot color to gray;
Change lighting color to red; Change lighting color to green; Change lighting color to blue;
Change lighting color to gray"""


@pytest.fixture(scope="module")
def simulation():
    simulation = Simulation(task("lift"))
    yield simulation
    simulation.close()


def test_it_holds_the_papers_variations_in_the_papers_order():
    assert [v.description for v in CATALOGUE] == [" ".join(s.split()) for s in PAPER.split(";")]


def test_it_is_for_the_task():
    assert CATALOGUE.task == "lift"
    assert CATALOGUE.instruction == task("lift").instruction


@pytest.mark.parametrize("variation", CATALOGUE, ids=lambda v: v.id)
def test_each_variation_shows_in_the_picture_and_leaves_no_trace(simulation, variation):
    simulation.reset(1)
    nominal = simulation.draw()
    scene = CATALOGUE.scene([variation.id])
    simulation.check(scene)
    simulation.reset(1, scene)
    difference = np.abs(simulation.draw().astype(int) - nominal)
    assert (difference > 20).any(axis=2).sum() >= 15  # pixels; the smallest cube covers about ten
    simulation.reset(1)
    assert np.array_equal(simulation.draw(), nominal)


@pytest.mark.parametrize("variation", CATALOGUE, ids=lambda v: v.id)
def test_no_variation_is_a_success_before_anything_is_done(simulation, variation):
    simulation.reset(2, CATALOGUE.scene([variation.id]))
    assert not simulation.success
    for _ in range(10):
        simulation.step(np.zeros(7))
        assert not simulation.success


def test_every_pair_of_variations_that_a_scene_can_hold_applies(simulation):
    for first in CATALOGUE.variations[::4]:
        for second in CATALOGUE.variations[::3]:
            if first.slot != second.slot:
                simulation.reset(3, CATALOGUE.scene([first.id, second.id]))
                assert simulation.state()["scene"] == (first.id, second.id)
