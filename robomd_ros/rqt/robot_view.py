# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The state of a cell's robot, with recovery and stop."""

from robomd_ros.rqt.parts import (
    Chip,
    ConfirmButton,
    DeliberateButton,
    Section,
    wrapping_label,
)
from robomd_ros.rqt.qt import Qt, QtWidgets, Signal
from robomd_ros.rqt.style import GREEN, GREY, STOP_RED, VERMILLION, WHITE, number
from robomd_ros.rqt.values import CallResult, CellPresence, RobotState

STOP_HEIGHT = 52
"""px: it is found at once."""


class RobotView(Section):
    """Whether the robot could move, why not, and what can be done about it."""

    commanded = Signal(str)  # recover or stop_motion

    def __init__(self) -> None:
        super().__init__("Robot")
        self.chip = Chip()
        self.facts = wrapping_label(lines=2)
        self.detail = wrapping_label(lines=2)
        self.detail.setStyleSheet("font-weight:bold;")
        self.told = wrapping_label(lines=2)
        self.told.hide()
        self.recover = ConfirmButton(
            "&Recover …",
            "Is everybody clear of the robot? It may move.",
            "Yes, recover",
            "unlock a stop and make the robot ready again",
        )
        self.stop = DeliberateButton(
            "■  STOP THE ARM  (Esc)",
            "call stop_motion: the arm rests at once; this is no emergency stop button",
        )
        self.stop.setMinimumHeight(STOP_HEIGHT)
        self.stop.setStyleSheet(
            f"QPushButton {{ background:{STOP_RED}; color:white; font-weight:bold; font-size:16px;"
            " border:2px solid #600000; border-radius:6px; padding:4px 14px; }"
            "QPushButton:disabled { background:#B09090; border-color:#907070; }"
            "QPushButton:focus { border:3px solid black; }"
        )
        self.head.insertWidget(1, self.chip)
        self._row = row = QtWidgets.QHBoxLayout()
        row.addWidget(self.recover, 2)
        row.addWidget(self.stop, 3, Qt.AlignmentFlag.AlignBottom)
        for widget in (self.facts, self.detail, self.told):
            self.body.addWidget(widget)
        self.body.addLayout(row)
        self.recover.confirmed.connect(lambda: self.commanded.emit("recover"))
        self.stop.clicked.connect(lambda: self.commanded.emit("stop_motion"))
        self._state: RobotState | None = None
        self._presence = CellPresence()
        self.show_robot(None, CellPresence())

    def show_robot(self, state: RobotState | None, presence: CellPresence) -> None:
        """Show a cell's robot; None where it has never told its state."""
        self._state, self._presence = state, presence
        self.recover.set_offered(presence.recover)
        self.stop.setEnabled(presence.stop_motion)
        has_arm = state is not None or presence.recover or presence.stop_motion
        for widget in (self.recover, self.stop, self.detail):
            widget.setVisible(has_arm)
        if state is None:
            simulated = presence.connected and not presence.robot
            self.chip.tell("no robot status" if simulated else "not connected", GREY, WHITE)
            self.facts.setText("simulated, or the arm's node is off" if simulated else "")
            self.detail.setText("")
            return
        if not presence.robot:
            self.chip.tell("not connected", GREY, WHITE)
        elif state.ready:
            self.chip.tell("✔ ready", GREEN, WHITE)
        else:
            self.chip.tell("✘ NOT READY", VERMILLION, WHITE)
        self.facts.setText(facts_of(state))
        self.facts.setEnabled(presence.robot)
        self.detail.setText(state.detail)
        self.detail.setEnabled(presence.robot)

    def set_narrow(self, narrow: bool) -> None:
        """Whether there is little room: what is only to be known goes."""
        way = QtWidgets.QBoxLayout.Direction
        self._row.setDirection(way.TopToBottom if narrow else way.LeftToRight)
        self.facts.setVisible(not narrow)

    def forget(self) -> None:
        """Another cell is shown: no question and no word about the last one may stay."""
        self.recover.forget()
        self.told.hide()

    def show_result(self, result: CallResult) -> None:
        """Tell what came of a command."""
        if result.name in ("recover", "stop_motion"):
            word = "done" if result.ok else "failed"
            name = result.name.replace("_", " ")
            self.told.setText(f"{name} {word}: {result.message}")
            self.told.show()


def facts_of(state: RobotState) -> str:
    """The state in a line."""
    parts = [
        state.position or ("moving" if state.moving else ""),
        f"speed {number(100 * state.speed_scaling, 0)} %",
        "holds an object" if state.holds_object else "",
        "stopped until recovered" if state.stop_latched else "",
        *(_fact(name, value) for name, value in state.facts.items() if name != "speed_scaling"),
    ]
    return "  ·  ".join(part for part in parts if part)


def _fact(name: str, value: object) -> str:
    """One that is a word or a yes or no; "" for numbers, which the diagnostics hold."""
    if isinstance(value, bool):
        return _words(name) if value else f"NO {_words(name)}"
    return f"{_words(name)} {_words(value)}" if isinstance(value, str) else ""


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
