# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A trained embedding on disk: replaced as a whole, and read back with the encoders it names."""

import json
import shutil
from pathlib import Path

from robomd_ros.core.embedding.agent import EmbeddingAgent
from robomd_ros.core.embedding.encoders import Encoders, make_encoders
from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.model_files import MANIFEST
from robomd_ros.core.embedding.unseen import Judge
from robomd_ros.core.errors import EmbeddingError

MODEL_FOLDER = "checkpoints/embedding"
"""Of a campaign's embedding, in its folder."""
_AGENT = "agent"


def save_embedding(path: Path, model: EmbeddingModel, agent: EmbeddingAgent | None = None) -> None:
    """Write a model, and the search agent of its space, as one folder.

    Whenever the process dies, a reader finds the old folder or the new one, whole: between two
    renames the old one is called <name>.old, and `load_embedding` looks there too.

    Raises:
        EmbeddingError: it cannot be written.
    """
    new, old = path.with_name(f"{path.name}.new"), _previous(path)
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        model.save(new)
        if agent is not None:
            agent.save(new / _AGENT)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
            path.rename(old)
        new.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise EmbeddingError(
            f"cannot write the embedding {path}: {error.strerror}; free some space or choose "
            "another folder"
        ) from error


def has_embedding(path: Path) -> bool:
    """Whether `load_embedding` would find something there."""
    return path.is_dir() or _previous(path).is_dir()


def load_embedding(
    path: Path, encoders: Encoders | None = None
) -> tuple[EmbeddingModel, EmbeddingAgent | None, Encoders]:
    """Read a model, its search agent if there is one, and the encoders that it was trained with.

    Args:
        path: as for `save_embedding`.
        encoders: those in use; None: the ones that the model names are loaded.

    Raises:
        EmbeddingError: there is no model, it is damaged, or it is of other encoders.
        EncoderError: the encoders that it names cannot be loaded.
    """
    there = path if path.is_dir() or not _previous(path).is_dir() else _previous(path)
    if not there.is_dir():
        raise EmbeddingError(
            f"there is no embedding in {path}; train one with `robomd embedding train "
            "<campaign_dir>`, or run a campaign with action_space:=embedding"
        )
    encoders = encoders or _named_encoders(there)
    model = EmbeddingModel.load(there, encoders)
    has_agent = (there / _AGENT).is_dir()
    agent = EmbeddingAgent.load(there / _AGENT, model.known) if has_agent else None
    return model, agent, encoders


def load_judge(path: Path, instruction: str = "") -> Judge:
    """What answers questions from a stored embedding; errors as `load_embedding`."""
    model, agent, encoders = load_embedding(path)
    return Judge(model, encoders, agent, instruction)


def _named_encoders(path: Path) -> Encoders:
    try:
        named = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["encoders"]
        image, text = (str(named[kind]["name"]) for kind in ("image", "text"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingError(
            f"the embedding in {path} is damaged: {MANIFEST} does not name its encoders "
            f"({error}); train it again (the trials are kept)"
        ) from error
    return make_encoders(image, text)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")
