# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an embedding says about changes that nobody has tried (Section III-C, Eq. 4)."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.agent import EmbeddingAgent
from robomd_ros.core.embedding.encoders import Encoders, Features
from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.question import Question, VariationComparison, unlisted
from robomd_ros.core.embedding.samples import NOTHING_CHANGED
from robomd_ros.core.evidence.failure_modes import NOT_KNOWN, FailureMode
from robomd_ros.core.evidence.ranking import Predicted, density_ratio
from robomd_ros.core.variations import Variation

_DRAWS = 400
"""Joint posterior draws that two changes are compared by."""


class Judge:
    """Answers how likely changes make the policy fail. Thread-safe: nothing in it changes."""

    def __init__(
        self,
        model: EmbeddingModel,
        encoders: Encoders,
        agent: EmbeddingAgent | None = None,
        instruction: str = "",
    ) -> None:
        """Put together what was trained.

        Args:
            model: the embedding.
            encoders: those that it was trained with.
            agent: the search agent of its space, for densities.
            instruction: the task's; what is said of a picture that comes without words.
        """
        self.model = model
        self.encoders = encoders
        self.agent = agent
        self._wordless = instruction.strip() or NOTHING_CHANGED

    def ask(self, questions: Sequence[Question]) -> Predicted:
        """What is known about these changes, one vector entry each.

        Raises:
            EncoderError: a sentence or picture cannot be encoded.
        """
        parts: dict[bool, list[int]] = {}
        for i, question in enumerate(questions):
            parts.setdefault(question.picture is not None, []).append(i)
        columns = np.full((6, len(questions)), math.nan)
        for indices in parts.values():
            image, text = self._features([questions[i] for i in indices])
            columns[:, indices] = self._columns(image, text)
        probability, lower, upper, reliability, known, density = columns
        return Predicted(probability, lower, upper, reliability, known > 0.5, density)

    def ask_texts(self, text: Features) -> Predicted:
        """As `ask`, of sentences that are encoded already and have no picture, (n, q)."""
        probability, lower, upper, reliability, known, density = self._columns(None, text)
        return Predicted(probability, lower, upper, reliability, known > 0.5, density)

    def mode(self, question: Question, variation: Variation | None = None) -> FailureMode:
        """One change as a failure mode outside any ranking (rank 0), not seen.

        Args:
            question: the change.
            variation: the catalogue's, if it is of the catalogue.
        """
        said = self.ask([question])
        return FailureMode(
            variations=(variation or unlisted(question.text or "as in the picture"),),
            rank=0,
            trials=0,
            failures=0,
            failure_probability=float(said.probability[0]),
            lower=float(said.lower[0]),
            upper=float(said.upper[0]),
            log_density=float(said.log_density[0]),
            reliability=float(said.reliability[0]),
            seen=False,
        )

    def compare(self, a: Question, b: Question) -> VariationComparison:
        """Which of two changes is worse: Eq. 4 by the agent, and the embedding's own opinion."""
        features = [self._features([question]) for question in (a, b)]
        known = all(bool(self.model.predict(*of_one).known[0]) for of_one in features)
        first, second = self._draws(features)
        more = float((first > second).mean() + 0.5 * (first == second).mean())
        ratio, log_ratio = math.nan, math.nan
        if self.agent is not None:
            points = np.stack([self.model.embed(*of_one)[0] for of_one in features])
            ratio, log_ratio = density_ratio(*self.agent.log_density(points))
        return VariationComparison(ratio, log_ratio, more if known else NOT_KNOWN[0])

    def _draws(
        self, features: Sequence[tuple[Features | None, Features]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Posterior draws of two changes; joint ones unless only one of them has a picture."""
        rng = np.random.default_rng(0)
        images = [image for image, _ in features if image is not None]
        if len(images) == 1:
            first, second = (self.model.draws(*of_one, _DRAWS, rng)[:, 0] for of_one in features)
            return first, second
        text = np.concatenate([text for _, text in features])
        draws = self.model.draws(np.concatenate(images) if images else None, text, _DRAWS, rng)
        return draws[:, 0], draws[:, 1]

    def _features(self, questions: Sequence[Question]) -> tuple[Features | None, Features]:
        """Of questions that all have a picture, or all have none."""
        text = self.encoders.text.encode([q.text.strip() or self._wordless for q in questions])
        pictures = [q.picture for q in questions if q.picture is not None]
        return (self.encoders.image.encode(pictures) if pictures else None), text

    def _columns(self, image: Features | None, text: Features) -> NDArray[np.float64]:
        """(6, n): probability, lower, upper, reliability, known, log density."""
        said = self.model.predict(image, text)
        density = np.full(len(text), math.nan)
        if self.agent is not None:
            density = self.agent.log_density(self.model.embed(image, text))
        known = np.asarray(said.known, dtype=bool)
        figures = (said.probability, said.lower, said.upper)
        rows = (
            *(np.where(known, v, n) for v, n in zip(figures, NOT_KNOWN, strict=True)),
            said.reliability,
            known,
            density,
        )
        return np.stack([np.asarray(row, dtype=np.float64) for row in rows])
