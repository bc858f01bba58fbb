# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the shipped configuration, policies and catalogues lie: installed or in the source tree."""

import os
import sys
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError

PACKAGE = "robomd_ros"
NAMESPACE = "robomd"
"""Of a diagnosis that is given no other; its cells are namespaces below it."""


def share_folders() -> list[Path]:
    """Folders that may hold `config/` and `launch/`, best first: the source tree, then installs."""
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    installed = [Path(p) / "share" / PACKAGE for p in prefixes if p]
    return [Path(__file__).resolve().parents[2], *installed]


def share_path(relative: str) -> Path:
    """The shipped file, e.g. `config/variations/lift.yaml`.

    Raises:
        ConfigurationError: it is in none of the folders.
    """
    for folder in share_folders():
        if (folder / relative).exists():
            return folder / relative
    looked = ", ".join(str(f) for f in share_folders())
    raise ConfigurationError(f"{relative} is not installed; looked in {looked}")


def absolute_path(text: str) -> Path:
    """The absolute path that a user wrote, `~` expanded; ConfigurationError for an unknown user."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigurationError(f"cannot resolve the path {text!r}: {error}") from error


def config_file(kind: str, name: str) -> Path:
    """A file that the user named by path, or a shipped one named by its stem.

    Args:
        kind: subfolder of config/: variations, policies, params.
        name: path of a file, or the stem of a shipped one.

    Raises:
        ConfigurationError: neither exists; the shipped names are listed.
    """
    if Path(name).suffix or Path(name).parent != Path():
        path = absolute_path(name)
        if not path.is_file():
            raise ConfigurationError(f"there is no file {name!r}; give the path of an existing one")
        return path.resolve()
    shipped: dict[str, Path] = {}
    for folder in share_folders():
        for file in sorted((folder / "config" / kind).glob("*.yaml")):
            shipped.setdefault(file.stem, file)
    if name not in shipped:
        raise ConfigurationError(
            f"unknown {kind} name {name!r}; shipped: {', '.join(shipped) or 'none'}, "
            "or give the path of a file"
        )
    return shipped[name]
