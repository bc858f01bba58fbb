# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The whole panel: its views, and what connects them to the feed."""

from typing import Any

from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.operator.desk import NOTHING_ASKED, Answer, Request
from robomd_ros.core.trial import Trial
from robomd_ros.rqt.campaign_bar import CampaignBar
from robomd_ros.rqt.cell_view import CellView
from robomd_ros.rqt.qt import Qt, QtCore, QtWidgets
from robomd_ros.rqt.ranking_view import RankingView
from robomd_ros.rqt.recorded import PictureReader
from robomd_ros.rqt.request_view import RequestView
from robomd_ros.rqt.robot_view import RobotView
from robomd_ros.rqt.trials_view import Listed, TrialsView
from robomd_ros.rqt.values import CallResult, CellPresence, Presence, RobotState

TICK = 1000
"""ms between looks at what grows old."""


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
        self.problem = QtWidgets.QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.hide()
        self._reader = PictureReader(self)
        self._lay_out()
        self._connect()
        self._tick = QtCore.QTimer(self)
        self._tick.timeout.connect(self._on_tick)
        self._tick.start(TICK)
        self._on_presence(Presence())

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
        self.trials.ask_again()

    def close_panel(self) -> None:
        """Stop the timers and threads of the panel; the feed is closed by who made it."""
        self._tick.stop()
        self._reader.close()

    def _lay_out(self) -> None:
        left = QtWidgets.QSplitter(Qt.Orientation.Vertical)
        left.addWidget(self.ranking)
        left.addWidget(self.trials)
        left.setStretchFactor(0, 3)
        left.setStretchFactor(1, 2)
        right = QtWidgets.QWidget()
        stack = QtWidgets.QVBoxLayout(right)
        stack.setContentsMargins(0, 0, 0, 0)
        for view, weight in ((self.cell, 3), (self.request, 4), (self.robot, 0)):
            stack.addWidget(view, weight)
        both = QtWidgets.QSplitter(Qt.Orientation.Horizontal)
        both.addWidget(left)
        both.addWidget(right)
        both.setSizes([800, 440])
        for splitter in (left, both):
            splitter.setChildrenCollapsible(False)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.campaign)
        column.addWidget(both, 1)
        column.addWidget(self.problem)

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

    # What the feed tells

    def _on_status(self, status: Any) -> None:
        self._state = status.state
        self.campaign.show_status(status)

    def _on_trial(self, trial: Trial, campaign_id: str, ended: float) -> None:
        self.trials.add(Listed(trial, campaign_id, ended))

    def _on_request(self, cell: str, request: Request) -> None:
        self._requests[cell] = request
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
        self.trials.ask_again()

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

    def _on_answered(self, cell: str, number: int, answer: int, name: str, comment: str) -> None:
        self._feed.answer(cell, number, Answer(answer), name, comment)

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
