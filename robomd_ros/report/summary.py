# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The answer in a few sentences and figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.core.wording import Standing, counted, figure, named, verdict_of
from robomd_ros.report.campaign_data import CampaignData

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
            f"No trial gave a valid result ({len(data.invalid)} invalid), so nothing is known "
            "about the policy."
        ]
    modes = data.ranking.failure_modes
    share = data.failures / len(data.valid)
    sentences = [
        f"The policy failed in {data.failures} of {counted(len(data.valid), 'valid trial')} "
        f"({share:.0%}). The scenes were changed on purpose: this share is not how often it would "
        "fail at work."
    ]
    sentences += _tried(modes)
    sentences += _untried(modes)
    order = (
        "The order of the worst is settled: more trials would hardly change it."
        if data.ranking.converged
        else "The order is not settled yet; intervals are wide where there were few trials."
    )
    return [*sentences, order]


def _tried(modes: Sequence[FailureMode]) -> list[str]:
    """By verdict: what fails, what is open, what copes; each says what its intervals say."""
    by_verdict: dict[Standing, list[FailureMode]] = {v: [] for v in Standing}
    for mode in sorted(modes, key=lambda m: -m.failure_probability):
        by_verdict[verdict_of(mode)].append(mode)
    failing, open_, coping = (
        by_verdict[v] for v in (Standing.FAILS, Standing.OPEN, Standing.COPES)
    )
    found = []
    if failing:
        make = counted(len(failing), "change makes", "changes make")
        found.append(
            f"{make} it fail more often than not: the whole 95 % interval lies above one half. "
            f"{'The worst' if len(failing) > 1 else 'It is'}: "
            f"{named(failing, _NAMED, figures=True)}."
        )
    elif open_ or coping:
        found.append("No change was found under which it surely fails more often than not.")
    if open_:
        tried = counted(len(open_), "change")
        found.append(
            f"Of {tried} the trials do not tell whether it fails more often than not; the highest "
            f"estimates: {named(open_, _NAMED, figures=True)}."
        )
    if coping:
        found.append(
            f"It succeeds more often than not under {counted(len(coping), 'change')}; it copes "
            f"best with {named(coping[::-1], _NAMED, figures=True)}."
        )
    return found


def _untried(modes: Sequence[FailureMode]) -> list[str]:
    untried = sum(not m.seen for m in modes)
    return [f"{counted(untried, 'change was', 'changes were')} never tried."] if untried else []


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
            "modes",
            "failure modes, by estimate",
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
