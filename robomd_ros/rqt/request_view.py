# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a person at a cell is asked, with the buttons to answer."""

import os
import time

from robomd_ros.core.operator.desk import (
    ANSWERS,
    NOTHING_ASKED,
    Answer,
    Refusal,
    Request,
    RequestKind,
)
from robomd_ros.core.operator.words import QUESTIONS, position_of, word_of
from robomd_ros.core.wording import lasting
from robomd_ros.rqt.parts import Chip, DeliberateButton, Section, wrapping_label
from robomd_ros.rqt.qt import Qt, QtCore, QtWidgets, Signal
from robomd_ros.rqt.style import BLACK, BLUE, GREY, ORANGE, VERMILLION, WHITE, clock
from robomd_ros.rqt.values import CallResult

GUARD = 600
"""ms for which a new request takes no answer: a click meant for the last one must not count."""
_IDLE_HEIGHT = 150
"""px at most while nothing is asked: the camera gets the rest."""
_ANY_HEIGHT = 16_777_215

_BUTTONS = {
    Answer.DONE: ("✔  Done  (D)", "the changes are made, or the robot is ready again"),
    Answer.REALLY_DONE: ("Reall&y done", "it is done, although the picture does not show it"),
    Answer.OPEN_GRIPPER: ("&Open the gripper", "you hold the object"),
    Answer.SUCCESS: ("✔  Success  (S)", "the policy did the task"),
    Answer.FAILURE: ("✘  Failure  (F)", "the policy did not do the task"),
    Answer.SKIP: ("S&kip this scene", "it cannot be made: do not ask for it again now"),
    Answer.INVALID: ("&Invalid trial", "this trial does not count"),
    Answer.UNDO: ("&Undo last label", "take back the label that was given last in this cell"),
}
KEYS = {"D": Answer.DONE, "S": Answer.SUCCESS, "F": Answer.FAILURE}
"""Keys that press a button, unless a text is being typed."""
_LONGEST_TAG = 80
_ARMED = 5000
"""ms for which a second press confirms what is dangerous."""
_LABELS = (RequestKind.LABEL_OUTCOME, RequestKind.ROLLOUT_RUNS)
_COLORS = {Answer.SUCCESS: BLUE, Answer.FAILURE: VERMILLION}
_TITLES = {
    RequestKind.APPLY_SCENE: "Change the scene",
    RequestKind.RESTORE_NOMINAL: "Restore the scene",
    RequestKind.LABEL_OUTCOME: "Label the trial",
    RequestKind.RECOVER_ROBOT: "Recover the robot",
    RequestKind.RELEASE_OBJECT: "Take the object",
    RequestKind.ROLLOUT_RUNS: "The policy runs",
}


def answers_shown(kind: RequestKind) -> list[Answer]:
    """The buttons of a request, in a fixed order; pause and stop stand at the campaign."""
    allowed = ANSWERS.get(kind, frozenset())
    return [a for a in _BUTTONS if a in allowed or (a is Answer.UNDO and allowed)]


def steps_of(request: Request) -> list[str]:
    """What is to be done, in order: take back first."""
    undo = [f"Take back: {v.description}" for v in request.steps.undo]
    return undo + [v.description for v in request.steps.apply]


