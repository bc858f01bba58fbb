# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The live ranking of failure modes."""

import time
from typing import Any

from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.wording import merits
from robomd_ros.rqt.parts import Section
from robomd_ros.rqt.qt import Qt, QtGui, QtWidgets
from robomd_ros.rqt.ranking_model import (
    AGENT,
    BAR,
    COUNTS,
    FIGURES,
    NAME,
    RANK,
    RELIABILITY,
    IntervalDelegate,
    RankingModel,
    describe,
)
from robomd_ros.rqt.style import clock

_SAMPLES = {
    RANK: "100=",
    FIGURES: "0.00 (0.00 to 0.00)",
    COUNTS: "failures",
    AGENT: "0.000",
    RELIABILITY: "dist.",
}
"""A text of each column that sets its width."""


class RankingView(Section):
    """A table with painted intervals; the sentence of the selected row stands below it."""

    def __init__(self) -> None:
        super().__init__("Failure modes")
        self.model = RankingModel(self)
        self.table = plain_table(self.model)
        self.table.setItemDelegateForColumn(BAR, IntervalDelegate(self.table))
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._describe())
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(NAME, QtWidgets.QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(36)
        set_widths(self.table, _SAMPLES)
        self.table.setColumnWidth(BAR, 160)
        self.caption = QtWidgets.QLabel()
        self.caption.setWordWrap(True)
        self.caption.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence = QtWidgets.QLabel()
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.sentence)
        self.body.addWidget(self.caption)
        self._stamp = 0.0
        self._fit_columns()
        self.caption.setText("No ranking yet.")

    def show_ranking(self, ranking: FailureRanking) -> None:
        """Draw a newer ranking."""
        self.model.show_ranking(ranking)
        self._stamp = ranking.stamp or time.time()
        self._fit_columns()
        self._describe()
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

    def _fit_columns(self) -> None:
        for column in (AGENT, RELIABILITY):
            self.table.setColumnHidden(column, not self.model.has_column(column))

    def _describe(self) -> None:
        row = self.table.currentIndex().row()
        modes = self.model.modes
        self.sentence.setText(describe(modes[row]) if 0 <= row < len(modes) else "")
        self.sentence.setVisible(0 <= row < len(modes))


def set_widths(table: Any, samples: dict[int, str]) -> None:
    """Make columns as wide as a text, whatever the font is."""
    metrics = table.fontMetrics()
    for column, text in samples.items():
        table.setColumnWidth(column, metrics.horizontalAdvance(text) + 14)


def plain_table(model: Any) -> Any:
    """A table view to read and select rows of."""
    table = QtWidgets.QTableView()
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
    return table
