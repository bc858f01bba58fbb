# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A search for combinations: few scenes of many changes, and what fails there is minimised."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.evidence.coverage import Coverage, Group, Levels, coverage
from robomd_ros.core.evidence.population import Verdict
from robomd_ros.core.search.decide import DecideSearch
from robomd_ros.core.search.minimizing import Ids, Minimizer, Outcomes, Progress, explained
from robomd_ros.core.search.search import Asked, Cost, Foreground, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene, Variation

_CANDIDATES = 60
"""Random full scenes of which the best is tried."""
_ALMOST = 0.8
"""Of scenes with at least this share of the most new groups, the one of least work is taken."""
_ENOUGH_SINGLES = 6.0
"""Mean trials of a variation after which combinations are tried beside what is still undecided."""
_EVERY = 3
"""Then one trial in so many is of an undecided variation."""


class CoveringSearch(Foreground):
    """Decides single variations, then sees all pairs of those that cope together in few scenes.

    A scene holds up to `max_changes` changes, one a slot, and so many pairs at once; each new one
    is the best of some random ones: most pairs (then triples) that were not seen together in a
    success. A scene that fails is tried again and minimised (search.minimizing); the smallest set
    is tried until its own posterior decides. Sets that are known to fail are kept out of scenes.

    What is asked depends on seed and counts only, so that a resumed campaign goes on as the
    uninterrupted one would.

    Note:
        Not of the paper: its agent stumbles upon combinations as its scenes grow.
    """

    name = "covering"
    wants_images = False

    def __init__(self, context: SearchContext, max_changes: int, strength: int) -> None:
        """Begin with single variations.

        Args:
            context: as for every search.
            max_changes: changes in one scene, at least 2.
            strength: 2: end when all pairs were seen; 3: go on with triples.
        """
        self._catalogue = context.catalogue
        self._seed = context.seed
        self._max_changes = max_changes
        self._strength = strength
        self._singles = DecideSearch(context, evenly=False)
        self._levels = Levels(context.catalogue)
        self._counts: dict[Ids, Outcomes] = {}
        self._pending: Counter[Ids] = Counter()
        self._asked_joint = 0
        self._open: dict[int, Ids] = {}
        order = {v.id: i for i, v in enumerate(context.catalogue)}
        self.minimizer = Minimizer(
            self._counts, self._copes, order, context.confidence, context.failing_threshold
        )

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare."""

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene."""
        ids = self._joint(cost) if self._joint_is_next() else None
        if ids is None:
            scene = self._singles.ask(lane, cost)
        else:
            scene = self._catalogue.scene(sorted(ids, key=self.minimizer.order.__getitem__))
        self._ask(lane, scene)
        return scene

    def tell(self, lane: int, trial: Trial) -> None:
        """Count it."""
        self._close(lane)
        self._count(trial)

    def drop(self, lane: int) -> None:
        """The scene is taken for one that says nothing."""
        self._close(lane)

    def observe(self, trial: Trial) -> None:
        """Count it."""
        self._singles.observe(trial)
        self._count(trial, singles=False)

    def policy_probability(self) -> NDArray[np.float64] | None:
        """None: there is no agent."""
        return None

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Count the earlier asks and their outcomes."""
        self._singles.restore([a for a in asked if len(a.scene) == 1], folder)
        for earlier in asked:
            self._asked_joint += len(earlier.scene) > 1
            if earlier.trial is not None:
                self._count(earlier.trial, singles=False)
            elif not earlier.dropped:
                self._open[earlier.lane] = earlier.scene.key
                self._pending[earlier.scene.key] += 1

    def save(self, folder: Path) -> None:
        """Nothing to keep: the trial log has it all."""

    def remark(self) -> str:
        """Which pairs were seen together."""
        found = ", ".join(" + ".join(sorted(ids)) for ids in self.found)
        fails = f"fails together: {found}" if found else ""
        return "; ".join(filter(None, (fails, self.coverage.describe() if self._counts else "")))

    def wants_more(self) -> bool:
        """Whether there are combinations to try although every variation is decided."""
        return self._probe() is not None or bool(self._unseen())

    @property
    def found(self) -> list[Ids]:
        """Smallest sets of several changes that fail with confidence."""
        confirmed = [i for i in self._counts if len(i) > 1 and self.minimizer.confirmed(i)]
        confirmed.sort(key=lambda i: (len(i), sorted(i)))
        return [i for i in confirmed if not explained(i, [o for o in confirmed if o != i])]

    @property
    def coverage(self) -> Coverage:
        """Which pairs of coping changes were seen together in a success."""
        seen = [ids for ids, counts in self._counts.items() if counts.successes]
        return coverage(self._catalogue, [v.id for v in self._coping()], seen)

    # Which kind of trial is next

    def _joint_is_next(self) -> bool:
        asks, tally = self._singles.asks, self._singles.tally
        if asks.min() < 2:
            return False
        if not tally.undecided:
            return True
        return bool(asks.mean() >= _ENOUGH_SINGLES) and self._asked_joint % _EVERY != _EVERY - 1

    def _joint(self, cost: Cost | None) -> Ids | None:
        """A scene of several changes; None if there is none to try."""
        probe = self._probe()
        if probe is not None:
            return probe
        for size in range(2, self._strength + 1):
            unseen = self._unseen_groups(size)
            if unseen and (scene := self._best(unseen, size, cost)):
                return scene
        return None

    def _probe(self) -> Ids | None:
        """The next scene of a minimisation; None if none is open, or all wait for an outcome."""
        found = self.found
        failed = (i for i, c in self._counts.items() if len(i) > 1 and c.failures)
        # in an order that does not depend on when they were tried
        for ids in sorted(failed, key=lambda i: (len(i), sorted(i))):
            if explained(ids, found):
                continue
            step = self.minimizer.step(ids)
            ready = step.progress is Progress.OPEN and not self._pending[step.ids]
            if ready and len(step.ids) > 1 and not self._holds_failing(step.ids):
                return step.ids
        return None

    # What covers most

    def _unseen(self) -> set[Group]:
        return set().union(*(self._unseen_groups(n) for n in range(2, self._strength + 1)))

    def _unseen_groups(self, size: int) -> set[Group]:
        """Groups of coping changes that were never in a success, nor are on their way."""
        possible = self._levels.groups([v.id for v in self._coping()], size)
        for ids, counts in self._counts.items():
            if len(ids) >= size and counts.successes:
                possible -= self._levels.groups(ids, size)
        for ids, number in self._pending.items():
            if number and len(ids) >= size:
                possible -= self._levels.groups(ids, size)
        found = [set(self._levels.keys(ids)) for ids in self.found]
        return {g for g in possible if not any(f <= set(g) for f in found)}

    def _best(self, unseen: set[Group], size: int, cost: Cost | None) -> Ids | None:
        rng = np.random.default_rng([self._seed, 7, self._asked_joint])
        scenes = {s: len(self._levels.groups(s, size) & unseen) for s in self._random_scenes(rng)}
        most = max(scenes.values(), default=0)
        if not most:  # rare ones: build the scene around a group that is missing
            first = min(unseen)
            scenes = {
                s: len(self._levels.groups(s, size) & unseen)
                for s in self._random_scenes(rng, first)
            }
            most = max(scenes.values(), default=0)
        if not most:
            return None
        if cost is None:
            return next(s for s, new in scenes.items() if new == most)
        near = [s for s, new in scenes.items() if new >= _ALMOST * most]
        return min(near, key=lambda s: cost(self._catalogue.scene(sorted(s))) / scenes[s])

    def _random_scenes(self, rng: np.random.Generator, around: Group = ()) -> list[Ids]:
        """Full scenes of coping changes without a set that is known to fail, in random order."""
        coping, found, scenes = self._coping(), self.found, []
        first = [v for v in coping if set(self._levels.keys([v.id])) <= set(around)]
        for _ in range(_CANDIDATES if coping else 0):
            chosen: dict[tuple[str, str], str] = {}
            order = [coping[int(i)] for i in rng.permutation(len(coping))]
            for variation in sorted(order, key=lambda v: v not in first):
                together = {*chosen.values(), variation.id}
                if variation.slot in chosen or explained(together, found):
                    continue
                chosen[variation.slot] = variation.id
                if len(chosen) == self._max_changes:
                    break
            if len(chosen) > 1:
                scenes.append(frozenset(chosen.values()))
        return scenes

    def _coping(self) -> list[Variation]:
        return [self._catalogue.variations[i] for i in self._singles.tally.coping()]

    def _copes(self, ids: Ids) -> bool:
        """Whether nothing, or a single change that is not known to fail."""
        return not ids or (len(ids) == 1 and not self._holds_failing(ids))

    def _holds_failing(self, ids: Ids) -> bool:
        tally = self._singles.tally
        accused = (Verdict.FAILS, Verdict.HURTS)
        index = self._catalogue.index
        return any(tally.verdict(tally.counts(index(i))) in accused for i in ids)

    # Bookkeeping

    def _ask(self, lane: int, scene: Scene) -> None:
        self._asked_joint += len(scene) > 1
        self._pending[scene.key] += 1
        self._open[lane] = scene.key

    def _close(self, lane: int) -> None:
        ids = self._open.pop(lane, None)
        if ids is not None:
            self._pending[ids] -= 1

    def _count(self, trial: Trial, singles: bool = True) -> None:
        if len(trial.scene) == 1 and singles:
            self._singles.tell(0, trial)
        counts = self._counts.setdefault(trial.scene.key, Outcomes())
        if trial.outcome.failed:
            counts.failures += 1
        else:
            counts.successes += 1