class RequestView(Section):
    """The open request of the selected cell. Nothing is answered but by a deliberate press."""

    # cell, request (a uint64, where Qt's int has 32 bits), Answer, operator, comment, tag
    answered = Signal(str, object, int, str, str, str)

    def __init__(self) -> None:
        super().__init__("Operator")
        self._cell = ""
        self._request = NOTHING_ASKED
        self._sent: tuple[str, int, Answer] | None = None
        self._counted = 0
        self._connected = self._narrow = False
        self._guard = QtCore.QTimer(self)
        self._guard.setSingleShot(True)
        self._guard.setInterval(GUARD)
        self._guard.timeout.connect(self._enable)
        self._armed: Answer | None = None
        self._disarm = QtCore.QTimer(self)
        self._disarm.setSingleShot(True)
        self._disarm.setInterval(_ARMED)
        self._disarm.timeout.connect(self._forget)
        self.buttons: dict[Answer, DeliberateButton] = {}
        self._build()
        self._show()

    def _build(self) -> None:
        self.chip = Chip()
        self.text = wrapping_label()
        self.text.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setWidget(self.text)
        self.comment = QtWidgets.QLineEdit()
        self.comment.setPlaceholderText("comment, for the record (optional)")
        self.tag = QtWidgets.QLineEdit()
        self.tag.setPlaceholderText("how far, why: grasped slipped (optional)")
        self.tag.setMaxLength(_LONGEST_TAG)
        self.operator = QtWidgets.QLineEdit(os.environ.get("USER", ""))
        self.operator.setPlaceholderText("your name")
        self.operator.setMaximumWidth(110)
        self.notice = wrapping_label(lines=3)
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self.tag, 1)
        row.addWidget(self.comment, 1)
        row.addWidget(self.operator)
        self.grid = QtWidgets.QGridLayout()
        scroll.setMinimumHeight(60)
        self.head.insertWidget(1, self.chip)
        self.body.addWidget(scroll, 1)
        self.body.addLayout(self.grid)
        self.body.addLayout(row)
        self.body.addWidget(self.notice)

    # What comes in

    def show_request(self, cell: str, request: Request) -> None:
        """Show what is asked at a cell; number 0 is nothing."""
        same_cell, last = cell == self._cell, self._request
        if same_cell and request == last:
            return
        if same_cell and last.number and request.number != last.number:
            self._say_how_it_ended(last)
        if not same_cell:
            self.notice.clear()
        goes_on = (last.kind, request.kind) == _LABELS[::-1]  # the rollout that ran has ended
        if request.number != last.number and not goes_on:
            self.tag.clear()  # it was meant for another trial
        self._cell, self._request = cell, request
        self._armed = None
        self._show()

    def show_result(self, result: CallResult) -> None:
        """Tell what came of an answer."""
        if result.name != "answer" or self._sent is None:
            return
        cell, number, answer = self._sent
        if (result.cell, result.number) != (cell, number):
            return
        self._sent = None
        word = answer.name.lower()
        if result.ok and answer is Answer.UNDO:
            self.say("The last label is taken back; its scene is asked again.")
        elif result.ok:
            self._counted = number
            self.say(f"Your answer “{word}” counted.")
            self.comment.clear()
            self.tag.clear()
        elif result.code == Refusal.ALREADY_ANSWERED:
            who = result.message or "somebody else answered first"
            self.say(f"Your “{word}” came too late and did not count: {who}.", warn=True)
        else:
            self.say(f"Your “{word}” did not count: {result.message}", warn=True)
        self._enable()

    def set_connected(self, connected: bool) -> None:
        """Whether somebody is there to take an answer."""
        if connected != self._connected:
            self._connected = connected
            self._show()

    def set_narrow(self, narrow: bool) -> None:
        """Whether it stands beside the camera, not below it."""
        self._narrow = narrow
        self._fit()

    def _fit(self) -> None:
        tall = self._narrow or bool(self._request.number)
        self.setMaximumHeight(_ANY_HEIGHT if tall else _IDLE_HEIGHT)

    def tick(self) -> None:
        """A second has passed: bring the time that is left up to date."""
        deadline = self._request.deadline
        left = f"{lasting(deadline - time.time())} left" if deadline else ""
        if self._request.number:
            self.remark.setText(f"at {self._cell}  {left}".strip())

    def say(self, text: str, warn: bool = False) -> None:
        """Tell the operator something; it stays until the next word."""
        self.notice.setText(f"{clock(time.time())}  {text}")
        self.notice.setStyleSheet(f"color:{VERMILLION}; font-weight:bold;" if warn else "")

    # What it shows

    def _say_how_it_ended(self, last: Request) -> None:
        if self._sent is not None and self._sent[:2] == (self._cell, last.number):
            return  # our own answer is on its way: its result tells
        if last.number == self._counted:
            return
        how = self._request.instruction if not self._request.number else ""
        if how:
            self.say(f"{how}.")
        elif last.kind is not RequestKind.ROLLOUT_RUNS:
            self.say("The last request was answered by another front end, or withdrawn.")

    def _show(self) -> None:
        request, asked = self._request, bool(self._request.number)
        if not self._connected:
            self.chip.tell("not connected", GREY, WHITE)
        elif asked:
            self.chip.tell(_TITLES.get(request.kind, "?"), ORANGE, BLACK)
        else:
            self.chip.tell("nothing is asked", GREY, WHITE)
        steps = [f"{i}.  {step}" for i, step in enumerate(steps_of(request), 1)]
        also = [t for t in (request.instruction, position_of(request)) if t]
        self.text.setText("\n".join([*steps, *also]) if asked else self._idle())
        self.remark.setText("")
        self.tick()
        labels = request.kind in _LABELS
        self.operator.setVisible(asked)
        self.tag.setVisible(asked and labels)
        self.comment.setVisible(asked and not labels)
        self._fit()
        self._make_buttons(answers_shown(request.kind) if asked else [])
        self._guard.start()

    def _idle(self) -> str:
        if not self._connected:
            return "The perturbation node of this cell is not on the graph."
        return f"No work for a person at {self._cell} now."

    def _make_buttons(self, answers: list[Answer]) -> None:
        if set(answers) != set(self.buttons):
            for button in self.buttons.values():
                self.grid.removeWidget(button)
                button.hide()
                button.deleteLater()
            self.buttons = {answer: self._button(answer) for answer in answers}
            for place, answer in enumerate(answers):
                self.grid.addWidget(self.buttons[answer], *divmod(place, 2))
        for button in self.buttons.values():
            button.setEnabled(False)
        if self.isVisible() and answers:
            focused = self.focusWidget()
            if isinstance(focused, DeliberateButton):
                self.text.setFocus()  # Space must not answer what was not read

    def _button(self, answer: Answer) -> DeliberateButton:
        text, tip = _BUTTONS[answer]
        button = DeliberateButton(text, tip)
        button.setMinimumSize(90, 40)
        button.setSizePolicy(  # a longer word must not widen the window
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed
        )
        if answer in _COLORS:
            button.setStyleSheet(
                f"QPushButton:enabled {{ background:{_COLORS[answer]}; color:white;"
                " font-weight:bold; border:1px solid #404040; border-radius:3px; }"
                "QPushButton:enabled:focus { border:3px solid black; }"
            )
        button.clicked.connect(lambda _checked=False, a=answer: self._press(a))
        return button

    def _forget(self) -> None:
        if self._armed is not None:
            self.say(f"“{word_of(self._armed)}” was not sent.")
            self._armed = None

    def _enable(self) -> None:
        """Buttons take presses when the request has been there for a moment and none is sent."""
        ready = self._connected and self._sent is None and not self._guard.isActive()
        for button in self.buttons.values():
            button.setEnabled(ready)

    def press_key(self, key: str) -> None:
        """Press the button of a key, if it is offered and seen."""
        button = self.buttons.get(KEYS[key])
        if button is not None and button.isVisible() and button.isEnabled():
            button.click()

    def _press(self, answer: Answer) -> None:
        if answer in QUESTIONS and self._armed is not answer:
            self._armed = answer
            self._disarm.start()
            self.say(f"{QUESTIONS[answer]} Press it again for yes.", warn=True)
            return
        self._armed = None
        number = self._request.number
        self._sent = (self._cell, number, answer)
        self._enable()
        self.say(f"Sending “{answer.name.lower()}” …")
        operator, comment = self.operator.text().strip(), self.comment.text().strip()
        tag = self.tag.text().strip() if self._request.kind in _LABELS else ""
        self.answered.emit(self._cell, number, int(answer), operator, comment, tag)
