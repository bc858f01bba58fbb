# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The words between a person and a cell: what an answer means, and which answer was typed.

Terminal, panel and console show the same titles and the same meanings.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from robomd_ros.core.operator.desk import ANSWERS, HEARD, Answer, Request, RequestKind
from robomd_ros.core.trial import Result

TITLES = {
    RequestKind.APPLY_SCENE: "change the scene",
    RequestKind.RESTORE_NOMINAL: "restore the scene",
    RequestKind.LABEL_OUTCOME: "did it do the task?",
    RequestKind.RECOVER_ROBOT: "recover the robot",
    RequestKind.RELEASE_OBJECT: "take the object",
    RequestKind.ROLLOUT_RUNS: "the policy runs",
}
"""What a request is about, in a few words."""

MEANINGS = {
    Answer.DONE: "it is done as asked, and I am out of reach: the arm may move",
    Answer.REALLY_DONE: "it is done, although the picture does not show it",
    Answer.OPEN_GRIPPER: "I hold the object: open the gripper",
    Answer.SUCCESS: "the policy did the task; during a rollout this ends it",
    Answer.FAILURE: "the policy did not do the task; likewise",
    Answer.SKIP: "it cannot be done now: put the scene back as it was; other scenes come first",
    Answer.INVALID: "this trial does not count; its scene is asked again",
    Answer.UNDO: "the last label was wrong: that trial does not count and is asked again",
    Answer.PAUSE: "no new trial starts until you type resume; this request stays open",
    Answer.STOP: "end the campaign; the same command goes on with it later",
}
"""What the answers mean, in the order in which they are shown."""

QUESTIONS = {
    Answer.STOP: "End the campaign? The same command goes on with it later.",
    Answer.INVALID: "Is this trial not to count? Its scene is asked again.",
    Answer.OPEN_GRIPPER: "Do you hold the object? The gripper opens.",
}
"""What is asked back before a dangerous answer is sent."""

STAGES = ("nothing", "reached", "grasped", "lifted", "placed")
"""Words that say how far the policy came; any other word beside a label is a tag."""

_NAMES = {Answer.REALLY_DONE: "really done", Answer.OPEN_GRIPPER: "open"}
_RESTS = ("at home", "tool at ")
"""How the places begin at which an arm stands still."""
_SHORTEST = 3
"""Letters from which the beginning of a word stands for it."""
_WHOLE = frozenset({"stop", "invalid", "open", "really done", "relabel", "resume"})
"""Words that are typed whole: what is dangerous, and what another word resembles."""
_COMMANDS = ("pause", "resume", "stop")
_LABELS = {r.name.lower(): r for r in (Result.SUCCESS, Result.FAILURE, Result.INVALID)}
_TAGGED = frozenset({Answer.SUCCESS, Answer.FAILURE, Answer.INVALID})


def word_of(answer: Answer) -> str:
    """What is typed for an answer."""
    return _NAMES.get(answer, answer.name.lower())


def answers_of(kind: RequestKind) -> list[Answer]:
    """What may be answered to a request, in a fixed order."""
    allowed = ANSWERS.get(kind, frozenset()).union(HEARD)
    return [answer for answer in MEANINGS if answer in allowed]


@dataclass(frozen=True)
class Relabel:
    """A wish to give an earlier trial another label."""

    index: int
    result: Result
    tag: str


@dataclass(frozen=True)
class Said:
    """What a person typed, understood; with everything empty it was not understood.

    Attributes:
        answer: to the open request.
        command: pause, resume or stop, of the campaign.
        relabel: another label for an earlier trial.
        tag: words beside a label.
        problem: why it means nothing, and what may be typed.
    """

    answer: Answer | None = None
    command: str = ""
    relabel: Relabel | None = None
    tag: str = ""
    problem: str = ""


def understood(line: str, kind: RequestKind) -> Said:
    """What was typed.

    A word, or at least three of its first letters, of exactly one word; what is dangerous must be
    whole. So no slip of one letter turns an answer into another.

    Args:
        line: what was typed.
        kind: of the open request; UNKNOWN: nothing is asked.
    """
    typed = " ".join(line.lower().split())
    word, _, rest = typed.partition(" ")
    if word == "relabel":
        return _relabel(rest)
    answers = {word_of(a): a for a in answers_of(kind)} if kind else {}
    if typed in answers:  # also of two words
        word, rest = typed, ""
    found = _meant(word, [*answers, *_COMMANDS])
    if found is not None and found in answers:
        answer = answers[found]
        if rest and answer not in _TAGGED | {Answer.UNDO, Answer.SKIP}:
            return Said(problem=f"{line.strip()!r}: {found} takes no further word")
        return Said(answer=answer, tag=rest)
    if found is not None and not rest:
        return Said(command=found)
    return Said(problem=f"{line.strip()!r} is no answer here")


def _meant(typed: str, words: Iterable[str]) -> str | None:
    """The word that was typed, whole or its beginning; None if there is none, or several."""
    known = list(dict.fromkeys(words))
    if typed in known:
        return typed
    if len(typed) < _SHORTEST:
        return None
    found = [w for w in known if w.startswith(typed) and w not in _WHOLE]
    return found[0] if len(found) == 1 else None


def _relabel(rest: str) -> Said:
    parts = rest.split()
    if len(parts) < 2 or not parts[0].lstrip("#").isascii():
        return Said(problem="type: relabel <trial> success | failure | invalid [tag]")
    number, label = parts[0].lstrip("#"), parts[1]
    if not number.isdigit() or len(number) > 9:
        return Said(problem=f"{parts[0]!r} is no number of a trial; they begin with 0")
    if label not in _LABELS:
        return Said(problem=f"{label!r} is no label; type success, failure or invalid, whole")
    return Said(relabel=Relabel(int(number), _LABELS[label], " ".join(parts[2:])))


def split_tag(tag: str) -> tuple[str, tuple[str, ...]]:
    """The stage that was reached ("" unknown) and the other words beside a label."""
    words = tag.lower().split()
    stage = next((word for word in words if word in STAGES), "")
    return stage, tuple(word for word in words if word != stage)


def steps_of(request: Request) -> list[str]:
    """What is to be done, in order: take back first."""
    undo = [f"take back: {v.description}" for v in request.steps.undo]
    return undo + [v.description for v in request.steps.apply]


def position_of(request: Request) -> str:
    """Where the arm stands and what it holds, as a sentence; "" where there is no arm."""
    holds = "The gripper HOLDS an object." if request.holds_object else ""
    place = request.arm_position
    if not place or request.kind is RequestKind.ROLLOUT_RUNS:
        where = ""  # while the policy moves the arm, where it was says nothing
    elif place.startswith(_RESTS):
        where = f"The arm rests: {place}."
    else:
        where = "The arm moves." if place == "moving" else f"The arm moves: {place}."
    return " ".join(filter(None, (where, holds)))
