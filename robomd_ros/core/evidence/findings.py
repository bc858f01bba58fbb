# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a campaign's trials say so far: the posterior, whether it is settled, and the ranking."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from robomd_ros.core.campaign.stored import CampaignFolder
from robomd_ros.core.evidence.about import Beside
from robomd_ros.core.evidence.evidence import Evidence, Posterior
from robomd_ros.core.evidence.ranking import FailureRanking, build_ranking
from robomd_ros.core.evidence.rates import Rate
from robomd_ros.core.evidence.tally import Tally
from robomd_ros.core.search import Search
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene


class Findings:
    """The evidence of a campaign and what follows from it. Used under the campaign's lock.

    What is asked next depends on the posterior, which depends on the trials alone, not on the
    thread that computes it.
    """

    def __init__(self, folder: CampaignFolder, search: Search) -> None:
        self._folder = folder
        self._search = search
        config = folder.config
        self._evidence = Evidence(folder.catalogue, config.seed, threshold=config.failing_threshold)
        self.tally = Tally(folder.catalogue, config.confidence, config.failing_threshold)
        """How far the catalogue is decided."""
        self._beside = Beside(folder.catalogue, self.tally)
        self.settled = False
        """Whether every variation is decided, and hardly any wrongly."""

    def add(self, trial: Trial) -> None:
        """Count a valid trial; `conclude` when there is no other to add."""
        self._evidence.add(trial.scene, trial.outcome.failed)
        self.tally.add(trial.scene, trial.outcome.failed)
        self._beside.add(trial.scene, trial.outcome)

    def remove(self, trial: Trial) -> None:
        """Count a valid trial no more; `conclude` afterwards."""
        self._evidence.remove(trial.scene, trial.outcome.failed)
        self.tally.add(trial.scene, trial.outcome.failed, by=-1)
        self._beside.add(trial.scene, trial.outcome, by=-1)

    def conclude(self) -> None:
        """Draw the conclusions from the trials so far."""
        self.tally.confidence = self._folder.config.confidence
        self.settled = self.tally.decided

    @property
    def posterior(self) -> Posterior:
        """The posterior of all trials so far."""
        return self._evidence.posterior()

    @property
    def open_scenes(self) -> list[Scene]:
        """Scenes worth a confirmation, the most valuable first.

        Where scenes accumulate, a variation that is suspected of failing has few trials of its own,
        and gets no verdict without: it is confirmed before the combinations.
        """
        return [*self._suspected(), *self.posterior.open_combinations()]

    def _suspected(self) -> list[Scene]:
        """Single variations that attribution suspects and that have no verdict."""
        if not self._folder.config.accumulates or not self.posterior.counts:
            return []
        mean, catalogue = self.posterior.attribution.mean, self._folder.catalogue
        order = sorted(range(len(catalogue)), key=lambda i: (-mean[i], i))
        threshold = self._folder.config.failing_threshold
        return [
            Scene((catalogue.variations[i],))
            for i in order
            if mean[i] > threshold
            and self.posterior.held_failures[i] > 0
            and not self.tally.verdict(self.tally.counts(i)).decided
        ]

    def fails_more(self, a: Sequence[str], b: Sequence[str]) -> float:
        """Posterior probability that the policy fails more often under a than under b.

        Args:
            a: ids of a variation, or of a combination that is a failure mode of its own.
            b: likewise.

        Raises:
            CatalogueError: an id is not in the catalogue.
            LookupError: several ids that are no such combination.
        """
        return self.posterior.population.exceeds(self._rate(a), self._rate(b))

    def _rate(self, ids: Sequence[str]) -> Rate:
        """The rate of the scene of these ids."""
        posterior = self.posterior
        members = tuple(sorted(self._folder.catalogue.index(i) for i in ids))
        known = any(combination.members == members for combination in posterior.combinations)
        if len(members) == 1 or members in posterior.counts or known:
            return posterior.rate_of(members)
        raise LookupError(
            f"{' + '.join(ids)} is no failure mode of its own; ask for one of its variations"
        )

    def ranking_maker(self) -> Callable[[], FailureRanking]:
        """What makes the ranking of this moment, on whatever thread and whenever."""
        config = self._folder.config
        probability, predicted = self._search.policy_probability(), self._search.predicted()
        has_view = probability is not None
        if predicted is not None:
            has_view = has_view or bool(np.isfinite(predicted.log_density).any())
        return partial(
            build_ranking,
            self.posterior,
            self._folder.catalogue,
            probability,
            predicted,
            # A search agent that has seen nothing yet has no order either.
            order_by=config.order_by if has_view else "evidence",
            campaign_id=self._folder.campaign_id,
            policy=config.policy,
            search_agent=self._search.name,
            action_space=config.action_space,
            converged=self.settled,
            confidence=config.confidence,
            **self._beside.about(),
            stamp=time.time(),
        )
