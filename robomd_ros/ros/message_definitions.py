# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The text of ROS message definitions with all that they refer to, as recordings embed them."""

import os
import re
import sys
from functools import cache
from pathlib import Path

from robomd_ros.core.errors import RoboMDError

_PRIMITIVES = re.compile(r"bool|byte|char|float(32|64)|u?int(8|16|32|64)|w?string")
_SEPARATOR = "=" * 80
_EVENT = re.compile(r"(.+?)_?(Event|Request|Response)")
"""The messages that a service is made of."""
_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*(?!\s*=)")


@cache
def definition_of(message_type: str) -> str:
    """The definition of a type such as robomd_msgs/msg/Trial, then those of all types in it.

    The events of a service, such as robomd_msgs/srv/AnswerOperatorRequest_Event, are messages too;
    their definition follows from the service's. Its parts have names without an underscore there,
    which the readers of definitions refuse in the name of a message.

    Sections are divided as in rosbag2's recordings: a line of 80 "=", then `MSG: package/Name`.

    Raises:
        RoboMDError: a definition is not installed.
    """
    texts: dict[str, str] = {}
    _collect(message_type, texts)
    (_, first), *others = texts.items()
    parts = [first, *(f"{_SEPARATOR}\nMSG: {_short(name)}\n{text}" for name, text in others)]
    return "\n".join(parts)


def type_of(message_class: type) -> str:
    """The name of a generated Python message class, e.g. robomd_msgs/msg/Trial."""
    package, kind, *_ = message_class.__module__.split(".")
    return f"{package}/{kind}/{message_class.__name__}"


def _collect(message_type: str, texts: dict[str, str]) -> None:
    if message_type in texts:
        return
    texts[message_type] = _text(message_type)
    package, _, _ = message_type.split("/")
    for line in texts[message_type].splitlines():
        field = _FIELD.match(line.partition("#")[0])
        if field and not _PRIMITIVES.fullmatch(field[1]):
            owner, _, name = field[1].rpartition("/")
            of_service = message_type.endswith("_Event") and owner == package
            kind = "srv" if of_service else "msg"
            _collect(f"{owner or package}/{kind}/{name}", texts)


def _text(message_type: str) -> str:
    package, kind, name = message_type.split("/")
    part = _EVENT.fullmatch(name) if kind == "srv" else None
    if part is None:
        return _file(message_type, package, kind, name)
    service, which = part.groups()
    parts = re.split(r"^---\s*$", _file(message_type, package, kind, service), flags=re.M)
    event = (
        "service_msgs/ServiceEventInfo info\n"
        f"{package}/{service}Request[<=1] request\n"
        f"{package}/{service}Response[<=1] response\n"
    )
    return {"Event": event, "Request": parts[0], "Response": parts[-1]}[which]


def _file(message_type: str, package: str, kind: str, name: str) -> str:
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    for prefix in filter(None, prefixes):
        path = Path(prefix, "share", package, kind, f"{name}.{kind}")
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise RoboMDError(
        f"the definition of {message_type} is not installed; looked in share/{package}/{kind} of "
        f"{', '.join(filter(None, prefixes))}; source ROS and the workspace"
    )


def _short(message_type: str) -> str:
    package, _, name = message_type.split("/")
    return f"{package}/{name}"
