# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of what fails: intervals, the radar plot of Figs. 7 and 8, combinations."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.wording import interval, label, nominal_of, standing_of, words
from robomd_ros.report import drawing
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.drawing import Picture, Size, make_picture

MAX_ROWS = 40
"""Failure modes in the figure of intervals; the table of the report has all of them."""
ZERO_LINE = "Grey band and line: the unchanged scene, what every change is held against."
MAX_SPOKES = 36
"""Axes of the radar plot."""


def ranking_figure(data: CampaignData) -> Picture | None:
    """Means and 95 % intervals of the most likely failure modes; None without any mode."""
    modes = data.ranking.failure_modes[:MAX_ROWS]
    if not modes:
        return None
    hidden = len(data.ranking.failure_modes) - len(modes)
    rows = [(label(m), m) for m in modes]

    def draw(figure: Figure, narrow: bool) -> None:
        draw_intervals(figure.subplots(), rows, narrow, data.ranking)

    height = 1.0 + 0.24 * len(rows)
    return make_picture(
        "ranking",
        "How likely each change makes the policy fail",
        "Failure probabilities with 95 % intervals, most likely first. Unchanged: "
        f"{nominal_of(data.ranking)}. {spoken(modes[:5])}",
        f"Dot: best estimate; line: 95 % interval. {ZERO_LINE} {_rest(hidden)}",
        size=Size(8.0, height, height),
        draw=draw,
    )


def spoken(modes: Sequence[FailureMode]) -> str:
    """Modes in words for a text alternative."""
    parts = [f"{label(m)}: {interval(m) if m.seen else standing_of(m).words}" for m in modes]
    return "; ".join(parts) + "." if parts else ""


