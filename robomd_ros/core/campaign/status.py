# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a campaign tells about itself while it runs."""

import math
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import NOMINAL, Scene


class CampaignState(IntEnum):
    """What a campaign is doing; equal to the constants of robomd_msgs/CampaignStatus."""

    UNKNOWN = 0
    STARTING = 1
    RUNNING = 2
    PAUSED = 3
    WAITING = 4
    STOPPED = 5
    FINISHED = 6
    FAILED = 7


@dataclass(frozen=True)
class CampaignStatus:
    """A picture of a campaign at one moment.

    Attributes:
        state: what it is doing.
        trials_done: valid trials.
        trials_budget: valid trials to do.
        invalid_trials: invalid trials so far.
        scene: of the trial started last.
        waiting_for: what the campaign waits for; "": nothing.
        message: for people: which cells run, what was lost, why it ended.
        eta: time left, s; NaN unknown.
        campaign_id: unique name of the campaign; "" if none is open.
    """

    state: CampaignState
    trials_done: int
    trials_budget: int
    invalid_trials: int = 0
    scene: Scene = NOMINAL
    waiting_for: str = ""
    message: str = ""
    eta: float = math.nan
    campaign_id: str = ""


class CampaignListener(Protocol):
    """Is told what happens, from one thread of the campaign's, in order; it may take its time."""

    def on_status(self, status: CampaignStatus) -> None:
        """Something about the campaign changed."""
        ...

    def on_trial(self, trial: Trial, finished_at: float) -> None:
        """A trial has ended, valid or not, and is stored; its image is on disk (image_path).

        Args:
            trial: without its picture.
            finished_at: Unix time, s.
        """
        ...

    def on_ranking(self, ranking: FailureRanking) -> None:
        """There is a newer ranking; those that came while the last was published are skipped."""
        ...


class Pace:
    """How fast valid trials come, from the most recent ones."""

    def __init__(self, window: int = 20) -> None:
        self._times: deque[float] = deque(maxlen=window)

    def tick(self, now: float) -> None:
        """A valid trial has ended; now in s of a steady clock."""
        self._times.append(now)

    def interrupt(self) -> None:
        """What follows does not belong to what was before (a pause)."""
        self._times.clear()

    def time_left(self, trials: int) -> float:
        """Time that this many trials will take, s; NaN as long as fewer than two have ended."""
        if trials <= 0:
            return 0.0
        if len(self._times) < 2:
            return math.nan
        return trials * (self._times[-1] - self._times[0]) / (len(self._times) - 1)
