# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd query`: how likely a change makes the policy fail."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from robomd_ros.cli.pictures import read_picture
from robomd_ros.core.embedding.question import Question
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.core.wording import described, statement
from robomd_ros.report.campaign_data import CampaignData, load_campaign


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(
        "robomd query",
        description="How likely does a change make the policy fail? What was tried is answered by "
        "the trials, anything else by the campaign's embedding.",
    )
    parser.add_argument("campaign_dir", type=Path)
    parser.add_argument("--text", default="", help="the change in words, or a catalogued id")
    parser.add_argument("--image", type=Path, help="picture of the changed scene, of any size")
    options = parser.parse_args(argv)
    picture = None if options.image is None else read_picture(options.image)
    question = Question(_readable(options.text), picture)
    print(answer(load_campaign(options.campaign_dir), question))
    return 0


def answer(campaign: CampaignData, question: Question) -> str:
    """The answer in sentences.

    Raises:
        EmbeddingError: it was not tried and the campaign has no embedding that fits.
        EncoderError: the text or the picture cannot be encoded, or the encoders not loaded.
    """
    listed = _listed(campaign, question.text)
    if listed is not None and listed.seen:
        return describe(listed)
    from robomd_ros.core.embedding.store import MODEL_FOLDER, load_judge

    judge = load_judge(campaign.stored.path / MODEL_FOLDER, campaign.catalogue.instruction)
    if listed is None:
        return describe(judge.mode(question))
    variation = listed.variations[0]
    return describe(judge.mode(Question(variation.description, question.picture), variation))


def describe(mode: FailureMode) -> str:
    """A failure mode for people: the change, the figures, and where they come from."""
    text = f"{described(mode)}\n  {statement(mode)}"
    if mode.predicted and math.isfinite(mode.log_density):
        text += f"; log density of the search agent {mode.log_density:.1f}"
    return text


def _readable(text: str) -> str:
    """The text without outer spaces; ConfigurationError if its bytes were no text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"--text is not valid UTF-8: {text!r}; type it again") from error
    return text.strip()


def _listed(campaign: CampaignData, text: str) -> FailureMode | None:
    """The ranking's entry for a single variation, by id or sentence."""
    for mode in campaign.ranking.failure_modes:
        if len(mode.ids) == 1 and text in (mode.ids[0], mode.variations[0].description):
            return mode
    return None
