# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign on disk: created once, resumed with the same configuration only."""

import fcntl
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from robomd_ros.core.campaign.config import CampaignConfig, installed_versions
from robomd_ros.core.campaign.trial_log import TrialLog
from robomd_ros.core.errors import CampaignFolderError, ConfigurationError
from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.policies import policy_digest
from robomd_ros.core.variations import Catalogue
from robomd_ros.core.yaml_text import dump_yaml, load_yaml

CAMPAIGN_FILE = "campaign.yaml"
TRIALS_FILE = "trials.db"
RANKING_FILE = "ranking.json"
NOMINAL_PICTURE = "images/nominal.png"
_LOCK_FILE = "campaign.lock"


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
    config: CampaignConfig
    catalogue: Catalogue
    log: TrialLog
    lock: IO[str]

    @property
    def checkpoints(self) -> Path:
        """Where the search agent's checkpoints are."""
        return self.path / "checkpoints"

    def write_ranking(self, ranking: Mapping[str, Any]) -> None:
        """Replace ranking.json; a reader sees the old one or the new one."""
        text = json.dumps(ranking, indent=1, allow_nan=False) + "\n"
        _write_atomically(self.path / RANKING_FILE, text.encode())

    def store_picture(self, name: str, picture: NDArray[np.uint8]) -> None:
        """Store a picture, (H, W, 3) uint8 RGB, as PNG under a name relative to the folder."""
        done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        if not done:
            raise CampaignFolderError(f"cannot encode the picture {name} ({picture.shape}) as PNG")
        _write_atomically(self.path / name, data.tobytes())

    def nominal_picture(self) -> NDArray[np.uint8] | None:
        """The stored picture of the nominal scene, (H, W, 3) uint8 RGB; None if there is none."""
        path = self.path / NOMINAL_PICTURE
        stored = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
        if stored is None:
            return None
        return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def close(self) -> None:
        """Close the log and unlock the folder; idempotent."""
        self.log.close()
        self.lock.close()


@dataclass(frozen=True)
class StoredCampaign:
    """What a campaign folder holds, for those who only read.

    Attributes:
        path: the folder.
        campaign_id: unique name of the campaign.
        config: its configuration.
        versions: of the packages that it was started with.
        ranking: the newest one; None if there is none yet.
    """

    path: Path
    campaign_id: str
    config: CampaignConfig
    versions: Mapping[str, str]
    ranking: FailureRanking | None

    def open_log(self) -> TrialLog:
        """Its trials, read-only; the caller closes it."""
        path = self.path / TRIALS_FILE
        return TrialLog(path, read_only=True, has_trials=_has_trials(self.path))


