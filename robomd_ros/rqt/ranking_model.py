# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ranking as a table model, and the delegate that paints its intervals."""

import math
from typing import Any

from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.wording import EFFECT as EFFECT_HEADING
from robomd_ros.core.wording import FIGURES as FIGURES_HEADING
from robomd_ros.core.wording import (
    counts,
    described,
    effect_of,
    figure,
    ids_of,
    interval,
    ranks,
    standing_of,
    statement,
)
from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets
from robomd_ros.rqt.style import FAILS_ABOVE, mode_color

RANK, NAME, VERDICT, FIGURES, EFFECT, BAR, COUNTS, AGENT, RELIABILITY = range(9)
_HEADERS = (
    "#",
    "variation",
    "verdict",
    FIGURES_HEADING,
    EFFECT_HEADING,
    "0  ·  0.5  ·  1",
    "failures",
    "Eq. 3",
    "dist.",
)
_TIPS = (
    "rank: 1 is the most likely to fail; 3= shares its place with others of the same numbers",
    "what was changed; + joins a combination that fails although its parts do not",
    "what its own trials bear: fails or hurts (more often than unchanged), copes, or open",
    "posterior mean and 95 % credible interval of the probability that the policy fails",
    "how much more often it fails than in the unchanged scene, with its 95 % credible interval",
    "the same painted: thick line the interval, mark the mean (diamond above 0.5, else circle); "
    "hollow and dashed where it was never tried",
    "failures / valid trials whose scene held it",
    "the search agent's view: probability (Eq. 3) or log density; not a failure probability",
    "reliability of what was never tried: distance to the nearest known embedding, small is good",
)
MODE_ROLE = Qt.ItemDataRole.UserRole + 1
_COLUMNS = range(len(_HEADERS))
# looked up once: a table asks for some thousand values whenever it is painted
_DISPLAY = Qt.ItemDataRole.DisplayRole
_TOOL_TIP = Qt.ItemDataRole.ToolTipRole
_ACCESSIBLE = Qt.ItemDataRole.AccessibleTextRole
_ALIGNMENT = Qt.ItemDataRole.TextAlignmentRole
_FOREGROUND = Qt.ItemDataRole.ForegroundRole
_FONT = Qt.ItemDataRole.FontRole
_RIGHT = int(Qt.AlignmentFlag.AlignRight) | int(Qt.AlignmentFlag.AlignVCenter)


