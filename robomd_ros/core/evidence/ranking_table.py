# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ranking as a table for the terminal."""

import math
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.wording import (
    EFFECT,
    FIGURES,
    counts,
    effect_of,
    figure,
    ids_of,
    interval,
    merits,
    not_shown,
    ranks,
    standing_of,
)

BAR_WIDTH = 20
_ANY_WIDTH = 10_000


@dataclass(frozen=True)
class RankingTable:
    """A ranking as it is printed; where it is too narrow, the bar goes first, then figures fold.

    Names are never squeezed for the sake of the figures beside them.
    """

    ranking: FailureRanking
    limit: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What fits into the width."""
        whole, without_bar = self._table(), self._table(bar=False)
        unbounded = options.update(width=_ANY_WIDTH)
        for table in (whole, without_bar):
            if Measurement.get(console, unbounded, table).maximum <= options.max_width:
                yield table
                return
        yield self._table(bar=False, fold=True)

    def _table(self, bar: bool = True, fold: bool = False) -> Table:
        ranking = self.ranking
        shown = ranking.failure_modes[: self.limit]
        hidden = len(ranking.failure_modes) - len(shown)
        table = Table(
            title=f"Failure modes of {ranking.policy or 'the policy'} in {ranking.task}",
            caption=_caption(ranking, hidden),
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("rank", justify="right", no_wrap=True)
        table.add_column("variation", overflow="fold")
        table.add_column("verdict", no_wrap=True)
        table.add_column(FIGURES, no_wrap=not fold)
        table.add_column(EFFECT, no_wrap=not fold)
        table.add_column("failures", justify="right", no_wrap=True)
        with_agent = any(not math.isnan(mode.policy_probability) for mode in shown)
        if with_agent:
            table.add_column("Eq. 3", justify="right", no_wrap=True)
        if bar:
            table.add_column("0" + " " * (BAR_WIDTH - 2) + "1", no_wrap=True)
        # one more, which may share the last one's place
        places = ranks(ranking.failure_modes[: len(shown) + 1])
        for mode, rank in zip(shown, places, strict=False):
            row = [Text(cell) for cell in _cells(mode, rank, with_agent)]
            row += [_bar(mode, ranking)] if bar else []
            table.add_row(*row, style=None if mode.seen else "dim")
        return table


def ranking_table(ranking: FailureRanking, limit: int | None = None) -> RankingTable:
    """The first `limit` failure modes (all by default), most likely first.

    The bar shows the 95 % interval (thin) and the posterior mean (thick) on [0, 1], and where the
    unchanged scene lies (a stroke), which is the zero of all effects. Modes that no
    trial held are dimmed and say "untried"; with an embedding "predicted", or "not known" where
    they are too far from all that was tried.
    """
    return RankingTable(ranking, limit)


def _cells(mode: FailureMode, rank: str, with_agent: bool) -> list[str]:
    standing = standing_of(mode)
    cells = [rank, ids_of(mode), f"{standing.sign} {standing.words}", interval(mode)]
    cells += [effect_of(mode), counts(mode)]
    return cells + ([figure(mode.policy_probability, 3)] if with_agent else [])


def _bar(mode: FailureMode, ranking: FailureRanking) -> Text:
    def cell(p: float) -> int:
        return min(BAR_WIDTH - 1, int(p * BAR_WIDTH))

    if mode.unknown:
        return Text("")
    low, high, mean = cell(mode.lower), cell(mode.upper), cell(mode.failure_probability)
    marks = ["─" if low <= i <= high else " " for i in range(BAR_WIDTH)]
    if ranking.nominal_trials:
        marks[cell(ranking.nominal_probability)] = "│"
    marks[mean] = "█"
    fails = mode.failure_probability > ranking.failing_threshold
    return Text("".join(marks), style="red" if fails else "green")


def _caption(ranking: FailureRanking, hidden: int) -> str:
    return merits(ranking) + (f"; {not_shown(hidden)}" if hidden else "")
