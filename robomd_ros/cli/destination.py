# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a result can be written where it is wanted, asked before minutes of work."""

import os
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError


def check_file(path: Path) -> None:
    """ConfigurationError if no file can be written there; nothing is created."""
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder; give a file with --out")
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {path.parent}; create it, or give another file with --out"
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"{path} cannot be written; give another file with --out")


def check_folder(path: Path) -> None:
    """ConfigurationError if no such folder can be made or written to; nothing is created."""
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise ConfigurationError(f"{there} is a file; give a folder with --out")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{there} cannot be written to; give another folder with --out")
