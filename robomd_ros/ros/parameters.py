# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Node parameters as tables: declared, described, range-checked; unknown ones are errors."""

import contextlib
import difflib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.yaml_text import load_yaml

_OF_EVERY_NODE = ("use_sim_time", "start_type_description_service", "qos_overrides")


@dataclass(frozen=True)
class Parameter:
    """One read-only parameter of a node.

    Attributes:
        name: its name.
        default: its default; also fixes its type.
        description: what it does, with the unit.
        minimum: smallest allowed number, also of a list; None is unbounded.
        maximum: largest allowed number, also of a list; None is unbounded.
        choices: allowed texts; empty is any.
    """

    name: str
    default: bool | int | float | str | list[str] | list[float]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def parse(self, value: Any) -> Any:
        """Check a value (or its text, as given on a command line) and return it typed.

        Raises:
            ConfigurationError: wrong type, out of range, or not a choice; says what is allowed.
        """
        if isinstance(value, str) and not isinstance(self.default, str):
            with contextlib.suppress(yaml.YAMLError):
                value = load_yaml(value)
        if isinstance(self.default, float) and type(value) is int:
            value = float(value)
        if self._holds_numbers:
            return self._numbers(value)
        if isinstance(self.default, str) and isinstance(value, int | float):
            value = str(value).lower() if isinstance(value, bool) else str(value)
        if type(value) is not type(self.default):
            kind = {bool: "true or false", int: "a whole number", float: "a number"}
            wanted = kind.get(type(self.default), "text")
            raise ConfigurationError(f"parameter {self.name} must be {wanted}; got {value!r}")
        self._check(value)
        return value

    @property
    def _holds_numbers(self) -> bool:
        default = self.default
        return isinstance(default, list) and bool(default) and isinstance(default[0], float)

    def _numbers(self, value: Any) -> list[float]:
        """A list of as many numbers as the default; rclpy hands it over as an array."""
        size = len(self.default) if isinstance(self.default, list) else 0
        items = list(value) if isinstance(value, list | tuple | array) else []
        if len(items) != size or any(type(item) not in (int, float) for item in items):
            raise ConfigurationError(
                f"parameter {self.name} must be a list of {size} numbers; got {value!r}"
            )
        for item in items:
            self._check(float(item))
        return [float(item) for item in items]

    def _check(self, value: Any) -> None:
        if self.choices and value not in self.choices:
            raise ConfigurationError(
                f"parameter {self.name} must be one of {', '.join(self.choices)}; got {value!r}"
            )
        low, high = self.minimum, self.maximum
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if not ((low is None or value >= low) and (high is None or value <= high)):
            bounds = [f"at least {_figure(low)}"] if low is not None else []
            bounds += [f"at most {_figure(high)}"] if high is not None else []
            raise ConfigurationError(
                f"parameter {self.name} must be {' and '.join(bounds)}; got {value!r}"
            )


def _figure(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def unknown_name(name: str, known: Iterable[str], what: str = "parameter") -> ConfigurationError:
    """The error for a name that nothing has; suggests the nearest known one."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return ConfigurationError(f"unknown {what} {name!r}; {hint}")


def declare(node: Node, table: Iterable[Parameter]) -> dict[str, Any]:
    """Declare the table's parameters and return their checked values.

    Raises:
        ConfigurationError: a value is not allowed, or one was given that the node does not have.
    """
    by_name = {p.name: p for p in table}
    for name in getattr(node, "_parameter_overrides", {}):
        if name not in by_name and name.split(".")[0] not in _OF_EVERY_NODE:
            raise unknown_name(name, by_name, f"parameter of {node.get_name()}")
    values = {}
    for parameter in by_name.values():
        descriptor = ParameterDescriptor(
            description=parameter.description, read_only=True, dynamic_typing=True
        )
        value = node.declare_parameter(parameter.name, parameter.default, descriptor).value
        values[parameter.name] = parameter.parse(value)
    return values


def campaign_namespace(node: Node, given: str) -> str:
    """The diagnosis' namespace, for a node of a cell: the one given, else the one above its own."""
    return given.rstrip("/") or node.get_namespace().rpartition("/")[0]


def check_file(path: Path, tables: Mapping[str, Iterable[Parameter]]) -> None:
    """Check a parameter file against the tables of the nodes that it names.

    Args:
        path: a ROS 2 parameter file.
        tables: parameter tables by node name (last part of the fully qualified name).

    Raises:
        ConfigurationError: not readable, not a parameter file, an unknown node or parameter, or a
            value that is not allowed.
    """
    try:
        document = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the parameter file {path}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is not a ROS 2 parameter file: it must be a mapping")
    for node_name, content in document.items():
        table = tables.get(str(node_name).rsplit("/", 1)[-1])
        if table is None:
            raise ConfigurationError(
                f"{path}: {unknown_name(str(node_name), tables, 'node')}; write /**/<node>"
            )
        values = content.get("ros__parameters") if isinstance(content, dict) else None
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path}: {node_name} needs the key ros__parameters")
        _check_values(path, str(node_name), values, table)


def _check_values(
    path: Path, node_name: str, values: Mapping[str, Any], table: Iterable[Parameter]
) -> None:
    by_name = {p.name: p for p in table}
    for name, value in values.items():
        if name in _OF_EVERY_NODE:
            continue
        if name not in by_name:
            raise ConfigurationError(
                f"{path}: {unknown_name(str(name), by_name, f'parameter of {node_name}')}"
            )
        try:
            by_name[name].parse(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {node_name}: {error}") from error
