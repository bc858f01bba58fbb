# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell that follows a table, and what tests of a campaign share."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.status import CampaignStatus
from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import CellFault, CellLostError
from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue, Scene, Variation

FACTORS = ("color", "light", "size")


def make_catalogue(size: int = 6) -> Catalogue:
    """`size` variations v0, v1, ... of three factors; no two share a slot."""
    return Catalogue(
        "lift",
        [
            Variation(f"v{i}", FACTORS[i % 3], f"part{i // 3}", f"Change {i}.", {"x": float(i)})
            for i in range(size)
        ],
        instruction="lift the cube",
    )


def make_config(**values: object) -> CampaignConfig:
    """A valid configuration for `make_catalogue`; a short uniform campaign by default.

    It has no control arm, and a confidence that few trials do not reach, so that a test can count
    the trials of changed scenes.
    """
    defaults = {
        "task": "lift",
        "policy": "python:planted:policy",
        "catalogue": "lift.yaml",
        "search": "uniform",
        "budget": 12,
        "seed": 3,
        "confidence": 0.9999999,
        "nominal_trials": 0,
        "nominal_share": 0.0,
    }
    return CampaignConfig.from_mapping({**defaults, **values})


def picture_of(scene: Scene, size: int = 84) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: a grey picture with one patch per variation."""
    picture = np.full((size, size, 3), 90, np.uint8)
    side = size // 6
    for variation in scene:
        row, column = divmod(int(variation.id[1:]), 6)
        picture[row * side : (row + 1) * side, column * side : (column + 1) * side] = (250, 30, 30)
    return picture


class FakeCell:
    """Fails where `fails` says so; follows a script of faults by the number of its run.

    Attributes:
        runs: (scene ids, seed) of every run that was begun.
        online: whether it is there.
    """

    def __init__(
        self,
        name: str = "cell0",
        fails: Callable[[Scene, int], bool] = lambda scene, seed: False,
        faults: Mapping[int, str] | Callable[[int, Scene], str | None] | None = None,
        duration: float = 0.0,
        picture_size: int = 84,
    ) -> None:
        self._name = name
        self._fails = fails
        self._faults = faults or {}
        self._duration = duration
        self._picture_size = picture_size
        self._cancelled = threading.Event()
        self.runs: list[tuple[tuple[str, ...], int]] = []
        self.observed = 0
        self.online = True
        self.ignore_cancel = False

    @property
    def name(self) -> str:
        return self._name

    def run(self, scene: Scene, seed: int) -> Trial:
        number = len(self.runs)
        self.runs.append((scene.ids, seed))
        self._cancelled.clear()
        fault = self._faults(number, scene) if callable(self._faults) else self._faults.get(number)
        if fault == "lost":
            self.online = False
            raise CellLostError("the process ended with code -9")
        if fault == "fault":
            raise CellFault("the gripper did not answer")
        if fault == "bug":
            raise ZeroDivisionError("a mistake in the cell")
        if self._duration and self._cancelled.wait(self._duration):
            if not self.ignore_cancel:
                raise CellFault("cancelled")
            time.sleep(self._duration)
        return Trial(
            -1, self._name, scene, seed, self._outcome(scene, seed, fault), self._look(scene)
        )

    def _outcome(self, scene: Scene, seed: int, fault: str | None) -> Outcome:
        if fault == "invalid":
            return Outcome(Result.INVALID, detail="the policy returned NaN")
        failed = self._fails(scene, seed)
        result = Result.FAILURE if failed else Result.SUCCESS
        return Outcome(result, Source.SIMULATOR, duration=1.5, steps=80 if failed else 30)

    def _look(self, scene: Scene) -> NDArray[np.uint8]:
        return picture_of(scene, self._picture_size)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        self.observed += 1
        return self._look(scene)

    def available(self) -> bool:
        return self.online

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self.online = False


_IS_A_CELL: Cell = FakeCell()


class Recorder:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.statuses: list[CampaignStatus] = []
        self.trials: list[Trial] = []
        self.rankings: list[FailureRanking] = []

    def on_status(self, status: CampaignStatus) -> None:
        self.statuses.append(status)

    def on_trial(self, trial: Trial, finished_at: float) -> None:
        self.trials.append(trial)

    def on_ranking(self, ranking: FailureRanking) -> None:
        self.rankings.append(ranking)


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Wait for a condition; an AssertionError that shows it if it does not come true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"still false after {timeout} s: {condition}"
        time.sleep(0.005)


def files_below(folder: Path) -> set[str]:
    """Relative names of all files of a folder."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
