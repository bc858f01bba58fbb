# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""URScript as text: version lines, tokens, and where a program ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from robomd_ros.core.errors import RoboMDError

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<text>"[^"\n]*")
    |(?P<symbol>==|!=|<=|>=|[-+*/%<>=()\[\],:])""",
    re.VERBOSE | re.ASCII,
)
_VERSION_LINE = re.compile(r"[ \t]*\$(\d+)\.(\d+)(?:\|(\d+)\.(\d+))?(.*)", re.DOTALL)
_OPENS = {"def", "thread", "if", "while"}


class ScriptError(RoboMDError):
    """A script cannot be understood, or did what ends a program."""


@dataclass(frozen=True)
class Token:
    """One token.

    Attributes:
        kind: name, number, text, symbol, newline or end.
        text: as written, a text without its quotes.
        line: counted from 1.
    """

    kind: str
    text: str
    line: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a script, comments left out, with an end token at last.

    Raises:
        ScriptError: a character that no token starts with.
    """
    line, position = 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ScriptError(f"line {line}: unexpected character {text[position]!r}")
        position = match.end()
        kind, value = str(match.lastgroup), match.group()
        if kind != "space":
            yield Token(kind, value[1:-1] if kind == "text" else value, line)
        line += kind == "newline"
    yield Token("end", "", line)


def depth_change(line: str) -> int:
    """By how much one line opens (+) or closes (-) blocks; 0 for what is no URScript."""
    if "#" in line:
        line = re.sub(r'"[^"]*"|#.*', "", line)
    change = 0
    for match in re.finditer(r'"[^"\n]*"|[A-Za-z_]\w*', line):
        word = match.group()
        change += (word in _OPENS) - (word == "end")
    return change


def select_version(text: str, version: tuple[int, int]) -> str:
    """Keep or blank the lines that are marked with a PolyScope version.

    `$5.10 code` is for 5.10 and later of major version 5; `$5.10|3.15 code` also for 3.15 and later
    of major version 3. Lines without a mark are for all.
    """
    lines = text.split("\n")
    if not any("$" in line for line in lines):
        return text
    return "\n".join(_versioned(line, version) for line in lines)


def _versioned(line: str, version: tuple[int, int]) -> str:
    match = _VERSION_LINE.match(line)
    if match is None:
        return line
    first, second = match.group(1, 2), match.group(3, 4)
    marks = [(int(mark[0]), int(mark[1])) for mark in (first, second) if mark[0] is not None]
    right = any(version[0] == major and version[1] >= minor for major, minor in marks)
    return match.group(5) if right else ""
