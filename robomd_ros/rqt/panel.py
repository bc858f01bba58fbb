# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The whole panel: its views, and what connects them to the feed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.operator.desk import NOTHING_ASKED, Answer, Request, RequestKind
from robomd_ros.core.trial import Trial
from robomd_ros.rqt.campaign_bar import CampaignBar
from robomd_ros.rqt.cell_view import CellView
from robomd_ros.rqt.parts import wrapping_label
from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets
from robomd_ros.rqt.ranking_view import RankingView
from robomd_ros.rqt.recorded import PictureReader, StoredTrials
from robomd_ros.rqt.request_view import KEYS, RequestView
from robomd_ros.rqt.robot_view import RobotView
from robomd_ros.rqt.trials_view import Listed, TrialsView
from robomd_ros.rqt.values import CallResult, CellPresence, Presence, RobotState

WIDE = 1000
"""px from which the views stand side by side."""
_LABELS = (RequestKind.LABEL_OUTCOME, RequestKind.ROLLOUT_RUNS)
_SMALLEST = (420, 400)
"""px of the smallest window."""
TICK = 1000
"""ms between looks at what grows old."""


class _Stack(QtWidgets.QGridLayout):
    """A grid that is scrolled only where it is less high than it must be, not than it likes."""

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """No: else a scroll area would give it all the height that its texts like."""
        return False


