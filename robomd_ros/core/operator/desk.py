# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a person at a cell is asked to do, and which of the answers counts."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from robomd_ros.core.variations import Scene, Variation


class RequestKind(IntEnum):
    """Equal to the constants of robomd_msgs/OperatorRequest."""

    UNKNOWN = 0
    APPLY_SCENE = 1
    RESTORE_NOMINAL = 2
    LABEL_OUTCOME = 3
    RECOVER_ROBOT = 4
    RELEASE_OBJECT = 5
    ROLLOUT_RUNS = 6


class Answer(IntEnum):
    """Equal to the constants of robomd_msgs/AnswerOperatorRequest; UNKNOWN is never accepted."""

    UNKNOWN = 0
    DONE = 1
    SKIP = 2
    INVALID = 3
    SUCCESS = 4
    FAILURE = 5
    UNDO = 6
    PAUSE = 7
    STOP = 8
    REALLY_DONE = 9
    OPEN_GRIPPER = 10


class Refusal(IntEnum):
    """Why an answer did not count; equal to AnswerOperatorRequest's error codes."""

    NONE = 0
    NO_SUCH_REQUEST = 1
    ALREADY_ANSWERED = 2
    NOT_AN_ANSWER = 3


_CHANGE_ANSWERS = frozenset(
    {Answer.DONE, Answer.REALLY_DONE, Answer.SKIP, Answer.INVALID, Answer.STOP}
)
ANSWERS = {
    RequestKind.APPLY_SCENE: _CHANGE_ANSWERS,
    RequestKind.RESTORE_NOMINAL: _CHANGE_ANSWERS,
    RequestKind.LABEL_OUTCOME: frozenset(
        {Answer.SUCCESS, Answer.FAILURE, Answer.INVALID, Answer.STOP}
    ),
    RequestKind.RECOVER_ROBOT: frozenset({Answer.DONE, Answer.STOP}),
    RequestKind.ROLLOUT_RUNS: frozenset(
        {Answer.SUCCESS, Answer.FAILURE, Answer.INVALID, Answer.STOP}
    ),
    RequestKind.RELEASE_OBJECT: frozenset({Answer.OPEN_GRIPPER, Answer.DONE, Answer.STOP}),
}
"""The answers that end a request of a kind."""
HEARD = (Answer.UNDO, Answer.PAUSE)
"""Answers that any request hears, and that leave it open."""


@dataclass(frozen=True)
class Changes:
    """The steps from one scene to another, and no others.

    Attributes:
        undo: variations to take back, the one added last first.
        apply: variations to make, in the order of the wanted scene.
    """

    undo: tuple[Variation, ...]
    apply: tuple[Variation, ...]

    @property
    def cost(self) -> float:
        """Human work of the changes to make, s; NaN where one is unknown."""
        return math.fsum(v.change_cost for v in (*self.undo, *self.apply))

    @property
    def empty(self) -> bool:
        """Whether nothing has to be done."""
        return not (self.undo or self.apply)


def changes(present: Scene, wanted: Scene) -> Changes:
    """What a person has to do to turn the present scene into the wanted one."""
    undo = tuple(v for v in reversed(present.variations) if v.id not in wanted.key)
    apply = tuple(v for v in wanted if v.id not in present.key)
    return Changes(undo, apply)


@dataclass(frozen=True)
class Request:
    """One thing a person is asked.

    Attributes:
        number: unique at its desk, from 1; 0 means that nothing is asked.
        kind: what sort of answer is wanted.
        instruction: the sentence to show.
        steps: the changes to make.
        deadline: Unix time after which it lapses, s; 0 is never.
        holds_object: the gripper holds something.
        arm_position: where the arm rests, for people; "": there is no arm.
    """

    number: int = 0
    kind: RequestKind = RequestKind.UNKNOWN
    instruction: str = ""
    steps: Changes = Changes((), ())
    deadline: float = 0.0
    holds_object: bool = False
    arm_position: str = ""


@dataclass(frozen=True)
class Answered:
    """An answer that counted, with its time (Unix, s), who gave it, and the words beside it."""

    answer: Answer
    operator_name: str
    comment: str
    time: float
    tag: str = ""


