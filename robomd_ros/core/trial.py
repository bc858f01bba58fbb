# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Outcome and Trial: one execution of the policy under test in one scene."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.variations import Scene


class Result(IntEnum):
    """What a trial showed; equal to the constants of robomd_msgs/Outcome."""

    UNKNOWN = 0
    SUCCESS = 1
    FAILURE = 2
    INVALID = 3


class Source(IntEnum):
    """Who said so; equal to the constants of robomd_msgs/Outcome."""

    UNKNOWN = 0
    SIMULATOR = 1
    POLICY = 2
    OPERATOR = 3
    DETECTOR = 4


@dataclass(frozen=True)
class Outcome:
    """The label of a trial.

    Attributes:
        result: SUCCESS or FAILURE when the trial counts, INVALID when no valid label exists.
        source: who gave the label.
        duration: length of the rollout in the robot's or simulator's time, s; NaN unknown.
        steps: policy steps executed; 0 if none was.
        detail: why, for INVALID always filled.
        stage: the furthest stage of the task that was reached; "" unknown.
        tags: words for the way in which it failed.
        achieved_rate: policy steps a second of the rollout, Hz; NaN unknown.
        inference_p50: median time of a question to the policy, s; NaN unknown.
        inference_p95: 95th percentile of it, s; NaN unknown.
        facts: of robot, camera and scene during the trial, as JSON has them.
    """

    result: Result
    source: Source = Source.UNKNOWN
    duration: float = math.nan
    steps: int = 0
    detail: str = ""
    stage: str = ""
    tags: tuple[str, ...] = ()
    achieved_rate: float = math.nan
    inference_p50: float = math.nan
    inference_p95: float = math.nan
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tuple(self.tags))
        if self.result is Result.INVALID and not self.detail:
            raise ValueError("an INVALID outcome needs a detail that says why; got an empty one")
        if self.steps < 0:
            raise ValueError(f"steps must be at least 0; got {self.steps}")

    @property
    def valid(self) -> bool:
        """Whether the trial counts as evidence."""
        return self.result in (Result.SUCCESS, Result.FAILURE)

    @property
    def failed(self) -> bool:
        """Whether the policy failed (an INVALID trial is not a failure)."""
        return self.result is Result.FAILURE


@dataclass(frozen=True, eq=False)
class Trial:
    """One execution of the policy in one scene.

    Attributes:
        index: number of the trial in its campaign, from 0; -1 outside a campaign.
        cell: name of the cell that ran it.
        scene: what was changed.
        seed: seed of the cell's initial state and of the policy's episode.
        outcome: the label.
        image: (H, W, 3) uint8 RGB, the first picture after the change: the state s of the paper's
            MDP; None if none was taken.
        image_path: where the picture was stored, relative to the campaign folder; "" if not.
        token: of the scene under which it ran; "" if the cell names none.
    """

    index: int
    cell: str
    scene: Scene
    seed: int
    outcome: Outcome
    image: NDArray[np.uint8] | None = None
    image_path: str = ""
    token: str = ""
