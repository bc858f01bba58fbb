# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A fingerprint of the policy under test, to notice that it was changed in place."""

import importlib.util
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from robomd_ros.core.errors import PolicyLoadError
from robomd_ros.core.policies.checkpoint import checkpoint_sha256, file_sha256
from robomd_ros.core.policies.loading import POLICIES, checkpoint_file
from robomd_ros.core.policies.sources import digests_of, files_of

_LENGTH = 16
"""Characters of the digest; enough to tell versions of one policy apart."""


def policy_digest(spec: str) -> str:
    """Fingerprint of a policy without loading it: 16 hexadecimal digits; "" where it is unknown.

    Args:
        spec: as for `load_policy`. Of a checkpoint, the architecture and the weights count; of
            a module's or an installed package's, the module's own file, which is found but not
            imported. Arguments are part of the specification, which is recorded beside it.

    Note:
        What the module imports in its turn, or reads when it is loaded, is in `policy_files`.
    """
    spec = spec.strip()
    try:
        if not POLICIES.knows(spec):
            return checkpoint_sha256(checkpoint_file(spec))[:_LENGTH]
        path = _module_file(POLICIES.module_of(POLICIES.parse(spec)))
        return file_sha256(path)[:_LENGTH] if path is not None else ""
    except (PolicyLoadError, OSError):
        return ""  # loading it says what is wrong with it


def policy_files(spec: str) -> dict[str, str]:
    """Fingerprints of all files that a user's policy names; it is neither run nor loaded.

    By their paths from the module's folder: the module, the modules beside it that it imports, and
    the files for data that they or the arguments name. Empty for a checkpoint, whose files are in
    `policy_digest`, and where the module cannot be found.
    """
    spec = spec.strip()
    try:
        if not POLICIES.knows(spec):
            return {}
        named = POLICIES.parse(spec)
        path = _module_file(POLICIES.module_of(named))
    except (PolicyLoadError, OSError):
        return {}
    if path is None:
        return {}
    return digests_of(files_of(path, named.arguments), path.resolve().parent)


def _module_file(name: str) -> Path | None:
    try:
        found = _module_spec(name)
    except (ImportError, ValueError, KeyError, AttributeError):
        return None  # a broken name, or a finder that wants the parent imported
    origin = found.origin if found is not None else None
    return Path(origin) if origin is not None and Path(origin).is_file() else None


def _module_spec(name: str) -> ModuleSpec | None:
    """Go down from the top: `find_spec` of a dotted name would import the packages above it."""
    top, *rest = name.split(".")
    found = importlib.util.find_spec(top) or PathFinder.find_spec(top, [str(Path.cwd())])
    for part in rest:
        if found is None or found.submodule_search_locations is None:
            return None
        inside = list(found.submodule_search_locations)
        found = PathFinder.find_spec(f"{found.name}.{part}", inside)
    return found
