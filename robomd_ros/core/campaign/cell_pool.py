# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The cells of a campaign: which are there, and what one trial in one of them gave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import (
    CellFault,
    CellLostError,
    ConfigurationError,
    PolicyFault,
    SceneSkippedError,
)
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Scene


class CellPool:
    """Knows which cells can run a trial. Not thread-safe: used under the campaign's lock."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        """Check the cells.

        Raises:
            ConfigurationError: there is none, or two have one name.
        """
        names = [cell.name for cell in cells]
        if not names:
            raise ConfigurationError("a campaign needs at least one cell; got none")
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError(f"two cells are called {name!r}; rename one of them")
        self.cells = tuple(cells)
        self._away = dict.fromkeys(names, "not seen yet")

    def look(self, cell: Cell) -> bool:
        """Ask a cell whether it can run a trial now, and remember it."""
        if cell.available():
            self._away.pop(cell.name, None)
            return True
        self._away.setdefault(cell.name, "not available")
        return False

    def lost(self, cell: Cell, reason: str) -> None:
        """A cell went away during a trial."""
        self._away[cell.name] = reason

    def others(self, cell: Cell) -> bool:
        """Whether another cell is there."""
        return any(c.name not in self._away for c in self.cells if c is not cell)

    @property
    def empty(self) -> bool:
        """Whether no cell is there."""
        return len(self._away) == len(self.cells)

    def describe(self) -> str:
        """For people: the cells that are there, and those that are not, with the reason."""
        there = ", ".join(c.name for c in self.cells if c.name not in self._away) or "none"
        away = ", ".join(f"{name} ({reason})" for name, reason in self._away.items())
        return f"cells: {there}" + (f"; away: {away}" if away else "")


@dataclass(frozen=True)
class Attempt:
    """What came of one trial.

    Attributes:
        trial: with its outcome; INVALID with the reason if it has no valid label.
        lost: whether the cell went away.
        skipped: whether the operator skipped the scene.
    """

    trial: Trial
    lost: bool = False
    skipped: bool = False


def attempt(cell: Cell, scene: Scene, seed: int, needs_picture: bool) -> Attempt:
    """Run one trial; a fault becomes an INVALID trial.

    Args:
        cell: where.
        scene: in what.
        seed: of the initial state and of the policy's episode.
        needs_picture: a trial without a picture is of no use.
    """
    try:
        trial = cell.run(scene, seed)
    except CellLostError as error:
        return Attempt(_invalid(cell, scene, seed, f"cell lost: {error}"), lost=True)
    except (CellFault, PolicyFault) as error:
        skipped = isinstance(error, SceneSkippedError)
        reason = str(error) or type(error).__name__
        return Attempt(_invalid(cell, scene, seed, reason), skipped=skipped)
    trial = replace(trial, cell=cell.name, scene=scene, seed=seed)
    if trial.outcome.result is Result.UNKNOWN:
        return Attempt(_invalid(cell, scene, seed, "the cell gave no label"))
    image = trial.image
    if image is not None and (
        image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0
    ):
        reason = f"the picture must be (H, W, 3) uint8; got {image.shape} {image.dtype}"
        return Attempt(_invalid(cell, scene, seed, reason))
    if image is None and needs_picture and trial.outcome.valid:
        return Attempt(_invalid(cell, scene, seed, "the cell gave no picture"))
    return Attempt(trial)


def _invalid(cell: Cell, scene: Scene, seed: int, reason: str) -> Trial:
    return Trial(-1, cell.name, scene, seed, Outcome(Result.INVALID, detail=reason))
