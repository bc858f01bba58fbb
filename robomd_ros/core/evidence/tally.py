# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How far a catalogue is decided: the trials of each variation by itself, and what they bear."""

from collections import Counter
from collections.abc import Sequence

from robomd_ros.core.evidence.population import Counts, Population, Rate, Verdict, doubt, verdict_of
from robomd_ros.core.variations import Catalogue, Scene

ENDS_FROM = 3
"""Own trials of every variation from which on a catalogue may be decided. After two of each, rates
just above the threshold were called coping five times as often as the posterior says: where the few
that fail always fail, two successes seem to tell all (bench_stop.py, sparse)."""


class Tally:
    """Own trials of every variation and of the unchanged scene. Not thread-safe.

    What is known depends on the counts alone, not on their order. The work depends on how many
    different counts there are, not on how many variations or trials.

    A catalogue is decided when every variation has ENDS_FROM trials and a verdict with the
    confidence, and the expected number of wrong ones is at most 1 - confidence. The posterior stays
    calibrated under looking after every trial: its probabilities do not depend on when one stops.
    """

    def __init__(self, catalogue: Catalogue, confidence: float, threshold: float) -> None:
        """Begin without trials.

        Args:
            catalogue: the variations.
            confidence: of a verdict, [0.5, 1).
            threshold: a rate above it is called failing, (0, 1).
        """
        self._catalogue = catalogue
        self._threshold = threshold
        self._failures = [0] * len(catalogue)
        self._trials = [0] * len(catalogue)
        self._kinds: Counter[Counts] = Counter({Counts(0, 0): len(catalogue)})
        self._nominal = Counts(0, 0)
        self._rates: dict[Counts, Rate] | None = None
        self.confidence = confidence

    @property
    def nominal(self) -> Counts:
        """Trials of the unchanged scene."""
        return self._nominal

    def counts(self, index: int) -> Counts:
        """Own trials of a variation."""
        return Counts(self._failures[index], self._trials[index])

    def add(self, scene: Scene, failed: bool, by: int = 1) -> None:
        """Count a trial of one variation or of the unchanged scene; others say nothing here.

        Args:
            scene: of the trial.
            failed: how it ended.
            by: -1 for one that counts no more.
        """
        if len(scene) > 1:
            return
        self._rates = None
        if not len(scene):
            before = self._nominal
            self._nominal = Counts(before.failures + by * failed, before.trials + by)
            return
        index = self._catalogue.index(scene.ids[0])
        self._kinds[self.counts(index)] -= 1
        self._failures[index] += by * failed
        self._trials[index] += by
        self._kinds[self.counts(index)] += 1

    @property
    def rates(self) -> dict[Counts, Rate]:
        """What is known of a variation with these counts."""
        if self._rates is None:
            self._kinds = +self._kinds
            tried = [c for c, number in sorted(self._kinds.items()) for _ in range(number)]
            population = Population(self._nominal, tried, self._threshold)
            self._rates = dict(zip(tried, population.rates, strict=True))
        return self._rates

    def verdict(self, counts: Counts) -> Verdict:
        """The verdict on a variation with these counts; OPEN with too few of them."""
        return verdict_of(self.rates[counts], self.confidence)

    def doubt(self, counts: Counts) -> float:
        """How doubtful the likeliest verdict on a variation with these counts is, [0, 0.5]."""
        rate, verdict = self.rates[counts], self.verdict(counts)
        if verdict.decided:
            return doubt(rate, verdict)
        return min(rate.probability_failing, 1.0 - rate.probability_failing)

    @property
    def undecided(self) -> int:
        """Variations without a verdict."""
        return sum(n for c, n in (+self._kinds).items() if not self.verdict(c).decided)

    @property
    def expected_wrong(self) -> float:
        """Expected number of wrong verdicts among those that are given."""
        kinds = (+self._kinds).items()
        return sum(n * self.doubt(c) for c, n in kinds if self.verdict(c).decided)

    @property
    def decided(self) -> bool:
        """Whether the catalogue is decided."""
        if any(c.trials < ENDS_FROM for c in +self._kinds):
            return False
        return not self.undecided and self.expected_wrong <= 1.0 - self.confidence

    def failing(self) -> Sequence[int]:
        """Variations that fail or hurt, by index."""
        accused = (Verdict.FAILS, Verdict.HURTS)
        return [i for i in range(len(self._trials)) if self.verdict(self.counts(i)) in accused]

    def coping(self) -> Sequence[int]:
        """Variations that cope, by index."""
        n = range(len(self._trials))
        return [i for i in n if self.verdict(self.counts(i)) is Verdict.COPES]
