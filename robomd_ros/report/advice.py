# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What to try next, from what a campaign found and what it left open."""

from dataclasses import dataclass

from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.verdict import Verdict, label, verdict_of, words

_NAMED = 6
"""So many changes are named in a sentence."""
WIDE = 0.5
"""A 95 % interval wider than this says little."""


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes:
        what: in a few words.
        why: the reason, with the changes that it is about.
    """

    what: str
    why: str


def advice(data: CampaignData) -> list[Advice]:
    """What to do next, the most useful first; at least one piece."""
    if not data.valid:
        return [_nothing_yet(data)]
    by_verdict: dict[Verdict, list[FailureMode]] = {v: [] for v in Verdict}
    for mode in data.ranking.failure_modes:
        by_verdict[verdict_of(mode)].append(mode)
    found = [
        _untried([*by_verdict[Verdict.UNTRIED], *by_verdict[Verdict.PREDICTED]]),
        _improve(by_verdict[Verdict.FAILS], by_verdict[Verdict.LIKELY_FAILS]),
        _combinations(data),
        _unsure(data),
        _invalid(data),
    ]
    given = [piece for piece in found if piece is not None]
    return given or [_all_well()]


def _nothing_yet(data: CampaignData) -> Advice:
    if data.invalid:
        return Advice(
            "Find out why no trial was valid",
            f"All {len(data.invalid)} trials ended without a valid label, so nothing is known "
            "about the policy. The reasons are listed under “How it went”.",
        )
    return Advice(
        "Run trials",
        "The campaign has no trial yet. Start it again with the same folder: it goes on from here.",
    )


def _untried(modes: list[FailureMode]) -> Advice | None:
    if not modes:
        return None
    return Advice(
        f"Try what was never tried ({len(modes)})",
        f"Nothing was measured about {_names(modes)}. A campaign in a new folder with a "
        "larger budget, or with the search “uniform”, reaches them.",
    )


def _improve(sure: list[FailureMode], likely: list[FailureMode]) -> Advice | None:
    modes = [*sure, *likely]
    if not modes:
        return None
    certainty = "These surely fail" if sure and not likely else "Start with the surest"
    return Advice(
        f"Make the policy stronger against the {len(modes)} failure modes",
        f"Collect demonstrations with {_names(modes)}, train the policy on them as well, diagnose "
        f"it again with the same seed, and set both side by side with “robomd compare”. "
        f"{certainty}: {_names(sure or likely, 3)}.",
    )


def _combinations(data: CampaignData) -> Advice | None:
    scenes = data.posterior.open_combinations()
    if not scenes:
        return None
    named = "; ".join(" + ".join(words(i) for i in scene.ids) for scene in scenes[:_NAMED])
    return Advice(
        "Isolate combinations",
        f"More trials of these scenes would tell whether the changes fail only together: {named}.",
    )


def _unsure(data: CampaignData) -> Advice | None:
    wide = [m for m in data.ranking.failure_modes if m.seen and m.upper - m.lower > WIDE]
    if data.ranking.converged or not wide:
        return None
    wide.sort(key=lambda m: m.lower - m.upper)
    return Advice(
        "Run more trials before relying on the order",
        f"The order is not settled. {len(wide)} intervals are wider than one half, the widest of "
        f"{_names(wide)}: each was part of few trials.",
    )


def _invalid(data: CampaignData) -> Advice | None:
    ended = len(data.valid) + len(data.invalid)
    if len(data.invalid) * 10 <= ended:
        return None
    return Advice(
        "Look into the invalid trials",
        f"{len(data.invalid)} of {ended} trials had no valid label. They do not bias the ranking, "
        "but they cost time, and the same fault would stop the robot at work.",
    )


def _all_well() -> Advice:
    return Advice(
        "Widen the catalogue",
        "No tested change makes the policy fail more often than not, and every interval is narrow. "
        "Add stronger or other changes to the catalogue.",
    )


def _names(modes: list[FailureMode], count: int = _NAMED) -> str:
    named = ", ".join(label(m) for m in modes[:count])
    more = len(modes) - count
    return f"{named} and {more} more" if more > 0 else named
