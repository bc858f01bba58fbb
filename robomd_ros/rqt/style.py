# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Colours and formats of the panel, each once.

The colours are Okabe and Ito's, which people with the common kinds of colour blindness tell apart;
nothing is said by colour alone: every mark has a shape or a word beside it.
"""

import time

from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.evidence.failure_colours import FAILS, SAFE, hex_colour
from robomd_ros.core.trial import Result
from robomd_ros.core.wording import HALF, figure

BLUE = hex_colour(SAFE)
VERMILLION = hex_colour(FAILS)
ORANGE = "#E69F00"
GREEN = "#009E73"
GREY = "#8A8A8A"
WHITE = "#FFFFFF"
BLACK = "#000000"
STOP_RED = "#C00000"
"""Of what stops an arm, and of nothing else."""

FAILS_ABOVE = HALF
"""Failure probability above which a variation counts as a failure mode (as in the metrics)."""

STATES = {
    CampaignState.UNKNOWN: ("?", GREY, WHITE),
    CampaignState.STARTING: ("…", GREY, WHITE),
    CampaignState.RUNNING: ("▶", BLUE, WHITE),
    CampaignState.PAUSED: ("❚❚", ORANGE, BLACK),
    CampaignState.WAITING: ("…", ORANGE, BLACK),
    CampaignState.STOPPED: ("■", GREY, WHITE),
    CampaignState.FINISHED: ("✔", GREEN, WHITE),
    CampaignState.FAILED: ("✘", VERMILLION, WHITE),
}
"""Symbol, background and text colour of a campaign's state."""

RESULTS = {
    Result.SUCCESS: ("✔ success", BLUE),
    Result.FAILURE: ("✘ FAILURE", VERMILLION),
    Result.INVALID: ("! invalid", GREY),
    Result.UNKNOWN: ("? unknown", GREY),
}
"""Text and colour of a trial's outcome."""


def mode_color(probability: float) -> str:
    """Colour of a failure mode: vermillion where it fails more often than not, else blue."""
    return VERMILLION if probability > FAILS_ABOVE else BLUE


def chip(background: str, text: str) -> str:
    """Style sheet of a label that shows a state."""
    return (
        f"background:{background}; color:{text}; border-radius:4px; padding:4px 10px; "
        "font-weight:bold;"
    )


def number(value: float, decimals: int = 2) -> str:
    """A number, or a dash for an unmeasured one (NaN)."""
    return figure(value, decimals)


def clock(unix_time: float) -> str:
    """Local time of day of a Unix time in s."""
    return time.strftime("%H:%M:%S", time.localtime(unix_time))
