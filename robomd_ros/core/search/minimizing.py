# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a scene that fails to the smallest set of changes that does: delta debugging with noise.

What is known are counts of scenes. From these alone the next scene to try follows: the procedure
is gone through from its beginning each time, until it needs an answer that is not there. So it can
be resumed at any point, and an answer that more trials turn round leads on by another way.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from scipy.special import betainc

Ids = frozenset[str]
PRIOR = (0.5, 0.5)
"""Beta prior of a minimal set's own rate."""
_SURELY = 2
"""Successes of a scene after which its parts are taken to succeed."""
_SMALL = 3
"""Of so few changes a success is asked for twice: a wrong one would leave a set too large."""


@dataclass
class Outcomes:
    """Trials of exactly one scene."""

    failures: int = 0
    successes: int = 0


class Progress(Enum):
    """How far a failing scene is."""

    OPEN = "a scene must be tried"
    FOUND = "a smallest set fails, with confidence"
    NOT_REPEATED = "it does not fail again"


@dataclass(frozen=True)
class Step:
    """Where the minimisation of a scene stands.

    Attributes:
        progress: see there.
        ids: the scene to try, or the set that was found.
    """

    progress: Progress
    ids: Ids


class _AskError(Exception):
    """An answer is needed that is not there."""

    def __init__(self, ids: Ids) -> None:
        super().__init__()
        self.ids = ids


@dataclass(frozen=True)
class Minimizer:
    """Knows what was tried.

    Attributes:
        counts: of every scene tried, by its ids.
        copes: whether these ids are known to succeed without a trial (none, or one that copes).
        order: of the changes, for what is taken away first.
        confidence: with which a smallest set must fail more often than the threshold.
        threshold: of a failure rate.
    """

    counts: Mapping[Ids, Outcomes]
    copes: Callable[[Ids], bool]
    order: Mapping[str, int]
    confidence: float
    threshold: float

    def step(self, scene: Ids) -> Step:
        """Where the minimisation of this scene stands, which has failed at least once."""
        try:
            if not self._fails(scene, again=True):
                return Step(Progress.NOT_REPEATED, scene)
            smallest = self._reduced(scene)
        except _AskError as missing:
            return Step(Progress.OPEN, missing.ids)
        return Step(Progress.FOUND if self.confirmed(smallest) else Progress.OPEN, smallest)

    def confirmed(self, ids: Ids) -> bool:
        """Whether exactly these changes fail by trials of their own, with confidence.

        The failure that led to the set does not count: it was chosen for having failed.
        """
        counts = self.counts.get(ids, Outcomes())
        a = PRIOR[0] + max(0, counts.failures - 1)
        above = 1.0 - float(betainc(a, PRIOR[1] + counts.successes, self.threshold))
        return counts.failures > 1 and above >= self.confidence

    def _fails(self, ids: Ids, again: bool = False) -> bool:
        """By the majority of its trials.

        Args:
            ids: of the scene.
            again: one failure is not enough. For a part it is: were it chance, its own parts
                succeed, it is taken for the smallest set, and the trials that should confirm it
                turn the majority.

        Raises:
            _AskError: there are too few.
        """
        if self.copes(ids) or (ids not in self.counts and self._inside_a_success(ids)):
            return False
        counts = self.counts.get(ids, Outcomes())
        enough = 2 if (again if counts.failures else len(ids) <= _SMALL) else 1
        total = counts.failures + counts.successes
        if total < enough or counts.failures == counts.successes:
            raise _AskError(ids)
        return counts.failures > counts.successes

    def _inside_a_success(self, ids: Ids) -> bool:
        """Whether a larger scene succeeded twice and never failed.

        A change that rescues may hide that the part fails: what is found then fails all the same,
        by trials of its own, but a smaller set might.
        """
        return any(
            ids < other and outcomes.successes >= _SURELY and not outcomes.failures
            for other, outcomes in self.counts.items()
        )

    def _reduced(self, ids: Ids) -> Ids:
        """Halves first, then one change at a time; what still fails is kept."""
        while len(ids) > 1:
            smaller = next((part for part in self._parts(ids) if self._fails(part)), None)
            if smaller is None:
                return ids
            ids = smaller
        return ids

    def _parts(self, ids: Ids) -> Iterable[Ids]:
        members = sorted(ids, key=self.order.__getitem__)
        if len(members) > _SMALL:
            half = len(members) // 2
            yield from (frozenset(members[:half]), frozenset(members[half:]))
        yield from (ids - {member} for member in members)


def explained(ids: Collection[str], sets: Iterable[Ids]) -> bool:
    """Whether a failing scene holds one of these sets, which fail anyway."""
    return any(found <= set(ids) for found in sets)
