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
    assert editor.feed(typed) == lines
    assert editor.text == left


def test_keys_that_come_one_by_one_give_the_same():
    editor = LineEditor()
    taken = [line for key in "fai\x1b[Dlx\x7fure\n" for line in editor.feed(key)]
    assert taken == ["failure"]


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
    keyboard = Keyboard(taken.put, lambda: changes.put(keyboard.typed), source)
    keyboard.start()
    try:
        assert not termios.tcgetattr(source)[3] & termios.ECHO
        assert termios.tcgetattr(source)[3] & termios.ISIG  # Ctrl-C
        os.write(keys, b"do")
        seen = changes.get(timeout=5)
        while seen != "do":
            seen = changes.get(timeout=5)
        os.write(keys, b"ne\n")
        assert taken.get(timeout=5) == "done"
        assert keyboard.typed == ""
    finally:
        keyboard.close()
    assert termios.tcgetattr(source) == before
    keyboard.close()


def test_a_pipe_is_read_line_by_line():
    taken = queue.Queue()
    keyboard = Keyboard(taken.put, source=io.StringIO("done\nskip\n"))
    keyboard.start()
    assert [taken.get(timeout=5), taken.get(timeout=5)] == ["done", "skip"]
    assert keyboard.typed == ""
    keyboard.close()
