# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell of your own, and a whole diagnosis on it without ROS:

python own_cell.py
"""

import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console

from robomd_ros.core.campaign.campaign import Campaign, open_campaign
from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.core.search import SearchContext
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue, Scene, Variation

CHANGES = {"cup_left": 0.9, "light_dim": 0.5, "table_blue": 0.1, "robot_red": 0.0}  # true rates
CATALOGUE = Catalogue(
    "pour",
    [Variation(i, i.split("_")[1], i.split("_")[0], f"Change {i}.", {"on": 1.0}) for i in CHANGES],
    instruction="pour the water",
)


class OwnCell:
    """Where a trial runs: your simulator, your robot, your rig. Here: dice."""

    name = "dice"

    def run(self, scene: Scene, seed: int) -> Trial:
        """Make the scene, run the policy once, say how it went."""
        works = np.prod([1.0 - CHANGES[i] for i in scene.ids])
        failed = np.random.default_rng(seed).random() > works
        outcome = Outcome(Result.FAILURE if failed else Result.SUCCESS, Source.SIMULATOR, 3.0, 60)
        return Trial(-1, self.name, scene, seed, outcome, np.zeros((84, 84, 3), np.uint8))

    def observe(self, scene: Scene, seed: int) -> np.ndarray:
        """The scene's first picture, (H, W, 3) uint8 RGB."""
        return np.zeros((84, 84, 3), np.uint8)

    def available(self) -> bool:
        """Whether a trial could start now."""
        return True

    def cancel(self) -> None:
        """End what runs, soon."""

    def close(self) -> None:
        """Free everything."""


def diagnose(search=None, budget: int = 40) -> None:
    """Run a campaign on the cell and print its ranking."""
    config = CampaignConfig.from_mapping(
        {
            "task": "pour",
            "policy": "mine",
            "catalogue": "own",
            "search": "uniform",
            "budget": budget,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        stored = open_campaign(Path(folder, "campaign"), config, CATALOGUE)
        context = SearchContext(CATALOGUE, config.seed, False, 1, config.horizon)
        campaign = Campaign(stored, [OwnCell()], search=search(context) if search else None)
        Console(width=100).print(ranking_table(campaign.run()))
        stored.close()


if __name__ == "__main__":
    diagnose()
