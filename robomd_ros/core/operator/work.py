# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The work of the person beside a cell: how much a scene costs, and how much is left."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from robomd_ros.core.operator.desk import Changes, changes
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene, Variation
from robomd_ros.core.wording import counted

DEFAULT_COST = 30.0
"""s of human work that a change is taken to cost where the catalogue does not say."""
_LEARNED = 3
"""Trials from which the time that people take is learned."""
_BREAK = 5.0
"""Times of the median from which a trial held a break."""


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
        self._asked: dict[str, float] = {}
        self._took: list[float] = []

    def cost(self, cell: str, wanted: Scene) -> float:
        """Work that this scene would be in this cell now, s."""
        return seconds_of(changes(self._present(cell), wanted))

    def needed_undone(self, cell: str, wanted: Scene, waiting: Sequence[Scene]) -> int:
        """Changes that this scene would have taken back although a waiting one needs them."""
        undo = changes(self._present(cell), wanted).undo
        others = [scene for scene in waiting if scene.key != wanted.key]
        return sum(any(v.id in scene.key for scene in others) for v in undo)

    def ask(self, cell: str, wanted: Scene, at: float | None = None) -> None:
        """A trial in this scene is asked for, at a Unix time in s; None: now."""
        self._asked[cell] = time.time() if at is None else at
        steps = changes(self._present(cell), wanted)
        self._done.append(Work(len(steps.undo) + len(steps.apply), seconds_of(steps)))
        self._scenes[cell] = wanted

    def ended(self, cell: str, rollout: float, at: float | None = None) -> None:
        """The trial that was asked for last has a label.

        Args:
            cell: where it ran.
            rollout: length of its rollout, s; NaN: unknown, so that nothing is learned.
            at: Unix time, s; None: now.
        """
        asked = self._asked.pop(cell, None)
        if asked is not None and math.isfinite(rollout):
            took = (time.time() if at is None else at) - asked - rollout
            self._took.append(max(0.0, took))

    def left(self, trials: int) -> Work:
        """The estimate for so many more trials, from the mean of those so far.

        The time is what people took, learned from the trials, once there are some; before, what
        the catalogue says. A break for lunch is no part of the work.
        """
        seconds = fmean(w.seconds for w in self._done)
        if len(self._took) >= _LEARNED:
            limit = _BREAK * median(self._took)
            seconds = fmean(t for t in self._took if t <= limit)
        return Work(trials * fmean(w.changes for w in self._done), trials * seconds)

    def _present(self, cell: str) -> Scene:
        return self._scenes.get(cell, NOMINAL)


def cheapest(scenes: Sequence[Scene], ledger: WorkLedger, cell: str) -> int:
    """Index of the scene that costs this cell the least work; the first of several.

    No change is taken back that another waiting scene needs, where that can be: it would have to
    be made and taken back a second time.
    """
    costs = [
        (ledger.needed_undone(cell, scene, scenes), ledger.cost(cell, scene)) for scene in scenes
    ]
    return costs.index(min(costs))


def _cost(variation: Variation) -> float:
    return DEFAULT_COST if math.isnan(variation.change_cost) else variation.change_cost
