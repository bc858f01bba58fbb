"""A search agent on disk: weights as safetensors, everything else in a JSON manifest; data only."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

import robomd_ros
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.errors import EmbeddingError

WEIGHTS = "agent.safetensors"
MANIFEST = "agent.json"
_FORMAT = "robomd_agent_v1"
_REMEDY = "train the search agent again (the trials are kept)"
Made = TypeVar("Made")


def fingerprint(known: KnownEmbeddings) -> str:
    """SHA-256 of the known embeddings and their trials: which space an agent belongs to."""
    digest = hashlib.sha256(np.ascontiguousarray(known.embeddings, dtype=np.float32).tobytes())
    for counts in (known.trials, known.failures):
        digest.update(np.ascontiguousarray(counts, dtype=np.int64).tobytes())
    return digest.hexdigest()


def write_agent(
    folder: Path, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]
) -> None:
    """Write both files; the manifest gets the format, the versions and the weights' digest.

    Raises:
        EmbeddingError: the folder cannot be written.
    """
    weights = save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    document = {
        "format": _FORMAT,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "versions": {"robomd_ros": robomd_ros.__version__, "torch": str(torch.__version__)},
        **manifest,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).write_bytes(weights)
        (folder / MANIFEST).write_text(json.dumps(document, indent=1), encoding="utf-8")
    except OSError as error:
        raise EmbeddingError(
            f"cannot write the search agent to {folder}: {error}; free some space or choose "
            "another folder"
        ) from error


def read_agent(
    folder: Path,
    make: Callable[[Mapping[str, NDArray[Any]], Mapping[str, Any]], Made],
    known: KnownEmbeddings | None,
) -> Made:
    """Read both files and make the agent.

    Args:
        folder: that `write_agent` wrote.
        make: makes the agent of its arrays and its manifest.
        known: the known embeddings it has to belong to; None: not checked.

    Raises:
        EmbeddingError: missing, damaged, of another version, or of other known embeddings.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise EmbeddingError(
                f"the search agent in {folder} has format {manifest['format']!r}, this version "
                f"reads {_FORMAT!r}; {_REMEDY}"
            )
        if known is not None and manifest["known_sha256"] != fingerprint(known):
            raise EmbeddingError(
                f"the search agent in {folder} learned among other known embeddings than these "
                f"{len(known)}; {_REMEDY}"
            )
        weights = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(weights).hexdigest() != manifest["weights_sha256"]:
            raise EmbeddingError(
                f"{folder / WEIGHTS} is not the file that its manifest describes; {_REMEDY}"
            )
        return make(load(weights), manifest)
    except (OSError, SafetensorError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise EmbeddingError(
            f"the search agent in {folder} is missing or damaged ({error}); {_REMEDY}"
        ) from error
