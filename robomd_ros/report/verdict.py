# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a failure mode's numbers mean in plain words."""

import re
from enum import Enum

from robomd_ros.core.evidence.failure_modes import FailureMode

_DECIMAL = re.compile(r"(?:(?<=_)|^)0_(\d+)")
HALF = 0.5
"""More likely to fail than to succeed: the threshold of the failure mode count."""


class Verdict(Enum):
    """A judgement: its words, its sign (nothing depends on colour alone), what it means."""

    FAILS = ("fails", "▲", "the whole 95 % interval lies above one half")
    LIKELY_FAILS = ("likely fails", "△", "more likely to fail than not, the interval says not sure")
    OPEN = ("open", "◇", "as likely to fail as not")
    LIKELY_COPES = ("likely copes", "○", "more likely to succeed, the interval says not sure")
    COPES = ("copes", "●", "the whole 95 % interval lies below one half")
    PREDICTED = ("predicted", "≈", "never tried; predicted from similar changes that were")
    UNTRIED = ("not tried", "?", "never tried: nothing is known")

    def __init__(self, words: str, sign: str, meaning: str) -> None:
        self.words = words
        self.sign = sign
        self.meaning = meaning

    @property
    def css(self) -> str:
        """Name of its CSS class."""
        return self.name.lower().replace("_", "-")


def verdict_of(mode: FailureMode) -> Verdict:
    """The judgement on a failure mode: by its interval where sure, else by its mean."""
    if not mode.seen:
        return Verdict.PREDICTED if mode.predicted else Verdict.UNTRIED
    if mode.lower > HALF:
        return Verdict.FAILS
    if mode.upper < HALF:
        return Verdict.COPES
    if mode.failure_probability == HALF:
        return Verdict.OPEN
    above = mode.failure_probability > HALF
    return Verdict.LIKELY_FAILS if above else Verdict.LIKELY_COPES


def label(mode: FailureMode) -> str:
    """The ids of a mode as words: `table color red`, `cube color red + light color blue`."""
    return " + ".join(words(variation) for variation in mode.ids)


def words(variation_id: str) -> str:
    """An id as words: `table_size_0_8_0_2_0_025` is `table size 0.8 0.2 0.025`."""
    return _DECIMAL.sub(r"0.\1", variation_id).replace("_", " ")
