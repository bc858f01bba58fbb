# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a folder can be a campaign's: nothing else is in it, nobody else writes it."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from robomd_ros.core.campaign.folder import CAMPAIGN_FILE, CATALOGUE_FILE
from robomd_ros.core.errors import CampaignFolderError

_LOCK_FILE = "campaign.lock"


def refuse_foreign(folder: Path) -> None:
    """CampaignFolderError if there is something else in a folder that holds no campaign.

    A lock, a catalogue or a half-written file is all that a creation cut off by a crash leaves.
    A catalogue without a lock is the user's own.
    """
    ours = {_LOCK_FILE, f"{CAMPAIGN_FILE}.tmp", f"{CATALOGUE_FILE}.tmp"}
    try:
        present = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
        if _LOCK_FILE in present:
            ours.add(CATALOGUE_FILE)
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


def refuse_running(folder: Path) -> None:
    """CampaignFolderError if the campaign runs; a shared lock disturbs no other look."""
    path = folder / _LOCK_FILE
    if path.is_symlink() or not path.is_file():
        return  # a link is refused by whoever takes the lock
    try:
        with path.open(encoding="utf-8") as lock:
            _flock(folder, lock, fcntl.LOCK_SH)
    except OSError as error:
        raise unwritable(folder, error) from error


def refuse_unwritable(folder: Path) -> None:
    """CampaignFolderError if nothing can be written there; tried with a file without a name.

    Permission bits alone say nothing to root.
    """
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> CampaignFolderError:
    """What to raise where the system does not let us write."""
    return CampaignFolderError(
        f"cannot write the campaign folder {folder}: {error.strerror}; choose another one"
    )


def locked(folder: Path) -> IO[str]:
    """Take the folder's lock, which the system frees when its holder dies.

    What is there under the lock's name and is a link may lead to anybody's file: it is refused.
    """
    path = folder / _LOCK_FILE
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise CampaignFolderError(
            f"{path} is a link, which no campaign has made; look where it leads, and remove it"
        ) from error
    lock = open(number, "r+", encoding="utf-8")  # noqa: SIM115 - held by the caller
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
