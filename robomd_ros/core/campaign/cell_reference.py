# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a real cell was like in its campaign's first trial; one that differs does not count."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from robomd_ros.core.cell_watch.picture_checks import Picture, swapped_colours
from robomd_ros.core.errors import CampaignFolderError
from robomd_ros.core.trial import Result, Trial

FOLDER = "reference"
"""Below the campaign's folder: `<cell>.json` and `<cell>.png`."""
_WATCHED = {"safety_mode": 0.0, "speed_scaling": 0.02, "payload": 0.05, "tcp": 1e-3}
"""Facts that stay what they were, and by how much numbers may differ."""


class CellReferences:
    """Keeps, for each cell, facts and picture of the first trial that was not invalid."""

    def __init__(self, campaign: Path) -> None:
        """Of a campaign's folder; it is read when it is needed."""
        self._folder = campaign / FOLDER

    def judged(self, trial: Trial) -> Trial:
        """The trial, INVALID where the cell is not any more what it was.

        A simulator says nothing of itself, and is not compared.

        Raises:
            CampaignFolderError: the first trial's values cannot be kept.
        """
        facts = {name: trial.outcome.facts.get(name) for name in _WATCHED}
        facts = {name: value for name, value in facts.items() if value is not None}
        if not facts or trial.outcome.result is Result.INVALID:
            return trial
        path = self._folder / f"{trial.cell}.json"
        known = _read(path)
        if known is None:
            self._keep(path, facts, trial)
            return trial
        reason = _difference(known, facts) or self._picture_difference(path, known, trial)
        if not reason:
            return trial
        reason = f"{reason}; set it back, or begin another campaign with it"
        outcome = replace(trial.outcome, result=Result.INVALID, detail=reason)
        return replace(trial, outcome=outcome)

    def _keep(self, path: Path, facts: Mapping[str, Any], trial: Trial) -> None:
        try:
            self._folder.mkdir(exist_ok=True)
            if trial.image is not None:
                cv2.imwrite(
                    str(path.with_suffix(".png")), cv2.cvtColor(trial.image, cv2.COLOR_RGB2BGR)
                )
            coloured = any(v.factor == "color" for v in trial.scene)
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps({**facts, "coloured": coloured}), encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise CampaignFolderError(
                f"cannot write {path}: {error.strerror}; free some space or choose another folder"
            ) from error

    def _picture_difference(self, path: Path, known: Mapping[str, Any], trial: Trial) -> str:
        first, now = _picture(path.with_suffix(".png")), trial.image
        if first is None or now is None:
            return ""
        if first.shape != now.shape:
            was, came = (f"{p.shape[1]} x {p.shape[0]}" for p in (first, now))
            return f"the pictures were {was} at the campaign's first trial, now they are {came}"
        # colours that were asked for may look like colours that were exchanged
        plain = not known.get("coloured") and not any(v.factor == "color" for v in trial.scene)
        return swapped_colours(now, first) if plain else ""


def _difference(first: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    for name, value in now.items():
        before = first.get(name)
        if before is None or _same(before, value, _WATCHED[name]):
            continue
        return (
            f"{name.replace('_', ' ')} is {value}, and was {before} at the campaign's first trial"
        )
    return ""


def _same(before: Any, now: Any, tolerance: float) -> bool:
    try:
        return bool(np.allclose(before, now, rtol=0.0, atol=tolerance))
    except (TypeError, ValueError):  # a word, or of another length
        return bool(before == now)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def _picture(path: Path) -> Picture | None:
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if stored is None:
        return None
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)
