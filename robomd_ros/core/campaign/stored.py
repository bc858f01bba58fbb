# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign on disk: the one place that reads and writes its folder.

Created once, resumed with the same configuration only; read by anybody at any time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.claim import (
    locked,
    refuse_foreign,
    refuse_running,
    refuse_unwritable,
    unwritable,
)
from robomd_ros.core.campaign.description import (
    StoredConfig,
    catalogue_text,
    contents,
    differences,
    new_document,
    read_catalogue,
    reconfigured,
)
from robomd_ros.core.campaign.folder import (
    CAMPAIGN_FILE,
    CATALOGUE_FILE,
    read_description,
    stored_path,
)
from robomd_ros.core.campaign.trial_log import TrialLog, TrialRecord
from robomd_ros.core.errors import CampaignFolderError, CatalogueError, ConfigurationError
from robomd_ros.core.evidence.about import Beside
from robomd_ros.core.evidence.evidence import Evidence, Posterior
from robomd_ros.core.evidence.ranking import FailureRanking, build_ranking
from robomd_ros.core.evidence.tally import Tally
from robomd_ros.core.variations import Catalogue, Scene, load_catalogue
from robomd_ros.core.wording import counted
from robomd_ros.core.yaml_text import dump_yaml

if TYPE_CHECKING:  # the Python of ROS does without pydantic
    from robomd_ros.core.campaign.config import CampaignConfig

TRIALS_FILE = "trials.db"
RANKING_FILE = "ranking.json"
NOMINAL_PICTURE = "images/nominal.png"

Picture = NDArray[np.uint8]


@dataclass
class CampaignFolder:
    """An open campaign folder; it is locked until `close`.

    Attributes:
        path: the folder.
        campaign_id: unique name of the campaign.
        config: its configuration.
        catalogue: the variations that it uses.
        log: its trials.
        lock: the open lock file.
    """

    path: Path
    campaign_id: str
    config: "CampaignConfig"
    catalogue: Catalogue
    log: TrialLog
    lock: IO[str]

    @property
    def checkpoints(self) -> Path:
        """Where the search agent's checkpoints are."""
        return self.path / "checkpoints"

    def reconfigure(self, config: "CampaignConfig") -> None:
        """Go on with another budget or confidence, and record the change."""
        document = read_description(self.path)
        written = reconfigured(document, config) if document is not None else None
        if written is not None:
            _write_atomically(self.path / CAMPAIGN_FILE, dump_yaml(written).encode())
        self.config = config

    def write_ranking(self, ranking: Mapping[str, Any]) -> None:
        """Replace ranking.json; a reader sees the old one or the new one."""
        write_ranking(self.path, ranking)

    def store_picture(self, name: str, picture: Picture) -> None:
        """Store a picture, (H, W, 3) uint8 RGB, as PNG under a name relative to the folder."""
        done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        if not done:
            raise CampaignFolderError(f"cannot encode the picture {name} ({picture.shape}) as PNG")
        _write_atomically(self.path / name, data.tobytes())

    def nominal_picture(self) -> Picture | None:
        """The stored picture of the nominal scene, (H, W, 3) uint8 RGB; None if there is none."""
        return _read_picture(self.path, NOMINAL_PICTURE)

    def close(self) -> None:
        """Close the log and unlock the folder; idempotent."""
        self.log.close()
        self.lock.close()


