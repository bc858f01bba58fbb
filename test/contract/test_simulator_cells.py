# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import pytest
from cell_contract import CellContract

from robomd_ros.core.variations import Scene, Variation
from sim_bridge.cells import SimulatorCell, SimulatorOptions
from sim_bridge.worker import WorkerCell

POLICIES = {"failing": "Still", "slow": "Slow", "broken": "Broken", "nan": "NotANumber"}
GREEN = Variation("green", "color", "cube", "Change the cube to green", {"rgb": (0.0, 1.0, 0.0)})


def options(policy: str, **changes) -> SimulatorOptions:
    values = {"horizon": 80 if policy == "slow" else 4, **changes}
    return SimulatorOptions("lift", f"python:sample_policies:{POLICIES[policy]}", **values)


class TestSimulatorCell(CellContract):
    def connected(self, policy):
        cell = SimulatorCell("here", options(policy))
        cell.connect()
        return cell

    def varied(self):
        return Scene((GREEN,))


class TestWorkerCell(CellContract):
    def connected(self, policy):
        cell = WorkerCell("child", options(policy))
        cell.connect()
        return cell

    def varied(self):
        return Scene((GREEN,))


@pytest.fixture(scope="module")
def both():
    """A cell of each kind that any test may leave after any trial."""
    cells = [kind("c", options("failing")) for kind in (SimulatorCell, WorkerCell)]
    for cell in cells:
        cell.connect()
    yield cells
    for cell in cells:
        cell.close()


def test_both_kinds_give_the_same_trial(both):
    trials = [cell.run(Scene((GREEN,)), 3) for cell in both]
    assert trials[0].outcome == trials[1].outcome
    assert (trials[0].image == trials[1].image).all()


@pytest.mark.parametrize("kind", [0, 1], ids=["SimulatorCell", "WorkerCell"])
def test_a_trial_after_a_picture_is_the_same_trial(both, kind):
    """`observe` leaves the simulation at the start, from which the rollout goes on."""
    cell = both[kind]
    scene = Scene((GREEN,))
    alone = cell.run(scene, 3)
    picture = cell.observe(scene, 3)
    after = cell.run(scene, 3)
    cell.observe(scene, 4)
    other = cell.run(scene, 3)
    assert alone.outcome == after.outcome == other.outcome
    assert (picture == after.image).all()
    assert (alone.image == other.image).all()
