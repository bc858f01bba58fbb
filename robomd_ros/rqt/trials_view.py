# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials as they end, and the recorded picture of the one that is selected."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robomd_ros.core.trial import Trial
from robomd_ros.core.wording import lasting
from robomd_ros.rqt.parts import PictureView, Section, wrapping_label
from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets, Signal
from robomd_ros.rqt.ranking_view import plain_table, set_widths
from robomd_ros.rqt.style import RESULTS, clock

KEPT = 2000
"""Trials that are listed; older ones are in the campaign's folder."""
_HEADERS = ("trial", "outcome", "scene", "cell", "ended", "length")
TRIAL, OUTCOME, SCENE, CELL, ENDED, LENGTH = range(len(_HEADERS))

# looked up once: a table asks for some thousand values whenever it is painted
_DISPLAY = Qt.ItemDataRole.DisplayRole
_TOOL_TIP = Qt.ItemDataRole.ToolTipRole
_FOREGROUND = Qt.ItemDataRole.ForegroundRole
_SAMPLES = {
    TRIAL: "#9999",
    OUTCOME: "✘ FAILURE",
    CELL: "cell_0",
    ENDED: "00:00:00",
    LENGTH: "length",
}
"""A text of each column that sets its width."""


@dataclass(frozen=True)
class Listed:
    """A trial of the list with its campaign and the Unix time of its end, s."""

    trial: Trial
    campaign_id: str
    ended: float


class TrialsModel(QtCore.QAbstractTableModel):
    """The newest trials, newest first."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: deque[Listed] = deque()
        self._texts: deque[tuple[str, ...]] = deque()

    def add(self, listed: Listed) -> None:
        """Put one on top, or in the place of the same trial; the oldest goes if there are many."""
        same = (listed.campaign_id, listed.trial.index)
        for row, known in enumerate(self._rows):
            if (known.campaign_id, known.trial.index) == same:
                self._rows[row], self._texts[row] = listed, _texts_of(listed)
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(_HEADERS) - 1))
                return
        if len(self._rows) >= KEPT:
            last = len(self._rows) - 1
            self.beginRemoveRows(QtCore.QModelIndex(), last, last)
            self._rows.pop()
            self._texts.pop()
            self.endRemoveRows()
        self.beginInsertRows(QtCore.QModelIndex(), 0, 0)
        self._rows.appendleft(listed)
        self._texts.appendleft(_texts_of(listed))
        self.endInsertRows()

    @property
    def keys(self) -> set[tuple[str, int]]:
        """Campaign and number of every listed trial."""
        return {(listed.campaign_id, listed.trial.index) for listed in self._rows}

    def order(self) -> None:
        """Put the newest on top."""
        self.beginResetModel()
        rows = sorted(self._rows, key=lambda listed: listed.ended, reverse=True)[:KEPT]
        self._rows, self._texts = deque(rows), deque(_texts_of(listed) for listed in rows)
        self.endResetModel()

    def row(self, number: int) -> Listed | None:
        """The trial of a row; None outside."""
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def rowCount(self, parent: Any = None) -> int:  # noqa: N802 - Qt's name
        """Rows."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Any = None) -> int:  # noqa: N802 - Qt's name
        """Columns."""
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        """Titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return None

    def data(self, index: Any, role: int = 0) -> Any:
        """What a cell shows."""
        if role not in (_DISPLAY, _TOOL_TIP, _FOREGROUND):
            return None
        listed = self.row(index.row()) if index.isValid() else None
        if listed is None:
            return None
        if role == _DISPLAY:
            return self._texts[index.row()][index.column()]
        if role == _TOOL_TIP:
            return describe_trial(listed)
        if index.column() == OUTCOME:
            return QtGui.QBrush(QtGui.QColor(RESULTS[listed.trial.outcome.result][1]))
        return None


def _texts_of(listed: Listed) -> tuple[str, ...]:
    """The texts of a row, by column."""
    trial = listed.trial
    texts = {
        TRIAL: f"#{trial.index}",
        OUTCOME: RESULTS[trial.outcome.result][0],
        SCENE: " + ".join(trial.scene.ids) or "nominal",
        CELL: trial.cell,
        ENDED: clock(listed.ended),
        LENGTH: lasting(trial.outcome.duration),
    }
    return tuple(texts[column] for column in range(len(_HEADERS)))


def describe_trial(listed: Listed) -> str:
    """A trial in a sentence; says why where it is invalid."""
    trial = listed.trial
    scene = "; ".join(v.description for v in trial.scene) or "nothing was changed"
    source = trial.outcome.source.name.lower()
    text = f"Trial {trial.index} at {trial.cell}: {RESULTS[trial.outcome.result][0]} ({source})"
    detail = f": {trial.outcome.detail}" if trial.outcome.detail else ""
    return f"{text}{detail}. Scene: {scene}"


class TrialsView(Section):
    """The list; a click, or the arrow keys, show the recorded picture beside it."""

    picture_wanted = Signal(object)  # Listed
    folder_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Trials")
        self.model = TrialsModel(self)
        self.table = plain_table(self.model)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(SCENE, QtWidgets.QHeaderView.ResizeMode.Stretch)
        set_widths(self.table, _SAMPLES)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.picture = PictureView("Select a trial to see its recorded picture.")
        self.caption = wrapping_label()
        self.folder = QtWidgets.QPushButton("Campaign fo&lder …")
        self.folder.setToolTip("where the recorded pictures lie, if not where the diagnosis says")
        self.folder.setAutoDefault(False)
        self.folder.clicked.connect(lambda _checked=False: self.folder_wanted.emit())
        self.head.addWidget(self.folder)
        side = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.picture, 1)
        column.addWidget(self.caption)
        split = QtWidgets.QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.table)
        split.addWidget(side)
        split.setSizes([520, 220])
        split.setChildrenCollapsible(False)
        self._split = split
        self.blinded = wrapping_label("The trials are back when the label is given.")
        self.blinded.hide()
        self.body.addWidget(split, 1)
        self.body.addWidget(self.blinded, 1)
        self._selected: Listed | None = None

    @property
    def selected(self) -> Listed | None:
        """Whose picture is shown."""
        return self._selected

    def add(self, listed: Listed) -> None:
        """Take in a trial that has ended."""
        self.model.add(listed)

    def add_stored(self, stored: Sequence[Listed]) -> None:
        """Take in the trials of a folder, in their order; what is listed already stays newer."""
        known = self.model.keys
        for listed in stored:
            if (listed.campaign_id, listed.trial.index) not in known:
                self.model.add(listed)
        self.model.order()

    def set_blind(self, blind: bool) -> None:
        """Whether a label is asked: what came before is not shown meanwhile."""
        self._split.setVisible(not blind)
        self.blinded.setVisible(blind)

    def show_picture(self, listed: Listed, image: Any, problem: str) -> None:
        """Show what was read for a trial, if it is still the selected one."""
        if listed is self._selected:
            if image is None:
                self.picture.show_text(problem)
            else:
                self.picture.show_image(image)

    def ask_again(self) -> None:
        """Want the picture of the selected trial once more: the folder is another one."""
        if self._selected is not None:
            self.picture_wanted.emit(self._selected)

    def set_stale(self, stale: bool) -> None:
        """Whether who publishes trials is gone."""
        self.remark.setText("not connected" if stale else "")

    def _on_row(self, current: Any, _previous: Any) -> None:
        listed = self.model.row(current.row())
        if listed is None or listed is self._selected:
            return
        self._selected = listed
        self.caption.setText(describe_trial(listed))
        self.picture.show_text("reading …")
        self.picture_wanted.emit(listed)
