# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The search of the action space "embedding": trials where they tell most about the untried."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.training import MIN_OF_EACH, TrainingSettings
from robomd_ros.core.embedding.unseen import Judge
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.ranking import Predicted
from robomd_ros.core.search.embedding_learner import Learner, LearnerSettings, View
from robomd_ros.core.search.proposals import Candidates, propose
from robomd_ros.core.search.search import Asked, Cost, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene
from robomd_ros.core.wording import counted

_AHEAD = 3
"""Proposals per training, in times of the trials until the next one."""


class EmbeddingSearch:
    """Random single variations first, then those that an embedding of the trials proposes.

    After `first_trials` valid trials, with some of both outcomes, an embedding is trained in the
    background, and again every `retrain_every` trials; the search proposes by the newest one there
    is, and nothing waits for it. What was asked least often comes first, so that no variation is
    tried twice before all were tried once.

    Note:
        The paper alternates: trials first, then the embedding, then PPO on recorded outcomes
        (Algorithm 2). Here the same parts run beside the trials, and "ppo" is one of the ways to
        choose the next one. The random first part is the same for a seed. Later proposals depend
        on which trials were stored when a training began, and so on the machine's speed.
    """

    name = "embedding"
    wants_images = True

    def __init__(
        self,
        context: SearchContext,
        proposal: str,
        first_trials: int,
        retrain_every: int,
        agent_steps: int,
        same_variation: float,
        image_encoder: str,
        text_encoder: str,
    ) -> None:
        """Load the encoders.

        Args:
            context: as for every search; its folder is needed.
            proposal: one of PROPOSALS.
            first_trials: valid trials before the first training.
            retrain_every: valid trials between two trainings, at least 1.
            agent_steps: virtual steps of the search agent after each training; 0: no agent.
            same_variation: weight of Eq. 1 on the scene when training.
            image_encoder: spec of the encoder of pictures.
            text_encoder: spec of the encoder of sentences.

        Raises:
            ConfigurationError: there is no folder.
            EncoderError: an encoder cannot be loaded.
        """
        if context.folder is None:
            raise ConfigurationError(
                "search 'embedding' learns from a campaign's folder, but there is none; "
                "run it in a campaign"
            )
        self._context = context
        self._proposal = proposal
        self._first_trials, self._retrain_every = first_trials, retrain_every
        self._asks = np.zeros(len(context.catalogue), dtype=np.int64)
        self._batch: list[int] = []
        self._used: View | None = None
        self._told = 0
        self._failures = 0
        self._trained_at = 0
        settings = LearnerSettings(
            folder=context.folder,
            catalogue=context.catalogue,
            encoders=make_encoders(image_encoder, text_encoder),
            seed=context.seed,
            agent_steps=agent_steps,
            training=TrainingSettings().with_scenes_apart(same_variation),
            agent_decides=proposal == "ppo" and agent_steps > 0,
        )
        self._learner = Learner(settings, self._proposals)

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Nothing to prepare: the learner reads the nominal picture from the folder."""

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene for this lane: one variation.

        Of the variations that will all be asked until the next training, the cheapest is first.
        """
        if self._learner.fault is not None:
            raise self._learner.fault
        view = self._learner.view
        if view is not None and view is not self._used:
            self._used = view
            self._batch = self._untried(view.order)[: self._retrain_every]
        if not self._batch:
            self._batch = self._more(view)
        scenes = [Scene((self._context.catalogue.variations[i],)) for i in self._batch]
        place = 0 if cost is None else min(range(len(scenes)), key=lambda i: cost(scenes[i]))
        self._asks[self._batch.pop(place)] += 1
        return scenes[place]

    def tell(self, lane: int, trial: Trial) -> None:
        """Count it; have the embedding trained when there are enough new ones."""
        self._count(trial)
        self._train_if_due()

    def drop(self, lane: int) -> None:
        """Nothing: the scene was asked, and there is no outcome to learn from."""

    def observe(self, trial: Trial) -> None:
        """As `tell`: the embedding learns from every stored trial."""
        self._count(trial)
        self._train_if_due()

    def policy_probability(self) -> NDArray[np.float64] | None:
        """None: the agent's actions are continuous (`predicted` has their log density)."""
        return None

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Count the earlier asks and take up the newest stored embedding."""
        for earlier in asked:
            for variation_id in earlier.scene.ids:
                self._asks[self._context.catalogue.index(variation_id)] += 1
            if earlier.trial is not None:
                self._count(earlier.trial)
        self._learner.restore()
        if self._learner.view is not None:
            self._trained_at = self._learner.view.trials
        self._train_if_due()

    def save(self, folder: Path) -> None:
        """Nothing: the learner stores every embedding when it is trained."""

    def judge(self) -> Judge | None:
        """The newest embedding; None before the first."""
        return None if self._learner.view is None else self._learner.view.judge

    def predicted(self) -> Predicted | None:
        """What the newest embedding says about the catalogue; None before the first."""
        return None if self._learner.view is None else self._learner.view.predicted

    def remark(self) -> str:
        """How far the embedding is."""
        if self._learner.remark:
            return self._learner.remark
        if self._learner.view is not None:
            return f"embedding of {counted(self._learner.view.trials, 'trial')}"
        if self._told < self._first_trials:
            return f"embedding after {counted(self._first_trials, 'trial')}"
        if not self._ready:
            successes = self._told - self._failures
            return (
                f"no embedding yet: it needs {MIN_OF_EACH} failures and {MIN_OF_EACH} successes, "
                f"so far there are {self._failures} and {successes}"
            )
        return "the embedding is being trained"

    def wants_more(self) -> bool:
        """No."""
        return False

    def finished(self) -> str:
        """It does not."""
        return ""

    def close(self, learn: bool) -> None:
        """End the learner; with `learn` after it has learned from all trials."""
        if learn and self._ready and self._told > self._trained_at:
            self._learner.request()
            self._trained_at = self._told
        self._learner.finish(learn)

    @property
    def _ready(self) -> bool:
        fewest = min(self._failures, self._told - self._failures)
        return self._told >= self._first_trials and fewest >= MIN_OF_EACH

    def _count(self, trial: Trial) -> None:
        self._told += 1
        self._failures += trial.outcome.failed

    def _train_if_due(self) -> None:
        if self._ready and self._told - self._trained_at >= self._retrain_every:
            self._trained_at = self._told
            self._learner.request()

    def _proposals(self, candidates: Candidates, trials: int) -> list[int]:
        """On the learner's thread: what to try next, more than is needed before its next call."""
        count = _AHEAD * self._retrain_every
        rng = np.random.default_rng([self._context.seed, 4, trials])
        asks = self._asks.copy()
        return propose(self._proposal, candidates, asks == asks.min(), count, rng)

    def _untried(self, order: Sequence[int]) -> list[int]:
        """Those of the order that were asked least often."""
        least = self._asks.min()
        return [i for i in order if self._asks[i] == least]

    def _more(self, view: View | None) -> list[int]:
        """Without a new embedding: what is left of the proposals, else by lot."""
        left = self._untried(view.order) if view is not None else []
        if not left:
            seed = [self._context.seed, 5, int(self._asks.min())]
            left = self._untried(np.random.default_rng(seed).permutation(len(self._asks)).tolist())
            missing = self._first_trials - self._told if view is None else 0
            return left[: missing if missing > 0 else self._retrain_every]
        return left[: self._retrain_every]
