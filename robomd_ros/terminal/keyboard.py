# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads what an operator types, beside a view that is redrawn on the same terminal."""

import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from typing import IO, Any

_LONGEST = 200
"""Characters of a line; what is typed beyond is not taken."""
_POLL = 0.2
"""s between looks at whether to end."""
_ERASE, _ERASE_ALL, _ENTER, _ESCAPE = "\x7f\b", "\x15", "\r\n", "\x1b"


class LineEditor:
    """The line being typed, kept here since the terminal's own would be painted over.

    Attributes:
        text: what was typed since the last Enter.
    """

    def __init__(self, begun: Callable[[], Any] = lambda: None) -> None:
        """Begin with an empty line; `begun` gives the mark of a line as its first key is typed."""
        self.text = ""
        self._escape = ""
        self._begun = begun
        self._mark: Any = None

    def feed(self, typed: str) -> list[tuple[str, Any]]:
        """Take keys; returns the lines that were ended by Enter, each with its mark."""
        lines = []
        for key in typed:
            if self._escape or key == _ESCAPE:
                self._skip(key)
            elif key in _ENTER:
                lines.append((self.text, self._mark if self.text else self._begun()))
                self.text = ""
            elif key in _ERASE:
                self.text = self.text[:-1]
            elif key == _ERASE_ALL:
                self.text = ""
            elif key.isprintable() and len(self.text) < _LONGEST:
                if not self.text:
                    self._mark = self._begun()
                self.text += key
        return lines

    def discard(self) -> str:
        """Forget the line being typed; returns it."""
        text, self.text = self.text, ""
        return text

    def _skip(self, key: str) -> None:
        """Arrows and other keys send Escape, a bracket and a final letter; none edits the line."""
        begun = self._escape + key
        ended = len(begun) > 1 and not (begun in ("\x1b[", "\x1bO") or key in "0123456789;")
        self._escape = "" if ended else begun


class Keyboard:
    """Gives every typed line to a function, from a thread of its own.

    On a terminal keys are read one by one without echo: whoever draws shows `typed`. Elsewhere
    (a pipe, a file) it reads plain lines.
    """

    def __init__(
        self,
        take: Callable[[str, Any], None],
        changed: Callable[[], None] = lambda: None,
        source: IO[str] | None = None,
        begun: Callable[[], Any] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            take: is given every line, without its end, and the mark of its beginning.
            changed: called after every key, to draw `typed` anew.
            source: standard input unless given.
            begun: gives the mark of a line when its first key is typed; of a pipe, when it is read.
        """
        self._begun = begun
        self._take = take
        self._changed = changed
        self._source = sys.stdin if source is None else source
        self._editor = LineEditor(begun)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._before: list[Any] | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether a person types at a terminal."""
        return self._source is not None and self._source.isatty()

    @property
    def typed(self) -> str:
        """The line being typed; always empty where the input is no terminal."""
        return self._editor.text

    def discard(self) -> str:
        """Forget the line being typed; returns it."""
        with self._lock:
            return self._editor.discard()

    def start(self) -> None:
        """Begin to read."""
        if self._source is None:  # started without any standard input
            return
        if self.is_terminal:
            self._before = termios.tcgetattr(self._source)
            tty.setcbreak(self._source, termios.TCSANOW)  # Ctrl-C still is a signal
        run = self._read_keys if self.is_terminal else self._read_lines
        self._thread = threading.Thread(target=run, name="keyboard", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the terminal back as it was; idempotent."""
        self._ending.set()
        if self._before is None:
            return
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        with contextlib.suppress(termios.error, OSError, ValueError):
            termios.tcsetattr(self._source, termios.TCSADRAIN, self._before)
        self._before = None

    def _read_lines(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._source:
                self._take(line.rstrip("\n"), self._begun())

    def _read_keys(self) -> None:
        number = self._source.fileno()
        with contextlib.suppress(OSError, ValueError):
            while not self._ending.is_set():
                if not select.select([number], [], [], _POLL)[0]:
                    continue
                data = os.read(number, 1024)
                if not data:
                    return
                with self._lock:
                    lines = self._editor.feed(data.decode(errors="ignore"))
                for line, mark in lines:
                    self._take(line, mark)
                self._changed()
