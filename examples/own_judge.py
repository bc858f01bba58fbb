# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A judge of your own, who labels a rollout on a real arm instead of a person:

robomd ur5e ... outcome_by:=detector 'detector:=python:own_judge:OwnJudge?height=0.15'
"""

import numpy as np


class OwnJudge:
    """Says yes when the gripper holds something well above where the rollout began."""

    def __init__(self, height: float = 0.1, empty: float = 0.002):
        self.height, self.empty = (
            height,
            empty,
        )  # m above the lowest point; m between closed fingers
        self.lowest = np.inf

    def reset(self, seed: int, instruction: str) -> None:
        """A rollout begins."""
        self.lowest = np.inf

    def __call__(self, observation):
        """True, False, or None for "not yet", alone or with a reason."""
        tool = observation["proprioception"]["eef_pos"][2]
        opening = np.abs(observation["proprioception"]["gripper_qpos"]).sum()
        self.lowest = min(self.lowest, tool)
        if opening < self.empty:
            return False, "the gripper closed on nothing"
        raised = tool - self.lowest > self.height
        return (True, "held above the table") if raised else None
