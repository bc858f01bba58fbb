# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The first pictures of scenes, small enough to stand in the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.stored import NOMINAL_PICTURE, StoredCampaign
from robomd_ros.core.campaign.trial_log import TrialRecord
from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.core.wording import interval, label, words
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.drawing import data_uri

LARGEST_SIDE = 480
"""Larger pictures are scaled down to this, pixels."""
_SMALL_FILE = 60_000
"""bytes; what is larger is stored as JPEG."""
EACH = 3
"""Worst and best scenes shown."""


@dataclass(frozen=True)
class ScenePicture:
    """A picture of a scene.

    Attributes:
        role: worst, best or nominal.
        title: the scene in words.
        caption: what happened there.
        uri: the picture as a data URI.
        alt: its text alternative.
    """

    role: str
    title: str
    caption: str
    uri: str
    alt: str


def scene_pictures(data: CampaignData) -> list[ScenePicture]:
    """Nominal, then the worst and the best scenes of which there is a picture."""
    seen = [m for m in data.ranking.failure_modes if m.seen]
    order = sorted(seen, key=lambda m: (-m.failure_probability, -m.trials))
    limit = data.ranking.failing_threshold
    worst = [m for m in order if m.failure_probability > limit]
    best = [m for m in reversed(order) if m.failure_probability < limit]
    found = list(_nominal(data))
    for role, modes in (("worst", worst), ("best", best)):
        pictures = filter(None, (_of_mode(data, m, role) for m in modes))
        found += islice(pictures, EACH)
    return found


def _nominal(data: CampaignData) -> Iterator[ScenePicture]:
    trials = [r.image_path for r in data.valid if not r.request.scene]
    for name in (NOMINAL_PICTURE, *trials[:3]):
        uri = embedded(data.stored, name)
        if uri:
            title, alt = "nothing changed", "First picture of the scene with nothing changed."
            yield ScenePicture("nominal", title, "the scene to compare with", uri, alt)
            return


def _of_mode(data: CampaignData, mode: FailureMode, role: str) -> ScenePicture | None:
    """A picture of the mode's scene: of exactly it, else of the smallest scene that holds it."""
    wanted = set(mode.ids)
    failed = role == "worst"
    holding = [
        r for r in data.valid if r.image_path and r.outcome and wanted <= set(r.request.scene)
    ]
    holding.sort(key=lambda r: (len(r.request.scene), r.outcome and r.outcome.failed != failed))
    for record in holding[:5]:
        uri = embedded(data.stored, record.image_path)
        if uri:
            return _described(mode, record, role, uri)
    return None


def _described(mode: FailureMode, record: TrialRecord, role: str, uri: str) -> ScenePicture:
    others = [words(i) for i in record.request.scene if i not in mode.ids]
    also = f"; in this picture also {', '.join(others)}" if others else ""
    outcome = record.outcome.result.name.lower() if record.outcome else ""
    caption = (
        f"fails with probability {interval(mode)}; trial {record.trial_index}: {outcome}{also}"
    )
    alt = f"First picture of trial {record.trial_index}, {label(mode)}{also}."
    return ScenePicture(role, label(mode), caption, uri, alt)


def embedded(stored: StoredCampaign, name: str) -> str | None:
    """A picture of the campaign as a data URI; None if it is not there or cannot be read."""
    found = stored.picture(name) if name else None
    if found is None:
        return None
    picture: NDArray[np.uint8] = np.asarray(cv2.cvtColor(found, cv2.COLOR_RGB2BGR), np.uint8)
    largest = max(picture.shape[:2])
    if largest > LARGEST_SIDE:
        scale = LARGEST_SIDE / largest
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.asarray(small, np.uint8)
    done, data = cv2.imencode(".png", picture)
    if done and len(data) <= _SMALL_FILE:
        return data_uri(data.tobytes(), "image/png")
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data_uri(data.tobytes(), "image/jpeg") if done else None
