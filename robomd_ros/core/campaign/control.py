# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The control arm: trials of the unchanged scene, first of all and then again and again.

Their failure rate is what every change is held against. A policy that fails unchanged is told so,
before anybody changes anything for it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scipy.special import betainc

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.evidence.rates import NOMINAL_PRIOR
from robomd_ros.core.policies.commands import remark_on_commands
from robomd_ros.core.trial import Outcome
from robomd_ros.core.wording import counted

_MOST_FIRST = 20
"""Nominal trials after which the first change is made, even if the rate is still in doubt."""
_FEWEST = 2
"""Nominal trials from which on the policy's commands are judged."""
_ROUNDING = 1e-9


@dataclass
class ControlArm:
    """Says when the next nominal trial is due, and whether the policy fails unchanged.

    At first there are `nominal_trials` of them, fewer where the rate is surely on one side of
    `nominal_limit`, and more, up to 20, where more likely than not the policy fails too often: a
    nominal trial costs a person nothing, a change does. Afterwards `nominal_share` of the trials
    are nominal, spread evenly, so that a drift of the cell is seen.

    None of this depends on the budget, so that a larger one continues the same trials. Not
    thread-safe: used under the campaign's lock.
    """

    config: CampaignConfig
    asked_first: int = 0
    """Requests before the first change."""
    asked_later: int = 0
    others: int = 0
    """Requests of changed scenes."""
    failures: int = 0
    successes: int = 0
    facts: list[Mapping[str, Any]] = field(default_factory=list)
    """Of the first nominal trials."""

    @property
    def trials(self) -> int:
        """Valid nominal trials."""
        return self.failures + self.successes

    @property
    def above_limit(self) -> float:
        """Posterior probability that the nominal rate is above `nominal_limit`."""
        a, b = NOMINAL_PRIOR[0] + self.failures, NOMINAL_PRIOR[1] + self.successes
        return 1.0 - float(betainc(a, b, self.config.nominal_limit))

    @property
    def fails_unchanged(self) -> bool:
        """Whether the nominal rate is above `nominal_limit` with `confidence`."""
        return self.trials > 0 and self.above_limit >= self.config.confidence

    @property
    def ends(self) -> bool:
        """Whether the campaign ends because the policy fails unchanged."""
        return self.config.on_nominal_failure == "stop" and self.fails_unchanged

    @property
    def first(self) -> int:
        """Valid nominal trials that are still wanted before the first change."""
        if not self.config.nominal_trials or self.others:
            return 0
        confidence, above = self.config.confidence, self.above_limit
        if self.trials and (above >= confidence or 1.0 - above >= confidence):
            return 0
        if self.trials < self.config.nominal_trials:
            return self.config.nominal_trials - self.trials
        return 1 if above >= 0.5 and self.trials < _MOST_FIRST else 0

    @property
    def due(self) -> bool:
        """Whether the next request is a nominal one, after the first ones."""
        total = self.asked_later + self.others + 1
        return math.floor(self.config.nominal_share * total + _ROUNDING) > self.asked_later

    def ask(self, nominal: bool) -> None:
        """A request was made, of the unchanged scene or of another one."""
        if not nominal:
            self.others += 1
        elif self.others:
            self.asked_later += 1
        else:
            self.asked_first += 1

    def count(self, failed: bool, by: int = 1) -> None:
        """A valid nominal trial ended; with `by` -1 it counts no more."""
        if failed:
            self.failures += by
        else:
            self.successes += by

    def add(self, outcome: Outcome, by: int = 1) -> None:
        """A valid nominal trial ended; with `by` -1 its label was taken back."""
        self.count(outcome.failed, by)
        if by > 0 and len(self.facts) < _MOST_FIRST:
            self.facts.append(outcome.facts)
        elif by < 0 and outcome.facts in self.facts:
            self.facts.remove(outcome.facts)

    @property
    def oddity(self) -> str:
        """What is odd about the policy's commands in the unchanged scene; "" for nothing."""
        return remark_on_commands(self.facts) if self.trials >= _FEWEST else ""

    def describe(self) -> str:
        """For people: "it fails in 1 of 5 unchanged scenes"; "" before the first trial."""
        if not self.trials:
            return ""
        return f"it fails in {self.failures} of {counted(self.trials, 'unchanged scene')}"

    def verdict(self) -> str:
        """For people, where the policy fails unchanged: what that means, and what to do."""
        return (
            f"the policy fails unchanged: {self.describe()}, more often than nominal_limit "
            f"{self.config.nominal_limit:g} with {self.config.confidence:.0%} confidence, so no "
            "change can be blamed; mend that first, or go on with on_nominal_failure:=continue"
            + (f". {self.oddity[0].upper()}{self.oddity[1:]}" if self.oddity else "")
        )


def search_budget(config: CampaignConfig) -> int:
    """How many of the budget's trials the search has, if the first nominal ones go as planned."""
    left = max(0, config.budget - config.nominal_trials)
    return max(1, left - math.floor(config.nominal_share * left + _ROUNDING))
