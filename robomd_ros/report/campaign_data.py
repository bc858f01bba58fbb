# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Everything that a campaign folder tells, read once; and what follows from it by the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from robomd_ros.core.campaign.stored import (
    CAMPAIGN_FILE,
    TRIALS_FILE,
    StoredCampaign,
    read_campaign,
)
from robomd_ros.core.campaign.trial_log import Purpose, TrialRecord
from robomd_ros.core.errors import CampaignFolderError, CatalogueError
from robomd_ros.core.evidence.evidence import Evidence, Posterior, SamplerSettings
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.ranking import build_ranking
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import Catalogue, Scene, Variation, load_catalogue
from robomd_ros.core.yaml_text import load_yaml


@dataclass(frozen=True, eq=False)
class CampaignData:
    """A campaign as it lies on the disk.

    Attributes:
        stored: folder, id, configuration, versions, ranking as stored.
        document: campaign.yaml.
        catalogue: the variations of the campaign, in the order of its actions.
        records: every trial, in the order of the numbers.
        dropped: requests that were given up, with the reason.
        ranking: ranking.json; made from the trials where there is none.
    """

    stored: StoredCampaign
    document: Mapping[str, Any]
    catalogue: Catalogue
    records: tuple[TrialRecord, ...]
    dropped: Mapping[int, str]
    ranking: FailureRanking

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
        return self.posterior_of(self.valid)

    @cached_property
    def scenes(self) -> dict[tuple[str, ...], Scene]:
        """The scene of every tuple of ids that a trial had."""
        return {ids: self.catalogue.scene(ids) for ids in {r.request.scene for r in self.records}}

    @cached_property
    def chosen(self) -> dict[str, int]:
        """How often the search chose each variation (the last of a scene), by id."""
        counts = dict.fromkeys((v.id for v in self.catalogue), 0)
        requests = {r.request.number: r.request for r in self.records}
        for request in requests.values():
            if request.purpose is Purpose.SEARCH and request.scene:
                counts[request.scene[-1]] += 1
        return counts

    def posterior_of(
        self, records: Sequence[TrialRecord], settings: SamplerSettings | None = None
    ) -> Posterior:
        """The evidence of some of the trials; as the campaign computes it, or with more effort."""
        evidence = Evidence(self.catalogue, self.stored.config.seed, settings)
        for record in records:
            if record.outcome and record.outcome.valid:
                evidence.add(self.scenes[record.request.scene], record.outcome.failed)
        return evidence.posterior()

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
    try:
        stored = read_campaign(folder)
    except (TypeError, AttributeError) as error:  # a file that is JSON or YAML, but of other things
        raise CampaignFolderError(
            f"cannot read the campaign in {folder}: {error}; restore the folder from a copy"
        ) from error
    document = load_yaml((folder / CAMPAIGN_FILE).read_text(encoding="utf-8"))
    records, dropped = _read_log(stored)
    try:
        catalogue = _catalogue(stored, document)
        for record in records:
            catalogue.scene(record.request.scene)
    except (CatalogueError, TypeError) as error:
        raise CampaignFolderError(
            f"the trials in {folder} do not fit its description: {error}; restore the folder from "
            "a copy"
        ) from error
    data = CampaignData(stored, document, catalogue, records, dropped, _empty_ranking(stored))
    ranking = stored.ranking if stored.ranking is not None else _made_ranking(data)
    return CampaignData(stored, document, catalogue, records, dropped, ranking)


def short_policy(policy: str) -> str:
    """A policy's name as people say it: the stem of a file, the last part of python:a.b:c."""
    if policy.startswith("python:"):
        return policy.rsplit(":", 1)[-1] or policy
    return Path(policy).stem or policy


def is_predicted(mode: FailureMode) -> bool:
    """Whether no trial held the mode, but the embedding says how likely it fails."""
    return mode.predicted


def _read_log(stored: StoredCampaign) -> tuple[tuple[TrialRecord, ...], Mapping[int, str]]:
    if stored.ranking is None and not (stored.path / TRIALS_FILE).is_file():
        return (), {}
    log = stored.open_log()
    try:
        return tuple(log.records()), log.dropped()
    finally:
        log.close()


def _catalogue(stored: StoredCampaign, document: Mapping[str, Any]) -> Catalogue:
    """The campaign's variations: from the ranking, else from the catalogue file, else by id only.

    Only the ranking is sure to say what was tried: the catalogue file may have changed.
    """
    modes = stored.ranking.failure_modes if stored.ranking is not None else ()
    known = {mode.ids[0]: mode.variations[0] for mode in modes if len(mode.variations) == 1}
    file = _catalogue_file(stored)
    for variation in file or ():
        known.setdefault(variation.id, variation)
    entry = document.get("catalogue")
    listed = entry.get("variations") if isinstance(entry, Mapping) else None
    ids = listed or stored.config.variation_ids or [v.id for v in file or ()] or list(known)
    variations = [known.get(i) or Variation(str(i), "unknown", str(i), str(i)) for i in ids]
    instruction = file.instruction if file is not None else ""
    return Catalogue(stored.config.task, variations, instruction=instruction)


def _catalogue_file(stored: StoredCampaign) -> Catalogue | None:
    try:
        return load_catalogue(Path(stored.config.catalogue))
    except CatalogueError:
        return None


def _empty_ranking(stored: StoredCampaign) -> FailureRanking:
    config = stored.config
    nothing = float("nan")
    names = (stored.campaign_id, config.task, config.policy, config.search, config.action_space)
    return FailureRanking(*names, (), 0, nothing, 0, nothing, False)


def _made_ranking(data: CampaignData) -> FailureRanking:
    """The ranking by evidence, where a campaign ended before it wrote one."""
    config = data.stored.config
    return build_ranking(
        data.posterior,
        data.catalogue,
        campaign_id=data.stored.campaign_id,
        policy=config.policy,
        search_agent=config.search,
        action_space=config.action_space,
        converged=data.posterior.settled(config.top_k) >= config.confidence,
    )
