# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The choice of a cell and the picture of its camera."""

import time

from robomd_ros.core.operator.desk import Request
from robomd_ros.core.wording import lasting
from robomd_ros.rqt.parts import DeliberateButton, PictureView, Section
from robomd_ros.rqt.qt import QtGui, QtWidgets, Signal
from robomd_ros.rqt.style import BLACK, ORANGE, chip
from robomd_ros.rqt.values import Presence

OLD = 3.0
"""s after which a camera's picture is greyed."""


class CellView(Section):
    """Which cell is shown, what its camera sees, and which other cell asks for a person."""

    cell_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__("Cell")
        self.choice = QtWidgets.QComboBox()
        self.choice.setToolTip("the cell whose camera, requests and robot are shown")
        self.head.insertWidget(1, self.choice, 3)
        self.elsewhere = DeliberateButton("", "show the cell that asks for a person")
        self.elsewhere.setStyleSheet(chip(ORANGE, BLACK))
        self.elsewhere.clicked.connect(lambda: self.choose(self._other))
        self.picture = PictureView("No cell is connected.")
        self.picture.setMinimumHeight(150)
        self.body.addWidget(self.elsewhere)
        self.body.addWidget(self.picture, 1)
        self.choice.currentIndexChanged.connect(self._on_choice)
        self._names: list[str] = []
        self._labels: list[str] = []
        self._asking: list[str] = []
        self._other = ""
        self._arrived = 0.0
        self._camera = False
        self.elsewhere.hide()

    @property
    def cell(self) -> str:
        """The chosen cell; "" as long as none is known."""
        index = self.choice.currentIndex()
        return self._names[index] if 0 <= index < len(self._names) else ""

    def choose(self, cell: str) -> None:
        """Show another cell."""
        if cell in self._names:
            self.choice.setCurrentIndex(self._names.index(cell))

    def show_cells(self, presence: Presence, requests: dict[str, Request]) -> None:
        """Take in which cells there are and where something is asked; the choice stays."""
        names, before = list(presence.cells), self.cell
        asking = [n for n in names if n in requests and requests[n].number]
        labels = []
        for name in names:
            gone = "" if presence.cells[name].connected else "  (not connected)"
            labels.append(f"{name}{gone}{'  ● asks' if name in asking else ''}")
        if labels != self._labels or names != self._names:
            self.choice.blockSignals(True)
            self.choice.clear()
            self.choice.addItems(labels)
            self._names, self._labels = names, labels
            self.choice.setCurrentIndex(names.index(before) if before in names else 0)
            self.choice.blockSignals(False)
        if self.cell != before:
            self._on_choice()
        self._asking = asking
        self._show_elsewhere()
        here = presence.cells.get(self.cell)
        self._camera = here.camera if here is not None else False
        self.tick()

    def show_picture(self, image: "QtGui.QImage") -> None:
        """Take in a picture of the chosen cell's camera."""
        self._arrived = time.monotonic()
        self.picture.show_image(image)

    def tick(self) -> None:
        """A second has passed: grey the picture when it is old."""
        if self.picture.image is None:
            if not self.cell:
                self.picture.show_text("No cell is connected.")
            elif self._camera:
                self.picture.show_text("Waiting for the first picture of the camera.")
            else:
                self.picture.show_text("The camera of this cell is not on the graph.")
            return
        age = time.monotonic() - self._arrived
        why = "" if self._camera else "camera not connected, "
        self.picture.set_faded(f"{why}{lasting(age)} old" if age > OLD else "")

    def _show_elsewhere(self) -> None:
        others = [name for name in self._asking if name != self.cell]
        self._other = others[0] if others else ""
        self.elsewhere.setVisible(bool(others))
        self.elsewhere.setText(f"{self._other} asks for a person: show it")

    def _on_choice(self, *_args: object) -> None:
        self._show_elsewhere()
        self.picture.show_image(None)
        self.tick()
        self.cell_chosen.emit(self.cell)
