# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The first picture of a trial with what happened in it written around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.status import CampaignStatus
from robomd_ros.core.evidence.failure_colours import FAILS, INVALID, SAFE, Colour, failure_colour
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.trial import Result, Trial
from robomd_ros.core.wording import NOTHING, counted, counts, figure, ids_of, interval

Picture = NDArray[np.uint8]
_BACKGROUND: Colour = (0.12, 0.12, 0.12)
_TEXT: Colour = (0.95, 0.95, 0.95)
_FAINT: Colour = (0.7, 0.7, 0.7)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SIZE = 0.5
_LINE = 22
"""px, height of a line of text."""
_MARGIN = 10
_BAR = 110
"""px, from a failure probability of 0 to 1."""
_ROWS = 3
"""Variations of a scene whose estimates are shown."""
_BADGES = {Result.SUCCESS: SAFE, Result.FAILURE: FAILS}


@dataclass(frozen=True)
class _Line:
    text: str
    colour: Colour = _TEXT
    mode: FailureMode | None = None
    """Whose bar stands at the right of the line."""


def trial_picture(
    trial: Trial,
    ranking: FailureRanking | None = None,
    status: CampaignStatus | None = None,
    width: int = 480,
) -> Picture:
    """Draw a trial: its picture between its scene and outcome and the running estimate.

    Args:
        trial: with its picture, (H, W, 3) uint8 RGB; None gives an empty field.
        ranking: the newest; what it says about the scene's variations is shown.
        status: the newest; the progress is shown.
        width: px of the result, at least 320.

    Returns:
        (H', width, 3) uint8 RGB.

    Raises:
        ValueError: the width is below 320.
    """
    if width < 320:
        raise ValueError(f"an annotated picture is at least 320 px wide; got {width}")
    above = _text_block(_heading(trial, width), width)
    _draw_badge(above, trial.outcome.result)
    below = _text_block(_estimates(trial, ranking, width) + _progress(status), width)
    return np.concatenate([above, _scaled(trial.image, width), below])


def scene_estimates(trial: Trial, ranking: FailureRanking | None) -> list[FailureMode]:
    """What the ranking says about a scene: the whole scene if it is listed, else its parts."""
    if ranking is None:
        return []
    ids = set(trial.scene.ids)
    whole = [mode for mode in ranking.failure_modes if set(mode.ids) == ids]
    return whole or [mode for mode in ranking.failure_modes if ids and set(mode.ids) <= ids]


def _heading(trial: Trial, width: int) -> list[_Line]:
    scene = " + ".join(trial.scene.ids) or "nominal"
    lines = [_Line(f"trial {trial.index}  {trial.cell}", _FAINT)]
    lines += [_Line(text) for text in _wrapped(f"scene: {scene}", width, 3)]
    if trial.outcome.result is Result.INVALID:
        lines += [_Line(text, INVALID) for text in _wrapped(trial.outcome.detail, width, 2)]
    return lines


def _estimates(trial: Trial, ranking: FailureRanking | None, width: int) -> list[_Line]:
    modes = scene_estimates(trial, ranking)
    if not modes:
        return [_Line("no estimate for this scene yet", _FAINT)]
    lines = []
    for mode in modes[:_ROWS]:
        whole = set(mode.ids) == set(trial.scene.ids)
        name = "this scene" if whole else ids_of(mode)  # the scene itself stands above
        said = f"fails {interval(mode)}" if mode.seen else counts(mode)
        said += f" {figure(mode.failure_probability)}" if mode.predicted else ""
        text = _fitting(name, width - _BAR - 3 * _MARGIN, f" {said}")
        lines.append(_Line(text, mode=mode))
    hidden = len(modes) - _ROWS
    return [*lines, *([_Line(f"and {hidden} more", _FAINT)] if hidden > 0 else [])]


def _progress(status: CampaignStatus | None) -> list[_Line]:
    if status is None:
        return []
    invalid = f", {status.invalid_trials} invalid" if status.invalid_trials else ""
    trials = counted(status.trials_budget, "trial")
    text = f"{status.state.name.lower()}: {status.trials_done} of {trials}"
    return [_Line(text + invalid, _FAINT)]


