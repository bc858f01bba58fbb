# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The files that a user's policy is made of, found without running it."""

import ast
import functools
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_LARGE = 256 * 2**20
"""bytes; of a larger file blocks are read, since other weights differ everywhere."""
_BLOCK = 2**20
_BLOCKS = 128
_LENGTH = 16
_LONGEST = 255
_MOST_FILES = 500
"""A folder with more files than this is no model."""
_WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".onnx", ".npz", ".npy", ".h5", ".pkl")
_JOINS = ("join", "joinpath", "with_name", "with_suffix", "Path")
_WRITES = ("write", "save", "dump", "FileHandler", "mkdir", "touch", "to_csv")
_INSTALLED = ("site-packages", "dist-packages")
_OURS = ("robomd_ros", "robomd_msgs", "sim_bridge")
"""Another version of this program is no other policy."""


def digests_of(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """Fingerprint of each file by its path from a folder; those that cannot be read are left out.

    Paths are relative, so that a policy that was moved with all its files is the same.
    """
    found = {}
    for path in sorted(set(files)):
        try:
            status = path.stat()
            found[os.path.relpath(path, folder)] = _digest(path, status.st_size, status.st_mtime_ns)
        except OSError:
            continue
    return found


def files_of(module_file: Path, arguments: Mapping[str, Any]) -> set[Path]:
    """What a policy's module names: modules beside it that it imports, and files for data.

    Args:
        module_file: the module's source, which is read and not run.
        arguments: of the policy; those that name a file count.

    Returns:
        Files, the module itself among them. A name that is put together only when the policy runs
        is not found, and files that it writes do not count.
    """
    here = Path.cwd()
    found: set[Path] = set()
    waiting = [module_file.resolve()]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, ValueError, SyntaxError):
            continue  # importing it says what is wrong with it
        waiting += _imported(tree, path, here)
        found |= _data((path.parent, here), _texts(tree))
    return found | _data((here,), (v for v in arguments.values() if isinstance(v, str)))


def _imported(tree: ast.Module, path: Path, here: Path) -> Iterator[Path]:
    """Sources of the modules that lie beside this one or in the current folder, not installed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            inner = [f"{module}.{alias.name}".strip(".") for alias in node.names]
            names = [(node.level, name) for name in (module, *inner) if name]
        else:
            continue
        for level, name in names:
            roots = [path.parents[level - 1]] if level else _roots(path, here)
            parts = name.split(".")
            if parts[0] in _OURS:
                continue
            for root, depth in itertools.product(roots, range(1, len(parts) + 1)):
                place = root.joinpath(*parts[:depth])
                for source in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
                    if source.is_file():
                        yield source.resolve()


def _roots(path: Path, here: Path) -> list[Path]:
    """Where a module of this name is looked up; above the package that holds the source."""
    top = path.parent
    while (top / "__init__.py").is_file():
        top = top.parent
    return [] if top.name in _INSTALLED else list(dict.fromkeys((top, path.parent, here)))


def _texts(tree: ast.AST) -> Iterator[str]:
    """The texts of a source that may name a file that is read; joined where they are joined."""
    parts: list[str] = []
    if isinstance(tree, ast.Call):
        if _is_writing(tree):
            return
        if _name(tree.func) in _JOINS:
            parts = [text for a in tree.args for text in _text(a)]
    elif isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
        parts = _tail(tree)
    else:
        yield from _text(tree)
    if len(parts) > 1:
        yield "/".join(parts)
    for child in ast.iter_child_nodes(tree):
        joined = len(parts) > 1 and bool(_tail(child))
        if not joined:
            yield from _texts(child)


def _tail(node: ast.AST) -> list[str]:
    """The texts at the end of a path that is put together with slashes."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _text(node.right):
        return [*_tail(node.left), *_text(node.right)]
    if isinstance(node, ast.Call) and _name(node.func) == "Path" and len(node.args) == 1:
        return _tail(node.args[0])
    return _text(node)


def _text(node: ast.AST) -> list[str]:
    """A literal text, or nothing."""
    value = node.value if isinstance(node, ast.Constant) else None
    return [value] if isinstance(value, str) else []


def _is_writing(call: ast.Call) -> bool:
    """Whether a call writes the file that it names."""
    name = _name(call.func)
    if name.startswith(_WRITES) or name.endswith(_WRITES):
        return True
    values = [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
    modes = [m for v in values for m in _text(v) if set(m) <= set("rwaxbt+")]
    return name == "open" and any(set(mode) & set("wax") for mode in modes)


def _name(function: ast.AST) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _data(folders: Iterable[Path], texts: Iterable[str]) -> set[Path]:
    """The files that the texts name, and those of folders with weights in them."""
    found: set[Path] = set()
    folders = list(folders)
    for text in set(texts):
        if not 0 < len(text) <= _LONGEST or "\n" in text or "\0" in text:
            continue
        for folder in folders:
            try:
                path = (folder / Path(text).expanduser()).resolve()
                if path.is_file():
                    found.add(path)
                elif path.is_dir() and not any(f.is_relative_to(path) for f in folders):
                    found |= _model(path)
            except (OSError, RuntimeError):  # a name that is too long, or an unknown user
                continue
    return found


def _model(folder: Path) -> set[Path]:
    """The files of a folder that holds a model; none of any other folder."""
    files = []
    for path in folder.rglob("*"):
        if path.is_file():
            files.append(path)
        if len(files) > _MOST_FILES:
            return set()
    return set(files) if any(f.suffix in _WEIGHTS for f in files) else set()


@functools.lru_cache(maxsize=1024)
def _digest(path: Path, size: int, _modified: int) -> str:
    """Of the contents; kept as long as the file stays as it is."""
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= _LARGE:
            while block := file.read(_BLOCK):
                digest.update(block)
        else:
            for i in range(_BLOCKS):
                file.seek((size - _BLOCK) * i // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:_LENGTH]
