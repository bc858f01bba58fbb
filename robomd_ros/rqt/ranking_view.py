# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The live ranking of failure modes."""

import time
from typing import Any

from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.wording import ids_of, merits
from robomd_ros.rqt.parts import Section, wrapping_label
from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets, Signal
from robomd_ros.rqt.ranking_model import (
    AGENT,
    BAR,
    COUNTS,
    EFFECT,
    FIGURES,
    NAME,
    RANK,
    RELIABILITY,
    VERDICT,
    IntervalDelegate,
    RankingModel,
    describe,
)
from robomd_ros.rqt.style import clock

_SAMPLES = {
    RANK: "100=",
    VERDICT: "○ not alone",
    FIGURES: "0.00 (0.00 to 0.00)",
    EFFECT: "+0.00 (+0.00 to +0.00)",
    COUNTS: "failures",
    AGENT: "0.000",
    RELIABILITY: "dist.",
}
"""A text of each column that sets its width."""


_WIDEST_BAR, _NARROWEST_BAR = 160, 90
"""px of the painted intervals."""
_MOST = 0.75
"""Share of the table that names may take from the other columns."""
_GIVE_WAY = (RELIABILITY, AGENT, COUNTS, EFFECT, BAR, VERDICT)
"""Columns that go where there is no room for the names, the first first."""


class RankingView(Section):
    """A table with painted intervals; the sentence of the selected row stands below it.

    The selection follows the failure mode, wherever a newer ranking puts it. While a person is
    asked for a label nothing of it is shown.
    """

    def __init__(self) -> None:
        super().__init__("Failure modes")
        self.model = RankingModel(self)
        self.table = _FittingTable(self.model)
        self.table.resized.connect(self._fit_columns)
        self.table.setItemDelegateForColumn(BAR, IntervalDelegate(self.table))
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(RANK, Qt.SortOrder.AscendingOrder)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        header = self.table.horizontalHeader()
        header.sortIndicatorChanged.connect(lambda *_: self._select())
        header.setSectionResizeMode(NAME, QtWidgets.QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(36)
        set_widths(self.table, _SAMPLES)
        self.filter = QtWidgets.QLineEdit()
        self.filter.setPlaceholderText("filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.setMaximumWidth(150)
        self.filter.textChanged.connect(self._on_filter)
        self.head.addWidget(self.filter)
        self.caption = wrapping_label()
        self.sentence = wrapping_label()
        self.blinded = wrapping_label("The ranking is back when the label is given.")
        for widget, stretch in ((self.table, 1), (self.sentence, 0), (self.caption, 0)):
            self.body.addWidget(widget, stretch)
        self.body.addWidget(self.blinded, 1)
        self._stamp = 0.0
        self._blind = self._moving = False
        self._selected: frozenset[str] = frozenset()
        self._names = 0
        self._fit_columns()
        self.caption.setText("No ranking yet.")
        self._describe()

    def show_ranking(self, ranking: FailureRanking) -> None:
        """Draw a newer ranking."""
        self._moving = True
        self.model.show_ranking(ranking)
        self._moving = False
        self._stamp = ranking.stamp or time.time()
        metrics = self.table.fontMetrics()
        longest = max((ids_of(m) for m in self.model.modes), key=len, default="")
        self._names = metrics.horizontalAdvance(longest) + 18
        self._fit_columns()
        self._select()
        self.caption.setText(
            f"{ranking.policy or 'the policy'} in {ranking.task}, search {ranking.search_agent}: "
            f"{merits(ranking)}"
        )

    def set_stale(self, stale: bool) -> None:
        """Whether who published it is gone."""
        self.model.set_stale(stale)
        old = stale and self._stamp > 0
        self.remark.setText(f"not connected · as of {clock(self._stamp)}" if old else "")
        self.caption.setEnabled(not old)

    def set_blind(self, blind: bool) -> None:
        """Whether a label is asked: nothing that could sway it is shown."""
        if blind != self._blind:
            self._blind = blind
            self._describe()

    def _fit_columns(self) -> None:
        """Names are the last to be elided: other columns give way first."""
        room = self.table.viewport().width()
        metrics = self.table.fontMetrics()
        widths = {c: metrics.horizontalAdvance(text) + 14 for c, text in _SAMPLES.items()}
        widths[BAR] = _NARROWEST_BAR
        shown = [c for c in (RANK, FIGURES, *_GIVE_WAY) if self.model.has_column(c)]
        names = min(self._names, int(_MOST * room))
        for column in _GIVE_WAY:
            if sum(widths[c] for c in shown) + names > room and column in shown:
                shown.remove(column)
        for column in (*_GIVE_WAY, FIGURES):
            self.table.setColumnHidden(column, column not in shown)
        spare = room - names - sum(widths[c] for c in shown)
        self.table.setColumnWidth(
            BAR, min(_WIDEST_BAR, max(_NARROWEST_BAR, _NARROWEST_BAR + spare))
        )

    def _on_filter(self, text: str) -> None:
        self._moving = True
        self.model.set_filter(text)
        self._moving = False
        self._select()

    def _on_row(self, current: Any, _previous: Any) -> None:
        row = current.row()
        if not self._moving and 0 <= row < len(self.model.modes):
            self._selected = frozenset(self.model.modes[row].ids)
        self._describe()

    def _select(self) -> None:
        """Select the row that the selected failure mode is in now."""
        row = self.model.row_of(self._selected)
        self._moving = True
        if row >= 0:
            self.table.setCurrentIndex(self.model.index(row, NAME))
        else:
            self.table.setCurrentIndex(QtCore.QModelIndex())
            self.table.clearSelection()
        self._moving = False
        self._describe()

    def _describe(self) -> None:
        row = self.table.currentIndex().row()
        modes = self.model.modes
        chosen = 0 <= row < len(modes) and frozenset(modes[row].ids) == self._selected
        self.sentence.setText(describe(modes[row]) if chosen else "")
        self.sentence.setVisible(chosen and not self._blind)
        self.table.setVisible(not self._blind)
        self.caption.setVisible(not self._blind)
        self.filter.setVisible(not self._blind)
        self.blinded.setVisible(self._blind)


class _FittingTable(QtWidgets.QTableView):
    """A table that tells when it has another size."""

    resized = Signal()

    def __init__(self, model: Any) -> None:
        super().__init__()
        make_plain(self, model)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Tell it."""
        super().resizeEvent(event)
        self.resized.emit()


def set_widths(table: Any, samples: dict[int, str]) -> None:
    """Make columns as wide as a text, whatever the font is."""
    metrics = table.fontMetrics()
    for column, text in samples.items():
        table.setColumnWidth(column, metrics.horizontalAdvance(text) + 14)


def plain_table(model: Any) -> Any:
    """A table view to read and select rows of."""
    table = QtWidgets.QTableView()
    make_plain(table, model)
    return table


def make_plain(table: Any, model: Any) -> None:
    """Make a table view one to read and select rows of."""
    table.setModel(model)
    table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
    # light, so that both mark colours stay readable on the selected row; not by a style sheet,
    # which makes painting dearer
    palette = table.palette()
    palette.setColor(QtGui.QPalette.ColorRole.Highlight, QtGui.QColor("#FCE8B8"))
    palette.setColor(QtGui.QPalette.ColorRole.HighlightedText, QtGui.QColor("black"))
    table.setPalette(palette)
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    table.horizontalHeader().setHighlightSections(False)
