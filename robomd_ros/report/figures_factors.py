# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures by what is changed: sensitivity to each factor, and pairs of changes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.core.wording import counted, spread, words
from robomd_ros.report import drawing
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.drawing import Picture, Size, make_picture

MAX_CELLS = 40
"""Changes along each side of the map of pairs."""


def factors_figure(data: CampaignData) -> Picture | None:
    """Effects of all changes by factor and target; None without a change that was tried alone."""
    rows = _rows(data)
    if not rows:
        return None

    def draw(figure: Figure, narrow: bool) -> None:
        _draw_factors(figure.subplots(), rows, narrow)

    worst = max(rows, key=lambda row: max(m.effect for m in row[1]))
    mode = max(worst[1], key=lambda m: m.effect)
    effect = spread(mode.effect, mode.effect_lower, mode.effect_upper, "+")
    height = 1.0 + 0.42 * len(rows)
    return make_picture(
        "factors",
        "How sensitive the policy is to each factor",
        f"Effects of changes by factor: {counted(len(rows), 'factor')} of a target. The largest "
        f"effect, {effect}, is of {words(mode.ids[0])}.",
        "Each dot is a change that was tried alone: how much more often the policy fails than "
        "unchanged, with its 95 % interval. The line is no effect.",
        size=Size(8.0, height, height),
        draw=draw,
    )


def _rows(data: CampaignData) -> list[tuple[str, list[FailureMode]]]:
    """(factor and target, its changes that were tried alone), the most sensitive first."""
    slots: dict[str, list[FailureMode]] = {}
    for mode in data.ranking.failure_modes:
        if len(mode.ids) == 1 and mode.own_trials:
            variation = mode.variations[0]
            slots.setdefault(f"{variation.factor} of {variation.target}", []).append(mode)
    return sorted(slots.items(), key=lambda row: -max(m.effect for m in row[1]))


def _draw_factors(axes: Axes, rows: Sequence[tuple[str, list[FailureMode]]], narrow: bool) -> None:
    for y, (_, modes) in enumerate(rows):
        places = y + 0.7 * ((np.arange(len(modes)) + 0.5) / len(modes) - 0.5)
        for place, mode in zip(places, sorted(modes, key=lambda m: -m.effect), strict=True):
            clear = mode.effect_lower > 0.0 or mode.effect_upper < 0.0
            colour = drawing.FAILURE if mode.effect > 0.0 else drawing.SUCCESS
            colour = colour if clear else drawing.NEUTRAL
            axes.hlines(
                place, mode.effect_lower, mode.effect_upper, color=colour, lw=1.6, alpha=0.6
            )
            axes.plot(mode.effect, place, "D" if clear else "o", color=colour, ms=4)
    axes.axvline(0.0, color=drawing.INK, lw=1.2)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=7 if narrow else 9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-1.03, 1.03)
    axes.set_xlabel("effect: failure rate minus that of the unchanged scene")
    drawing.clear_grid(axes, "x")


def pairs_figure(data: CampaignData) -> Picture | None:
    """Heat map of pairs: share of failures of the scenes that held both; None without a pair."""
    table = _pairs(data)
    tried = np.flatnonzero((table[..., 1] > 0).any(axis=0))
    if not len(tried) or len(tried) > MAX_CELLS:
        return None
    failures, trials = table[np.ix_(tried, tried)].transpose(2, 0, 1)
    share = np.divide(failures, trials, out=np.full(failures.shape, np.nan), where=trials > 0)
    names = [words(data.catalogue.variations[i].id) for i in tried]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        image = axes.imshow(share, vmin=0.0, vmax=1.0, cmap="cividis")
        size = 5 if narrow else 7
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        axes.set_yticks(range(len(names)), names, fontsize=size)
        figure.colorbar(image, ax=axes, shrink=0.7, label="share that failed")

    seen = int((np.triu(trials, 1) > 0).sum())
    return make_picture(
        "pairs",
        "Changes tried together",
        f"Heat map of {counted(seen, 'pair')} of changes that were tried together: the share of "
        "the scenes with both in which the policy failed.",
        "Share of failures of all scenes that held both changes, whatever else they held; blank: "
        "never tried together. It says what to look at, not what is to blame.",
        size=Size(8.0, 7.0, 6.0),
        draw=draw,
    )


def _pairs(data: CampaignData) -> NDArray[np.float64]:
    """(n, n, 2) failures and trials of the scenes that held both changes."""
    place = {variation.id: i for i, variation in enumerate(data.catalogue)}
    table = np.zeros((len(place), len(place), 2))
    for record in data.valid:
        for one, other in combinations(record.request.scene, 2):
            failed = bool(record.outcome and record.outcome.failed)
            for a, b in ((one, other), (other, one)):
                table[place[a], place[b]] += (failed, 1)
    return table
