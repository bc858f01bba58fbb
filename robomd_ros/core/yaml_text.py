# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The one reader and writer of YAML: data only, no key twice, numbers as ROS 2 reads them."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"
_FLOAT = "tag:yaml.org,2002:float"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_EXPONENT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
"""1e-3, which is text in YAML 1.1 and a number in YAML 1.2, in JSON and in ROS 2."""


class DuplicateKeyError(yaml.YAMLError):
    """A key stands twice in one mapping; the message names it and both lines."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader (in C, where there is one) that takes no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the super class says so
            line = key_node.start_mark.line + 1
            if key in lines:
                raise DuplicateKeyError(_twice(key, lines[key], line))
            lines[key] = line
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper; quotes what the loader would not read as text."""


def _twice(key: object, first: int, second: int) -> str:
    where = f"twice in line {first}" if first == second else f"in line {first} and in line {second}"
    return f"the key {str(key)!r} stands {where}; remove one of the two"


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != _TIMESTAMP]  # a date is a text
    for first, known in _Loader.yaml_implicit_resolvers.items()
}
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(_FLOAT, _EXPONENT, list("-+.0123456789"))


def load_yaml(text: str) -> Any:
    """The data of a YAML document.

    Raises:
        yaml.YAMLError: it is no YAML, or holds what is no plain data.
        DuplicateKeyError: a YAMLError, too: a key stands twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise yaml.YAMLError(f"{error.problem or error.context}{where}") from error
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except ValueError as error:  # a number that Python refuses, or a character that is no text
        raise yaml.YAMLError(str(error)) from error


def dump_yaml(document: Any) -> str:
    """YAML text of plain data, keys in their order; `load_yaml` of it gives the same data."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
