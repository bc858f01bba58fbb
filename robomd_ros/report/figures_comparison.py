# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The figure of a comparison: how much more often one policy fails, change by change."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from robomd_ros.core.wording import words
from robomd_ros.report import drawing
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.comparison import Comparison, Difference
from robomd_ros.report.drawing import Picture, Size, make_picture

MAX_ROWS = 40


def difference_figure(campaigns: Sequence[CampaignData], comparison: Comparison) -> Picture:
    """Differences of the first two campaigns, the largest on top, and their mean below."""
    pair = comparison.pairs[0]
    rows = [(words(v.id), d) for v, d in zip(comparison.shared, pair.by_variation, strict=True)]
    rows.sort(key=lambda row: -abs(row[1].mean))
    hidden = len(rows) - MAX_ROWS
    rows = sorted(rows[:MAX_ROWS], key=lambda row: -row[1].mean)
    a, b = campaigns[pair.a].name, campaigns[pair.b].name

    def draw(figure: Figure, narrow: bool) -> None:
        _draw(figure, [*rows, ("mean of all", pair.overall)], narrow)

    spoken = "; ".join(f"{name}: {d.mean:+.2f}" for name, d in [*rows[:3], *rows[-3:]])
    height = 1.2 + 0.24 * len(rows)
    return make_picture(
        "differences",
        "Who fails more often, change by change",
        f"Differences of failure probability, B ({b}) minus A ({a}), with 95 % intervals. Mean of "
        f"all: {pair.overall.mean:+.2f} ({pair.overall.lower:+.2f} to {pair.overall.upper:+.2f}). "
        f"Largest and smallest: {spoken}.",
        f"Right of the middle, B ({b}) fails more often; left of it, A ({a}) does. Line: 95 % "
        "interval; squares: the interval does not reach the middle."
        + (f" The {hidden} smallest differences are in the table only." if hidden > 0 else ""),
        size=Size(8.0, height, height),
        draw=draw,
    )


def _draw(figure: Figure, rows: Sequence[tuple[str, Difference]], narrow: bool) -> None:
    axes = figure.subplots()
    for y, (_, d) in enumerate(rows):
        colour = drawing.SUCCESS if d.mean > 0 else drawing.FAILURE
        clear = d.lower > 0 or d.upper < 0
        colour = colour if clear else drawing.NEUTRAL
        axes.hlines(y, d.lower, d.upper, color=colour, lw=2.2, alpha=0.6)
        axes.plot(d.mean, y, "s" if clear else "o", color=colour, ms=6)
    axes.axvline(0.0, color=drawing.INK, lw=1)
    axes.axhline(len(rows) - 1.5, color=drawing.FAINT, lw=1)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=7 if narrow else 9)
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-1.03, 1.03)
    axes.set_xlabel(
        "A worse  ←  B - A  →  B worse"
        if narrow
        else "A fails more often  ←  difference  →  B fails more often"
    )
    drawing.clear_grid(axes, "x")
