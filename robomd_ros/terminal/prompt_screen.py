# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A terminal on which texts appear above the line that is being typed."""

import textwrap
import threading
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

_WIDEST = 80
"""Columns of a text; of a narrower terminal its own."""
_CLEAR_LINE = "\r\x1b[2K"
_STYLES = {"---": "bold yellow", "  ": "bold", "Type": "cyan", "(": "dim"}
"""Style of a line by how it begins."""


class PromptScreen:
    """Prints texts and keeps the input line whole below them.

    Where the output is no terminal, the texts are printed and nothing else.
    """

    def __init__(self, console: Console, typed: Callable[[], str]) -> None:
        """Prepare.

        Args:
            console: where to print.
            typed: the line being typed.
        """
        self._console = console
        self._typed = typed
        self._lock = threading.Lock()

    def show(self, text: str) -> None:
        """Print a text above the input line."""
        if not text:
            return
        with self._lock:
            self._write(_CLEAR_LINE)
            self._console.print(styled(folded(text, min(_WIDEST, self.width))), soft_wrap=True)
            self._write(f"> {self._typed()}")

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return int(self._console.width)

    def ring(self) -> None:
        """Sound the bell."""
        with self._lock:
            self._write("\a")

    def draw(self) -> None:
        """Draw the input line anew."""
        with self._lock:
            self._write(f"{_CLEAR_LINE}> {self._typed()}")

    def _write(self, characters: str) -> None:
        if self._console.is_terminal:
            self._console.file.write(characters)
            self._console.file.flush()


def folded(text: str, width: int) -> str:
    """The text with no line wider than this; what is folded keeps its indentation."""
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        lines += textwrap.wrap(line, max(20, width), subsequent_indent=indent) or [line]
    return "\n".join(lines)


def styled(text: str) -> Text:
    """A request or a message with its heading, steps and answers told apart."""
    lines = []
    for line in text.splitlines():
        style = next((s for begin, s in _STYLES.items() if line.startswith(begin)), "")
        lines.append(Text(line, style=style))
    return Text("\n").join(lines)
