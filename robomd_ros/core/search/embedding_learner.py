# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learns the embedding of a running campaign on a thread of its own: no trial waits for it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.agent import EmbeddingAgent
from robomd_ros.core.embedding.campaign_samples import RememberingEncoder, samples_of_folder
from robomd_ros.core.embedding.encoders import Encoders, Features
from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.samples import scene_text
from robomd_ros.core.embedding.store import (
    MODEL_FOLDER,
    has_embedding,
    load_embedding,
    save_embedding,
)
from robomd_ros.core.embedding.training import TrainingSettings, train
from robomd_ros.core.embedding.unseen import Judge
from robomd_ros.core.errors import EmbeddingError, RoboMDError
from robomd_ros.core.evidence.ranking import Predicted
from robomd_ros.core.search.proposals import Candidates
from robomd_ros.core.variations import Catalogue, Scene

_DRAWS = 300
"""Joint posterior draws that expected information is computed from."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class View:
    """What one training of the embedding says about the catalogue.

    Attributes:
        trials: how many trials it was trained on.
        judge: answers questions.
        predicted: what it says about every variation of the catalogue.
        order: variations to try next, best first.
    """

    trials: int
    judge: Judge
    predicted: Predicted
    order: tuple[int, ...]


@dataclass(frozen=True)
class LearnerSettings:
    """What a learner is made of.

    Attributes:
        folder: of the campaign whose trials it learns from.
        catalogue: the campaign's.
        encoders: of pictures and sentences.
        seed: of every training.
        agent_steps: virtual steps of the search agent after a training; 0: no agent.
        training: how the embedding is trained.
        agent_decides: the search waits for the agent, because it proposes what is tried.
    """

    folder: Path
    catalogue: Catalogue
    encoders: Encoders
    seed: int
    agent_steps: int
    training: TrainingSettings
    agent_decides: bool


class Learner:
    """Trains the embedding when asked, from what the campaign's folder holds at that moment.

    A training is a function of the stored trials and the seed. When it ends depends on the
    machine, and so do the proposals that come from it.
    """

    def __init__(
        self, settings: LearnerSettings, propose: Callable[[Candidates, int], list[int]]
    ) -> None:
        """Prepare; nothing is trained yet.

        Args:
            settings: what to learn from.
            propose: from the candidates, and the number of trials they were judged by, to what to
                try next; called on the learner's thread.
        """
        self._settings = settings
        self._propose = propose
        self._change = threading.Condition()
        self._wanted = False
        self._busy = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._text: Features | None = None
        encoders = settings.encoders
        self._remembering = Encoders(
            RememberingEncoder(encoders.image), RememberingEncoder(encoders.text)
        )
        self.view: View | None = None
        """The newest one."""
        self.remark = ""
        """What went wrong last; "" if nothing did."""
        self.fault: Exception | None = None
        """What ended the thread."""

    @property
    def path(self) -> Path:
        """Where the newest model is."""
        return self._settings.folder / MODEL_FOLDER

    def restore(self) -> None:
        """Take up the newest model of the folder; without one that fits, `view` stays None."""
        if not has_embedding(self.path):
            return
        try:
            model, agent, _ = load_embedding(self.path, self._settings.encoders)
        except EmbeddingError as error:
            self._say(f"the stored embedding is not used and trained anew: {error}")
            return
        self._publish(model, agent)

    def request(self) -> None:
        """Train (again) as soon as possible; several requests in a row are one."""
        with self._change:
            self._wanted = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="embedding", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def finish(self, learn: bool) -> None:
        """End the thread; with `learn` only after what was requested is done."""
        with self._change:
            while learn and self.fault is None and (self._wanted or self._busy):
                self._change.wait()
            self._closing = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    def _work(self) -> None:
        try:
            while self._next():
                self._learn()
                with self._change:
                    self._busy = False
                    self._change.notify_all()
        except _Ended:
            pass
        except Exception as error:  # noqa: BLE001 (a thread's boundary; the search raises it)
            with self._change:
                self.fault = error
                self._change.notify_all()

    def _next(self) -> bool:
        with self._change:
            while not self._wanted and not self._closing:
                self._change.wait()
            self._wanted, self._busy = False, not self._closing
            return self._busy

    def _learn(self) -> None:
        settings = self._settings
        try:
            samples = samples_of_folder(settings.folder, settings.catalogue, self._remembering)
            model = train(
                samples,
                settings.training,
                settings.seed,
                self._keep_on,
                encoders=settings.encoders,
            )
            if not settings.agent_decides:
                save_embedding(self.path, model)
                self._publish(model, None)
            if settings.agent_steps and not self._superseded:
                agent = EmbeddingAgent.train(
                    model.known,
                    model.nominal,
                    seed=settings.seed,
                    steps=settings.agent_steps,
                    progress=self._keep_on,
                )
                save_embedding(self.path, model, agent)
                self._publish(model, agent)
            self.remark = ""
        except RoboMDError as error:
            self._say(f"the embedding could not be trained: {error}")

    @property
    def _superseded(self) -> bool:
        """Whether newer trials make an agent of this model needless."""
        return self._wanted and not self._settings.agent_decides

    def _keep_on(self, _done: int, _total: int) -> None:
        """Progress callback: leave a training that nobody waits for."""
        if self._closing:
            raise _Ended

    def _publish(self, model: EmbeddingModel, agent: EmbeddingAgent | None) -> None:
        settings = self._settings
        if self._text is None:
            scenes = [Scene((v,)) for v in settings.catalogue]
            sentences = [scene_text(scene, settings.catalogue) for scene in scenes]
            self._text = settings.encoders.text.encode(sentences)
        judge = Judge(model, settings.encoders, agent, settings.catalogue.instruction)
        predicted = judge.ask_texts(self._text)
        trials = int(model.known.trials.sum())
        rng = np.random.default_rng([settings.seed, 3, trials])
        candidates = Candidates(
            probability=predicted.probability,
            draws=model.draws(None, self._text, _DRAWS, rng),
            embeddings=model.embed(None, self._text),
            sample_actions=_sampler(agent),
        )
        order = tuple(self._propose(candidates, trials))
        self.view = View(trials, judge, predicted, order)

    def _say(self, text: str) -> None:
        self.remark = text
        _LOG.warning("%s", text)


def _sampler(
    agent: EmbeddingAgent | None,
) -> Callable[[int, np.random.Generator], NDArray[np.float32]] | None:
    if agent is None:
        return None
    return lambda count, rng: np.asarray(agent.sample(count, rng), dtype=np.float32)


class _Ended(Exception):
    """Nobody waits for this training any more."""
