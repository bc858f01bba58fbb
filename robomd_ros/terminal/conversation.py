# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a person types at a cell, and what becomes of it. No ROS, no terminal."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from robomd_ros.core.operator.desk import NOTHING_ASKED, Answer, Request, RequestKind
from robomd_ros.core.operator.words import QUESTIONS, Relabel, Said, understood, word_of
from robomd_ros.terminal.request_text import meanings, name_of, request_text

FRESH = 0.6
"""s for which a new request takes no line: its first key was meant for what was there before."""
_LONGEST_ECHO = 40
"""Characters of a line that are shown again."""


class Actions(Protocol):
    """What can be done with what was typed."""

    def answer(self, request: Request, answer: Answer, tag: str) -> None:
        """Send an answer."""
        ...

    def control(self, command: str) -> None:
        """Pause, resume or stop the campaign."""
        ...

    def relabel(self, wish: Relabel) -> None:
        """Give an earlier trial another label."""
        ...


@dataclass(frozen=True)
class Begun:
    """The moment at which the first key of a line was typed.

    Attributes:
        number: of the request that was open; 0: none was.
        at: s of a steady clock.
    """

    number: int
    at: float


@dataclass(frozen=True)
class _Unconfirmed:
    """A dangerous word that waits for a yes."""

    said: Said
    word: str
    number: int
    at: float


class Conversation:
    """Follows the requests of a cell and decides what a typed line means.

    There is no default answer. A line belongs to the request for which its first key was typed:
    where another one is open by then, or has been there for a moment only, it is discarded and
    that is said. Dangerous words ask back. Not thread-safe.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        actions: Actions,
        place: str = "",
        width: Callable[[], int] = lambda: 80,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing asked.

        Args:
            show: prints a text for the person.
            actions: what becomes of answers and wishes.
            place: name of the cell.
            width: columns of the terminal.
            clock: steady, s.
        """
        self._show = show
        self._actions = actions
        self._place = place
        self._width = width
        self._clock = clock
        self._since = -FRESH
        self._running: Request | None = None  # the rollout that a line may still be about
        self._pending: _Unconfirmed | None = None
        self.request = NOTHING_ASKED
        self.text = ""
        """What is asked now, for people; empty if nothing is."""

    def begun(self) -> Begun:
        """The mark of a line whose first key is typed now."""
        return Begun(self.request.number, self._clock())

    def goes_on(self, request: Request) -> bool:
        """Whether a line that is being typed is about this request too.

        A rollout that can be labelled and the question for its label are one matter, also in the
        moment in between, in which nothing is asked.
        """
        if self._running is None or request.kind is RequestKind.LABEL_OUTCOME:
            return self._running is not None
        withdrawn = not request.number and not request.instruction  # nobody has answered
        return withdrawn

    def ask(self, request: Request, progress: str = "", discarded: str = "") -> None:
        """Take in what is asked now.

        Args:
            request: NOTHING_ASKED: nothing is.
            progress: how far the campaign is.
            discarded: what was being typed, unless the line `goes_on`.
        """
        if discarded:
            self._show(_thrown_away(discarded, self._named(self.request)))
        if not self.goes_on(request):
            self._pending = None
            self._since = self._clock()
            self._running = request if request.kind is RequestKind.ROLLOUT_RUNS else None
        self.request = request
        asked = bool(request.number)
        self.text = (
            request_text(request, self._place, progress, min(80, self._width())) if asked else ""
        )
        if asked:
            self._show(self.text)

    def take(self, line: str, begun: Begun | None = None) -> None:
        """Take a line that was ended by Enter.

        Args:
            line: what was typed.
            begun: when its first key was typed; None: now.
        """
        begun = begun or self.begun()
        text = " ".join(line.split())
        of_rollout = self._running is not None and begun.number in (0, self._running.number)
        if text and begun.number != self.request.number and not of_rollout:
            was = "before this was asked" if not begun.number else "for another request"
            self._show(_thrown_away(text, was))
            return
        if text and self.request.number and begun.at - self._since < FRESH:
            self._show(_thrown_away(text, "in the moment in which this was asked"))
            return
        pending, self._pending = self._pending, None
        if pending is not None and pending.number == self.request.number:
            self._confirm(pending, text, begun)
        elif not text:
            self._show(self.text or "Nothing is asked now. You may type: pause / resume / stop")
        elif text in ("?", "help"):
            self._show(meanings(self.request.kind, min(80, self._width())))
        else:
            self._act(understood(text, self.request.kind))

    def _act(self, said: Said) -> None:
        danger = Answer.STOP if said.command == "stop" else said.answer
        if said.problem:
            self._show(f"{said.problem}.\n{self.text}".rstrip("\n"))
        elif danger in QUESTIONS:
            word = word_of(danger)
            self._pending = _Unconfirmed(said, word, self.request.number, self._clock())
            self._show(f"{QUESTIONS[danger]} Type yes, or anything else for no.")
        else:
            self._do(said)

    def _confirm(self, pending: _Unconfirmed, text: str, begun: Begun) -> None:
        if text.lower() == "yes" and begun.at >= pending.at:
            self._do(pending.said)
            return
        self._show(f"({pending.word} was not sent)")
        if self.text:
            self._show(self.text)

    def _do(self, said: Said) -> None:
        if said.answer is not None:
            self._running = None
            self._actions.answer(self.request, said.answer, said.tag)
        elif said.relabel is not None:
            self._actions.relabel(said.relabel)
        else:
            self._actions.control(said.command)

    def _named(self, request: Request) -> str:
        return f"for {name_of(request, self._place)}" if request.number else "before this was asked"


def _thrown_away(text: str, why: str) -> str:
    shown = text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]} …"
    return f"{shown!r} was thrown away: it was begun {why}. Nothing was sent."
