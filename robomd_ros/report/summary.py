# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The answer in a few sentences and figures."""

from dataclasses import dataclass

from robomd_ros.core.evidence.sentences import sentences
from robomd_ros.core.wording import counted, figure, nominal_of
from robomd_ros.report.campaign_data import CampaignData


@dataclass(frozen=True)
class Card:
    """A key figure.

    Attributes:
        id: for programs that read the page.
        name: what it is.
        value: all digits.
        text: as people read it.
    """

    id: str
    name: str
    value: float
    text: str


def summary(data: CampaignData) -> list[str]:
    """Plain sentences: what was found, how sure it is, what is not known."""
    if not data.records:
        return ["No trial has been run yet, so nothing is known about the policy."]
    if not data.valid:
        return [
            f"No trial gave a valid result ({len(data.invalid)} invalid), so nothing is known "
            "about the policy."
        ]
    share = data.failures / len(data.valid)
    found = list(data.ranking.findings or sentences(data.ranking))
    return [
        *found,
        f"In all it failed in {data.failures} of {counted(len(data.valid), 'valid trial')} "
        f"({share:.0%}). The scenes were changed on purpose: this share is not how often it would "
        "fail at work.",
    ]


def warnings(data: CampaignData) -> list[str]:
    """What a reader must know before trusting the numbers."""
    found = []
    if data.stored.ranking_note:
        found.append(
            f"{data.stored.ranking_note}; the search's own view and what an embedding predicted "
            "are not in it."
        )
    elif data.ranking.trials != len(data.valid):
        found.append(
            f"The stored ranking is of {counted(data.ranking.trials, 'trial')}, of those on record "
            f"{len(data.valid)} count: the campaign runs, or was cut off. The same command "
            "with the same folder completes it."
        )
    return found


def cards(data: CampaignData) -> list[Card]:
    """The key figures."""
    ranking = data.ranking
    valid, failures, invalid = len(data.valid), data.failures, len(data.invalid)
    return [
        Card("trials", "trials that count", valid, f"{valid:,}"),
        Card("failures", "of them failed", failures, f"{failures:,}"),
        Card("invalid", "invalid trials", invalid, f"{invalid:,}"),
        Card(
            "nominal",
            "fails unchanged (95 % interval), trials",
            ranking.nominal_probability,
            nominal_of(ranking),
        ),
        Card(
            "modes",
            f"failure modes above {ranking.failing_threshold:g}, by estimate",
            ranking.failure_mode_count,
            str(ranking.failure_mode_count),
        ),
        Card(
            "severity",
            "severity index",
            ranking.failure_severity_index,
            figure(ranking.failure_severity_index),
        ),
        Card("entropy", "entropy, nats", ranking.entropy, figure(ranking.entropy)),
    ]
