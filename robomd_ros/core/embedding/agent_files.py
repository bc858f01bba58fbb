# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A search agent on disk: weights as safetensors, everything else in a JSON manifest; data only."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

import robomd_ros
from robomd_ros.core.embedding.described_weights import DescribedWeights
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.errors import EmbeddingError

WEIGHTS = "agent.safetensors"
MANIFEST = "agent.json"
_REMEDY = "train the search agent again (the trials are kept)"
_FILES = DescribedWeights("the search agent", WEIGHTS, MANIFEST, "robomd_agent_v1", _REMEDY)
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
    versions = {"robomd_ros": robomd_ros.__version__, "torch": str(torch.__version__)}
    _FILES.write(folder, arrays, {"versions": versions, **manifest})


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
        manifest = _FILES.read_manifest(folder)
        if known is not None and manifest["known_sha256"] != fingerprint(known):
            raise EmbeddingError(
                f"the search agent in {folder} learned among other known embeddings than these "
                f"{len(known)}; {_REMEDY}"
            )
        return make(_FILES.read_arrays(folder, manifest), manifest)
    except (OSError, SafetensorError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise EmbeddingError(
            f"the search agent in {folder} is missing or damaged ({error}); {_REMEDY}"
        ) from error