def _text_block(lines: Sequence[_Line], width: int) -> Picture:
    block = np.full((_LINE * len(lines) + _MARGIN, width, 3), _bytes(_BACKGROUND), np.uint8)
    for i, line in enumerate(lines):
        base = _LINE * (i + 1) - 3
        _write(block, line.text, (_MARGIN, base), line.colour)
        if line.mode is not None and interval(line.mode) != NOTHING:
            _draw_bar(block, line.mode, (width - _MARGIN - _BAR, base - 5))
    return block


def _draw_bar(block: Picture, mode: FailureMode, at: tuple[int, int]) -> None:
    """The posterior mean (thick) and the interval (thin) on a track from 0 to 1."""
    x, y = at
    mean, low, high = (
        x + round(_BAR * value) for value in (mode.failure_probability, mode.lower, mode.upper)
    )
    cv2.rectangle(block, (x, y - 5), (x + _BAR, y + 5), _bytes((0.25, 0.25, 0.25)), -1)
    colour = _bytes(failure_colour(mode.failure_probability))
    cv2.rectangle(block, (x, y - 5), (mean, y + 5), colour, -1 if mode.seen else 1)
    cv2.line(block, (low, y), (high, y), _bytes(_TEXT), 1)
    for end in (low, high):
        cv2.line(block, (end, y - 3), (end, y + 3), _bytes(_TEXT), 1)


def _draw_badge(block: Picture, result: Result) -> None:
    """The outcome as a word on its colour, at the upper right."""
    text_width = _text_width(result.name)
    left = block.shape[1] - _MARGIN - text_width - 12
    colour = _BADGES.get(result, INVALID)
    cv2.rectangle(block, (left, 3), (left + text_width + 12, _LINE), _bytes(colour), -1)
    ink = (0.0, 0.0, 0.0) if colour == INVALID else (1.0, 1.0, 1.0)
    _write(block, result.name, (left + 6, _LINE - 4), ink)


def _scaled(picture: Picture | None, width: int) -> Picture:
    """The picture at the full width; square dots stay square."""
    if picture is None:
        field = np.full((width // 2, width, 3), _bytes((0.2, 0.2, 0.2)), np.uint8)
        _write(
            field, "no picture", (width // 2 - _text_width("no picture") // 2, width // 4), _FAINT
        )
        return field
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    enlarge = width > picture.shape[1]
    how = cv2.INTER_CUBIC if enlarge else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def _wrapped(text: str, width: int, limit: int) -> list[str]:
    """The text in at most `limit` lines that fit; what does not fit ends with dots."""
    lines: list[str] = []
    for word in text.split():
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and _text_width(candidate) <= width - 2 * _MARGIN:
            lines[-1] = candidate
        elif len(lines) < limit:
            lines.append(word)
        else:
            lines[-1] = _fitting(f"{lines[-1]} {word}...", width - 2 * _MARGIN)
            break
    return [_fitting(line, width - 2 * _MARGIN) for line in lines]


def _fitting(text: str, width: int, tail: str = "") -> str:
    """Text and tail; the text is cut until both fit."""
    if _text_width(text + tail) <= width:
        return text + tail
    while text and _text_width(f"{text}...{tail}") > width:
        text = text[:-1]
    return f"{text}...{tail}"


def _text_width(text: str) -> int:
    return int(cv2.getTextSize(_plain(text), _FONT, _SIZE, 1)[0][0])


def _write(block: Picture, text: str, at: tuple[int, int], colour: Colour) -> None:
    cv2.putText(block, _plain(text), at, _FONT, _SIZE, _bytes(colour), 1, cv2.LINE_AA)


def _plain(text: str) -> str:
    """OpenCV's font has ASCII only."""
    return text.encode("ascii", "replace").decode()


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(255 * c) for c in colour)
    return red, green, blue
