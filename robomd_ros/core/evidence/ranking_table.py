# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ranking as a table for the terminal."""

import math

from rich.table import Table
from rich.text import Text

from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking

BAR_WIDTH = 20


def ranking_table(ranking: FailureRanking, limit: int | None = None) -> Table:
    """The first `limit` failure modes (all by default), most likely first.

    The bar shows the 95 % interval (thin) and the posterior mean (thick) on [0, 1]. Modes that no
    trial held are dimmed and say "untried"; with an embedding "predicted", or "not known" where
    they are too far from all that was tried.
    """
    shown = ranking.failure_modes[:limit]
    hidden = len(ranking.failure_modes) - len(shown)
    table = Table(
        title=f"Failure modes of {ranking.policy or 'the policy'} in {ranking.task}",
        caption=_caption(ranking, hidden),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("rank", justify="right")
    table.add_column("variation", overflow="fold")
    table.add_column("fails (95 % interval)", no_wrap=True)
    table.add_column("failures", justify="right", no_wrap=True)
    with_agent = any(not math.isnan(mode.policy_probability) for mode in shown)
    if with_agent:
        table.add_column("Eq. 3", justify="right", no_wrap=True)
    table.add_column("0" + " " * (BAR_WIDTH - 2) + "1", no_wrap=True)
    for mode in shown:
        table.add_row(*_row(mode, with_agent), style=None if mode.seen else "dim")
    return table


def _row(mode: FailureMode, with_agent: bool) -> list[Text]:
    p, low, high = (f"{x:.2f}" for x in (mode.failure_probability, mode.lower, mode.upper))
    agent = "-" if math.isnan(mode.policy_probability) else f"{mode.policy_probability:.3f}"
    figures = "-" if mode.unknown else f"{p} ({low} to {high})"
    cells = [str(mode.rank), " + ".join(mode.ids), figures, _counts(mode)]
    cells += [agent] if with_agent else []
    return [*(Text(cell) for cell in cells), _bar(mode)]


def _counts(mode: FailureMode) -> str:
    if mode.seen:
        return f"{mode.failures}/{mode.trials}"
    if mode.unknown:
        return "not known"
    return "predicted" if mode.predicted else "untried"


def _bar(mode: FailureMode) -> Text:
    def cell(p: float) -> int:
        return min(BAR_WIDTH - 1, int(p * BAR_WIDTH))

    if mode.unknown:
        return Text("")
    low, high, mean = cell(mode.lower), cell(mode.upper), cell(mode.failure_probability)
    marks = ["─" if low <= i <= high else " " for i in range(BAR_WIDTH)]
    marks[mean] = "█"
    return Text("".join(marks), style="red" if mode.failure_probability > 0.5 else "green")


def _caption(ranking: FailureRanking, hidden: int) -> str:
    parts = [
        f"{ranking.trials} trials",
        f"{ranking.failure_mode_count} failure modes above 0.5",
        f"severity {_figure(ranking.failure_severity_index)}",
        f"entropy {_figure(ranking.entropy)} nats",
        "order settled" if ranking.converged else "order not settled yet",
    ]
    return ", ".join(parts) + (f"; {hidden} more not shown" if hidden else "")


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
