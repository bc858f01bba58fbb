# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arguments of commands, written as name:=value, and their help."""

from collections.abc import Sequence
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import Option, Parameters, options, typed

_NAMES = 20
"""Width of the names in a help."""


class Arguments(Parameters):
    """Arguments of a command."""

    says = "argument {name}"
    called = "argument"


def parse_arguments(given: Sequence[str], model: type[Arguments]) -> dict[str, Any]:
    """Launch-style arguments, `name:=value`, typed and checked; only those given.

    Raises:
        ConfigurationError: malformed, unknown, given twice, or a value that is not allowed.
    """
    texts: dict[str, str] = {}
    for argument in given:
        name, separator, text = argument.partition(":=")
        if not separator:
            raise ConfigurationError(f"arguments are written name:=value; got {argument!r}")
        if name in texts:
            raise ConfigurationError(f"argument {name!r} is given twice; give it once")
        texts[name] = text
    return typed(model, texts)


def help_text(command: str, model: type[Arguments]) -> str:
    """What `--help` prints: every argument with type, unit, range, choices and default."""
    lines = [f"usage: {command} [name:=value ...]", ""]
    for one in options(model).values():
        lines.append(f"  {one.name:<{_NAMES}} {one.doc} ({facts(one)})")
    return "\n".join(lines)


def facts(one: Option) -> str:
    """Type, range, unit and default of an option: "a number in [0, 1] s; default 0.5"."""
    unit = f" {one.unit}" if one.unit else ""
    return f"{one.allowed}{unit}; default {one.text or 'empty'}"
