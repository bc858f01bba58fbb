# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from recorded_cell import RecordedCell, RecordedRollouts, StartPictures, single_trials

from robomd_ros.core.cell import Cell
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import Catalogue, Variation

VARIATIONS = [Variation(name, "color", name, f"change {name}") for name in ("cube", "table", "arm")]
CATALOGUE = Catalogue("lift", VARIATIONS)
SCENES = [
    {"variations": [], "succeeded_seeds": [1, 2], "failed_seeds": []},
    {"variations": ["cube"], "succeeded_seeds": [3], "failed_seeds": [4]},
    {"variations": ["table"], "succeeded_seeds": [], "failed_seeds": [6, 5]},
    {"variations": ["cube", "table"], "succeeded_seeds": [7], "failed_seeds": []},
]


class SeedPictures:
    def take(self, scene, seed):
        return np.full((84, 84, 3), seed, np.uint8)


@pytest.fixture
def rollouts(tmp_path):
    path = tmp_path / "pool.json"
    path.write_text(json.dumps({"scenes": SCENES}))
    return RecordedRollouts.load(path)


def test_rollouts_are_read_with_their_outcomes(rollouts):
    assert len(rollouts) == 7
    assert {(r.seed, r.failed) for r in rollouts[frozenset(["cube"])]} == {(3, False), (4, True)}
    assert [r.seed for r in rollouts[frozenset(["table"])]] == [5, 6]
    assert rollouts.variations() == ["cube", "table"]
    left = rollouts.without(["table"])
    assert {r.seed for r in left} == {1, 2, 3, 4}


def test_every_rollout_is_played_once_with_its_own_picture(rollouts):
    cell = RecordedCell(rollouts, SeedPictures())
    assert isinstance(cell, Cell)
    scene = CATALOGUE.scene(["cube"])
    played = [cell.run(scene, seed) for seed in (10, 11)]
    assert {(int(t.image[0, 0, 0]), t.outcome.result) for t in played} == {
        (3, Result.SUCCESS),
        (4, Result.FAILURE),
    }
    third = cell.run(scene, 12)
    assert third.outcome.result is Result.INVALID
    assert "no recorded rollout of ['cube'] is left" in third.outcome.detail


def test_the_seed_picks_the_rollout(rollouts):
    scene = CATALOGUE.scene(["cube"])

    def first(seed):
        return RecordedCell(rollouts, SeedPictures()).run(scene, seed).outcome.failed

    firsts = [first(seed) for seed in range(20)]
    assert firsts == [first(seed) for seed in range(20)]
    assert 0 < sum(firsts) < 20


def test_single_trials_take_a_variation_once_and_extend_each_other(rollouts):
    short, long = (single_trials(rollouts, CATALOGUE, count, seed=3) for count in (1, 2))
    assert short == long[:1]
    assert {tuple(r.ids) for r in long} == {("cube",), ("table",)}
    with pytest.raises(ValueError, match="3 variations wanted; only 2"):
        single_trials(rollouts, CATALOGUE, 3, seed=0)


@pytest.mark.slow
def test_pictures_are_of_the_very_start():
    pictures = StartPictures("lift")
    try:
        scene = CATALOGUE.scene([])
        one, other = pictures.take(scene, 1000), pictures.take(scene, 1004)
        assert one.shape == (84, 84, 3) and one.dtype == np.uint8
        assert np.abs(one.astype(int) - other).max() > 20
        assert pictures.take(scene, 1000) is one
    finally:
        pictures.close()
