# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The work of the person beside a cell: how much a scene costs, and how much is left."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from robomd_ros.core.operator.desk import Changes, changes
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene, Variation
from robomd_ros.core.wording import counted

DEFAULT_COST = 30.0
"""s of human work that a change is taken to cost where the catalogue does not say."""


def seconds_of(steps: Changes) -> float:
    """Human work of these changes, s; taking a change back costs as much as making it."""
    return math.fsum(_cost(v) for v in (*steps.undo, *steps.apply))


def count_changes(scenes: Iterable[Scene], present: Scene = NOMINAL) -> int:
    """Single changes (made or taken back) that a person is asked for, for scenes in this order.

    Args:
        scenes: those of the trials of one cell.
        present: in force before the first.
    """
    steps = (changes(a, b) for a, b in pairwise((present, *scenes)))
    return sum(len(s.undo) + len(s.apply) for s in steps)


@dataclass(frozen=True)
class Work:
    """An amount of human work: single changes, and the time that they take, s."""

    changes: float
    seconds: float

    def describe(self) -> str:
        """For people: "about 12 changes, 4 min of the operator's work"."""
        minutes = math.ceil(self.seconds / 60.0)
        steps = counted(round(self.changes), "change")
        return f"about {steps}, {minutes} min of the operator's work"


class WorkLedger:
    """The scenes in force in the cells of a campaign, and what the changes between them cost.

    Not thread-safe: used under the campaign's lock.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        """Begin with nominal scenes.

        Args:
            catalogue: its costs give the estimate as long as there is no experience: one change
                made and one taken back for every trial.
        """
        mean = fmean(_cost(v) for v in catalogue)
        self._done = [Work(2.0, 2.0 * mean)]
        self._scenes: dict[str, Scene] = {}

    def cost(self, cell: str, wanted: Scene) -> float:
        """Work that this scene would be in this cell now, s."""
        return seconds_of(changes(self._present(cell), wanted))

    def ask(self, cell: str, wanted: Scene) -> None:
        """A trial in this scene is asked for."""
        steps = changes(self._present(cell), wanted)
        self._done.append(Work(len(steps.undo) + len(steps.apply), seconds_of(steps)))
        self._scenes[cell] = wanted

    def left(self, trials: int) -> Work:
        """The estimate for so many more trials, from the mean of those so far."""
        return Work(
            trials * fmean(w.changes for w in self._done),
            trials * fmean(w.seconds for w in self._done),
        )

    def _present(self, cell: str) -> Scene:
        return self._scenes.get(cell, NOMINAL)


def cheapest(scenes: Sequence[Scene], ledger: WorkLedger, cell: str) -> int:
    """Index of the scene that costs this cell the least work; the first of several."""
    costs = [ledger.cost(cell, scene) for scene in scenes]
    return costs.index(min(costs))


def _cost(variation: Variation) -> float:
    return DEFAULT_COST if math.isnan(variation.change_cost) else variation.change_cost
