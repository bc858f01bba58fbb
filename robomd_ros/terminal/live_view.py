# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the user sees while a campaign runs: progress, scene, last outcomes, the ranking."""

import math
import sys
import time
from collections import deque
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.core.trial import Result, Trial
from robomd_ros.core.wording import counted, figure, ids_of

_MARKS = {Result.SUCCESS: ("·", "green"), Result.FAILURE: ("F", "bold red")}
_INVALID_MARK = ("!", "yellow")
_WIDTH_OF_A_FILE = 120


@dataclass
class TrialsPerMinute:
    """Valid trials per minute since the view began."""

    first_done: int | None = None
    since: float = 0.0
    per_minute: float = math.nan

    def update(self, done: int, now: float) -> None:
        """Take in the number of valid trials at a time, s of a steady clock."""
        if self.first_done is None:
            self.first_done, self.since = done, now
        elif done > self.first_done and now > self.since:
            self.per_minute = 60.0 * (done - self.first_done) / (now - self.since)


class CampaignView:
    """Collects what a campaign publishes and draws it. Not thread-safe."""

    def __init__(self, rows: int, outcomes: int = 60) -> None:
        """Make an empty view.

        Args:
            rows: failure modes shown.
            outcomes: marks of past trials shown.
        """
        self._rows = rows
        self.status: CampaignStatus | None = None
        self.ranking: FailureRanking | None = None
        self._trials: deque[Trial] = deque(maxlen=outcomes)
        self._rate = TrialsPerMinute()

    def on_status(self, status: CampaignStatus) -> None:
        """Take in a status."""
        self.status = status
        self._rate.update(status.trials_done, time.monotonic())

    def on_trial(self, trial: Trial) -> None:
        """Take in a trial that has ended."""
        self._trials.append(trial)

    def on_ranking(self, ranking: FailureRanking) -> None:
        """Take in a ranking."""
        self.ranking = ranking

    @property
    def over(self) -> bool:
        """Whether the campaign has ended."""
        ends = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.FAILED)
        return self.status is not None and self.status.state in ends

    def render(self, blind: bool = False) -> RenderableType:
        """The whole view; `blind`: without what could sway a person who is asked for a label."""
        if self.status is None:
            return Text("Waiting for the diagnosis to start ...", style="dim")
        parts: list[RenderableType] = [self._progress(self.status)]
        if blind:
            return Group(*parts, Text("The ranking is back when the label is given.", style="dim"))
        parts.append(self._facts(self.status))
        if self._trials:
            parts.append(self._outcomes())
        if self.ranking is not None:
            parts.append(ranking_table(self.ranking, self._rows))
        return Group(*parts)

    def line(self) -> str:
        """The view in one line, for logs."""
        status = self.status
        if status is None:
            return "waiting for the diagnosis"
        modes = self.ranking.failure_modes if self.ranking is not None else ()
        worst = [m for m in modes if m.seen or m.predicted][:3]
        top = ", ".join(f"{ids_of(m)} {figure(m.failure_probability)}" for m in worst)
        return (
            f"{status.state.name.lower()} {status.trials_done}/"
            f"{counted(status.trials_budget, 'trial')}, "
            f"{figure(self._rate.per_minute, 0)} a minute, {_duration(status.eta)} left"
            + (f"; most likely to fail: {top}" if top else "")
            + (f"; {status.message}" if status.message else "")
        )

    def _progress(self, status: CampaignStatus) -> RenderableType:
        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(
            total=max(status.trials_budget, 1), completed=status.trials_done, width=30
        )
        style = "bold red" if status.state is CampaignState.FAILED else "bold"
        row.add_row(
            Text(status.state.name, style=style),
            bar,
            Text(f"{status.trials_done}/{counted(status.trials_budget, 'trial')}"),
            Text(f"{figure(self._rate.per_minute, 0)} a minute"),
            Text(f"{_duration(status.eta)} left"),
        )
        return row

    def _facts(self, status: CampaignStatus) -> RenderableType:
        scene = " + ".join(status.scene.ids) or "nominal"
        lines = [f"scene now: {scene}"]
        if status.waiting_for:
            lines.append(f"waiting for {status.waiting_for}")
        if status.invalid_trials:
            lines.append(counted(status.invalid_trials, "invalid trial"))
        if status.message:
            lines.append(status.message)
        return Text("\n".join(lines), style="dim")

    def _outcomes(self) -> RenderableType:
        text = Text("last outcomes: ")
        for trial in self._trials:
            mark, style = _MARKS.get(trial.outcome.result, _INVALID_MARK)
            text.append(mark, style=style)
        last = self._trials[-1]
        text.append(f"  #{last.index} {last.cell} {last.outcome.result.name}", style="dim")
        return text


def prompt_panel(request: str, typed: str) -> RenderableType:
    """What a person at a cell is asked, and the line being typed; above the view, never cut off.

    Args:
        request: what is asked now; empty if nothing is.
        typed: what was typed since the last Enter.
    """
    line = Text.assemble("\n> ", (typed, "bold"), ("▏", "blink"))
    if not request:
        idle = Text("Nothing is asked now: the robot works. Keep your distance.")
        return Panel(idle + line if typed else idle, style="dim")
    return Panel(Text(request) + line, title="operator", border_style="bold yellow")


class _Console(Console):
    """One whose reader may go, as after `| head`: who waits for that ends the command."""

    def on_broken_pipe(self) -> None:
        """Say no more; rich would end the thread that happens to print."""
        self.quiet = True


def console() -> Console:
    """The terminal as it is; for a file or a pipe, wide enough for the table."""
    return _Console() if sys.stdout.isatty() else _Console(width=_WIDTH_OF_A_FILE)


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
