# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a ranking's numbers bear, as sentences: the same in report, terminal, panel and topic."""

import math
from collections.abc import Sequence

from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.wording import counted, effect_of, figure, label, named, spread

_NAMED = 4
"""So many changes are named in a sentence."""
_SURE = 0.95
"""Probability of an effect from which a rate above the threshold is put down to the change."""


def sentences(ranking: FailureRanking) -> tuple[str, ...]:
    """The findings, most important first; none before the first trial."""
    if not ranking.trials:
        return ()
    singles = [mode for mode in ranking.failure_modes if len(mode.ids) == 1]
    said = [*_unchanged(ranking), *_accused(ranking, singles), *_together(ranking)]
    said += [*_cleared(ranking, singles), *_by_slot(singles), *_unknown(singles), *_doubt(ranking)]
    return tuple(said)


def _unchanged(ranking: FailureRanking) -> list[str]:
    """The zero line."""
    if not ranking.nominal_trials:
        return [
            "The unchanged scene was never tried: whether a failure is due to a change, or would "
            "have happened anyway, is not known."
        ]
    rate = spread(ranking.nominal_probability, ranking.nominal_lower, ranking.nominal_upper)
    return [
        f"Unchanged, the policy failed in {ranking.nominal_failures} of "
        f"{counted(ranking.nominal_trials, 'trial')}: rate {rate}, 95 % interval."
    ]


def blamed(mode: FailureMode, ranking: FailureRanking) -> bool:
    """Whether a mode fails or hurts, and surely more often than the unchanged scene does."""
    if mode.verdict not in (Verdict.FAILS, Verdict.HURTS):
        return False
    worse = mode.probability_worse >= min(_SURE, ranking.confidence)
    return worse or not ranking.nominal_trials


def _accused(ranking: FailureRanking, singles: Sequence[FailureMode]) -> list[str]:
    """What is put down to changes, and that nothing is."""
    failing = [m for m in singles if m.verdict is Verdict.FAILS]
    by_change = [m for m in failing if blamed(m, ranking)]
    anyway = [m for m in failing if m not in by_change]
    hurting = [m for m in singles if m.verdict is Verdict.HURTS]
    limit = f"{ranking.failing_threshold:g}"
    said = []
    if by_change:
        said.append(
            f"{counted(len(by_change), 'change makes', 'changes make')} it fail with a rate above "
            f"{limit}: {named(by_change, _NAMED, figures=True)}."
        )
    if hurting:
        effects = ", ".join(f"{label(m)} ({effect_of(m)})" for m in hurting[:_NAMED])
        more = f" and {len(hurting) - _NAMED} more" if len(hurting) > _NAMED else ""
        hurt = counted(len(hurting), "change makes", "changes make")
        said.append(f"{hurt} it fail more often than unchanged: {effects}{more}.")
    if anyway:
        said.append(
            f"It fails with a rate above {limit} under {counted(len(anyway), 'change')}, but not "
            "more often than unchanged as far as the trials tell: no change is to blame for that."
        )
    if not by_change and not hurting:
        said.append(_nothing_stands_out(singles))
    return said


def _nothing_stands_out(singles: Sequence[FailureMode]) -> str:
    tried = [m for m in singles if m.own_trials and math.isfinite(m.effect_upper)]
    if not tried:
        return "No change was tried on its own yet, so that none can be blamed."
    largest = max(m.effect_upper for m in tried)
    return (
        f"No change stands out: none of the {len(tried)} that were tried alone was seen to make it "
        f"fail more often than unchanged; effects up to {largest:+.2f} could have been missed."
    )


def _together(ranking: FailureRanking) -> list[str]:
    """Combinations: those with trials of their own first."""
    joint = [m for m in ranking.failure_modes if len(m.ids) > 1]
    failing = [m for m in joint if m.verdict is Verdict.FAILS]
    suspected = [m for m in joint if m.verdict is not Verdict.FAILS]
    said = []
    if failing:
        said.append(
            f"Only together {counted(len(failing), 'set of changes makes', 'sets of changes make')}"
            f" it fail: {named(failing, _NAMED, figures=True)}."
        )
    if suspected:
        said.append(
            f"Suspected of failing only together, and not confirmed by own trials: "
            f"{named(suspected, _NAMED)}."
        )
    return said


