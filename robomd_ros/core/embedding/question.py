# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A question about a change that may never have been tried, and what two of them compare to."""

from collections.abc import Mapping
from dataclasses import dataclass

from robomd_ros.core.embedding.encoders import Picture
from robomd_ros.core.embedding.samples import scene_text
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.variations import Catalogue, Scene, Variation


@dataclass(frozen=True, eq=False)
class Question:
    """A change, in words, as a picture, or both.

    Attributes:
        text: the sentence; "" where only a picture is given.
        picture: (H, W, 3) uint8 RGB of the changed scene; None without one.
    """

    text: str = ""
    picture: Picture | None = None

    def __post_init__(self) -> None:
        if not self.text.strip() and self.picture is None:
            raise EmbeddingError(
                "nothing is asked: the text is empty and there is no picture; describe the "
                "change in words, give a picture of it, or both"
            )


@dataclass(frozen=True)
class VariationComparison:
    """Which of two changes is worse.

    Attributes:
        ratio: Eq. 4, p(a | s) / p(b | s); NaN without a search agent.
        log_ratio: its natural logarithm; NaN without a search agent.
        probability_a_fails_more: by the embedding's draws, [0, 1]; 0.5 where it does not know.
    """

    ratio: float
    log_ratio: float
    probability_a_fails_more: float


def unlisted(text: str) -> Variation:
    """A change that no catalogue lists."""
    return Variation("unlisted", "unlisted", "scene", text)


def questions_of(
    catalogue: Catalogue, pictures: Mapping[str, Picture] | None = None
) -> list[Question]:
    """One question per variation of a catalogue; with its picture where there is one, by id."""
    given = pictures or {}
    return [Question(scene_text(Scene((v,)), catalogue), given.get(v.id)) for v in catalogue]
