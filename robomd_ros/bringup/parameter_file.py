# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ROS 2 parameter file: read, checked, and what it says to a node of a full name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import checked, options, unknown_name
from robomd_ros.core.yaml_text import load_yaml
from robomd_ros.ros.every_node import OF_EVERY_NODE
from robomd_ros.ros.node_parameters import NODES

_PARAMETERS = "ros__parameters"


@dataclass(frozen=True)
class Entry:
    """The parameters of the nodes that a name stands for.

    Attributes:
        name: absolute; `*` is one part of it, `**` any number of parts.
        values: of the parameters, as they are written.
    """

    name: str
    values: Mapping[str, Any]

    def matches(self, full_name: str) -> bool:
        """Whether it is for the node of this fully qualified name, as rcl sees it."""
        pattern = re.escape(self.name).replace(r"/\*\*", r"(/\w+)*").replace(r"/\*", r"/\w+")
        return re.fullmatch(pattern, full_name) is not None

    @property
    def node(self) -> str:
        """The name of the node without its namespace; "" if it stands for nodes of any name."""
        last = self.name.rsplit("/", 1)[-1]
        return "" if "*" in last else last


@dataclass(frozen=True)
class ParameterFile:
    """What a parameter file says.

    Attributes:
        path: of the file.
        entries: in the order of the file; of two that say the same, the later one counts.
    """

    path: Path
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, path: Path) -> "ParameterFile":
        """Read and check a file.

        Raises:
            ConfigurationError: not readable, a key twice, no parameter file, an unknown node or
                parameter, or a value that is not allowed.
        """
        try:
            document = load_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"cannot read the parameter file {path}: {error}") from error
        try:
            if not isinstance(document, dict):
                what = "it is empty" if document is None else f"it holds {document!r:.60}"
                raise ConfigurationError(f"it must be a mapping of nodes; {what}")
            entries = tuple(_entries("", document))
            for entry in entries:
                _check(entry)
        except ConfigurationError as error:
            raise ConfigurationError(f"the parameter file {path}: {error}") from error
        return cls(path, entries)

    def of(self, full_name: str) -> dict[str, Any]:
        """The parameters of the node of this fully qualified name, checked; not those of others."""
        node = full_name.rsplit("/", 1)[-1]
        values: dict[str, Any] = {}
        for entry in self.entries:
            if entry.matches(full_name):
                values |= {k: v for k, v in entry.values.items() if _has(node, k)}
        return {
            name: checked(NODES[node], name, value) if name in options(NODES[node]) else value
            for name, value in values.items()
        }

    def check_nodes(self, full_names: Sequence[str]) -> None:
        """Whether every entry with a full name is for one of these nodes.

        Raises:
            ConfigurationError: one is not: it would do nothing.
        """
        for entry in self.entries:
            if "*" not in entry.name and not any(map(entry.matches, full_names)):
                raise ConfigurationError(
                    f"the parameter file {self.path}: there is no node {entry.name}; there are "
                    f"{', '.join(full_names)}, and /**/{entry.node} is that node in any namespace"
                )


def _entries(prefix: str, document: Mapping[Any, Any]) -> Iterator[Entry]:
    """The nodes of a mapping; namespaces may be mappings of their own."""
    for key, content in document.items():
        name = f"{prefix}/{str(key).strip('/')}"
        if not isinstance(content, dict):
            raise ConfigurationError(f"{name} needs the key {_PARAMETERS}")
        if _PARAMETERS not in content:
            if not content or not all(isinstance(part, dict) for part in content.values()):
                raise ConfigurationError(f"{name} needs the key {_PARAMETERS}")
            yield from _entries(name, content)
            continue
        if others := sorted(str(other) for other in content if other != _PARAMETERS):
            raise ConfigurationError(f"{name} has {others[0]!r} beside the key {_PARAMETERS}")
        if not isinstance(content[_PARAMETERS], dict):
            raise ConfigurationError(
                f"{_PARAMETERS} of {name} must be a mapping of names to values"
            )
        yield Entry(name, dict(_flat("", content[_PARAMETERS])))


def _flat(prefix: str, values: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Names with dots instead of mappings in mappings, where they are ROS 2's own."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name.split(".", maxsplit=1)[0] in OF_EVERY_NODE:
            yield from _flat(f"{name}.", value)
        else:
            yield name, value


def _has(node: str, parameter: str) -> bool:
    return parameter in options(NODES[node]) or parameter.split(".", maxsplit=1)[0] in OF_EVERY_NODE


def _check(entry: Entry) -> None:
    """ConfigurationError for a node that does not exist, or a parameter of none that it names."""
    for part in entry.name.strip("/").split("/"):
        if "*" in part and part not in ("*", "**"):
            raise ConfigurationError(
                f"{entry.name}: * stands for a whole part of a name and ** for any number of "
                f"them; got {part!r}"
            )
    if entry.node and entry.node not in NODES:
        raise ConfigurationError(f"{unknown_name(entry.name, NODES, 'node')}; write /**/<node>")
    for name, value in entry.values.items():
        if name.split(".")[0] in OF_EVERY_NODE:
            continue
        nodes = [entry.node] if entry.node else [n for n in NODES if name in options(NODES[n])]
        if not nodes:
            every = {known for model in NODES.values() for known in options(model)}
            raise unknown_name(name, every, "parameter of any node")
        for node in nodes:
            checked(NODES[node], name, value)
