# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the SQLite files of a campaign are opened."""

import sqlite3
from pathlib import Path

_PATIENCE = 10.0
"""s to wait for another process that writes."""


def open_database(path: Path, read_only: bool) -> sqlite3.Connection:
    """A connection for any thread that commits every statement; sqlite3's errors.

    Args:
        path: the file; it is created where there is none, unless it is only read.
        read_only: for those who only look.
    """
    mode = "ro" if read_only else "rwc"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_PATIENCE,
    )