@dataclass(frozen=True)
class StoredCampaign:
    """What a campaign folder holds, for those who only read; also of a campaign that runs.

    Everything but the description is read when it is asked for, once, so that what is damaged
    stops nobody who does not need it.

    Attributes:
        path: the folder.
        campaign_id: unique name of the campaign.
        config: its configuration.
        document: campaign.yaml.
    """

    path: Path
    campaign_id: str
    config: StoredConfig
    document: Mapping[str, Any]

    @property
    def versions(self) -> Mapping[str, str]:
        """Of the packages that it was started with."""
        found = self.document.get("versions")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def catalogue(self) -> Catalogue:
        """Its variations as they were when it began, in the order of its actions.

        Raises:
            CampaignFolderError: they are lost.
        """
        ranking = self._ranking_file[0]
        modes = ranking.failure_modes if ranking is not None else ()
        ranked = {m.ids[0]: m.variations[0] for m in modes if len(m.variations) == 1}
        return read_catalogue(self.path, self.document, self.config, ranked)

    @cached_property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Every trial, in the order of the numbers.

        Raises:
            TrialLogError: the trial database is damaged, or is missing although there were trials.
        """
        if self._never_begun:
            return ()
        log = self.open_log()
        try:
            return tuple(log.records())
        finally:
            log.close()

    @cached_property
    def dropped(self) -> Mapping[int, str]:
        """Requests that were given up, with the reason; errors as `trials`."""
        if self._never_begun:
            return {}
        log = self.open_log()
        try:
            return log.dropped()
        finally:
            log.close()

    @property
    def ranking(self) -> FailureRanking | None:
        """The newest one; made anew from the trials where its file is missing or damaged.

        Returns:
            None if there is neither a file nor a valid trial.

        Raises:
            CampaignFolderError, TrialLogError: it must be made anew and cannot.
        """
        found = self._ranking_file[0]
        if found is not None or not any(r.outcome and r.outcome.valid for r in self.trials):
            return found
        return self.made_ranking

    @property
    def ranking_note(self) -> str:
        """What to know of a ranking that was made anew, in words; "" if it is the stored one."""
        problem = self._ranking_file[1]
        if not problem or self.ranking is None:
            return ""
        return f"{problem}: the ranking was made anew from the trials"

    def open_log(self) -> TrialLog:
        """Its trials, read-only; the caller closes it."""
        path = self.path / TRIALS_FILE
        return TrialLog(path, read_only=True, has_trials=_has_trials(self.path))

    @cached_property
    def posterior(self) -> Posterior:
        """The evidence of all valid trials, as the campaign itself computes it.

        Raises:
            CampaignFolderError: the trials do not fit the catalogue.
            TrialLogError: as `trials`.
        """
        evidence = Evidence(
            self.catalogue, self.config.seed, threshold=self.config.failing_threshold
        )
        done = [r for r in self.trials if r.outcome is not None and r.outcome.valid]
        # in the order in which they ended, as the campaign took them in
        for record in sorted(done, key=lambda r: (r.finished_at or 0.0, r.trial_index)):
            if record.outcome is not None:
                evidence.add(self.scene(record), record.outcome.failed)
        return evidence.posterior()

    @cached_property
    def tally(self) -> Tally:
        """How far its catalogue is decided; errors as `posterior`."""
        config = self.config
        tally = Tally(self.catalogue, config.confidence, config.failing_threshold)
        for record in self.trials:
            if record.outcome is not None and record.outcome.valid:
                tally.add(self.scene(record), record.outcome.failed)
        return tally

    def scene(self, record: TrialRecord) -> Scene:
        """The scene of a trial; CampaignFolderError if the catalogue does not have it."""
        try:
            return self.catalogue.scene(record.request.scene)
        except CatalogueError as error:
            raise CampaignFolderError(
                f"the trials in {self.path} do not fit its description: {error}; restore the "
                "folder from a copy"
            ) from error

    @cached_property
    def made_ranking(self) -> FailureRanking:
        """The ranking by the evidence; without the search's own view, which only it has.

        Its moment is that of the last trial, so that the same trials give the same ranking.
        Errors as `posterior`.
        """
        config = self.config
        ended = [r.finished_at for r in self.trials if r.finished_at is not None]
        beside = Beside(self.catalogue, self.tally)
        for record in self.trials:
            if record.outcome is not None and record.outcome.valid:
                beside.add(self.scene(record), record.outcome)
        return build_ranking(
            self.posterior,
            self.catalogue,
            order_by="evidence",
            campaign_id=self.campaign_id,
            policy=config.policy,
            search_agent=config.search,
            action_space=config.action_space,
            converged=self.tally.decided,
            confidence=config.confidence,
            **beside.about(),
            stamp=max(ended, default=0.0),
        )

    def picture(self, name: str) -> Picture | None:
        """A stored picture, (H, W, 3) uint8 RGB; None if there is none that can be read.

        Args:
            name: relative to the folder, as in a record.
        """
        return _read_picture(self.path, name)

    @property
    def _never_begun(self) -> bool:
        """Whether a crash cut it off before it had a trial log."""
        return not (self.path / TRIALS_FILE).is_file() and not _has_trials(self.path)

    @cached_property
    def _ranking_file(self) -> tuple[FailureRanking | None, str]:
        """What ranking.json says, or why it says nothing."""
        path = self.path / RANKING_FILE
        try:
            if not path.is_file():
                return None, f"there is no {RANKING_FILE}"
            ranking = FailureRanking.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError, ConfigurationError) as error:
            return None, f"{RANKING_FILE} is damaged ({error})"
        if ranking.campaign_id != self.campaign_id:
            return None, f"{RANKING_FILE} is of the campaign {ranking.campaign_id}"
        return ranking, ""


def open_campaign(folder: Path, config: "CampaignConfig", catalogue: Catalogue) -> CampaignFolder:
    """Create a campaign folder, or open it again with the configuration that it has.

    Of an existing campaign the budget and the confidence may be others than before: it goes on
    with them, and the change is recorded.

    Args:
        folder: created if it does not exist.
        config: the campaign's.
        catalogue: at least the variations that the configuration names.

    Raises:
        ConfigurationError: the catalogue is of another task, or lacks a variation.
        CampaignFolderError: the folder is in use, belongs to another configuration (the
            differences are listed), is not a campaign, or cannot be written.
        TrialLogError: its database is damaged, or lost although there are results of trials.
    """
    check_campaign(folder, config, catalogue)
    used = _used(config, catalogue)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder)
        try:
            campaign_id = _describe(folder, config, used)
            return CampaignFolder(folder, campaign_id, config, used, _open_log(folder), lock)
        except BaseException:
            lock.close()
            raise
    except OSError as error:
        raise unwritable(folder, error) from error


def check_campaign(
    folder: Path, config: "CampaignConfig", catalogue: Catalogue
) -> dict[str, Any] | None:
    """Whether `open_campaign` would take this folder; nothing stays created or locked.

    Returns:
        The campaign document of a folder that would be resumed; None if it would be created.

    Raises:
        ConfigurationError, CampaignFolderError, TrialLogError: as `open_campaign`.
    """
    if config.task != catalogue.task:
        raise ConfigurationError(
            f"the catalogue {config.catalogue} is for the task {catalogue.task!r}, the "
            f"configuration for {config.task!r}; give one that fits"
        )
    used = _used(config, catalogue)
    resumed = read_description(folder)
    if resumed is None:
        refuse_foreign(folder)
    else:
        _refuse_differences(folder, resumed, config, used)
    refuse_running(folder)
    has_trials = resumed is not None and _has_trials(folder)
    if has_trials or (folder / TRIALS_FILE).is_file():
        log = TrialLog(folder / TRIALS_FILE, read_only=True, has_trials=has_trials)
        try:
            _refuse_spent(folder, resumed, config, log)
        finally:
            log.close()
    refuse_unwritable(folder)
    return resumed


def _used(config: "CampaignConfig", catalogue: Catalogue) -> Catalogue:
    return catalogue.subset(config.variation_ids) if config.variation_ids else catalogue


def read_campaign(folder: Path) -> StoredCampaign:
    """Read a campaign folder, also while the campaign runs; nothing is written.

    Its search, its policy and the kinds of its variations need not be known to this program.

    Raises:
        CampaignFolderError: it is no campaign folder, or its description cannot be read.
    """
    document = read_description(folder)
    if document is None:
        raise CampaignFolderError(
            f"{folder} holds no campaign (no {CAMPAIGN_FILE}); give a campaign's folder"
        )
    try:
        config = StoredConfig.from_mapping(document["config"])
    except ConfigurationError as error:
        raise CampaignFolderError(
            f"cannot read the campaign in {folder}: {CAMPAIGN_FILE}: {error}; restore it from a "
            "copy"
        ) from error
    return StoredCampaign(folder, _id_of(document), config, document)


def write_ranking(folder: Path, ranking: Mapping[str, Any]) -> None:
    """Replace ranking.json; a reader sees the old one or the new one."""
    text = json.dumps(ranking, indent=1, allow_nan=False) + "\n"
    _write_atomically(folder / RANKING_FILE, text.encode())


def _read_picture(folder: Path, name: str) -> Picture | None:
    try:
        path = stored_path(folder, name)
        stored = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    except (CampaignFolderError, OSError):
        return None
    if stored is None:
        return None
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _has_trials(folder: Path) -> bool:
    """Whether there is something that only a campaign with a trial log can have left."""
    traces = (RANKING_FILE, "images/[0-9]*.png", "checkpoints/*")
    return any(True for pattern in traces for _ in folder.glob(pattern))


def _id_of(document: Mapping[str, Any]) -> str:
    return str(document.get("campaign_id", ""))


def _describe(folder: Path, config: "CampaignConfig", catalogue: Catalogue) -> str:
    """Write what the folder must say about the campaign and does not; returns the campaign's id.

    The catalogue comes first: where there is a description, there is the catalogue of it.
    """
    document = read_description(folder)
    if document is None or not _has_catalogue(folder, catalogue):
        _write_atomically(folder / CATALOGUE_FILE, catalogue_text(catalogue).encode())
    if document is None:
        written: dict[str, Any] | None = new_document(config, catalogue)
    else:
        written = reconfigured(document, config)
    if written is not None:
        _write_atomically(folder / CAMPAIGN_FILE, dump_yaml(written).encode())
    return _id_of(written or document or {})


def _has_catalogue(folder: Path, catalogue: Catalogue) -> bool:
    """Whether the folder's catalogue is there and this one."""
    try:
        return contents(load_catalogue(folder / CATALOGUE_FILE)) == contents(catalogue)
    except CatalogueError:
        return False


