# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast a policy answers, and whether it keeps the rate that it is asked for."""

import math
from dataclasses import dataclass

import numpy as np

from robomd_ros.core.trial import Outcome

ENOUGH = 0.8
"""Share of the asked rate below which it is said: a slower policy acts on an older world."""
ASKED_RATE = "asked_rate"
"""The fact that tells the rate that was asked for, Hz."""


@dataclass(frozen=True)
class PolicyPace:
    """Of one rollout.

    Attributes:
        asked: Hz.
        achieved: Hz; NaN unknown.
        p50: median time of a question to the policy, s; NaN unknown.
        p95: 95th percentile of it, s; NaN unknown.
    """

    asked: float
    achieved: float = math.nan
    p50: float = math.nan
    p95: float = math.nan


class PaceMeter:
    """Takes the steps of a rollout."""

    def __init__(self, asked: float) -> None:
        """For rollouts at this rate, Hz."""
        self._asked = asked
        self.begin()

    def begin(self) -> None:
        """A rollout starts."""
        self._times: list[float] = []
        self._answers: list[float] = []

    def step(self, time: float, answer: float) -> None:
        """The policy was asked at a time, s, and answered after so long, s."""
        self._times.append(time)
        self._answers.append(answer)

    @property
    def pace(self) -> PolicyPace:
        """So far."""
        if not self._answers:
            return PolicyPace(self._asked)
        p50, p95 = (float(v) for v in np.percentile(self._answers, (50, 95)))
        lasted = self._times[-1] - self._times[0]
        achieved = (len(self._times) - 1) / lasted if lasted > 0 else math.nan
        return PolicyPace(self._asked, achieved, p50, p95)


def slowness(outcome: Outcome) -> str:
    """That the policy did not keep its rate, as a sentence for people; empty if it did."""
    asked = outcome.facts.get(ASKED_RATE, math.nan)
    return too_slow(asked, outcome.achieved_rate, outcome.inference_p50)


def too_slow(asked: float, achieved: float, answer: float) -> str:
    """The sentence; empty if it is fast enough, or nobody knows.

    Args:
        asked: rate, Hz.
        achieved: rate, Hz.
        answer: median time of one, s.
    """
    if not achieved < ENOUGH * asked:
        return ""
    took = f"; it takes {answer:.2f} s for a command" if math.isfinite(answer) else ""
    return (
        f"The policy acted at {achieved:.1f} Hz, not at the {asked:g} Hz that it is set to{took}."
    )
