# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is typed at a cell: whose line it is, which word it means, and what asks back."""

import itertools

import pytest

from robomd_ros.core.operator.desk import (
    ANSWERS,
    NOTHING_ASKED,
    Answer,
    Changes,
    Request,
    RequestKind,
)
from robomd_ros.core.operator.words import (
    MEANINGS,
    Relabel,
    answers_of,
    split_tag,
    understood,
    word_of,
)
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import Variation
from robomd_ros.terminal.conversation import FRESH, Conversation
from robomd_ros.terminal.request_text import meanings, request_text

KINDS = tuple(ANSWERS)
LABEL = RequestKind.LABEL_OUTCOME


class Desk:
    """A conversation at a clock that the test moves; what it showed and did is kept."""

    def __init__(self):
        self.now = 100.0
        self.shown, self.done = [], []
        self.talk = Conversation(self.shown.append, self, "ur5e", clock=lambda: self.now)

    def answer(self, request, answer, tag):
        self.done.append((request.number, answer, tag))

    def control(self, command):
        self.done.append(command)

    def relabel(self, wish):
        self.done.append(wish)

    def ask(self, number, kind=LABEL, discarded=""):
        self.talk.ask(Request(number, kind, "It is so."), discarded=discarded)
        self.now += FRESH + 0.1

    def type(self, line, begun=None):
        self.now += 0.1
        self.talk.take(line, begun)


@pytest.fixture
def desk():
    return Desk()


# Whose line it is


def test_a_line_that_was_begun_for_another_request_is_thrown_away(desk):
    desk.ask(1, RequestKind.APPLY_SCENE)
    begun = desk.talk.begun()  # "don"
    desk.ask(2, RequestKind.APPLY_SCENE)
    desk.type("done", begun)  # and "e", Enter
    assert not desk.done
    assert desk.shown[-1] == (
        "'done' was thrown away: it was begun for another request. Nothing was sent."
    )
    desk.type("done")
    assert desk.done == [(2, Answer.DONE, "")]


def test_what_was_half_typed_is_shown_when_another_request_comes(desk):
    desk.ask(1, RequestKind.APPLY_SCENE)
    desk.ask(2, RequestKind.APPLY_SCENE, discarded="don")
    assert "'don' was thrown away: it was begun for Request 1 at ur5e." in desk.shown[1]
    desk.type("e")
    assert not desk.done and "'e' is no answer here" in desk.shown[-1]


def test_a_line_begun_before_anything_was_asked_answers_nothing(desk):
    begun = desk.talk.begun()
    desk.ask(1)
    desk.type("success", begun)
    assert not desk.done and "begun before this was asked" in desk.shown[-1]


def test_a_line_begun_in_the_moment_of_the_request_answers_nothing(desk):
    desk.talk.ask(Request(1, LABEL))
    desk.now += FRESH / 2
    begun = desk.talk.begun()
    desk.now += 5.0
    desk.type("success", begun)
    assert not desk.done and "in the moment in which this was asked" in desk.shown[-1]


def test_nothing_is_answered_by_default(desk):
    desk.ask(1)
    for line in ("", "   ", "y", "s", "su", "st", "yes", "done", "e"):
        desk.type(line)
    assert not desk.done
    assert desk.shown[1] == desk.talk.text  # an empty line repeats the question


RUNS = RequestKind.ROLLOUT_RUNS


def test_a_label_begun_while_the_rollout_runs_survives_its_end(desk):
    desk.ask(1, RUNS)
    begun = desk.talk.begun()
    for ended in (NOTHING_ASKED, Request(2, LABEL)):
        assert desk.talk.goes_on(ended)  # what is being typed stays
        desk.talk.ask(ended)
    desk.type("failure slipped", begun)
    assert desk.done == [(2, Answer.FAILURE, "slipped")]


def test_a_label_begun_for_one_rollout_is_none_of_the_next(desk):
    desk.ask(1, RUNS)
    begun = desk.talk.begun()
    desk.talk.ask(Request(instruction="Ada answered success"))
    desk.ask(2, LABEL)
    desk.type("failure", begun)
    assert not desk.done
    desk.ask(3, RUNS)
    desk.type("success")
    begun = desk.talk.begun()
    desk.ask(4, LABEL)
    desk.type("failure", begun)
    assert desk.done == [(3, Answer.SUCCESS, "")]
    desk.ask(5, RUNS)
    begun = desk.talk.begun()
    desk.talk.ask(NOTHING_ASKED)
    desk.ask(6, RequestKind.APPLY_SCENE)
    desk.type("done", begun)
    assert len(desk.done) == 1


# Which word it means