def _open_log(folder: Path) -> TrialLog:
    images = folder / "images"
    has_trials = _has_trials(folder)
    images.mkdir(exist_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    return TrialLog(folder / TRIALS_FILE, has_trials=has_trials)


def _refuse_differences(
    folder: Path, document: Mapping[str, Any], config: "CampaignConfig", catalogue: Catalogue
) -> None:
    lines = differences(document, config, catalogue)
    if not lines:
        return
    if any(line.startswith("  catalogue.") for line in lines) and _is_copied(folder, document):
        lines.append(f"The campaign's own catalogue is {folder / CATALOGUE_FILE}.")
    raise CampaignFolderError(
        f"the campaign in {folder} has another configuration:\n" + "\n".join(lines) + "\n"
        "Choose another folder, or start with the same settings to resume it; budget and "
        "confidence may be others."
    )


def _is_copied(folder: Path, document: Mapping[str, Any]) -> bool:
    """Whether the folder holds the catalogue that its campaign began with."""
    try:
        return contents(load_catalogue(folder / CATALOGUE_FILE)) == document.get("catalogue")
    except CatalogueError:
        return False


def _refuse_spent(
    folder: Path, document: Mapping[str, Any] | None, config: "CampaignConfig", log: TrialLog
) -> None:
    """A smaller budget than before must hold the trials that are done."""
    before = document["config"].get("budget") if document is not None else None
    if before is None or config.budget >= before:
        return
    valid = sum(r.outcome is not None and r.outcome.valid for r in log.records())
    if config.budget < valid:
        raise CampaignFolderError(
            f"the campaign in {folder} has {counted(valid, 'valid trial')} already, which is more "
            f"than the budget of {config.budget}; give at least {valid}, or choose another folder"
        )


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise CampaignFolderError(
            f"cannot write {path}: {error.strerror}; free some space or choose another folder"
        ) from error
