# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a console shows: the request, the pictures, how far the campaign is. Thread-safe."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.status import CampaignStatus
from robomd_ros.core.operator.desk import (
    ANSWERS,
    NOTHING_ASKED,
    NUMBERS,
    Answer,
    Request,
    RequestKind,
)
from robomd_ros.core.operator.words import (
    MEANINGS,
    QUESTIONS,
    TITLES,
    answers_of,
    position_of,
    steps_of,
    word_of,
)
from robomd_ros.core.trial import Result, Source, Trial
from robomd_ros.core.wording import counted, lasting, words

Picture = NDArray[np.uint8]
OLD = 3.0
"""s after which a camera's picture is told to be old."""
_QUALITY = 80
_KEPT = 6
"""Trials whose label may be corrected on the page."""
_SCENE = (RequestKind.APPLY_SCENE, RequestKind.RESTORE_NOMINAL)


class Board:
    """Collects what is told about one cell, and gives it as JSON and JPEG.

    What the ranking or the policy says is not on it: the question for a label is blind.
    """

    def __init__(self, cell: str) -> None:
        """Begin with nothing asked in a cell of this name."""
        self.cell = cell
        """Its name."""
        self._lock = threading.Lock()
        self._request = NOTHING_ASKED
        self._ended = ""
        self._waits = ""
        self._until = 0.0
        self._labelled: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._status: CampaignStatus | None = None
        self._there = self._can_stop = False
        self._now: Picture | None = None
        self._before: Picture | None = None
        self._seen = -math.inf
        self.changed: Callable[[], None] = lambda: None
        """Called after every change but that of the picture; from any thread."""

    @property
    def request(self) -> Request:
        """What is asked now."""
        return self._request

    def ask(self, request: Request) -> None:
        """Take in what is asked; NOTHING_ASKED with the words of how the last request ended."""
        with self._lock:
            if not request.number:
                counts = bool(request.deadline)  # the arm is about to move: `wait` tells it
                self._ended = self._ended if counts else request.instruction
                self._until = request.deadline
            elif request.number != self._request.number and request.kind in _SCENE:
                self._before = self._now
            self._request = request
        self.changed()

    def wait(self, why: str) -> None:
        """Why the arm stands still although nothing is asked: the count-down; "": it does not."""
        self._change("_waits", why)

    def trial(self, trial: Trial) -> None:
        """Take in a trial that has ended; those that a person may label anew are shown."""
        outcome = trial.outcome
        if not (outcome.valid or outcome.source is Source.OPERATOR):
            return  # a fault made it invalid, and no word of a person makes it count
        scene = " + ".join(words(i) for i in trial.scene.ids) or "unchanged"
        with self._lock:
            self._labelled.append(
                {"index": trial.index, "scene": scene, "label": outcome.result.name}
            )
        self.changed()

    def relabelled(self, index: int, result: Result) -> None:
        """A trial has another label."""
        with self._lock:
            for trial in self._labelled:
                if trial["index"] == index:
                    trial["label"] = result.name
        self.changed()

    def campaign(self, status: CampaignStatus) -> None:
        """Take in how far the campaign is."""
        self._change("_status", status)

    def presence(self, operator: bool, stop: bool) -> None:
        """Whether somebody takes answers, and whether there is an arm that can be stopped."""
        with self._lock:
            same = (operator, stop) == (self._there, self._can_stop)
            self._there, self._can_stop = operator, stop
        if not same:
            self.changed()

    def look(self, picture: Picture) -> None:
        """Take in the camera's newest picture, (H, W, 3) uint8 RGB."""
        with self._lock:
            self._now, self._seen = picture, time.monotonic()

    def picture(self, which: str) -> bytes | None:
        """`now` or `before` as JPEG; None if there is none."""
        with self._lock:
            picture = self._now if which == "now" else self._before
        if picture is None:
            return None
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return bytes(data.tobytes()) if done else None

    def snapshot(self) -> dict[str, Any]:
        """Everything for the page, as JSON values."""
        with self._lock:
            request, status = self._request, self._status
            age = time.monotonic() - self._seen
            return {
                "cell": self.cell,
                "there": self._there,
                "can_stop": self._can_stop,
                "request": _request_values(request) if request.number else None,
                "ended": self._ended,
                "waits": self._waits,
                "wait_left": round(max(0.0, self._until - time.time()), 1) if self._waits else 0.0,
                "labelled": [dict(trial) for trial in reversed(self._labelled)],
                "progress": progress_of(status),
                "state": status.state.name.lower() if status is not None else "",
                "before": self._before is not None,
                "picture_age": round(age, 1) if math.isfinite(age) else None,
            }

    def refusal(self, number: int, answer: Answer) -> str:
        """Why an answer is not sent; "" if it may be."""
        request = self._request
        if not self._there:
            return "nobody takes answers now: the perturbation node is not on the graph"
        if not number or number != request.number:
            return f"request {number % NUMBERS} is not open any more; nothing was sent"
        if answer not in ANSWERS.get(request.kind, frozenset()) and answer is not Answer.UNDO:
            return f"{word_of(answer)} is no answer to this request"
        return ""

    def _change(self, name: str, value: Any) -> None:
        with self._lock:
            same = getattr(self, name) == value
            setattr(self, name, value)
        if not same:
            self.changed()


def progress_of(status: CampaignStatus | None) -> str:
    """How far the campaign is, in a line; "" where that is not known."""
    if status is None:
        return ""
    left = max(0, status.trials_budget - status.trials_done)
    told = f"{status.trials_done} of {counted(status.trials_budget, 'trial')} done, {left} left"
    return f"{told}, {lasting(status.eta)}" if status.eta > 0 else told


def _request_values(request: Request) -> Mapping[str, Any]:
    answers = [a for a in answers_of(request.kind) if a not in (Answer.PAUSE, Answer.STOP)]
    return {
        "number": str(request.number),  # beyond what a number of JavaScript holds
        "shown": request.number % NUMBERS,
        "kind": request.kind.name,
        "title": TITLES.get(request.kind, "?"),
        "instruction": request.instruction,
        "position": position_of(request),
        "holds": request.holds_object,
        "steps": steps_of(request),
        "deadline": request.deadline,
        "answers": [
            {
                "name": answer.name,
                "word": word_of(answer),
                "meaning": MEANINGS[answer],
                "question": QUESTIONS.get(answer, ""),
            }
            for answer in answers
        ],
    }
