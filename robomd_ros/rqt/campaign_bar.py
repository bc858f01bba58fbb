# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""State, progress and time left of the campaign, with pause, resume and stop."""

import math
import time
from typing import Any

from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.wording import counted, lasting
from robomd_ros.rqt.parts import Chip, ConfirmButton, DeliberateButton, wrapping_label
from robomd_ros.rqt.qt import QtCore, QtWidgets, Signal
from robomd_ros.rqt.style import GREY, STATES, VERMILLION, WHITE, clock, number
from robomd_ros.rqt.values import CallResult, Presence
from robomd_ros.terminal.live_view import TrialsPerMinute

_RUNS = (CampaignState.STARTING, CampaignState.RUNNING, CampaignState.WAITING)


class CampaignBar(QtWidgets.QFrame):
    """The strip at the top."""

    commanded = Signal(str)  # pause, resume or stop

    def __init__(self) -> None:
        super().__init__()
        self._status: CampaignStatus | None = None
        self._presence = Presence()
        self._rate = TrialsPerMinute()
        self._gone_since = 0.0
        self._blind = False
        self._build()
        self._show()

    def _build(self) -> None:
        self.chip = Chip()
        self.progress = QtWidgets.QProgressBar()
        self.progress.setMinimumWidth(50)
        self.progress.setMaximumWidth(180)
        self.progress.setTextVisible(False)
        self.figures = wrapping_label()
        self.facts = wrapping_label(lines=2)
        self.facts.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Preferred
        )
        self.pause = DeliberateButton("❚❚ &Pause", "running trials end, no new one starts")
        self.resume = DeliberateButton("▶ R&esume", "go on after a pause")
        self.stop = ConfirmButton(
            "End campaign (&T) …",
            "End the campaign? The same folder resumes it.",
            "Yes, stop",
            "end the campaign; the same folder resumes it",
        )
        self.pause.clicked.connect(lambda: self.commanded.emit("pause"))
        self.resume.clicked.connect(lambda: self.commanded.emit("resume"))
        self.stop.confirmed.connect(lambda: self.commanded.emit("stop"))
        top = QtWidgets.QHBoxLayout()
        for widget in (self.chip, self.progress):
            top.addWidget(widget)
        top.addStretch(1)
        for widget in (self.pause, self.resume, self.stop):
            top.addWidget(widget)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self.figures)
        column.addWidget(self.facts)

    def show_status(self, status: CampaignStatus) -> None:
        """Take in a newer status."""
        if self._status is None or status.trials_done < self._status.trials_done:
            self._rate = TrialsPerMinute()  # another campaign
        self._status = status
        self._rate.update(status.trials_done, time.monotonic())
        self._show()

    def set_blind(self, blind: bool) -> None:
        """Whether a label is asked: remarks about what was found are not shown meanwhile."""
        if blind != self._blind:
            self._blind = blind
            self._show()

    def show_presence(self, presence: Presence) -> None:
        """Take in who is there."""
        if self._presence.diagnosis and not presence.diagnosis:
            self._gone_since = time.time()
        self._presence = presence
        self._show()

    def show_result(self, result: CallResult) -> None:
        """Tell what came of a command; a success shows in the state."""
        if result.name in ("pause", "resume", "stop") and not result.ok:
            self.facts.setText(f"{result.name} failed: {result.message}")
            self.facts.setStyleSheet(f"color:{VERMILLION}; font-weight:bold;")

    def _show(self) -> None:
        status, there = self._status, self._presence.diagnosis
        self.setEnabled(True)
        state = status.state if status is not None else CampaignState.UNKNOWN
        if not there:
            self.chip.tell("not connected", GREY, WHITE)
        else:
            symbol, background, color = STATES[state]
            name = state.name if status is not None else "NO CAMPAIGN YET"
            self.chip.tell(f"{symbol} {name}", background, color)
        controls = there and self._presence.controls
        self.pause.setEnabled(controls and state in _RUNS)
        self.resume.setEnabled(controls and state is CampaignState.PAUSED)
        self.stop.set_offered(controls and state in (*_RUNS, CampaignState.PAUSED))
        self._show_progress(status)
        if self.facts.styleSheet():
            self.facts.setStyleSheet("")
        self.facts.setText(self._facts(status, there))
        for widget in (self.progress, self.figures):
            widget.setEnabled(there)

    def _show_progress(self, status: CampaignStatus | None) -> None:
        self.progress.setMaximum(max(1, status.trials_budget if status else 1))
        self.progress.setValue(status.trials_done if status else 0)
        if status is None:
            self.figures.setText("")
            return
        parts = [f"{status.trials_done} of {counted(status.trials_budget, 'trial')}"]
        if status.state in _RUNS and not math.isnan(self._rate.per_minute):
            parts.append(f"{number(self._rate.per_minute, 0)} a minute")
        if status.state in (*_RUNS, CampaignState.PAUSED) and not math.isnan(status.eta):
            parts.append(f"{lasting(status.eta)} left")
        if status.invalid_trials:
            parts.append(f"{status.invalid_trials} invalid")
        self.figures.setText("  ·  ".join(parts))

    def _facts(self, status: CampaignStatus | None, there: bool) -> str:
        if status is None:
            return (
                "Waiting for a campaign to start."
                if there
                else "Waiting for a diagnosis node. The panel connects by itself."
            )
        scene = " + ".join(status.scene.ids) or "nominal"
        parts = [f"scene now: {scene}"]
        if not there:
            parts.insert(0, f"last known, the diagnosis is gone since {clock(self._gone_since)}")
        if status.waiting_for:
            parts.append(f"waiting for {status.waiting_for}")
        if status.message and not self._blind:
            parts.append(status.message)
        return "  ·  ".join(parts)

    def minimumSizeHint(self) -> Any:  # noqa: N802 - Qt's name
        """Narrow docks must not be forced wide by the text."""
        return QtCore.QSize(320, super().minimumSizeHint().height())