def draw_intervals(
    axes: Axes, rows: Sequence[tuple[str, FailureMode]], narrow: bool, ranking: FailureRanking
) -> None:
    """One row each, the first on top, on the unchanged scene; what no trial held is hollow."""
    if ranking.nominal_trials:
        band = ranking.nominal_lower, ranking.nominal_upper
        axes.axvspan(*band, color=drawing.NEUTRAL, alpha=0.18, lw=0, zorder=0)
        axes.axvline(ranking.nominal_probability, color=drawing.INK, lw=1.2, zorder=1)
    for y, (_, mode) in enumerate(rows):
        fails = mode.failure_probability > ranking.failing_threshold
        colour = drawing.FAILURE if fails else drawing.SUCCESS
        colour = colour if mode.seen else drawing.NEUTRAL
        axes.hlines(y, mode.lower, mode.upper, color=colour, lw=2.2, alpha=0.55, zorder=2)
        face = colour if mode.seen else "white"
        marker = "D" if fails and mode.seen else "o"
        p = mode.failure_probability
        axes.plot(p, y, marker, color=colour, markerfacecolor=face, ms=6, zorder=3)
    axes.axvline(ranking.failing_threshold, color=drawing.NEUTRAL, lw=1, ls=":")
    axes.set_yticks(range(len(rows)), [text for text, _ in rows], fontsize=7 if narrow else 9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("probability of failure")
    drawing.clear_grid(axes, "x")


def radar_figure(campaigns: Sequence[CampaignData]) -> Picture | None:
    """Figs. 7 and 8: failure probability by variation, several campaigns on one another.

    The spokes are the variations of all campaigns, in the order of the first one's catalogue; if
    there are too many, those that fail most. None with fewer than three spokes, or if
    nothing was tried.
    """
    tables = [_singles(c) for c in campaigns]
    ids = _spokes(campaigns, tables)
    seen = any(mode.seen for table in tables for mode in table.values())
    if len(ids) < 3 or not seen:
        return None
    hidden = len({i for t in tables for i in t}) - len(ids)
    numbers = {i: campaigns[0].number(i) for i in ids}

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot(projection="polar")
        _draw_radar(axes, ids, numbers, narrow, campaigns[0].ranking)
        for k, (campaign, table) in enumerate(zip(campaigns, tables, strict=True)):
            _draw_series(axes, ids, table, k, campaign.name, whiskers=len(campaigns) == 1)
        if len(campaigns) > 1 or not narrow:
            figure.legend(loc="outside lower center", ncols=1 if narrow else 2, fontsize=8)

    alts = []
    for campaign, table in zip(campaigns, tables, strict=True):
        worst = sorted((table[i] for i in ids if i in table), key=_badness)[:5]
        alts.append(f"{campaign.name}, highest first: {spoken(worst)}")
    return make_picture(
        "radar",
        "Where the policy is weak, at a glance",
        f"Radar plot of the failure probability along {len(ids)} changes. " + " ".join(alts),
        "One spoke per change; the farther out, the more likely the policy fails. The dashed black "
        "ring is the ideal, a policy that never fails; the solid one is the unchanged scene, the "
        "dotted one the threshold. A change that "
        f"was never tried has no point. {_rest(hidden)}",
        size=Size(7.6, 6.8, 4.6),
        draw=draw,
    )


def _rest(hidden: int) -> str:
    return f"{hidden} less likely ones are in the table only." if hidden else ""


def _badness(mode: FailureMode) -> tuple[bool, float]:
    return (not mode.seen, -mode.failure_probability)


def _singles(data: CampaignData) -> dict[str, FailureMode]:
    return {m.ids[0]: m for m in data.ranking.failure_modes if len(m.ids) == 1}


def _spokes(
    campaigns: Sequence[CampaignData], tables: Sequence[dict[str, FailureMode]]
) -> list[str]:
    listed = [v.id for c in campaigns for v in c.catalogue]
    ids = list(dict.fromkeys([*listed, *(i for t in tables for i in t)]))
    ids = [i for i in ids if any(i in t for t in tables)]
    if len(ids) > MAX_SPOKES:
        worst = sorted(ids, key=lambda i: min(_badness(t[i]) for t in tables if i in t))
        keep = set(worst[:MAX_SPOKES])
        ids = [i for i in ids if i in keep]
    return ids


def _draw_radar(
    axes: Axes,
    ids: Sequence[str],
    numbers: dict[str, int | None],
    narrow: bool,
    ranking: FailureRanking,
) -> None:
    angles = _angles(len(ids))
    axes.set_theta_offset(math.pi / 2)  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    axes.set_ylim(-0.18, 1.0)
    axes.set_yticks([0.25, 0.5, 0.75, 1.0], ["", "0.5", "", "1"], fontsize=8, color=drawing.NEUTRAL)
    axes.set_rlabel_position(180.0 / max(len(ids), 1))  # type: ignore[attr-defined]
    around = np.linspace(0, 2 * math.pi, 200)
    axes.plot(around, np.zeros(200), color="black", ls="--", lw=1.2, label="ideal: never fails")
    threshold = np.full(200, ranking.failing_threshold)
    axes.plot(around, threshold, color=drawing.NEUTRAL, ls=":", lw=1)
    if ranking.nominal_trials:
        unchanged = np.full(200, ranking.nominal_probability)
        axes.plot(around, unchanged, color=drawing.INK, lw=1.2, label="unchanged scene")
    names = [f"A{numbers[i]}" if narrow and numbers[i] else _spoke_name(i) for i in ids]
    axes.set_xticks(angles, names, fontsize=7 if narrow else 8)
    axes.tick_params(axis="x", pad=0 if narrow else 4)
    axes.grid(color=drawing.FAINT)
    axes.spines["polar"].set_color(drawing.FAINT)
    if narrow:
        return
    for text, angle in zip(axes.get_xticklabels(), angles, strict=True):
        side = math.sin(angle)
        text.set_horizontalalignment(
            "center" if abs(side) < 0.1 else "left" if side > 0 else "right"
        )


def _draw_series(
    axes: Axes,
    ids: Sequence[str],
    table: dict[str, FailureMode],
    number: int,
    name: str,
    whiskers: bool,
) -> None:
    """One campaign: its polygon has a gap where a variation was never tried."""
    angles = _angles(len(ids))
    colour = drawing.SERIES[number % len(drawing.SERIES)]
    modes = [table.get(i) for i in ids]
    p = np.array([m.failure_probability if m is not None and m.seen else math.nan for m in modes])
    for i in range(len(ids)):
        j = (i + 1) % len(ids)
        if not (math.isnan(p[i]) or math.isnan(p[j])):
            wedge = [angles[i], angles[i], angles[j]], [-0.18, p[i], p[j]]
            axes.fill(*wedge, color=colour, alpha=0.14, lw=0)
    axes.plot(
        [*angles, angles[0]],
        [*p, p[0]],
        color=colour,
        ls=drawing.LINES[number % len(drawing.LINES)],
        marker=drawing.MARKERS[number % len(drawing.MARKERS)],
        ms=4.5,
        lw=1.6,
        label=name,
    )
    for angle, mode in zip(angles, modes, strict=True):
        if whiskers and mode is not None and mode.seen:
            axes.plot([angle, angle], [mode.lower, mode.upper], color=colour, lw=1, alpha=0.45)
        elif whiskers or mode is None:
            axes.text(angle, 0.1, "?", color=drawing.NEUTRAL, ha="center", va="center", fontsize=8)


def _angles(count: int) -> list[float]:
    return [2 * math.pi * i / count for i in range(count)]


def _spoke_name(variation_id: str) -> str:
    text = words(variation_id)
    cut = text.find(" ", len(text) // 2 - 2)
    return text if len(text) < 18 or cut < 0 else f"{text[:cut]}\n{text[cut + 1 :]}"


def combination_figure(data: CampaignData) -> Picture | None:
    """Each combination that fails on its own, beside its parts; None without any."""
    found = [m for m in data.ranking.failure_modes if len(m.ids) > 1][:8]
    if not found:
        return None
    singles = _singles(data)
    rows: list[tuple[str, FailureMode]] = []
    for mode in found:
        rows.append((label(mode), mode))
        parts = (singles[i] for i in mode.ids if i in singles)
        rows += [(f"{label(part)} (alone)", part) for part in parts]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        draw_intervals(axes, rows, narrow, data.ranking)
        for y, (_, mode) in enumerate(rows):
            if len(mode.ids) > 1 and y:
                axes.axhline(y - 0.5, color=drawing.FAINT, lw=1)

    height = 0.9 + 0.3 * len(rows)
    return make_picture(
        "combinations",
        "Changes that are harmless alone and harmful together",
        "Failure probabilities of combinations and of their parts: "
        + spoken([m for _, m in rows[:9]]),
        f"Each combination with its parts below it. Dot: best estimate; line: 95 % interval. "
        f"{ZERO_LINE}",
        size=Size(8.0, height, height),
        draw=draw,
    )
