# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The line that an operator types beside a view that is redrawn."""

import io
import os
import pty
import queue
import termios

import pytest

from robomd_ros.terminal.keyboard import Keyboard, LineEditor


@pytest.mark.parametrize(
    ("typed", "lines", "left"),
    [
        ("done\n", ["done"], ""),
        ("do", [], "do"),
        ("donf\x7fe\r", ["done"], ""),
        ("\x7f\x7fskip\n", ["skip"], ""),
        ("wrong\x15success\n", ["success"], ""),
        ("a\x1b[Ab\x1b[3~c\x1bOPd\n", ["abcd"], ""),
        ("\n\n", ["", ""], ""),
        ("tab\tbell\x07\n", ["tabbell"], ""),
        ("x" * 500 + "\n", ["x" * 200], ""),
        ("ok\nnex", ["ok"], "nex"),
    ],
)
def test_keys_become_lines(typed, lines, left):
    editor = LineEditor()
    assert [line for line, _ in editor.feed(typed)] == lines
    assert editor.text == left


def test_keys_that_come_one_by_one_give_the_same():
    editor = LineEditor()
    taken = [line for key in "fai\x1b[Dlx\x7fure\n" for line, _ in editor.feed(key)]
    assert taken == ["failure"]


def test_a_line_has_the_mark_of_its_first_key():
    marks = iter(range(9))
    editor = LineEditor(lambda: next(marks))
    assert editor.feed("don") == []
    assert editor.feed("e\nskip\n") == [("done", 0), ("skip", 1)]
    editor.feed("x\x15")
    assert editor.feed("y\n") == [("y", 3)]
    editor.feed("old")
    assert editor.discard() == "old"
    assert editor.feed("new\n") == [("new", 5)]


@pytest.fixture
def terminal():
    """(keys, source): the side that types, and the terminal that it types at."""
    keys, source = pty.openpty()
    with os.fdopen(source, "r") as stream:
        yield keys, stream
    os.close(keys)


def test_a_terminal_is_read_key_by_key_and_given_back(terminal):
    keys, source = terminal
    before = termios.tcgetattr(source)
    taken, changes = queue.Queue(), queue.Queue()
    keyboard = Keyboard(
        lambda *line: taken.put(line), lambda: changes.put(keyboard.typed), source,
        begun=lambda: "mark",
    )  # fmt: skip
    keyboard.start()
    try:
        assert not termios.tcgetattr(source)[3] & termios.ECHO
        assert termios.tcgetattr(source)[3] & termios.ISIG  # Ctrl-C
        os.write(keys, b"do")
        seen = changes.get(timeout=5)
        while seen != "do":
            seen = changes.get(timeout=5)
        os.write(keys, b"ne\n")
        assert taken.get(timeout=5) == ("done", "mark")
        assert keyboard.typed == ""
        os.write(keys, b"suc")
        while changes.get(timeout=5) != "suc":
            pass
        assert keyboard.discard() == "suc" and keyboard.typed == ""
    finally:
        keyboard.close()
    assert termios.tcgetattr(source) == before
    keyboard.close()


def test_a_pipe_is_read_line_by_line():
    taken = queue.Queue()
    keyboard = Keyboard(lambda *line: taken.put(line), source=io.StringIO("done\nskip\n"))
    keyboard.start()
    assert [taken.get(timeout=5)[0], taken.get(timeout=5)[0]] == ["done", "skip"]
    assert keyboard.typed == ""
    keyboard.close()
