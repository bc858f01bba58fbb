# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Everything that a campaign folder tells, read once; and what follows from it by the evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from robomd_ros.core.campaign.stored import StoredCampaign, read_campaign
from robomd_ros.core.campaign.trial_log import Purpose, TrialRecord
from robomd_ros.core.errors import CampaignFolderError
from robomd_ros.core.evidence.evidence import Posterior
from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import Catalogue, Scene


@dataclass(frozen=True, eq=False)
class CampaignData:
    """A campaign as it lies on the disk.

    Attributes:
        stored: what the folder holds.
        ranking: the stored one; made from the trials where there is none.
    """

    stored: StoredCampaign
    ranking: FailureRanking

    @property
    def catalogue(self) -> Catalogue:
        """The variations of the campaign, in the order of its actions."""
        return self.stored.catalogue

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """Every trial, in the order of the numbers."""
        return self.stored.trials

    @property
    def dropped(self) -> Mapping[int, str]:
        """Requests that were given up, with the reason."""
        return self.stored.dropped

    @property
    def name(self) -> str:
        """The policy and the campaign's folder, short enough for a legend."""
        return f"{short_policy(self.stored.config.policy)} ({self.stored.path.absolute().name})"

    @cached_property
    def valid(self) -> tuple[TrialRecord, ...]:
        """Trials that count, in the order in which they ended."""
        done = [r for r in self.records if r.outcome and r.outcome.valid]
        return tuple(sorted(done, key=lambda r: (r.finished_at or 0.0, r.trial_index)))

    @cached_property
    def invalid(self) -> tuple[TrialRecord, ...]:
        """Trials without a valid label."""
        return tuple(r for r in self.records if r.outcome and r.outcome.result is Result.INVALID)

    @property
    def failures(self) -> int:
        """Valid trials in which the policy failed."""
        return sum(r.outcome.failed for r in self.valid if r.outcome)

    @cached_property
    def posterior(self) -> Posterior:
        """The evidence of all valid trials; the ranking's, if that is of the same trials."""
        return self.stored.posterior

    @cached_property
    def scenes(self) -> dict[tuple[str, ...], Scene]:
        """The scene of every tuple of ids that a trial had."""
        return {r.request.scene: self.stored.scene(r) for r in self.records}

    @cached_property
    def chosen(self) -> dict[str, int]:
        """How often the search chose each variation (the last of a scene), by id."""
        counts = dict.fromkeys((v.id for v in self.catalogue), 0)
        requests = {r.request.number: r.request for r in self.records}
        for request in requests.values():
            if request.purpose is Purpose.SEARCH and request.scene:
                counts[request.scene[-1]] += 1
        return counts

    def number(self, variation_id: str) -> int | None:
        """The variation's number in the catalogue, from 1 (A1, A2, ... in the paper)."""
        ids = [v.id for v in self.catalogue]
        return ids.index(variation_id) + 1 if variation_id in ids else None


def load_campaign(folder: Path) -> CampaignData:
    """Read a campaign folder, also of a campaign that runs.

    Raises:
        CampaignFolderError: it is no campaign folder, or a file in it is damaged.
        TrialLogError: the trial database is damaged, or is missing although there were trials.
    """
    if not folder.exists():
        raise CampaignFolderError(f"there is no folder {folder}; give the folder of a campaign")
    stored = read_campaign(folder)
    data = CampaignData(stored, stored.ranking or stored.made_ranking)
    _ = data.scenes, data.dropped  # what is damaged is said at once
    return data


def short_policy(policy: str) -> str:
    """A policy's name as people say it: the stem of a file, the last part of python:a.b:c."""
    if policy.startswith("python:"):
        return policy.rsplit(":", 1)[-1] or policy
    return Path(policy).stem or policy
