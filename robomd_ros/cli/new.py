# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd new`: a policy, judge, search, ... of the user's own that works as it is."""

import argparse
import importlib.util
import keyword
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import share_path

KINDS: Mapping[str, str] = {
    "policy": "a policy under test",
    "judge": "what labels a rollout on a real arm instead of a person",
    "search": "a search strategy",
    "task": "what the simulated robot is to do, and what of the scene can be varied",
    "arm": "a node that moves a robot as policy_node asks",
    "cell": "a place where trials run, without ROS",
}
"""What can be begun, each with the example that it begins as: examples/own_<kind>.*"""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; nothing that exists is overwritten."""
    parser = argparse.ArgumentParser(
        "robomd new", description="Begin a policy, judge, search, ... of your own.",
        epilog="; ".join(f"{kind}: {what}" for kind, what in KINDS.items()),
    )  # fmt: skip
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("name", help="of the module, like my_policy")
    parser.add_argument("--folder", type=Path, default=Path(), help="where; default: here")
    options = parser.parse_args(argv)
    written = begin(options.kind, options.name, options.folder)
    print(f"wrote {', '.join(map(str, written))}; {written[0]} begins with how to run it")
    return 0


def begin(kind: str, name: str, folder: Path) -> list[Path]:
    """Write <name>.py and what belongs to it: the example of this kind under another name.

    Args:
        kind: one of KINDS.
        name: of the module; its class is named likewise, MyPolicy for my_policy.
        folder: exists.

    Returns:
        The files, the module first.

    Raises:
        ConfigurationError: the name cannot be a module's, would hide another module, or is there.
    """
    if not _NAME.match(name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"name must be lower-case letters, digits and underscores, as of a Python module; got "
            f"{name!r}"
        )
    module = share_path(f"examples/own_{kind}.py")
    sources = [module, *sorted(p for p in module.parent.glob(f"own_{kind}.*") if p != module)]
    paths = [folder / f"{name}{source.suffix}" for source in sources]
    if there := [path for path in paths if path.exists()]:
        raise ConfigurationError(f"{there[0]} exists; give another name, or delete it")
    if importlib.util.find_spec(name) is not None:
        raise ConfigurationError(
            f"a module {name!r} is installed, which would be found instead of yours; give another "
            "name"
        )
    for source, path in zip(sources, paths, strict=True):
        try:
            path.write_text(_renamed(source, kind, name), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error
    return paths


def _renamed(source: Path, kind: str, name: str) -> str:
    """The example without its licence, under the user's name."""
    licence = ("# Copyright", "# SPDX-License-Identifier")
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith(licence))
    return text.replace(f"own_{kind}", name).replace(f"Own{kind.title()}", _class(name))


def _class(name: str) -> str:
    return "".join(part.title() for part in name.split("_") if part)
