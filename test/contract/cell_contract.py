# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every cell must do: inherit `CellContract` and say how one is made."""

import threading
import time
from abc import ABC, abstractmethod

import numpy as np
import pytest

from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import CellFault
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL, Scene, Variation


class CellContract(ABC):
    """The tests that every cell passes.

    A subclass gives a connected cell under a policy that never succeeds, one that is slow, and a
    scene that differs from nominal.
    """

    cancel_limit = 2.0

    @abstractmethod
    def connected(self, policy: str) -> Cell:
        """A cell that can run trials; policy is "failing", "slow", "broken" or "nan"."""

    @abstractmethod
    def varied(self) -> Scene:
        """A scene that looks different from nominal."""

    @pytest.fixture(scope="class")
    def open_cell(self):
        """A connected cell under a policy, kept for the tests that need such a one."""
        cells: dict[str, Cell] = {}

        def opened(policy: str = "failing") -> Cell:
            if policy not in cells:
                cells[policy] = self.connected(policy)
            return cells[policy]

        yield opened
        for cell in cells.values():
            cell.close()

    def test_implements_the_protocol(self, open_cell):
        cell = open_cell()
        assert isinstance(cell, Cell)
        assert cell.name and cell.available()

    def test_a_trial_says_what_was_run(self, open_cell):
        cell = open_cell()
        trial = cell.run(self.varied(), 5)
        assert trial.index == -1 and trial.cell == cell.name
        assert trial.scene == self.varied() and trial.seed == 5
        assert trial.outcome.result is Result.FAILURE
        assert trial.outcome.steps > 0 and trial.outcome.duration > 0
        assert trial.image.dtype == np.uint8 and trial.image.ndim == 3

    def test_an_impossible_scene_is_invalid_and_says_why(self, open_cell):
        moon = Variation("moon", "gravity", "moon", "Move the robot to the moon", {"g": 1.6})
        outcome = open_cell().run(Scene((moon,)), 0).outcome
        assert outcome.result is Result.INVALID
        assert "moon" in outcome.detail

    def test_same_seed_gives_the_same_trial(self, open_cell):
        cell = open_cell()
        first = cell.run(NOMINAL, 11)
        cell.run(self.varied(), 12)
        again = cell.run(NOMINAL, 11)
        assert first.outcome == again.outcome
        np.testing.assert_array_equal(first.image, again.image)

    def test_observe_shows_what_the_trial_would_show(self, open_cell):
        cell = open_cell()
        nominal, varied = cell.observe(NOMINAL, 4), cell.observe(self.varied(), 4)
        assert (nominal != varied).any()
        np.testing.assert_array_equal(varied, cell.run(self.varied(), 4).image)

    @pytest.mark.parametrize(
        ("policy", "reason"), [("broken", "RuntimeError: joint table lost"), ("nan", "not finite")]
    )
    def test_a_fault_of_the_policy_is_invalid_and_says_why(self, open_cell, policy, reason):
        cell = open_cell(policy)
        for seed in (0, 1):
            outcome = cell.run(NOMINAL, seed).outcome
            assert outcome.result is Result.INVALID
            assert reason in outcome.detail

    def test_cancel_ends_a_running_trial_and_the_next_one_works(self, open_cell):
        cell = open_cell("slow")
        timer = threading.Timer(0.5, cell.cancel)
        timer.start()
        begun = time.monotonic()
        with pytest.raises(CellFault, match="cancelled"):
            cell.run(NOMINAL, 0)
        assert time.monotonic() - begun < 0.5 + self.cancel_limit
        timer.join()
        assert cell.observe(NOMINAL, 1).shape[2] == 3

    def test_close_twice_and_then_not_available(self):
        cell = self.connected("failing")
        cell.close()
        cell.close()
        assert not cell.available()
        with pytest.raises(CellFault):
            cell.run(NOMINAL, 0)
