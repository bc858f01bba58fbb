# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small widgets that several views use."""

from typing import Any

from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets, Signal
from robomd_ros.rqt.style import GREY, WHITE, chip


class DeliberateButton(QtWidgets.QPushButton):
    """A button that Enter never presses: only the mouse, Space or its own Alt shortcut."""

    def __init__(self, text: str, tip: str = "", parent: Any = None) -> None:
        super().__init__(text, parent)
        self.setAutoDefault(False)
        self.setDefault(False)
        self.setToolTip(tip)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Leave Enter to nobody."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        super().keyPressEvent(event)


class ConfirmButton(QtWidgets.QWidget):
    """A button whose press must be confirmed beside it; the question goes away by itself."""

    confirmed = Signal()
    PATIENCE = 10_000
    """ms for which the question stays."""

    def __init__(self, text: str, question: str, yes: str, tip: str = "") -> None:
        super().__init__()
        self.button = DeliberateButton(text, tip)
        self.question = QtWidgets.QLabel(question)
        self.question.setWordWrap(True)
        self.yes = DeliberateButton(yes)
        self.no = DeliberateButton("Cancel")
        self._forget = QtCore.QTimer(self)
        self._forget.setSingleShot(True)
        self._forget.setInterval(self.PATIENCE)
        self._forget.timeout.connect(self._cancel)
        self.button.clicked.connect(self._ask)
        self.yes.clicked.connect(self._confirm)
        self.no.clicked.connect(self._cancel)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.question, 0, 0, 1, 2)
        grid.addWidget(self.button, 1, 0, 1, 2)
        grid.addWidget(self.no, 2, 0)
        grid.addWidget(self.yes, 2, 1)
        self._show(asking=False)

    @property
    def asking(self) -> bool:
        """Whether the question is shown."""
        return self._asking

    def set_offered(self, offered: bool) -> None:
        """Whether the button can be pressed; a question whose ground is gone goes too."""
        self.button.setEnabled(offered)
        if not offered and self._asking:
            self._cancel()

    def forget(self) -> None:
        """Take the question back: it was about something else."""
        self._cancel()

    def _ask(self) -> None:
        self._show(asking=True)
        self.no.setFocus()
        self._forget.start()

    def _confirm(self) -> None:
        self._cancel()
        self.confirmed.emit()

    def _cancel(self) -> None:
        self._forget.stop()
        self._show(asking=False)

    def _show(self, asking: bool) -> None:
        self._asking = asking
        self.button.setVisible(not asking)
        for widget in (self.question, self.yes, self.no):
            widget.setVisible(asking)


def wrapping_label(text: str = "", lines: int = 0) -> Any:
    """A plain text of any length: it wraps, also within a word, and never widens the window.

    Args:
        text: the first one.
        lines: most that are shown, the whole text being its tool tip; 0: all.
    """
    label = _WrappingLabel(text)
    label.most = lines
    if lines:
        label.setMaximumHeight(lines * label.fontMetrics().lineSpacing() + 4)
        label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


class _WrappingLabel(QtWidgets.QLabel):
    """Text of which the longest word does not decide how narrow a window can be."""

    most = 0
    """Lines that are shown at most; 0: all."""

    def minimumSizeHint(self) -> Any:  # noqa: N802 - Qt's name
        """A line, as narrow as may be; the layout asks for the height at its width."""
        return QtCore.QSize(40, self.fontMetrics().height())

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Show a text; a word longer than a line may be broken."""
        parts = (_broken(word) for word in text.split(" "))
        super().setText(" ".join(parts))
        if self.most:
            self.setToolTip(text)
            self.setMinimumHeight(self.maximumHeight() if len(text) > _LONG else 0)

    def text(self) -> str:
        """What is shown, without the places where it may be broken."""
        return super().text().replace(_BREAK, "")


_BREAK = "\u200b"
_LONGEST_WORD = 24
_LONG = 40
"""Characters from which a text of limited lines needs all of them."""


def _broken(word: str) -> str:
    if len(word) <= _LONGEST_WORD:
        return word
    pieces = [word[i : i + _LONGEST_WORD] for i in range(0, len(word), _LONGEST_WORD)]
    return _BREAK.join(pieces)


class Chip(QtWidgets.QLabel):
    """A word on a coloured ground."""

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Maximum, QtWidgets.QSizePolicy.Policy.Maximum
        )
        self.tell("not connected")

    def tell(self, text: str, background: str = GREY, color: str = WHITE) -> None:
        """Show a state."""
        self.setText(text)
        sheet = chip(background, color)
        if sheet != self.styleSheet():  # setting one costs a thousand times as much
            self.setStyleSheet(sheet)


class Section(QtWidgets.QFrame):
    """A titled part of the panel with a remark beside the title."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        heading = QtWidgets.QLabel(f"<b>{title}</b>")
        self.remark = QtWidgets.QLabel()
        self.remark.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.remark.setTextFormat(Qt.TextFormat.PlainText)
        self.remark.setSizePolicy(  # a longer remark must not widen the column
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred
        )
        self.head = QtWidgets.QHBoxLayout()
        self.head.addWidget(heading)
        self.head.addWidget(self.remark, 1)
        self.body = QtWidgets.QVBoxLayout(self)
        self.body.setContentsMargins(8, 6, 8, 6)
        self.body.addLayout(self.head)


class PictureView(QtWidgets.QWidget):
    """A picture as large as fits, its sides in proportion; greyed when it is old."""

    def __init__(self, nothing: str) -> None:
        super().__init__()
        self._nothing = nothing
        self._image: Any = None
        self._faded = ""
        self.setMinimumSize(120, 100)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Expanding
        )

    @property
    def image(self) -> Any:
        """What is shown; None for nothing."""
        return self._image

    def show_image(self, image: Any) -> None:
        """Show a QImage; None shows the text for nothing."""
        self._image, self._faded = image, ""
        self.update()

    def show_text(self, text: str) -> None:
        """Say why there is no picture."""
        self._nothing = text
        self.show_image(None)

    @property
    def faded(self) -> str:
        """Why it is greyed; "" if it is not."""
        return self._faded

    def set_faded(self, why: str) -> None:
        """Grey it, and say why across it; "" shows it in its colours again."""
        if why != self._faded:
            self._faded = why
            self.update()

    def sizeHint(self) -> Any:  # noqa: N802 - Qt's name
        """What it would like."""
        return QtCore.QSize(320, 240)

    def paintEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        """Paint it."""
        painter = QtGui.QPainter(self)
        if self._image is None:
            painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.WindowText))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(self.rect().adjusted(12, 4, -12, -4), flags, self._nothing)
            return
        image = self._image
        if self._faded:
            image = image.convertToFormat(QtGui.QImage.Format.Format_Grayscale8)
            painter.setOpacity(0.45)
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        corner = QtCore.QPoint(
            (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        )
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QtCore.QRect(corner, size), image)
        if self._faded:
            self._paint_reason(painter)

    def _paint_reason(self, painter: Any) -> None:
        painter.setOpacity(1.0)
        strip = QtCore.QRect(0, self.height() - 24, self.width(), 24)
        painter.fillRect(strip, QtGui.QColor(0, 0, 0, 170))
        painter.setPen(QtGui.QColor("white"))
        painter.drawText(strip, int(Qt.AlignmentFlag.AlignCenter), self._faded)