class Panel(QtWidgets.QWidget):
    """Everything about one diagnosis and its cells.

    It is fed by the signals of a Feed, or of anything that has the same signals and methods; it
    lives without any of the nodes and shows what is missing.
    """

    def __init__(self, feed: Any, campaign_dir: str = "", parent: Any = None) -> None:
        """Build the views and connect them.

        Args:
            feed: see Feed.
            campaign_dir: folder of recorded pictures; "" asks the diagnosis for it.
            parent: Qt parent.
        """
        super().__init__(parent)
        self.setObjectName("RoboMD")
        self.setWindowTitle(f"RoboMD {feed.namespace}")
        self._feed = feed
        self._chosen_folder, self._told_folder = campaign_dir, ""
        self._presence = Presence()
        self._requests: dict[str, Request] = {}
        self._robots: dict[str, RobotState] = {}
        self._state = CampaignState.UNKNOWN
        self._dialog: Any = None
        self.campaign = CampaignBar()
        self.ranking = RankingView()
        self.trials = TrialsView()
        self.cell = CellView()
        self.request = RequestView()
        self.robot = RobotView()
        self.problem = wrapping_label(lines=2)
        self.problem.hide()
        self._reader = PictureReader(self)
        self._lay_out()
        self._connect()
        self._tick = QtCore.QTimer(self)
        self._tick.timeout.connect(self._on_tick)
        self._tick.start(TICK)
        self._on_presence(Presence())
        self._read_folder()

    @property
    def folder(self) -> str:
        """Where recorded pictures are looked for."""
        return self._chosen_folder or self._told_folder

    @property
    def chosen_folder(self) -> str:
        """The folder that a person chose; "" where it is the diagnosis that tells."""
        return self._chosen_folder

    def set_folder(self, folder: str) -> None:
        """Look for recorded pictures in this folder, whatever the diagnosis says."""
        self._chosen_folder = folder
        self._read_folder()

    def close_panel(self) -> None:
        """Stop the timers and threads of the panel; the feed is closed by who made it."""
        self._tick.stop()
        self._reader.close()

    def _lay_out(self) -> None:
        """Side by side where there is room, else in tabs, the operator's first."""
        self._left = QtWidgets.QSplitter(Qt.Orientation.Vertical)
        self._left.addWidget(self.ranking)
        self._left.addWidget(self.trials)
        self._left.setStretchFactor(0, 3)
        self._left.setStretchFactor(1, 2)
        self._right = QtWidgets.QWidget()
        self._stack = _Stack(self._right)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._both = QtWidgets.QSplitter(Qt.Orientation.Horizontal)
        for splitter in (self._left, self._both):
            splitter.setChildrenCollapsible(False)
        self._tabs = QtWidgets.QTabWidget()
        self._scroll = QtWidgets.QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(8, 8, 8, 8)
        # no word decides how small the window may be: what does not fit is scrolled to
        self._column.setSizeConstraint(QtWidgets.QLayout.SizeConstraint.SetNoConstraint)
        self.setMinimumSize(*_SMALLEST)
        self._column.addWidget(self.campaign)
        for place in (self._both, self._tabs):
            self._column.addWidget(place, 1)
        self._column.addWidget(self.problem)
        self._narrow = False
        self._arrange()

    def _arrange(self) -> None:
        """Put the views where this width has room for them."""
        for view in (self.cell, self.request, self.robot):
            self._stack.removeWidget(view)
        if self._narrow:
            self._stack.addWidget(self.robot, 0, 0)  # what stops the arm is never out of sight
            self._stack.addWidget(self.cell, 1, 0)
            self._stack.addWidget(self.request, 0, 1, 2, 1)
            self._scroll.setWidget(self._right)
            self._right.show()
            self._tabs.addTab(self._scroll, "Operator")
            self._tabs.addTab(self.ranking, "Failure modes")
            self._tabs.addTab(self.trials, "Trials")
        else:
            self._tabs.clear()
            if self._scroll.widget() is not None:
                self._scroll.takeWidget()
            for row, view in enumerate((self.cell, self.request, self.robot)):
                self._stack.addWidget(view, row, 0)
            self._left.addWidget(self.ranking)
            self._left.addWidget(self.trials)
            self._both.addWidget(self._left)
            self._both.addWidget(self._right)
            for view in (self.ranking, self.trials, self._right):
                view.show()
            self._both.setSizes([800, 440])
        for row, weight in enumerate((0, 1, 0) if self._narrow else (3, 4, 0)):
            self._stack.setRowStretch(row, weight)
        for column, weight in enumerate((4, 5) if self._narrow else (1, 0)):
            self._stack.setColumnStretch(column, weight)
        self.robot.set_narrow(self._narrow)
        self.request.set_narrow(self._narrow)
        self.cell.picture.setMinimumHeight(60 if self._narrow else 150)
        self._both.setVisible(not self._narrow)
        self._tabs.setVisible(self._narrow)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Change between the two layouts."""
        super().resizeEvent(event)
        narrow = self.width() < WIDE
        if narrow != self._narrow:
            self._narrow = narrow
            self._arrange()

    def minimumSizeHint(self) -> Any:  # noqa: N802 - Qt's name
        """As small as the narrow layout; the other one is left before that."""
        return QtCore.QSize(*_SMALLEST)

    def _connect(self) -> None:
        feed = self._feed
        feed.status_changed.connect(self._on_status)
        feed.ranking_changed.connect(self.ranking.show_ranking)
        feed.trial_arrived.connect(self._on_trial)
        feed.request_changed.connect(self._on_request)
        feed.robot_changed.connect(self._on_robot)
        feed.picture_arrived.connect(self._on_picture)
        feed.presence_changed.connect(self._on_presence)
        feed.folder_found.connect(self._on_folder)
        feed.call_ended.connect(self._on_call)
        feed.problem.connect(self._on_problem)
        self.campaign.commanded.connect(feed.control)
        self.cell.cell_chosen.connect(self._on_cell)
        self.request.answered.connect(self._on_answered)
        self.robot.commanded.connect(lambda what: feed.command_robot(self.cell.cell, what))
        self.trials.picture_wanted.connect(self._read_picture)
        self.trials.folder_wanted.connect(self._choose_folder)
        self._reader.read.connect(self.trials.show_picture)
        self._reader.listed.connect(self._on_stored)
        for key in KEYS:
            self._shortcut(key, partial(self.request.press_key, key))
        self._shortcut("Esc", self._stop_arm)

    def _shortcut(self, key: str, do: Callable[[], None]) -> None:
        """A key for the whole panel; it does nothing while a text is being typed."""
        shortcut = QtWidgets.QShortcut if hasattr(QtWidgets, "QShortcut") else QtGui.QShortcut
        made = shortcut(QtGui.QKeySequence(key), self)
        made.setAutoRepeat(False)

        def press() -> None:
            if not isinstance(self.focusWidget(), QtWidgets.QLineEdit):
                do()

        made.activated.connect(press)

    def _stop_arm(self) -> None:
        if self.robot.stop.isVisible() and self.robot.stop.isEnabled():
            self.robot.stop.click()

    # What the feed tells

    def _on_status(self, status: Any) -> None:
        self._state = status.state
        self.campaign.show_status(status)

    def _on_trial(self, trial: Trial, campaign_id: str, ended: float) -> None:
        self.trials.add(Listed(trial, campaign_id, ended))

    def _on_request(self, cell: str, request: Request) -> None:
        self._requests[cell] = request
        blind = any(r.number and r.kind in _LABELS for r in self._requests.values())
        for view in (self.ranking, self.trials, self.campaign):
            view.set_blind(blind)
        if self._narrow and request.number and cell == self.cell.cell:
            self._tabs.setCurrentIndex(0)
        self.cell.show_cells(self._presence, self._requests)
        if cell == self.cell.cell:
            self.request.show_request(cell, request)

    def _on_robot(self, cell: str, state: RobotState) -> None:
        self._robots[cell] = state
        if cell == self.cell.cell:
            self._show_cell()

    def _on_picture(self, cell: str, image: Any) -> None:
        if cell == self.cell.cell:
            self.cell.show_picture(image)

    def _on_presence(self, presence: Presence) -> None:
        self._presence = presence
        # a front end must not offer to answer what nobody holds open any more
        for cell in [c for c in self._requests if not self._here(c).operator]:
            self._requests[cell] = NOTHING_ASKED
        self.campaign.show_presence(presence)
        self.ranking.set_stale(not presence.diagnosis)
        self.trials.set_stale(not presence.diagnosis)
        self.cell.show_cells(presence, self._requests)
        self._show_cell()

    def _on_folder(self, folder: str) -> None:
        self._told_folder = folder
        self._read_folder()

    def _on_stored(self, stored: StoredTrials) -> None:
        """What the folder held when the panel was opened late, or after the end."""
        self.trials.add_stored(
            [Listed(trial, stored.campaign_id, ended) for trial, ended in stored.trials]
        )
        if stored.ranking is not None and not self.ranking.model.total:
            self.ranking.show_ranking(stored.ranking)

    def _on_call(self, result: CallResult) -> None:
        self.campaign.show_result(result)
        self.request.show_result(result)
        if result.cell == self.cell.cell:
            self.robot.show_result(result)

    def _on_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.show()

    # What the person does

    def _on_cell(self, cell: str) -> None:
        self._feed.watch(cell)
        self.robot.forget()
        self._show_cell()

    def _on_answered(
        self, cell: str, number: int, answer: int, name: str, comment: str, tag: str
    ) -> None:
        self._feed.answer(cell, number, Answer(answer), name, comment, tag)

    def _read_picture(self, listed: Listed) -> None:
        self._reader.ask(listed, self.folder, listed.campaign_id, listed.trial.image_path)

    def _choose_folder(self) -> None:
        dialog = QtWidgets.QFileDialog(self, "Folder of the campaign", self.folder)
        dialog.setFileMode(QtWidgets.QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.set_folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialog = dialog
        dialog.open()

    # Helpers

    def _read_folder(self) -> None:
        if self.folder:
            self._reader.ask_trials(self.folder)
        self.trials.ask_again()

    def _here(self, cell: str) -> CellPresence:
        return self._presence.cells.get(cell, CellPresence())

    def _show_cell(self) -> None:
        cell = self.cell.cell
        here = self._here(cell)
        self.request.show_request(cell, self._requests.get(cell, NOTHING_ASKED))
        self.request.set_connected(here.operator)
        self.robot.show_robot(self._robots.get(cell), here)

    def _on_tick(self) -> None:
        self.cell.tick()
        self.request.tick()
