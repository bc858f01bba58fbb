# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A model on disk: weights as safetensors, everything else in a JSON manifest; data only."""

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

import robomd_ros
from robomd_ros.core.embedding.described_weights import DescribedWeights
from robomd_ros.core.embedding.encoders import Encoders
from robomd_ros.core.errors import EmbeddingError

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"
_REMEDY = "train the embedding again (the trials are kept)"
_FILES = DescribedWeights("the embedding", WEIGHTS, MANIFEST, "robomd_embedding_v1", _REMEDY)
Made = TypeVar("Made")
Make = Callable[[Mapping[str, NDArray[Any]], Mapping[str, Any]], Made]
"""Makes a model of its arrays and its manifest."""


def write_files(
    folder: Path, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]
) -> None:
    """Write both files; the manifest gets the format, the versions and the weights' digest.

    Raises:
        EmbeddingError: the folder cannot be written.
    """
    versions = {
        "robomd_ros": robomd_ros.__version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    _FILES.write(folder, arrays, {"versions": versions, **manifest})


def read_files(folder: Path, encoders: Encoders | None, make: Make[Made]) -> Made:
    """Read both files and make the model.

    Args:
        folder: that `write_files` wrote.
        encoders: that questions will be encoded with; None: not checked.
        make: makes the model.

    Raises:
        EmbeddingError: missing, damaged, of another version, or of other encoders.
    """
    folder = Path(folder)
    try:
        manifest = _FILES.read_manifest(folder)
        _check_encoders(manifest["encoders"], folder, encoders)
        return make(_FILES.read_arrays(folder, manifest), manifest)
    except FileNotFoundError as error:
        raise EmbeddingError(
            f"there is no embedding in {folder} ({error.filename} is missing); train one first"
        ) from error
    except _DAMAGED as error:
        raise EmbeddingError(
            f"the embedding in {folder} is damaged ({type(error).__name__}: {error}); {_REMEDY}"
        ) from error


_DAMAGED = (
    OSError,
    SafetensorError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
)
"""What reading a file raises that is not what was written."""


def _check_encoders(stored: Any, folder: Path, encoders: Encoders | None) -> None:
    if encoders is None or stored is None:
        return
    for kind, now in encoders.manifest().items():
        if stored[kind] != now:
            raise EmbeddingError(
                f"the embedding in {folder} was trained with the {kind} encoder "
                f"{_spoken(stored[kind])}, not {_spoken(now)}; choose that encoder, in "
                f"that version, or {_REMEDY}"
            )


def _spoken(encoder: Mapping[str, Any]) -> str:
    return f"{encoder['name']!r} (digest {str(encoder['digest'])[:12]}, size {encoder['size']})"