class RankingModel(QtCore.QAbstractTableModel):
    """Failure modes, filtered and sorted; rows whose texts stay are not painted anew."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._all: tuple[FailureMode, ...] = ()
        self._places: dict[frozenset[str], int] = {}  # in the ranking
        self._filter = ""
        self._sorted = (RANK, False)
        self._modes: tuple[FailureMode, ...] = ()
        self._texts: dict[int, list[str]] = {}  # of the rows that were asked for
        self._ranks: list[str] | None = None  # once a row was asked for
        self._stale = False
        self._grey = QtGui.QBrush(QtGui.QColor("#777777"))
        self._italic = QtGui.QFont()
        self._italic.setItalic(True)

    @property
    def modes(self) -> tuple[FailureMode, ...]:
        """What is shown, in the order of the rows."""
        return self._modes

    @property
    def total(self) -> int:
        """How many there are without the filter."""
        return len(self._all)

    def row_of(self, key: frozenset[str]) -> int:
        """The row of a failure mode, by the ids of its variations; -1 if it is not shown."""
        return next((row for row, m in enumerate(self._modes) if frozenset(m.ids) == key), -1)

    def show_ranking(self, ranking: FailureRanking) -> None:
        """Take in a newer ranking."""
        self._all = ranking.failure_modes
        self._places = {frozenset(m.ids): place for place, m in enumerate(self._all)}
        self._ranks = None
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only those whose name or sentence holds every word of a text."""
        self._filter = text
        self._arrange()

    def sort(self, column: int, order: Any = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what has no value there comes last."""
        self._sorted = (column, order == Qt.SortOrder.DescendingOrder)
        self._arrange()

    def _arrange(self) -> None:
        words = self._filter.lower().split()
        modes = [m for m in self._all if all(word in _searched(m) for word in words)]
        column, descending = self._sorted
        if column != RANK or descending:
            modes.sort(key=lambda m: self._sort_key(m, column), reverse=descending)
            modes.sort(key=lambda m: self._lacks(m, column))
        self._show(tuple(modes))

    def _sort_key(self, mode: FailureMode, column: int) -> Any:
        if column == RANK:
            return self._places[frozenset(mode.ids)]
        return ids_of(mode) if column == NAME else _value(mode, column)

    def _lacks(self, mode: FailureMode, column: int) -> bool:
        return column not in (RANK, NAME) and math.isnan(_value(mode, column))

    def _show(self, modes: tuple[FailureMode, ...]) -> None:
        if len(modes) != len(self._modes):
            self.beginResetModel()
            self._modes, self._texts = modes, {}
            self.endResetModel()
            return
        shown, self._modes, self._texts = self._texts, modes, {}
        for row, texts in shown.items():
            if self._texts_of(row) != texts:
                # cell by cell: for a range of them Qt paints the whole table again
                for column in _COLUMNS:
                    cell = self.index(row, column)
                    self.dataChanged.emit(cell, cell)

    def set_stale(self, stale: bool) -> None:
        """Whether who published it is gone."""
        if stale != self._stale:
            self._stale = stale
            self._repaint()

    def has_column(self, column: int) -> bool:
        """Whether a mode has something to say there."""
        if column == AGENT:
            return any(not math.isnan(_agent_view(m)) for m in self._all)
        if column == RELIABILITY:
            return any(not math.isnan(m.reliability) for m in self._all)
        if column == EFFECT:
            return any(m.own_trials and math.isfinite(m.effect) for m in self._all)
        return True

    # What Qt asks

    def rowCount(self, parent: Any = None) -> int:  # noqa: N802 - Qt's name
        """Rows."""
        return 0 if parent is not None and parent.isValid() else len(self._modes)

    def columnCount(self, parent: Any = None) -> int:  # noqa: N802 - Qt's name
        """Columns."""
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        """Titles and their explanations."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        return None

    def data(self, index: Any, role: int = 0) -> Any:
        """What a cell shows."""
        row, column = index.row(), index.column()
        if not 0 <= row < len(self._modes):
            return None
        if role == _DISPLAY:
            return self._texts_of(row)[column]
        if role == _ALIGNMENT:
            return None if column in (NAME, VERDICT, BAR) else _RIGHT
        if role == MODE_ROLE:
            return self._modes[row]
        if role in (_TOOL_TIP, _ACCESSIBLE):
            return describe(self._modes[row])
        return self._look(self._modes[row], role)

    def _texts_of(self, row: int) -> list[str]:
        if row not in self._texts:
            if self._ranks is None:
                self._ranks = ranks(self._all)
            texts = [cell_text(self._modes[row], column) for column in _COLUMNS]
            texts[RANK] = self._ranks[self._places[frozenset(self._modes[row].ids)]]
            self._texts[row] = texts
        return self._texts[row]

    def _look(self, mode: FailureMode, role: int) -> Any:
        if role == _FOREGROUND and (self._stale or not mode.seen):
            return self._grey
        return self._italic if role == _FONT and not mode.seen else None

    def _repaint(self) -> None:
        if self._modes:
            last = self.index(len(self._modes) - 1, len(_HEADERS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)


def cell_text(mode: FailureMode, column: int) -> str:
    """The text of one column of a failure mode on its own; the bar has none."""
    standing = standing_of(mode)
    texts = {
        RANK: str(mode.rank),
        NAME: ids_of(mode),
        VERDICT: f"{standing.sign} {standing.words}",
        FIGURES: interval(mode),
        EFFECT: effect_of(mode),
        COUNTS: counts(mode),
        AGENT: figure(_agent_view(mode), 3),
        RELIABILITY: "" if math.isnan(mode.reliability) else figure(mode.reliability),
    }
    return texts.get(column, "")


def _searched(mode: FailureMode) -> str:
    return f"{ids_of(mode)} {described(mode)}".lower()


def _value(mode: FailureMode, column: int) -> float:
    values = {
        VERDICT: float(mode.verdict),
        EFFECT: mode.effect,
        COUNTS: float(mode.failures),
        RELIABILITY: mode.reliability,
    }
    if column == AGENT:
        return _agent_view(mode)
    return values.get(column, mode.failure_probability)


def describe(mode: FailureMode) -> str:
    """A failure mode in a sentence."""
    return f"{described(mode)}: {statement(mode)}"


def _agent_view(mode: FailureMode) -> float:
    return mode.log_density if math.isnan(mode.policy_probability) else mode.policy_probability


class IntervalDelegate(QtWidgets.QStyledItemDelegate):
    """Paints the interval and the mean of a failure mode on [0, 1]."""

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Paint one row's bar."""
        super().paint(painter, option, index)
        mode = index.data(MODE_ROLE)
        if mode is None or math.isnan(mode.failure_probability):
            return
        painter.save()
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        stale = index.data(Qt.ItemDataRole.ForegroundRole) is not None and mode.seen
        paint_interval(painter, QtCore.QRectF(option.rect), mode, faded=stale)
        painter.restore()


def paint_interval(painter: Any, area: Any, mode: FailureMode, faded: bool = False) -> None:
    """Paint a failure mode's interval and mean into a rectangle whose width is [0, 1]."""
    left, width = area.left() + 8, area.width() - 16
    middle = area.center().y()

    def at(p: float) -> float:
        return left + width * min(1.0, max(0.0, p))

    def line(a: float, b: float) -> None:
        painter.drawLine(QtCore.QPointF(at(a), middle), QtCore.QPointF(at(b), middle))

    painter.setPen(QtGui.QPen(QtGui.QColor("#C8C8C8"), 1))
    line(0.0, 1.0)
    for tick, half in ((0.0, 4.0), (FAILS_ABOVE, area.height() / 2), (1.0, 4.0)):
        top, bottom = (QtCore.QPointF(at(tick), middle + s * half) for s in (-1, 1))
        painter.drawLine(top, bottom)
    color = QtGui.QColor(mode_color(mode.failure_probability))
    if faded:
        color.setAlphaF(0.4)
    style = Qt.PenStyle.SolidLine if mode.seen else Qt.PenStyle.DotLine
    pen = QtGui.QPen(color, 4 if mode.seen else 2, style)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    line(mode.lower, mode.upper)
    _paint_mean(painter, QtCore.QPointF(at(mode.failure_probability), middle), color, mode)


def _paint_mean(painter: Any, point: Any, color: Any, mode: FailureMode) -> None:
    """A diamond above 0.5, a circle below; hollow where it was never tried."""
    painter.setPen(QtGui.QPen(color, 2))
    painter.setBrush(QtGui.QBrush(color if mode.seen else QtGui.QColor("white")))
    if mode.failure_probability > FAILS_ABOVE:
        corners = ((0, -7), (7, 0), (0, 7), (-7, 0))
        painter.drawPolygon(
            QtGui.QPolygonF([point + QtCore.QPointF(float(x), float(y)) for x, y in corners])
        )
    else:
        painter.drawEllipse(point, 5.0, 5.0)
