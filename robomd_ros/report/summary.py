# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The answer in a few sentences and figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.page import figure
from robomd_ros.report.verdict import HALF, Verdict, label, verdict_of

_NAMED = 4


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
            f"No trial gave a valid result ({len(data.invalid)} were invalid), so nothing is known "
            "about the policy."
        ]
    modes = data.ranking.failure_modes
    share = data.failures / len(data.valid)
    sentences = [
        f"The policy failed in {data.failures} of {len(data.valid)} trials that count "
        f"({share:.0%}). The scenes were changed on purpose: this share is not how often it would "
        "fail at work."
    ]
    sentences += _failing(modes)
    sentences += _coping(modes)
    settled = (
        "The order of the worst is settled: more trials would hardly change it."
        if data.ranking.converged
        else "The order is not settled yet; intervals are wide where there were few trials."
    )
    return [*sentences, settled]


def _failing(modes: Sequence[FailureMode]) -> list[str]:
    failing = [m for m in modes if m.seen and m.failure_probability > HALF]
    if not failing:
        return ["No change that was tried makes it fail more often than not."]
    surely = sum(verdict_of(m) is Verdict.FAILS for m in failing)
    worst = sorted(failing, key=lambda m: -m.failure_probability)
    plural = "s make" if len(failing) > 1 else " makes"
    return [
        f"{len(failing)} change{plural} it fail more often than not, {surely or 'none'} of them "
        f"with near certainty. The worst: {_named(worst)}."
    ]


def _coping(modes: Sequence[FailureMode]) -> list[str]:
    coping = [m for m in modes if m.seen and m.failure_probability <= HALF]
    untried = [m for m in modes if not m.seen]
    found = []
    if coping:
        best = sorted(coping, key=lambda m: m.failure_probability)
        plural = "s" if len(coping) > 1 else ""
        found.append(
            f"It succeeds more often than not under {len(coping)} change{plural}; it copes best "
            f"with {_named(best)}."
        )
    if untried:
        plural = "s were" if len(untried) > 1 else " was"
        found.append(f"{len(untried)} change{plural} never tried.")
    return found


def _named(modes: Sequence[FailureMode]) -> str:
    named = [f"{label(m)} ({m.failure_probability:.2f})" for m in modes[:_NAMED]]
    return ", ".join(named)


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
            f"The stored ranking is of {data.ranking.trials} trials, the record has "
            f"{len(data.valid)} that count: the campaign runs, or was cut off. The same command "
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
        Card("modes", "failure modes", ranking.failure_mode_count, str(ranking.failure_mode_count)),
        Card(
            "severity",
            "severity index",
            ranking.failure_severity_index,
            figure(ranking.failure_severity_index),
        ),
        Card("entropy", "entropy, nats", ranking.entropy, figure(ranking.entropy)),
    ]
