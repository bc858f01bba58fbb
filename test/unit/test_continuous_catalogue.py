# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The catalogue over continuous ranges: as it is shipped, and as it is made."""

from collections import Counter
from pathlib import Path

import pytest

from robomd_ros.core.variations import load_catalogue
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.continuous_catalogue import RANGES, colour_name, text, variations
from sim_bridge.tasks.task import task

SHIPPED = Path(__file__).parents[2] / "config" / "variations" / "lift_continuous.yaml"


def test_the_shipped_file_is_what_the_command_in_its_head_makes():
    assert SHIPPED.read_text(encoding="utf-8") == text(1000, 0)


def test_every_variation_has_its_own_sentence_and_can_be_simulated():
    catalogue = load_catalogue(SHIPPED)
    found = list(catalogue)
    assert len(found) == 1000
    assert len({v.description for v in found}) == 1000
    counts = Counter(v.slot for v in found)
    assert set(counts) == {(kind.factor, kind.target) for kind in RANGES}
    assert min(counts.values()) >= 1000 // len(RANGES)
    simulation = Simulation(task("lift"))
    try:
        for variation in found[:: len(RANGES) * 3 + 1]:
            simulation.check(catalogue.scene([variation.id]))
    finally:
        simulation.close()


def test_another_seed_makes_another_catalogue():
    first, second = variations(50, 1), variations(50, 2)
    assert first == variations(50, 1)
    assert [v["id"] for v in first] == [v["id"] for v in second]
    assert all(a["parameters"] != b["parameters"] for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("hsv", "name"),
    [
        ((0.0, 1.0, 1.0), "bright vivid red"),
        ((0.99, 0.6, 0.6), "red"),
        ((0.5, 0.3, 0.3), "dark pale cyan"),
        ((0.3, 0.05, 0.99), "white"),
        ((0.3, 0.9, 0.05), "near black"),
    ],
)
def test_colours_have_their_names(hsv, name):
    assert colour_name(*hsv) == name
