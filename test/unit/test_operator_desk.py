# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The desk: one request at a time, the first valid answer counts."""

import threading

import pytest
from fakes import make_catalogue, wait_until

from robomd_ros.core.operator.desk import (
    ANSWERS,
    HEARD,
    NOTHING_ASKED,
    Answer,
    OperatorDesk,
    Refusal,
    Request,
    RequestKind,
    changes,
)
from robomd_ros.core.variations import NOMINAL, Scene

V = make_catalogue(4).variations


class Asking:
    """A desk at which a thread asks."""

    def __init__(self, kind=RequestKind.LABEL_OUTCOME, after=0, **values):
        self.seen = []
        self.desk = OperatorDesk(self.seen.append, after=after)
        self.answered = "not yet"
        self.thread = threading.Thread(target=self._ask, args=(Request(kind=kind), values))
        self.thread.start()
        wait_until(lambda: self.seen or not self.thread.is_alive())

    def _ask(self, request, values):
        self.answered = self.desk.ask(request, **values)

    def end(self):
        self.thread.join(10)
        return self.answered


def test_numbers_go_on_after_those_before_a_restart():
    asking = Asking(after=7000)
    assert asking.desk.open_request.number == 7001
    refusal, reason = asking.desk.answer(6999, Answer.SUCCESS, "Ada", "")
    assert refusal is Refusal.NO_SUCH_REQUEST and "now open: 7001" in reason
    assert asking.desk.answer(7001, Answer.SUCCESS, "Ada", "sure")[0] is Refusal.NONE
    answered = asking.end()
    assert (answered.answer, answered.operator_name) == (Answer.SUCCESS, "Ada")
    assert asking.desk.open_request == NOTHING_ASKED
    late = asking.desk.answer(7001, Answer.FAILURE, "Bob", "")
    assert late == (Refusal.ALREADY_ANSWERED, "Ada answered success")
    assert (asking.seen[-1].number, asking.seen[-1].instruction) == (0, "Ada answered success")


def test_what_was_withdrawn_says_so_and_a_flood_of_text_is_refused():
    asking = Asking()
    refusal, reason = asking.desk.answer(1, Answer.SUCCESS, "Ada", "x" * 10_000_000)
    assert refusal is Refusal.NOT_AN_ANSWER
    assert reason == "an answer's texts have at most 2000 characters; got 10000000"
    asking.desk.withdraw()
    assert asking.end() is None and asking.seen[-1] == NOTHING_ASKED
    late = asking.desk.answer(1, Answer.SUCCESS, "Ada", "")
    assert late == (Refusal.ALREADY_ANSWERED, "it was withdrawn, or its time was over")


@pytest.mark.parametrize("kind", list(ANSWERS))
def test_undo_and_pause_are_heard_at_any_request_and_leave_it_open(kind):
    asking = Asking(kind)
    for answer in HEARD:
        assert asking.desk.answer(1, answer, "Ada", "") == (Refusal.NONE, "")
    assert asking.desk.open_request.kind is kind
    asking.desk.withdraw()
    assert asking.end() is None


def test_a_request_that_nobody_wants_any_more_is_never_shown():
    asking = Asking(unless=lambda: True)
    assert asking.end() is None
    assert asking.seen == []


def test_changes_are_taken_back_last_first_and_made_in_order():
    steps = changes(Scene((V[0], V[1], V[2])), Scene((V[1], V[3])))
    assert [v.id for v in steps.undo] == ["v2", "v0"]
    assert [v.id for v in steps.apply] == ["v3"]
    assert changes(NOMINAL, NOMINAL).empty
