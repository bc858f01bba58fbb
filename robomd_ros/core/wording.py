# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How results are put into words: one wording for terminal, panel, RViz, pictures and report.

Words say what the intervals say: what an interval leaves open is called open, what nobody tried is
never called anything else, and what has the same numbers has the same rank.
"""

import itertools
import math
import re
from collections.abc import Sequence
from enum import Enum

from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.verdict import Verdict

HALF = 0.5
"""The middle of the scale of failure probabilities."""
FIGURES = "fails (95 % interval)"
"""Heading of what `interval` says."""
EFFECT = "effect"
"""Heading of what `effect_of` says."""
NOMINAL = "nothing changed"
NOTHING = "-"
"""Where there is no number."""
_DIGITS = {
    "failure_probability": 2,
    "effect": 2,
    "effect_lower": 2,
    "effect_upper": 2,
    "lower": 2,
    "upper": 2,
    "reliability": 2,
    "policy_probability": 3,
    "log_density": 3,
}
"""So precisely the numbers of a mode are shown."""
_DECIMAL = re.compile(r"(?:(?<=_)|^)0_(\d+)")


class Standing(Enum):
    """How a mode stands: its words, its sign (nothing depends on colour alone), what it means."""

    FAILS = ("fails", "▲", "fails with a rate above the threshold, with confidence")
    HURTS = ("hurts", "△", "fails more often than the unchanged scene, with confidence")
    OPEN = ("open", "◇", "more trials would tell")
    COPES = ("copes", "●", "fails with a rate below the threshold, with confidence")
    AMONG = ("not alone", "○", "tried among others only: no verdict without trials of its own")
    PREDICTED = ("predicted", "≈", "never tried; predicted from similar changes that were")
    UNTRIED = ("untried", "?", "never tried: nothing is known")
    NOT_KNOWN = ("not known", "?", "never tried, and too far from all that was tried to say")

    def __init__(self, words: str, sign: str, meaning: str) -> None:
        self.words = words
        self.sign = sign
        self.meaning = meaning

    @property
    def css(self) -> str:
        """Name of its CSS class."""
        return self.name.lower().replace("_", "-")


def standing_of(mode: FailureMode) -> Standing:
    """How a failure mode stands, by its verdict."""
    if not mode.seen:
        if mode.unknown:
            return Standing.NOT_KNOWN
        return Standing.PREDICTED if mode.predicted else Standing.UNTRIED
    return _STANDINGS.get(mode.verdict, Standing.AMONG)


_STANDINGS = {
    Verdict.FAILS: Standing.FAILS,
    Verdict.HURTS: Standing.HURTS,
    Verdict.COPES: Standing.COPES,
    Verdict.OPEN: Standing.OPEN,
}


# Names


def ids_of(mode: FailureMode) -> str:
    """The ids of a mode, as commands take them: `cube_color_red + light_color_blue`."""
    return " + ".join(mode.ids)


def label(mode: FailureMode) -> str:
    """The ids of a mode as words: `table color red`, `cube color red + light color blue`."""
    return " + ".join(words(variation) for variation in mode.ids)


def words(variation_id: str) -> str:
    """An id as words: `table_size_0_8_0_2_0_025` is `table size 0.8 0.2 0.025`."""
    return _DECIMAL.sub(r"0.\1", variation_id).replace("_", " ")


def described(mode: FailureMode) -> str:
    """What is changed, in sentences."""
    return "; ".join(v.description for v in mode.variations)


# Numbers


def figure(value: float, digits: int = 2) -> str:
    """A number for people; a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NOTHING


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 failure mode`, `3 failure modes`.

    Args:
        count: how many.
        noun: of one.
        plural: of any other number; by default with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def lasting(seconds: float) -> str:
    """A duration for people: `12 s`, `4:05 min`, `2 h 05 min`; a dash if unknown."""
    if not math.isfinite(seconds) or seconds < 0:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def interval(mode: FailureMode) -> str:
    """Estimate and 95 % interval: `0.83 (0.48 to 0.99)`; a dash where it says nothing."""
    if mode.unknown or not math.isfinite(mode.failure_probability):
        return NOTHING
    return spread(mode.failure_probability, mode.lower, mode.upper)


def spread(value: float, lower: float, upper: float, sign: str = "") -> str:
    """A value with its interval; `sign` is "+" for a difference."""
    return f"{value:{sign}.2f} ({lower:{sign}.2f} to {upper:{sign}.2f})"


def counts(mode: FailureMode) -> str:
    """Failures of trials alone, `3/5`, and in all where that is more, `3/5 (4/9)`; of what was
    never tried, what is known instead.
    """
    if not mode.seen:
        return standing_of(mode).words
    alone = f"{mode.own_failures}/{mode.own_trials}"
    return alone if mode.own_trials == mode.trials else f"{alone} ({mode.failures}/{mode.trials})"


def effect_of(mode: FailureMode) -> str:
    """How much more often it fails than the unchanged scene, with its 95 % interval."""
    if not mode.own_trials or not math.isfinite(mode.effect):
        return NOTHING
    return spread(mode.effect, mode.effect_lower, mode.effect_upper, "+")


def nominal_of(ranking: FailureRanking) -> str:
    """The zero line: `0.08 (0.00 to 0.23), 1/12`; "never tried"."""
    if not ranking.nominal_trials:
        return "never tried"
    rate = spread(ranking.nominal_probability, ranking.nominal_lower, ranking.nominal_upper)
    return f"{rate}, {ranking.nominal_failures}/{ranking.nominal_trials}"


def estimate(mode: FailureMode) -> str:
    """Interval and trials in a few characters."""
    if mode.unknown:
        return standing_of(mode).words
    if not math.isfinite(mode.failure_probability):
        return "no estimate"
    far = f", distance {mode.reliability:.2f}" if mode.predicted else ""
    verdict = f"{standing_of(mode).words}, " if mode.seen else ""
    return f"{verdict}{interval(mode)} {counts(mode)}{far}"


# Rankings


def ranks(modes: Sequence[FailureMode]) -> list[str]:
    """The rank of each mode, in their order; `3=` where others have the same numbers.

    Two neighbours are a tie where all that is shown of them is the same: then nothing but the
    order of the catalogue has put one before the other.
    """
    ties = [tied(a, b) for a, b in itertools.pairwise(modes)]
    found: list[str] = []
    first = 0
    for i, mode in enumerate(modes):
        as_before = i > 0 and ties[i - 1]
        if not as_before:
            first = i
        shared = as_before or (i < len(ties) and ties[i])
        found.append(f"{modes[first].rank}=" if shared else str(mode.rank))
    return found


def tied(a: FailureMode, b: FailureMode) -> bool:
    """Whether all that is shown of two modes is the same."""
    if _counted(a) != _counted(b):
        return False
    return all(_alike(getattr(a, name), getattr(b, name), n) for name, n in _DIGITS.items())


def _counted(mode: FailureMode) -> tuple[int, ...]:
    """What is shown of a mode as whole numbers."""
    counts = (mode.failures, mode.trials, mode.own_failures, mode.own_trials)
    return (int(mode.seen), int(mode.verdict), *counts)


def _alike(a: float, b: float, digits: int) -> bool:
    """Whether two numbers are the same as they are shown."""
    if a == b:
        return True
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.isfinite(a) == math.isfinite(b)  # a dash each
    return round(a, digits) == round(b, digits)


def settled(ranking: FailureRanking) -> str:
    """Whether every change is decided, with the wanted confidence in all verdicts together."""
    if ranking.converged:
        return "every change decided"
    return f"{counted(ranking.undecided, 'change')} undecided" if ranking.undecided else "in doubt"


def merits(ranking: FailureRanking) -> str:
    """The figures of merit in a line."""
    above = f"above {ranking.failing_threshold:g}"
    return ", ".join(
        (
            counted(ranking.trials, "trial"),
            f"unchanged {nominal_of(ranking)}",
            f"{counted(ranking.failure_mode_count, 'failure mode')} {above}",
            f"severity {figure(ranking.failure_severity_index)}",
            f"entropy {figure(ranking.entropy)} nats",
            settled(ranking),
        )
    )


def not_shown(hidden: int) -> str:
    """What is left out of a list."""
    return f"{hidden:,} more not shown"


def statement(mode: FailureMode) -> str:
    """What is known of a mode, in a sentence that goes on from its description."""
    standing = standing_of(mode)
    if standing is Standing.NOT_KNOWN:
        return (
            f"{standing.words}: too far from everything that was tried "
            f"(distance {mode.reliability:.3g} to the nearest known embedding); try it"
        )
    if standing is Standing.UNTRIED:
        return standing.meaning
    value, lower, upper = map(figure, (mode.failure_probability, mode.lower, mode.upper))
    figures = f"fails with probability {value} (95 % interval {lower} to {upper})"
    if mode.seen:
        alone = f"{mode.own_failures} of {counted(mode.own_trials, 'trial')} of its own failed"
        rest = mode.trials - mode.own_trials
        return f"{figures}: {alone}" + (f", {rest} more among others" if rest else "")
    near = f"distance {mode.reliability:.3g} to the nearest known embedding"
    return f"{figures}: {standing.words}, never tried; {near}"


def named(modes: Sequence[FailureMode], count: int, figures: bool = False) -> str:
    """The first few modes by name, and how many more there are.

    Args:
        modes: all of them.
        count: how many are named.
        figures: whether the estimate of each is given.
    """
    texts = [
        f"{label(m)} ({figure(m.failure_probability)})" if figures else label(m)
        for m in modes[:count]
    ]
    rest = modes[count:]
    if not rest:
        return ", ".join(texts)
    alike = figures and all(tied(modes[count - 1], m) for m in rest)
    more = f"{len(rest):,} more" + (" with the same numbers" if alike else "")
    return f"{', '.join(texts)} and {more}"
