# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a ranking says beside its rates: the pairs that were seen together, and oddities."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from robomd_ros.core.evidence.coverage import coverage
from robomd_ros.core.evidence.tally import Tally
from robomd_ros.core.policies.commands import remark_on_commands
from robomd_ros.core.trial import Outcome
from robomd_ros.core.variations import Catalogue, Scene

_FACTS = 20
"""Nominal trials whose facts are looked at."""


class Beside:
    """Collects what the tally does not: scenes of several changes that succeeded, nominal facts."""

    def __init__(self, catalogue: Catalogue, tally: Tally) -> None:
        self._catalogue = catalogue
        self._tally = tally
        self._succeeded: Counter[frozenset[str]] = Counter()
        self._facts: list[Mapping[str, Any]] = []

    def add(self, scene: Scene, outcome: Outcome, by: int = 1) -> None:
        """Count a valid trial; with `by` -1 it counts no more."""
        if len(scene) > 1 and not outcome.failed:
            self._succeeded[scene.key] += by
        if len(scene):
            return
        if by > 0 and len(self._facts) < _FACTS:
            self._facts.append(outcome.facts)
        elif by < 0 and outcome.facts in self._facts:
            self._facts.remove(outcome.facts)

    def about(self) -> dict[str, Any]:
        """Fields of a RankingInfo: pairs_seen, pairs_possible, remarks."""
        coping = [self._catalogue.variations[i].id for i in self._tally.coping()]
        pairs = coverage(self._catalogue, coping, +self._succeeded)
        remarks = (remark_on_commands(self._facts), pairs.describe())
        return {
            "pairs_seen": pairs.seen,
            "pairs_possible": pairs.possible,
            "remarks": tuple(f"{r[0].upper()}{r[1:]}." for r in remarks if r),
        }