NOTHING_ASKED = Request()
LONGEST_TEXT = 2000
"""Characters that each text of an answer may have."""
_REMEMBERED = 100
"""Requests of which it is known how they ended."""
NUMBERS = 1000
"""Requests are numbered on from the time of the start, s, times this; people see the rest."""


class OperatorDesk:
    """Holds at most one open request; the first valid answer from any front end counts.

    Thread-safe. `on_change` is called with the open request, or NOTHING_ASKED, after every change;
    the instruction of the latter says how the last request ended.
    """

    def __init__(self, on_change: Callable[[Request], None], after: int = 0) -> None:
        """Begin with nothing asked.

        Args:
            on_change: see above.
            after: numbers of requests go on after this one.
        """
        self._on_change = on_change
        self._first_number = after + 1
        self._lock = threading.Condition()
        self._open = NOTHING_ASKED
        self._last_number = after
        self._answered: Answered | None = None
        self._ended: dict[int, str] = {}  # how requests ended

    @property
    def open_request(self) -> Request:
        """What is asked now; NOTHING_ASKED if nothing."""
        return self._open

    def ask(
        self,
        request: Request,
        timeout: float = math.inf,
        unless: Callable[[], bool] = lambda: False,
    ) -> Answered | None:
        """Show a request and block for its answer.

        Args:
            request: its number and deadline are filled in here.
            timeout: s; inf waits for ever.
            unless: whether nobody wants it any more; a `withdraw` may have come before the ask.

        Returns:
            The answer that counted; None if the request lapsed or was withdrawn.
        """
        with self._lock:
            if unless():
                return None
            deadline = time.time() + timeout if math.isfinite(timeout) else 0.0
            self._last_number += 1
            self._open = replace(request, number=self._last_number, deadline=deadline)
            self._answered = None
            self._on_change(self._open)
            limit = None if math.isinf(timeout) else timeout
            self._lock.wait_for(lambda: self._answered or not self._open.number, limit)
            how = _told(self._answered) if self._answered is not None else ""
            self._ended[self._last_number] = how
            self._ended.pop(self._last_number - _REMEMBERED, None)
            self._open = NOTHING_ASKED
            self._on_change(replace(NOTHING_ASKED, instruction=how))
            return self._answered

    def withdraw(self) -> None:
        """The open request is not wanted any more; `ask` returns None."""
        with self._lock:
            self._open = NOTHING_ASKED
            self._lock.notify_all()

    def answer(
        self, number: int, answer: int, operator: str, comment: str, tag: str = ""
    ) -> tuple[Refusal, str]:
        """Take an answer from a front end.

        Args:
            number: of the request that is answered.
            answer: one of Answer.
            operator: who answers.
            comment: for the record.
            tag: of a label: the stage reached, or why it failed.

        Returns:
            (NONE, "") if it counted or was heard, else why not, with what to do.
        """
        longest = max(len(operator), len(comment), len(tag))
        if longest > LONGEST_TEXT:
            return Refusal.NOT_AN_ANSWER, (
                f"an answer's texts have at most {LONGEST_TEXT} characters; got {longest}"
            )
        with self._lock:
            if number == 0 or number != self._open.number:
                return self._not_open(number)
            if self._answered is not None:
                return Refusal.ALREADY_ANSWERED, _told(self._answered)
            if answer in HEARD:
                return Refusal.NONE, ""
            allowed = ANSWERS[self._open.kind]
            if answer not in allowed:
                names = ", ".join(sorted(a.name for a in allowed))
                return Refusal.NOT_AN_ANSWER, (
                    f"{answer!r} is no answer to {self._open.kind.name}; it takes {names}"
                )
            self._answered = Answered(Answer(answer), operator, comment, time.time(), tag)
            self._lock.notify_all()
            return Refusal.NONE, ""

    def _not_open(self, number: int) -> tuple[Refusal, str]:
        if self._first_number <= number <= self._last_number:
            how = self._ended.get(number) or "it was withdrawn, or its time was over"
            return Refusal.ALREADY_ANSWERED, how
        return Refusal.NO_SUCH_REQUEST, (
            f"request {number} is not open; now open: {self._open.number}"
        )


def _told(answered: Answered) -> str:
    """For another front end: what was answered, and by whom."""
    word = answered.answer.name.lower().replace("_", " ")
    return f"{answered.operator_name or 'somebody'} answered {word}"