def _cleared(ranking: FailureRanking, singles: Sequence[FailureMode]) -> list[str]:
    coping = [m for m in singles if m.verdict is Verdict.COPES]
    if not coping:
        return []
    return [
        f"It copes with {counted(len(coping), 'change')}: a rate below "
        f"{ranking.failing_threshold:g} each, with {100.0 * ranking.confidence:g} % confidence."
    ]


def _by_slot(singles: Sequence[FailureMode]) -> list[str]:
    """Where a factor of a target has several changes of which some are accused."""
    slots: dict[tuple[str, str], list[FailureMode]] = {}
    for mode in singles:
        slots.setdefault(mode.variations[0].slot, []).append(mode)
    said = []
    for (factor, target), modes in sorted(slots.items()):
        accused = [m for m in modes if m.verdict in (Verdict.FAILS, Verdict.HURTS)]
        if len(modes) < 2 or len(accused) < 2:
            continue
        coping = [m for m in modes if m.verdict is Verdict.COPES]
        rest = f", it copes with {len(coping)}" if coping else ""
        beyond = _beyond(accused, modes)
        said.append(
            f"{factor.capitalize()} of the {target}: {len(accused)} of {len(modes)} changes are "
            f"accused{rest}{beyond}."
        )
    return said


def _beyond(accused: Sequence[FailureMode], modes: Sequence[FailureMode]) -> str:
    """Where all beyond a size are accused and none before it; "" where no size tells them apart."""
    sizes = {m.ids: _size(m) for m in modes}
    known = [size for size in sizes.values() if size is not None]
    if len(known) < len(modes):
        return ""
    least = min(size for m in accused if (size := sizes[m.ids]) is not None)
    others = [size for m in modes if m not in accused and (size := sizes[m.ids]) is not None]
    return f", all from {least:g} on" if others and max(others) < least else ""


def _size(mode: FailureMode) -> float | None:
    """How large a change is: the one number, or the length of the one vector, that it sets."""
    values = list(mode.variations[0].parameters.items())
    if len(values) != 1 or values[0][0] not in ("shift", "offset", "scale", "angle", "mass"):
        return None
    value = values[0][1]
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(x, int | float) for x in numbers):
        return None
    return round(math.sqrt(sum(float(x) ** 2 for x in numbers)), 4)


def _unknown(singles: Sequence[FailureMode]) -> list[str]:
    said = []
    open_ = [m for m in singles if m.verdict is Verdict.OPEN]
    among = [m for m in singles if m.verdict is Verdict.NOT_KNOWN and m.seen]
    untried = [m for m in singles if not m.seen]
    if open_:
        said.append(
            f"{counted(len(open_), 'change is', 'changes are')} open, more trials would tell; the "
            f"highest {'rates' if len(open_) > 1 else 'rate'}: "
            f"{named(sorted(open_, key=lambda m: -m.failure_probability), _NAMED, figures=True)}."
        )
    if among:
        were = counted(len(among), "change was", "changes were")
        said.append(f"{were} tried among others only, and have no verdict without own trials.")
    if untried:
        said.append(f"{counted(len(untried), 'change was', 'changes were')} never tried.")
    return said


def _doubt(ranking: FailureRanking) -> list[str]:
    if not math.isfinite(ranking.expected_wrong):
        return []
    wrong = figure(ranking.expected_wrong)
    if ranking.undecided:
        left = counted(ranking.undecided, "change is", "changes are")
        return [f"{left} undecided; of the verdicts given, {wrong} are expected to be wrong."]
    return [f"Every change is decided; of all verdicts, {wrong} are expected to be wrong."]
