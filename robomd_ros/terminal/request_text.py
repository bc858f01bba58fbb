# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A request as it is read on a terminal: the steps first, short, and whole at 80 columns."""

import textwrap

from robomd_ros.core.operator.desk import NUMBERS, Request, RequestKind
from robomd_ros.core.operator.words import (
    MEANINGS,
    TITLES,
    answers_of,
    position_of,
    steps_of,
    word_of,
)

WIDTH = 80
"""Columns of a text; of a narrower terminal its own."""


def name_of(request: Request, place: str) -> str:
    """How a request is called: "Request 12 at ur5e"."""
    where = f" at {place}" if place else ""
    return f"Request {request.number % NUMBERS}{where}"


def request_text(request: Request, place: str, progress: str = "", width: int = WIDTH) -> str:
    """A request as numbered steps, then what else is to be known, then what may be typed.

    Args:
        request: what is asked.
        place: name of the cell.
        progress: how far the campaign is; may be empty.
        width: columns.
    """
    lines = _wrapped(f"{name_of(request, place)}: {TITLES.get(request.kind, '?')}", "--- ", width)
    for number, step in enumerate(steps_of(request), 1):
        lines += _wrapped(step, f"  {number}. ", width)
    for sentence in (request.instruction, position_of(request), progress):
        lines += _wrapped(sentence, "  ", width)
    words = " / ".join(word_of(a) for a in answers_of(request.kind))
    return "\n".join([*lines, *_wrapped(f"{words}   (? explains)", "Type: ", width)])


def meanings(kind: RequestKind, width: int = WIDTH) -> str:
    """What every word means that may be typed now."""
    answers = answers_of(kind) if kind is not RequestKind.UNKNOWN else []
    told = {word_of(a): MEANINGS[a] for a in answers}
    if not answers:
        told["pause"] = "no new trial starts"
        told["stop"] = "end the campaign; the same command goes on with it later"
    told["resume"] = "go on after a pause"
    told["relabel 12 failure"] = "trial 12 was a failure; its label before stays in the log"
    if kind is RequestKind.LABEL_OUTCOME:
        told["failure grasped slipped"] = "a label with how far it came and why it failed"
    lines = []
    for word, meaning in told.items():
        lines += _wrapped(f"{word}: {meaning}", "  ", width)
    return "\n".join(lines)


def _wrapped(text: str, begin: str, width: int) -> list[str]:
    """Lines of a text; those after the first are indented as deep as its beginning is long."""
    lines = []
    for number, part in enumerate(text.splitlines()):
        first = begin if not number else " " * len(begin)
        lines += textwrap.wrap(
            part, max(20, width), initial_indent=first, subsequent_indent=" " * len(begin)
        )
    return lines
