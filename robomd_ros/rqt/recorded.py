# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads recorded pictures of a campaign's folder in a thread of its own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robomd_ros.core.campaign.folder import read_description, stored_path
from robomd_ros.core.campaign.stored import read_campaign
from robomd_ros.core.campaign.trial_log import trial_of
from robomd_ros.core.errors import CampaignFolderError, RoboMDError
from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.trial import Trial
from robomd_ros.rqt.qt import QtCore, QtGui, Signal


def read_picture(folder: str, campaign_id: str, image_path: str) -> tuple[Any, str]:
    """The recorded picture of a trial.

    Args:
        folder: of the campaign; "" where it is not known.
        campaign_id: of the trial; another campaign's folder is refused.
        image_path: relative to the folder, as in robomd_msgs/Trial.

    Returns:
        (QImage, "") or (None, why there is none and what to do).
    """
    if not image_path:
        return None, "No picture was recorded for this trial."
    if not folder:
        return None, (
            f"{image_path} lies in the campaign's folder, which the diagnosis does not tell; "
            "choose it with “Campaign folder …”."
        )
    root = Path(folder)
    try:
        problem = _folder_problem(root, campaign_id)
        path = stored_path(root, image_path)
    except CampaignFolderError as error:
        return None, f"{error}."
    if problem:
        return None, problem
    image = QtGui.QImage(str(path))
    if image.isNull():
        return None, f"{path} is missing or no picture."
    return image, ""


def _folder_problem(root: Path, campaign_id: str) -> str:
    """Why pictures of this campaign cannot be in this folder; "" if they can."""
    document = read_description(root)
    if document is None:
        return (
            f"The campaign's folder {root} is not on this machine; mount or copy it and "
            "choose it with “Campaign folder …”."
        )
    found = document.get("campaign_id")
    if campaign_id and found != campaign_id:
        return f"{root} holds the campaign {found}, not {campaign_id}; choose its folder."
    return ""


@dataclass(frozen=True)
class StoredTrials:
    """What a campaign's folder holds: its trials in their order, and its ranking."""

    trials: tuple[tuple[Trial, float], ...]
    """Each with the Unix time of its end, s."""
    campaign_id: str
    ranking: FailureRanking | None


def read_trials(folder: str) -> StoredTrials | None:
    """The trials of a campaign's folder; None where it cannot be read: who looks on needs none."""
    try:
        stored = read_campaign(Path(folder))
        ended = [r for r in stored.trials if r.outcome is not None]
        trials = tuple((trial_of(r, stored.catalogue), r.finished_at or 0.0) for r in ended)
        return StoredTrials(trials, stored.campaign_id, stored.ranking)
    except (RoboMDError, OSError):
        return None


class PictureReader(QtCore.QObject):
    """Reads pictures one after the other; a slow disk never holds the GUI."""

    read = Signal(object, object, str)  # what was asked for, QImage or None, problem
    listed = Signal(object)  # StoredTrials

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="recorded-pictures")

    def ask(self, what: Any, folder: str, campaign_id: str, image_path: str) -> None:
        """Read a picture; `read` tells `what` with it."""

        def work() -> None:
            image, problem = read_picture(folder, campaign_id, image_path)
            self.read.emit(what, image, problem)

        self._pool.submit(work)

    def ask_trials(self, folder: str) -> None:
        """Read what a folder holds; `listed` tells it."""

        def work() -> None:
            stored = read_trials(folder)
            if stored is not None:
                self.listed.emit(stored)

        self._pool.submit(work)

    def close(self) -> None:
        """Read no more; what is being read ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
