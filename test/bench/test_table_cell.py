# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from table_cell import RateTable, TableCell

from robomd_ros.core.cell import Cell
from robomd_ros.core.variations import Catalogue, Variation

VARIATIONS = [Variation(name, "color", name, f"change {name}") for name in ("cube", "table", "arm")]
CATALOGUE = Catalogue("lift", VARIATIONS)


class GrayPictures:
    def take(self, scene, seed):
        return np.full((84, 84, 3), 40 * len(scene), np.uint8)


def test_an_unmeasured_scene_fails_as_its_measured_parts_do():
    rates = RateTable(
        {
            frozenset(["cube"]): 0.5,
            frozenset(["table"]): 0.2,
            frozenset(["arm"]): 0.1,
            frozenset(["cube", "table"]): 0.9,
        }
    )
    assert rates[frozenset(["cube", "arm"])] == pytest.approx(1 - 0.5 * 0.9)
    assert rates[frozenset(["cube", "table", "arm"])] == pytest.approx(1 - 0.1 * 0.9)
    assert rates[frozenset()] == 0.0
    assert rates.combinations == 1
    with pytest.raises(KeyError, match="no failure rate is known of \\['light'\\]"):
        rates[frozenset(["cube", "light"])]


def test_a_planted_pair_fails_whatever_else_is_in_the_scene():
    rates = RateTable.planted(CATALOGUE, ("cube", "arm"))
    assert rates[frozenset(["cube", "table"])] == 0.0
    assert rates[frozenset(["cube", "table", "arm"])] == 1.0
    assert rates.singles(CATALOGUE).tolist() == [0.0, 0.0, 0.0]


def test_outcomes_are_drawn_with_the_rate_of_the_scene():
    rates = RateTable({frozenset(["cube"]): 0.3})
    cell = TableCell(rates, None)
    trials = [cell.run(CATALOGUE.scene(["cube"]), seed) for seed in range(600)]
    assert np.mean([t.outcome.failed for t in trials]) == pytest.approx(0.3, abs=0.06)
    assert not any(0 < t.outcome.steps < 25 for t in trials)


def test_a_table_cell_is_a_cell_that_repeats_itself():
    cell = TableCell(RateTable.planted(CATALOGUE, ("cube", "arm")), GrayPictures())
    assert isinstance(cell, Cell)
    scene = CATALOGUE.scene(["cube", "arm"])
    first, again = cell.run(scene, 3), cell.run(scene, 3)
    assert first.outcome == again.outcome and first.outcome.failed
    np.testing.assert_array_equal(first.image, cell.observe(scene, 9))
