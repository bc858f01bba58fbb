# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of how a campaign went: its trials in time, what the search tried and learned."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from robomd_ros.core.campaign.trial_log import TrialRecord
from robomd_ros.core.trial import Result
from robomd_ros.core.wording import HALF, counted, words
from robomd_ros.report import drawing
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.course import Learning, learning
from robomd_ros.report.drawing import Picture, Size, make_picture

SINGLE_MARKS = 300
"""Up to so many trials each has a mark of its own; more are counted in bins."""
BINS = 80
MAX_BARS = 40
_HATCHES = ("", "//", "..", "xx", "--")
_LANES = (
    (Result.FAILURE, "failed", drawing.FAILURE, ""),
    (Result.SUCCESS, "succeeded", drawing.SUCCESS, ".."),
    (Result.INVALID, "invalid", drawing.INVALID, "xx"),
)


def timeline_figure(data: CampaignData) -> Picture | None:
    """Every trial in its order; None without any that ended."""
    ended = [r for r in data.records if r.outcome is not None]
    if not ended:
        return None
    binned = len(ended) > SINGLE_MARKS

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        (_draw_bins if binned else _draw_marks)(axes, ended)
        axes.set_xlabel("number of the trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if binned:
            figure.legend(loc="outside upper left", ncols=3, fontsize=8 if narrow else 9)

    failed, invalid = data.failures, len(data.invalid)
    return make_picture(
        "timeline",
        "Every trial in its order",
        f"Timeline of {counted(len(ended), 'trial')}: {failed} failed, "
        f"{len(data.valid) - failed} succeeded, {invalid} invalid.",
        "Trials are counted in bins; the height is the number of trials of each outcome."
        if binned
        else "One mark per trial. Invalid trials do not count as failures; they were asked again.",
        size=Size(8.0, 2.8 if binned else 1.9, 2.8 if binned else 2.0),
        draw=draw,
    )


def _draw_marks(axes: Axes, records: Sequence[TrialRecord]) -> None:
    for y, (result, _, colour, _) in enumerate(_LANES):
        at = [r.trial_index for r in records if r.outcome and r.outcome.result is result]
        axes.vlines(at, y - 0.36, y + 0.36, color=colour, lw=2.2 if len(records) < 120 else 1.2)
    axes.set_yticks(range(3), [name for _, name, _, _ in _LANES])
    axes.set_ylim(2.6, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_bins(axes: Axes, records: Sequence[TrialRecord]) -> None:
    last = max(r.trial_index for r in records)
    edges = np.linspace(0, last + 1, BINS + 1)
    bottom = np.zeros(BINS)
    for result, name, colour, hatch in _LANES:
        at = [r.trial_index for r in records if r.outcome and r.outcome.result is result]
        height, _ = np.histogram(at, edges)
        axes.bar(
            edges[:-1],
            height,
            np.diff(edges),
            bottom,
            align="edge",
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.3,
            label=name,
        )
        bottom += height
    axes.set_ylabel("trials")


def learning_figure(data: CampaignData) -> Picture | None:
    """The search's learning curve in three panels; None without a valid trial."""
    course = learning(data)
    if course is None:
        return None
    chance = float(np.mean([rate.mean for rate in data.posterior.rates]))

    def draw(figure: Figure, narrow: bool) -> None:
        panels = figure.subplots(3, 1, sharex=True)
        size = 8.5 if narrow else 10.5
        _draw_share(panels[0], course, chance)
        panels[0].set_title("Trials that fail: does the search find weak spots?", fontsize=size)
        _draw_found(panels[1], course)
        panels[1].set_title("What is known", fontsize=size)
        _draw_decided(panels[2], course)
        panels[2].set_title("How much is decided", fontsize=size)
        panels[2].set_xlabel("valid trials")
        panels[2].xaxis.set_major_locator(MaxNLocator(integer=True))

    share = f"{course.share[-1]:.0%}" if len(course.share) else "none"
    return make_picture(
        "learning",
        "What the search learned, and when",
        f"Three curves over {counted(int(course.trials[-1]), 'valid trial')}. Share of failures "
        f"among the last {course.window} trials of the search, at the end: {share}; a single "
        f"change picked at random would fail in {chance:.0%}. Changes accused at the end: "
        f"{int(course.modes[-1])}, changes tried: {int(course.tried[-1])}. Share of the changes "
        f"decided at the end: {course.settled[-1]:.2f}.",
        f"Top: share of failures among the last {course.window} trials that the search chose; "
        "dotted: what single changes picked at random would give. Middle: changes tried and "
        "changes accused so far. Bottom: share of the changes that are decided; the campaign "
        "ends early when all are, with confidence in all verdicts together.",
        size=Size(8.0, 5.6, 5.6),
        draw=draw,
    )


def _draw_share(axes: Axes, course: Learning, chance: float) -> None:
    axes.plot(course.searched, course.share, color=drawing.FAILURE, lw=1.8)
    axes.axhline(chance, color=drawing.INK, ls=":", lw=1.4)
    _name_line(axes, chance, "single changes at random")
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    drawing.clear_grid(axes)


def _draw_found(axes: Axes, course: Learning) -> None:
    axes.step(
        course.trials, course.tried, where="post", color=drawing.SUCCESS, ls="--", label="tried"
    )
    axes.step(course.trials, course.modes, where="post", color=drawing.FAILURE, label="accused")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.legend(fontsize=8, loc="best")
    drawing.clear_grid(axes)


def _draw_decided(axes: Axes, course: Learning) -> None:
    axes.plot(course.trials, course.settled, color=drawing.SUCCESS, lw=1.8, marker=".", ms=4)
    axes.set_ylim(-0.03, 1.03)
    drawing.clear_grid(axes)


def _name_line(axes: Axes, height: float, text: str) -> None:
    """Write what a horizontal line means, on its right end, where there is room for it."""
    side = "top" if height > HALF else "bottom"
    axes.annotate(
        text,
        (1.0, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if side == "top" else 3),
        textcoords="offset points",
        ha="right",
        va=side,
        fontsize=7.5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
    )


def actions_figure(campaigns: Sequence[CampaignData]) -> Picture | None:
    """Fig. 6: how the searches spread their choices over the changes; None without a choice."""
    counts = [c.chosen for c in campaigns]
    if not any(sum(table.values()) for table in counts):
        return None
    total = {i: sum(t.get(i, 0) for t in counts) for t in counts for i in t}
    ids = list(total)
    if len(ids) > MAX_BARS:
        keep = set(sorted(ids, key=lambda i: -total[i])[:MAX_BARS])
        ids = [i for i in ids if i in keep]
    hidden = len(total) - len(ids)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        _draw_choices(axes, campaigns, counts, ids)
        axes.axvline(1 / max(len(total), 1), color=drawing.INK, ls=":", lw=1.4, zorder=4)
        size = 7.0 if narrow else 8.5
        axes.set_yticks(range(len(ids)), [words(i) for i in ids], fontsize=size)
        axes.set_ylim(len(ids) - 0.4, -0.6)
        axes.set_xlabel("share of the search's choices")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        drawing.clear_grid(axes, "x")
        if len(campaigns) > 1:
            figure.legend(loc="outside lower center", fontsize=8)

    height = 0.9 + (0.2 + 0.06 * len(campaigns)) * len(ids)
    most = sorted(ids, key=lambda i: -total[i])[:3]
    spoken = ", ".join(f"{words(i)} ({total[i]} times)" for i in most)
    return make_picture(
        "actions",
        "What the search chose to try",
        f"Bars: share of the search's choices for {counted(len(ids), 'change')}. "
        f"Most often: {spoken}.",
        "Share of the trials in which the search chose this change; the dotted line is an even "
        "spread." + (f" The {hidden} least chosen are left out." if hidden else ""),
        size=Size(8.0, height, height),
        draw=draw,
    )


def _draw_choices(
    axes: Axes,
    campaigns: Sequence[CampaignData],
    counts: Sequence[dict[str, int]],
    ids: Sequence[str],
) -> None:
    thick = 0.8 / len(campaigns)
    first = 1 if len(campaigns) == 1 else 0  # one search alone is not in the colour of failure
    for k, (campaign, table) in enumerate(zip(campaigns, counts, strict=True)):
        everything = max(sum(table.values()), 1)
        axes.barh(
            np.arange(len(ids)) - 0.4 + thick * (k + 0.5),
            [table.get(i, 0) / everything for i in ids],
            thick * 0.92,
            color=drawing.SERIES[(k + first) % len(drawing.SERIES)],
            hatch=_HATCHES[k % len(_HATCHES)],
            edgecolor="white",
            linewidth=0.3,
            label=f"{campaign.ranking.search_agent}, {campaign.name}",
        )
