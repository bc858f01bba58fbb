# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ROS domain of a diagnosis."""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from robomd_ros.core.errors import ConfigurationError

_LAST_DOMAIN = 101
"""The highest ROS_DOMAIN_ID whose ports are free of the system's ephemeral ones on Linux."""


def claim_domain() -> IO[str]:
    """Take a ROS domain of this host for one diagnosis, so that two never share cells.

    If the user has set ROS_DOMAIN_ID it is that one, else the first free one, which is then set
    for this process and its children.

    Returns:
        The lock; it is held until the file is closed and all children are gone.

    Raises:
        ConfigurationError: ROS_DOMAIN_ID is no number in [0, 101], or a diagnosis runs there.
    """
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if given and not (given.isdecimal() and int(given) <= _LAST_DOMAIN):
        raise ConfigurationError(
            f"ROS_DOMAIN_ID must be a number from 0 to {_LAST_DOMAIN}; got {given!r}"
        )
    for number in [int(given)] if given else range(_LAST_DOMAIN + 1):
        lock = _locked(Path(tempfile.gettempdir(), f"robomd-domain-{number}.lock"))
        if lock is not None:
            os.environ["ROS_DOMAIN_ID"] = str(number)
            return lock
    raise ConfigurationError(
        f"another diagnosis runs in ROS_DOMAIN_ID={given or 'every domain'} on this machine; "
        "end it, or set another ROS_DOMAIN_ID"
    )


def _locked(path: Path) -> IO[str] | None:
    """The locked file; None if somebody else holds it."""
    try:
        handle = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o666), "r+", encoding="utf-8")
        with contextlib.suppress(OSError):
            path.chmod(0o666)  # another user may take the domain later
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    return handle
