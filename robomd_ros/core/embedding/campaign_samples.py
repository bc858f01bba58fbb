# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Samples from the folders of campaigns, which may be running."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from robomd_ros.core.campaign.stored import NOMINAL_PICTURE, StoredCampaign, read_campaign
from robomd_ros.core.campaign.trial_log import trial_of
from robomd_ros.core.embedding.encoders import Encoder, Encoders, Features, Picture
from robomd_ros.core.embedding.samples import Samples, samples_of
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Catalogue, Variation

_LOG = logging.getLogger(__name__)
Item = TypeVar("Item")


def samples_from_campaigns(folders: Sequence[Path], encoders: Encoders) -> Samples:
    """Features of the valid trials of one or several campaigns, which are only read.

    The nominal features are the first campaign's.

    Raises:
        CampaignFolderError: a folder holds no campaign, or it cannot be read, or its variations
            are lost.
        TrialLogError: a trial database is damaged.
        EmbeddingError: no folder is given, a campaign has no trial with a picture, or the
            campaigns do not belong together.
        EncoderError: a picture or a sentence cannot be encoded.
    """
    if not folders:
        raise EmbeddingError("no campaign to learn from; give the folder of at least one")
    campaigns = [read_campaign(Path(folder)) for folder in folders]
    catalogues = [stored.catalogue for stored in campaigns]
    _check_together(campaigns, catalogues)
    parts = [_samples_of(s, c, encoders) for s, c in zip(campaigns, catalogues, strict=True)]
    return parts[0].concatenated(parts[1:])


def samples_of_folder(folder: Path, catalogue: Catalogue, encoders: Encoders) -> Samples:
    """As `samples_from_campaigns`, of one campaign whose catalogue is at hand."""
    stored = read_campaign(folder)
    trials = _trials(stored, catalogue)
    return samples_of(trials, catalogue, encoders, _nominal_picture(stored, trials))


def _check_together(campaigns: Sequence[StoredCampaign], catalogues: Sequence[Catalogue]) -> None:
    """Trials of one policy in one task may be learned together, each of them once."""
    first, said = campaigns[0], dict[str, Variation]()
    seen: dict[str, Path] = {}
    for stored, catalogue in zip(campaigns, catalogues, strict=True):
        if stored.campaign_id in seen:
            raise EmbeddingError(
                f"{seen[stored.campaign_id]} and {stored.path} are the same campaign, whose trials "
                "would count twice; give it once"
            )
        seen[stored.campaign_id] = stored.path
        for what in ("task", "policy"):
            one, other = (getattr(c.config, what) for c in (first, stored))
            if one != other:
                raise EmbeddingError(
                    f"the campaigns {first.path} and {stored.path} are of the {what} {one!r} and "
                    f"{other!r}; give campaigns of one {what}"
                )
        for v in catalogue:
            listed = said.setdefault(v.id, v)
            if (listed.description, listed.parameters) != (v.description, v.parameters):
                raise EmbeddingError(
                    f"the variation {v.id!r} of {stored.path} is another change there than in the "
                    f"campaigns before it ({v.description!r}, not {listed.description!r}); train "
                    "on campaigns whose catalogues agree"
                )


def _samples_of(stored: StoredCampaign, catalogue: Catalogue, encoders: Encoders) -> Samples:
    trials = _trials(stored, catalogue)
    return samples_of(trials, catalogue, encoders, _nominal_picture(stored, trials))


def _trials(stored: StoredCampaign, catalogue: Catalogue) -> list[Trial]:
    """The valid trials with their pictures, as far as these are there."""
    records = [r for r in stored.trials if r.outcome is not None and r.outcome.valid]
    trials = []
    for record in records:
        trial = trial_of(record, catalogue)
        image = stored.picture(trial.image_path) if trial.image_path else None
        trials.append(Trial(trial.index, trial.cell, trial.scene, trial.seed, trial.outcome, image))
    return trials


def _nominal_picture(stored: StoredCampaign, trials: Sequence[Trial]) -> Picture:
    """The stored picture of the nominal scene.

    Where there is none (a search that needed none), it is the median of the trials' pictures:
    most of them show most of the scene as it nominally is.
    """
    picture = stored.picture(NOMINAL_PICTURE)
    if picture is not None:
        return picture
    pictures = [trial.image for trial in trials if trial.image is not None]
    if not pictures:
        raise EmbeddingError(
            f"the campaign in {stored.path} has no valid trial with a picture to learn from; run "
            "trials in a cell with a camera"
        )
    _LOG.warning("no nominal picture in %s: the median of all pictures is used", stored.path)
    shape = Counter(p.shape for p in pictures).most_common(1)[0][0]
    same = [p for p in pictures if p.shape == shape]
    return np.asarray(np.median(np.stack(same), axis=0), dtype=np.uint8)


class RememberingEncoder(Generic[Item]):
    """An encoder that encodes equal items once, so that training again costs no encoding."""

    def __init__(self, encoder: Encoder[Item]) -> None:
        """Wrap an encoder; nothing is remembered yet."""
        self._encoder = encoder
        self._features: dict[bytes, Features] = {}

    @property
    def name(self) -> str:
        """The wrapped encoder's."""
        return self._encoder.name

    @property
    def size(self) -> int:
        """The wrapped encoder's."""
        return self._encoder.size

    @property
    def digest(self) -> str:
        """The wrapped encoder's."""
        return self._encoder.digest

    def encode(self, items: Sequence[Item]) -> Features:
        """Features, (n, size) float32; errors as the wrapped encoder's."""
        keys = [_key(item) for item in items]
        new = {
            key: item for key, item in zip(keys, items, strict=True) if key not in self._features
        }
        if new:
            encoded = self._encoder.encode(list(new.values()))
            self._features.update(zip(new, encoded, strict=True))
        found = [self._features[key] for key in keys]
        return np.stack(found) if found else np.zeros((0, self.size), dtype=np.float32)


def _key(item: object) -> bytes:
    """Digest of a text, or of a picture with its shape."""
    if isinstance(item, np.ndarray):
        head = f"{item.dtype}{item.shape}".encode()
        return hashlib.blake2b(head + np.ascontiguousarray(item).tobytes(), digest_size=16).digest()
    return hashlib.blake2b(repr(item).encode(), digest_size=16).digest()
