# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What to try next, from what a campaign found and what it left open."""

from dataclasses import dataclass

from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.core.evidence.sentences import blamed
from robomd_ros.core.policies.pace import slowness
from robomd_ros.core.wording import Standing, counted, named, standing_of, words
from robomd_ros.report.campaign_data import CampaignData

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
    by_standing: dict[Standing, list[FailureMode]] = {v: [] for v in Standing}
    for mode in data.ranking.failure_modes:
        by_standing[standing_of(mode)].append(mode)
    accused = [m for m in data.ranking.failure_modes if blamed(m, data.ranking)]
    limit = data.ranking.failing_threshold
    found = [
        _untried([m for m in data.ranking.failure_modes if not m.seen]),
        _unchanged(data),
        _improve(accused),
        _look_closer([m for m in by_standing[Standing.OPEN] if m.failure_probability > limit]),
        _combinations(data),
        _unsure(data),
        _invalid(data),
        _slow(data),
    ]
    given = [piece for piece in found if piece is not None]
    return given or [_all_well(bool(by_standing[Standing.OPEN]))]


def _slow(data: CampaignData) -> Advice | None:
    said = [sentence for r in data.valid if r.outcome and (sentence := slowness(r.outcome))]
    if not said:
        return None
    return Advice(
        "Let the policy keep its rate",
        f"In {len(said)} of {counted(len(data.valid), 'valid trial')} it did not: {said[-1]} It "
        "acts on an older world than it was made for, whatever the scene.",
    )


def _nothing_yet(data: CampaignData) -> Advice:
    if data.invalid:
        return Advice(
            "Find out why no trial was valid",
            f"{counted(len(data.invalid), 'trial')} ended without a valid label, none with one, so "
            "nothing is known about the policy. The reasons are listed under “How it went”.",
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
        f"Nothing was measured about {named(modes, _NAMED)}. The same command "
        "with the same folder and a larger budget reaches them, or a new campaign with the search "
        "“uniform”.",
    )


def _unchanged(data: CampaignData) -> Advice | None:
    """Where the unchanged scene fails often, or was never tried."""
    ranking = data.ranking
    if not ranking.nominal_trials:
        return Advice(
            "Try the unchanged scene",
            "Without trials of the unchanged scene no failure can be put down to a change. A "
            "campaign with nominal_trials has them.",
        )
    if not ranking.nominal_lower > data.stored.config.nominal_limit:
        return None
    return Advice(
        "Mend the policy in the unchanged scene first",
        f"It fails there in {ranking.nominal_failures} of "
        f"{counted(ranking.nominal_trials, 'trial')}; training against changes would not help.",
    )


def _improve(accused: list[FailureMode]) -> Advice | None:
    if not accused:
        return None
    changes = "the change" if len(accused) == 1 else f"the {len(accused)} changes"
    return Advice(
        f"Make the policy stronger against {changes} that make it fail more often",
        f"Collect demonstrations with {named(accused, _NAMED)}, train the policy on them as well, "
        "diagnose it again with the same seed, and set both side by side with “robomd compare”.",
    )


def _look_closer(modes: list[FailureMode]) -> Advice | None:
    """Of what seems to fail, but may not."""
    if not modes:
        return None
    return Advice(
        f"Try again what may be a failure mode ({len(modes)})",
        f"The estimate lies above the threshold for {named(modes, _NAMED)}, but not with enough "
        "confidence: it may be chance. The same command with the same folder and a larger budget "
        "goes on with the campaign.",
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
        "Run more trials before relying on what is open",
        f"Not every change is decided. {counted(len(wide), 'interval is', 'intervals are')} wider "
        f"than one half, the widest of {named(wide, _NAMED)}: each had few trials of its own.",
    )


def _invalid(data: CampaignData) -> Advice | None:
    ended = len(data.valid) + len(data.invalid)
    if len(data.invalid) * 10 <= ended:
        return None
    return Advice(
        "Look into the invalid trials",
        f"{len(data.invalid)} of {counted(ended, 'trial')} had no valid label. They do not bias "
        "the ranking, but they cost time, and the same fault would stop the robot at work.",
    )


def _all_well(some_open: bool) -> Advice:
    found = "No tested change was found to make" if some_open else "No tested change makes"
    return Advice(
        "Widen the catalogue",
        f"{found} the policy fail more often than unchanged. Add stronger or other changes to the "
        "catalogue.",
    )
