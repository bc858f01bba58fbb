# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cameras behind topics of a user's driver: how they are named, and told from devices and files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError

OWN_TOPIC = "camera/image_raw"
"""Of the cell's own camera: what camera_node publishes, and what displays look at."""
_TOPIC = re.compile(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)
_FORM = "write [<name>=]<topic>, e.g. agentview=/camera/color/image_raw"


def names_topic(source: str) -> bool:
    """Whether what is given as a camera is a topic, and no device, file or stream.

    A topic begins with a slash and has no dot. What lies under /dev is a device; what is there, or
    would lie in a folder that is there, is a file, be it mistyped.
    """
    if not source.startswith("/") or not _TOPIC.fullmatch(source) or source.startswith("/dev/"):
        return False
    return not Path(source).exists() and not Path("/", source.split("/")[1]).is_dir()


def camera_topics(given: Sequence[str]) -> dict[str, str]:
    """Topics by what the policy calls their cameras, in the order in which they are given.

    Args:
        given: each [<name>=]<topic>; a topic without a name stands alone and is called as the
            policy calls its only camera. None: the cell's own camera, likewise.

    Raises:
        ConfigurationError: no such form, a name or a topic twice, or several without a name.
    """
    cameras: dict[str, str] = {}
    for one in given:
        name, separator, topic = one.strip().rpartition("=")
        if not _TOPIC.fullmatch(topic) or (separator and not name):
            raise ConfigurationError(f"cameras must be topics of pictures; got {one!r}: {_FORM}")
        if name in cameras or (cameras and not (name and all(cameras))):
            raise ConfigurationError(
                f"each of several cameras needs a name of its own; got {', '.join(given)}: {_FORM}"
            )
        if topic in cameras.values():
            raise ConfigurationError(f"{topic} is given for two cameras; give each its own topic")
        cameras[name] = topic
    return cameras or {"": OWN_TOPIC}


def chosen_cameras(camera: str, cameras: str) -> list[str]:
    """The topics that two arguments name, as `camera_topics` reads them; none: no topic is named.

    Args:
        camera: a device, a file, a stream, or one topic.
        cameras: topics, separated by commas.

    Raises:
        ConfigurationError: both are given, or they cannot be read.
    """
    if camera and cameras:
        raise ConfigurationError(
            f"camera:={camera} and cameras:={cameras} exclude each other; name all topics in "
            "cameras:="
        )
    given = [one.strip() for one in cameras.split(",")] if cameras else []
    if names_topic(camera):
        given = [camera]
    if given:
        camera_topics(given)
    return given


def topic_of(cameras: Mapping[str, str], name: str) -> str:
    """The topic of what the policy calls a camera; one without a name is every policy's."""
    return cameras[name if name in cameras else ""]
