# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The services of the diagnosis that answer questions about changes, tried or not."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.node import Node

from robomd_msgs.srv import CompareVariations, QueryVariation
from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.embedding.question import Question
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.ros.conversions import failure_mode_to_msg
from robomd_ros.ros.runtime import in_thread
from robomd_ros.ros.standard import image_from_msg

if TYPE_CHECKING:  # torch is heavy
    from robomd_ros.core.embedding.unseen import Judge

_LISTED = 30
"""Ids that an error message lists."""
_NOTHING = "nothing is asked: give a description in words or a catalogued id, a picture, or both"


class NoAnswer(Exception):
    """A question without an answer: an error code of the service and what to do about it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Questions:
    """Offers query_variation and compare_variations.

    What was tried is answered by the evidence. What was not is answered by the campaign's
    embedding, if it has one. Sentences and pictures are encoded on a thread of the question's own,
    so that the node's other callbacks do not wait for it.
    """

    def __init__(
        self,
        node: Node,
        campaign: Callable[[], Campaign | None],
        ranking: Callable[[], FailureRanking | None],
    ) -> None:
        """Offer the services.

        Args:
            node: who offers them.
            campaign: the present or last campaign.
            ranking: its newest ranking.
        """
        self._node = node
        self._campaign = campaign
        self._ranking = ranking
        node.create_service(QueryVariation, "query_variation", self._on_query)
        node.create_service(CompareVariations, "compare_variations", self._on_compare)

    async def _on_query(self, request: Any, response: Any) -> Any:
        def answer() -> None:
            mode, _ = self._look_up(request.description, request.image)
            response.failure_mode = failure_mode_to_msg(mode)

        return await self._answered("query", answer, response)

    async def _on_compare(self, request: Any, response: Any) -> Any:
        response.ratio = response.log_ratio = response.probability_a_fails_more = math.nan

        def answer() -> None:
            values = self._compared(
                self._look_up(request.description_a, request.image_a),
                self._look_up(request.description_b, request.image_b),
            )
            response.ratio, response.log_ratio, response.probability_a_fails_more = values

        return await self._answered("compare", answer, response)

    async def _answered(self, name: str, answer: Callable[[], None], response: Any) -> Any:
        """The response, filled on a thread of its own, or with the error code of what is wrong."""
        try:
            await in_thread(self._node, name, answer)
        except NoAnswer as refusal:
            response.error_code, response.error_msg = refusal.code, str(refusal)
        except RoboMDError as error:
            response.error_code, response.error_msg = response.NOT_AVAILABLE, str(error)
        return response

    def _compared(
        self, a: tuple[FailureMode, Question], b: tuple[FailureMode, Question]
    ) -> tuple[float, float, float]:
        """Ratio, its logarithm, and the probability that a fails more."""
        campaign, judge = self._present()
        ratio = log_ratio = math.nan
        more = math.nan
        if judge is not None:
            said = judge.compare(a[1], b[1])
            ratio, log_ratio, more = said.ratio, said.log_ratio, said.probability_a_fails_more
        elif a[0].policy_probability > 0 and b[0].policy_probability > 0:
            ratio = a[0].policy_probability / b[0].policy_probability
            log_ratio = math.log(ratio)
        if judge is None or (a[0].seen and b[0].seen):
            try:
                more = campaign.fails_more(a[0].ids, b[0].ids)
            except LookupError as error:  # the newest trial has split the combination up again
                raise NoAnswer(CompareVariations.Response.UNKNOWN_VARIATION, str(error)) from error
        return ratio, log_ratio, more

    def _present(self) -> "tuple[Campaign, Judge | None]":
        campaign = self._campaign()
        if campaign is None or self._ranking() is None:
            reason = "there is no ranking yet; start a campaign first"
            raise NoAnswer(QueryVariation.Response.NO_CAMPAIGN, reason)
        return campaign, campaign.judge()

    def _look_up(self, description: str, image: Any) -> tuple[FailureMode, Question]:
        """The failure mode of a change, and the change as the embedding is asked about it."""
        campaign, judge = self._present()
        picture = None
        if len(image.data):
            try:
                picture = image_from_msg(image)
            except ValueError as error:
                raise NoAnswer(QueryVariation.Response.BAD_IMAGE, str(error)) from error
        listed = self._listed(description)
        if listed is not None:
            text = "; ".join(v.description for v in listed.variations)
            question = Question(text, picture)
            if listed.seen or judge is None or picture is None:
                return listed, question
            return judge.mode(question, listed.variations[0]), question
        if not description.strip() and picture is None:
            raise NoAnswer(QueryVariation.Response.UNKNOWN_VARIATION, _NOTHING)
        if judge is None:
            raise self._without_embedding(campaign, description)
        question = Question(description, picture)
        try:
            return judge.mode(question), question
        except RoboMDError as error:
            codes = QueryVariation.Response
            code = codes.UNKNOWN_VARIATION if picture is None else codes.BAD_IMAGE
            raise NoAnswer(code, str(error)) from error

    def _listed(self, description: str) -> FailureMode | None:
        """The ranking's own entry: by id or sentence; of a combination, by its ids and '+'."""
        ranking, description = self._ranking(), description.strip()
        for mode in ranking.failure_modes if ranking is not None else ():
            single = len(mode.ids) == 1
            if single and description in (mode.ids[0], mode.variations[0].description):
                return mode
            if not single and {i.strip() for i in description.split("+")} == set(mode.ids):
                return mode
        return None

    def _without_embedding(self, campaign: Campaign, description: str) -> NoAnswer:
        codes = QueryVariation.Response
        if campaign.embeds:
            reason = f"the embedding cannot answer yet: {campaign.status().message}"
            return NoAnswer(codes.NOT_AVAILABLE, reason)
        if not description.strip():
            reason = "a picture alone needs the embedding; give a catalogued id or description"
            return NoAnswer(codes.NOT_AVAILABLE, f"{reason}, or use action_space:=embedding")
        ranking = self._ranking()
        modes = ranking.failure_modes if ranking is not None else ()
        known = [mode.ids[0] for mode in modes if len(mode.ids) == 1]
        more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
        reason = f"{description!r} is not in the catalogue; it has: {', '.join(known[:_LISTED])}"
        return NoAnswer(codes.UNKNOWN_VARIATION, reason + more)
