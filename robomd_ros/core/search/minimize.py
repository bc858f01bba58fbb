# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A search that finds out which of the changes of one failing scene make the policy fail."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.search.minimizing import Ids, Minimizer, Outcomes, Progress, Step
from robomd_ros.core.search.search import Asked, Cost, Foreground, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Catalogue, Scene


class MinimizeSearch(Foreground):
    """The scene is the whole catalogue; its smallest part that fails is looked for.

    What is asked depends on the counts only, so that a resumed campaign goes on as the
    uninterrupted one would.
    """

    name = "minimize"
    wants_images = False

    def __init__(self, context: SearchContext) -> None:
        """Take the scene.

        Raises:
            CatalogueError: two of its changes exclude each other.
        """
        self._catalogue = context.catalogue
        self._scene = Scene(context.catalogue.variations).key
        self._counts: dict[Ids, Outcomes] = {}
        self._minimizer = minimizer(
            context.catalogue, self._counts, context.confidence, context.failing_threshold
        )

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare."""

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene."""
        return self._catalogue.scene(v.id for v in self._catalogue if v.id in self._step.ids)

    def tell(self, lane: int, trial: Trial) -> None:
        """Count it."""
        count(self._counts, trial.scene.key, trial.outcome.failed)

    def drop(self, lane: int) -> None:
        """Nothing: it is asked again."""

    def observe(self, trial: Trial) -> None:
        """Count it."""
        count(self._counts, trial.scene.key, trial.outcome.failed)

    def policy_probability(self) -> NDArray[np.float64] | None:
        """None: there is no agent."""
        return None

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Count the earlier outcomes."""
        for earlier in asked:
            if earlier.trial is not None:
                self.tell(earlier.lane, earlier.trial)

    def save(self, folder: Path) -> None:
        """Nothing to keep: the trial log has it all."""

    def wants_more(self) -> bool:
        """Until the smallest set is known."""
        return not self.finished()

    def finished(self) -> str:
        """What was found; "" while something is to be tried."""
        return result_of(self._step, self._counts)

    @property
    def _step(self) -> Step:
        return self._minimizer.step(self._scene)


def minimizer(
    catalogue: Catalogue, counts: dict[Ids, Outcomes], confidence: float, threshold: float
) -> Minimizer:
    """For a scene of which nothing is known but what was tried."""
    order = {v.id: i for i, v in enumerate(catalogue)}
    return Minimizer(counts, lambda ids: not ids, order, confidence, threshold)


def count(counts: dict[Ids, Outcomes], ids: Ids, failed: bool) -> None:
    """Count one more trial of a scene."""
    outcomes = counts.setdefault(ids, Outcomes())
    if failed:
        outcomes.failures += 1
    else:
        outcomes.successes += 1


def minimized(
    catalogue: Catalogue,
    tried: Iterable[tuple[Collection[str], bool]],
    confidence: float,
    threshold: float,
) -> str:
    """What the trials of such a campaign say, for people; "" while something is to be tried.

    Args:
        catalogue: the changes of the scene.
        tried: ids of each scene, and whether the policy failed.
        confidence: of the answer.
        threshold: a rate above it is called failing.
    """
    counts: dict[Ids, Outcomes] = {}
    for ids, failed in tried:
        count(counts, frozenset(ids), failed)
    step = minimizer(catalogue, counts, confidence, threshold).step(
        frozenset(v.id for v in catalogue)
    )
    return result_of(step, counts)


def result_of(step: Step, counts: dict[Ids, Outcomes]) -> str:
    """The answer in words; "" while there is none."""
    outcomes = counts.get(step.ids, Outcomes())
    total = outcomes.failures + outcomes.successes
    if step.progress is Progress.NOT_REPEATED:
        return (
            f"the scene does not fail reliably: {outcomes.failures} of {total} trials failed, so "
            "there is no set of changes to blame"
        )
    if step.progress is Progress.FOUND:
        fails = "together make it fail" if len(step.ids) > 1 else "alone makes it fail"
        names = " + ".join(sorted(step.ids))
        return f"{names} {fails}: {outcomes.failures} of {total} trials"
    return ""