def forms(kind):
    """Everything that is accepted as an answer to a request: (typed, what it means)."""
    for word in {word_of(a) for a in answers_of(kind)} | {"pause", "resume", "stop"}:
        for typed in {word[:n] for n in range(1, len(word) + 1)}:
            said = understood(typed, kind)
            if not said.problem:
                yield typed, said.answer or said.command


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, last = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(row[-1] + 1, last[j] + 1, last[j - 1] + (x != y)))
    return row[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_no_slip_of_one_letter_makes_another_answer(kind):
    accepted = list(forms(kind))
    assert {meant for _, meant in accepted} >= set(answers_of(kind))
    for (a, first), (b, second) in itertools.combinations(accepted, 2):
        assert first == second or distance(a, b) > 1, (a, first, b, second)


@pytest.mark.parametrize(
    ("line", "answer", "tag"),
    [
        ("SUCCESS", Answer.SUCCESS, ""),
        ("suc", Answer.SUCCESS, ""),
        ("fail grasped slipped", Answer.FAILURE, "grasped slipped"),
        ("  failure   lifted ", Answer.FAILURE, "lifted"),
        ("invalid table bumped", Answer.INVALID, "table bumped"),
        ("und", Answer.UNDO, ""),
        ("pause", Answer.PAUSE, ""),
    ],
)
def test_words_of_a_label(line, answer, tag):
    said = understood(line, LABEL)
    assert (said.answer, said.tag, said.problem) == (answer, tag, "")


@pytest.mark.parametrize("line", ["inv", "sto", "st", "su", "res", "done", "resume now", "x" * 500])
def test_words_that_are_no_label(line):
    said = understood(line, LABEL)
    assert said.answer is None and not said.command and said.problem


def test_done_takes_no_further_word():
    said = understood("done really", RequestKind.APPLY_SCENE)
    assert said.answer is None and "done takes no further word" in said.problem
    assert understood("open", RequestKind.RELEASE_OBJECT).answer is Answer.OPEN_GRIPPER


def test_nothing_asked_leaves_the_campaign(desk):
    assert understood("pause", RequestKind.UNKNOWN).command == "pause"
    assert understood("success", RequestKind.UNKNOWN).problem
    assert understood("undo", RequestKind.UNKNOWN).problem
    desk.type("")
    assert desk.shown == ["Nothing is asked now. You may type: pause / resume / stop"]
    desk.type("pause")
    assert desk.done == ["pause"]


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ("relabel 12 failure", Relabel(12, Result.FAILURE, "")),
        ("relabel #3 success", Relabel(3, Result.SUCCESS, "")),
        ("RELABEL 0 Invalid table bumped", Relabel(0, Result.INVALID, "table bumped")),
    ],
)
def test_relabel(line, wish):
    for kind in (*KINDS, RequestKind.UNKNOWN):
        assert understood(line, kind).relabel == wish


@pytest.mark.parametrize(
    "line", ["relabel", "relabel 12", "relabel -1 failure", "relabel 1 fail", "relabel ² success"]
)
def test_relabel_needs_a_number_and_a_whole_label(line):
    said = understood(line, LABEL)
    assert said.relabel is None and said.problem


def test_stage_and_tags():
    assert split_tag("Grasped slipped") == ("grasped", ("slipped",))
    assert split_tag("slipped twice") == ("", ("slipped", "twice"))
    assert split_tag("") == ("", ())


# What asks back


@pytest.mark.parametrize(
    ("kind", "word", "answer"),
    [
        (LABEL, "stop", Answer.STOP),
        (LABEL, "invalid", Answer.INVALID),
        (RequestKind.RELEASE_OBJECT, "open", Answer.OPEN_GRIPPER),
    ],
)
def test_dangerous_words_ask_back(desk, kind, word, answer):
    desk.ask(1, kind)
    desk.type(word)
    assert not desk.done and desk.shown[-1].endswith("Type yes, or anything else for no.")
    desk.type("no")
    assert not desk.done and f"({word} was not sent)" in desk.shown
    desk.type("yes")  # the question is over
    assert not desk.done
    desk.type(word)
    desk.type("yes")
    assert desk.done == [(1, answer, "")]


def test_a_yes_that_was_typed_before_the_question_confirms_nothing(desk):
    desk.ask(1)
    begun = desk.talk.begun()
    desk.now += 1.0
    desk.type("stop")
    desk.type("yes", begun)
    assert not desk.done


def test_a_question_dies_with_its_request(desk):
    desk.ask(1)
    desk.type("stop")
    desk.ask(2)
    desk.type("yes")
    assert not desk.done


def test_stop_of_the_campaign_asks_back_too(desk):
    desk.type("stop")
    desk.type("yes")
    assert desk.done == ["stop"]
    desk.talk.ask(NOTHING_ASKED)
    assert desk.talk.text == ""


# What is read


def variation(number):
    return Variation(f"v{number}", "color", "cube", f"Make change {number}. " + "Long words " * 9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_read_at_80_columns_steps_first(kind):
    steps = Changes((variation(1),), (variation(2),))
    request = Request(
        1_700_000_000_012, kind, "Put the cube on its mark.", steps,
        holds_object=True, arm_position="above the table, 12 cm from home",
    )  # fmt: skip
    text = request_text(request, "ur5e", "3 of 60 trials done, 4:05 min left.")
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("--- Request 12 at ur5e: ") and "1. take back: Make ch" in lines[1]
    assert "The gripper HOLDS an object." in text
    assert text.index("2. Make change 2") < text.index("Put the cube") < text.index("Type: ")
    narrow = request_text(request, "ur5e", width=40).splitlines()
    assert all(len(line) <= 40 for line in narrow)


def test_every_word_is_explained():
    assert set(MEANINGS) == set(Answer) - {Answer.UNKNOWN}
    for kind in KINDS:
        text = meanings(kind)
        assert all(f"  {word_of(a)}: " in text for a in answers_of(kind))
        assert all(len(line) <= 80 for line in text.splitlines())
    assert "resume: go on after a pause" in meanings(RequestKind.UNKNOWN)