def open_campaign(folder: Path, config: CampaignConfig, catalogue: Catalogue) -> CampaignFolder:
    """Create a campaign folder, or open it again with the configuration that it has.

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
    resumed = check_campaign(folder, config, catalogue)
    used = _used(config, catalogue)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
        try:
            campaign_id = _create(folder, config, used) if resumed is None else _id_of(resumed)
            return CampaignFolder(folder, campaign_id, config, used, _open_log(folder), lock)
        except BaseException:
            lock.close()
            raise
    except OSError as error:
        raise _unwritable(folder, error) from error


def check_campaign(
    folder: Path, config: CampaignConfig, catalogue: Catalogue
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
    resumed = _inspect(folder)
    if resumed is None:
        _refuse_foreign(folder)
    else:
        _refuse_differences(folder, resumed, config, used)
    _refuse_running(folder)
    has_trials = resumed is not None and _has_trials(folder)
    if has_trials or (folder / TRIALS_FILE).is_file():
        TrialLog(folder / TRIALS_FILE, read_only=True, has_trials=has_trials).close()
    _refuse_unwritable(folder)
    return resumed


def _used(config: CampaignConfig, catalogue: Catalogue) -> Catalogue:
    return catalogue.subset(config.variation_ids) if config.variation_ids else catalogue


def read_campaign(folder: Path) -> StoredCampaign:
    """Read a campaign folder, also while the campaign runs; nothing is written.

    Raises:
        CampaignFolderError: it is no campaign folder, or a file of it cannot be read.
    """
    document = _inspect(folder)
    if document is None:
        raise CampaignFolderError(
            f"{folder} holds no campaign (no {CAMPAIGN_FILE}); give a campaign's folder"
        )
    path = folder / RANKING_FILE
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        ranking = FailureRanking.from_dict(json.loads(text)) if text is not None else None
        config = CampaignConfig.from_mapping(document["config"])
    except (OSError, ValueError, ConfigurationError) as error:
        raise CampaignFolderError(f"cannot read the campaign in {folder}: {error}") from error
    return StoredCampaign(folder, _id_of(document), config, document.get("versions", {}), ranking)


def _inspect(folder: Path) -> dict[str, Any] | None:
    """The campaign document of a folder; None if it has none or is missing."""
    path = folder / CAMPAIGN_FILE
    try:
        if folder.exists() and not folder.is_dir():
            raise CampaignFolderError(f"{folder} is a file; give the folder of the campaign")
        if not path.is_file():
            return None
        document = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CampaignFolderError(
            f"cannot read the campaign folder {folder}: {error.strerror}; choose another one"
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise CampaignFolderError(f"cannot read {path}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise CampaignFolderError(f"{path} is not a campaign's description; choose another folder")
    return document


def _refuse_foreign(folder: Path) -> None:
    """A lock or a half-written file is all that a creation cut off by a crash leaves."""
    ours = {_LOCK_FILE, f"{CAMPAIGN_FILE}.tmp"}
    try:
        present = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise CampaignFolderError(
            f"cannot read the campaign folder {folder}: {error.strerror}; choose another one"
        ) from error
    foreign = [name for name in present if name not in ours]
    if foreign:
        raise CampaignFolderError(
            f"{folder} is not empty and holds no campaign (it has {foreign[0]!r}); "
            "choose an empty or a new folder"
        )


def _refuse_running(folder: Path) -> None:
    """Look at the lock of an existing campaign; a shared lock disturbs no other look."""
    path = folder / _LOCK_FILE
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8") as lock:
            _flock(folder, lock, fcntl.LOCK_SH)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _refuse_unwritable(folder: Path) -> None:
    """Try it, with a file that has no name: permission bits alone say nothing to root."""
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> CampaignFolderError:
    return CampaignFolderError(
        f"cannot write the campaign folder {folder}: {error.strerror}; choose another one"
    )


def _has_trials(folder: Path) -> bool:
    """Whether there is something that only a campaign with a trial log can have left."""
    traces = (RANKING_FILE, "images/[0-9]*.png", "checkpoints/*")
    return any(True for pattern in traces for _ in folder.glob(pattern))


def _id_of(document: Mapping[str, Any]) -> str:
    return str(document.get("campaign_id", ""))


def _create(folder: Path, config: CampaignConfig, catalogue: Catalogue) -> str:
    campaign_id = f"{config.task}-{uuid.uuid4().hex[:12]}"
    document = {
        "campaign_id": campaign_id,
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seed": config.seed,
        "config": config.to_mapping(),
        "catalogue": _contents(catalogue),
        "policy_digest": policy_digest(config.policy),
        "versions": installed_versions(),
    }
    text = dump_yaml(document)
    _write_atomically(folder / CAMPAIGN_FILE, text.encode())
    return campaign_id


def _open_log(folder: Path) -> TrialLog:
    images = folder / "images"
    has_trials = _has_trials(folder)
    images.mkdir(exist_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    return TrialLog(folder / TRIALS_FILE, has_trials=has_trials)


def _refuse_differences(
    folder: Path, document: Mapping[str, Any], config: CampaignConfig, catalogue: Catalogue
) -> None:
    """Versions may differ, and so may the catalogue's path; what the campaign does may not."""
    there = _flat({**document["config"], "catalogue": document.get("catalogue")})
    here = _flat({**config.to_mapping(), "catalogue": _contents(catalogue)})
    digests = document.get("policy_digest"), policy_digest(config.policy)
    if all(digests):  # unknown in an older campaign, or where the policy cannot be found
        there["policy_digest"], here["policy_digest"] = digests
    lines = [
        f"  {key}: there {there.get(key)!r}, here {here.get(key)!r}"
        for key in sorted(there.keys() | here.keys())
        if key != "variation_ids" and there.get(key) != here.get(key)
    ]
    if lines:
        raise CampaignFolderError(
            f"the campaign in {folder} has another configuration:\n" + "\n".join(lines) + "\n"
            "Choose another folder, or start with the same settings to resume it."
        )


def _contents(catalogue: Catalogue) -> dict[str, Any]:
    """The ids, for people, and a digest of all that the catalogue says."""
    content = {
        "task": catalogue.task,
        "instruction": catalogue.instruction,
        "nominal": sorted(["/".join(k), dict(v)] for k, v in catalogue.nominal.items()),
        "variations": [
            [v.id, v.factor, v.target, v.description, dict(v.parameters)] for v in catalogue
        ],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"variations": [v.id for v in catalogue], "digest": digest}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _locked(folder: Path) -> IO[str]:
    """Take the folder's lock, which the system frees when its holder dies."""
    lock = (folder / _LOCK_FILE).open("a+", encoding="utf-8")
    try:
        _flock(folder, lock, fcntl.LOCK_EX)
    except BaseException:
        lock.close()
        raise
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _flock(folder: Path, lock: IO[str], kind: int) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        raise CampaignFolderError(
            f"the campaign in {folder} is running already (process {holder}); stop that one, "
            "or choose another folder"
        ) from error


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise CampaignFolderError(
            f"cannot write {path}: {error.strerror}; free some space or choose another folder"
        ) from error
