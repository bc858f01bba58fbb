# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weights as safetensors beside a JSON manifest that describes them; data only, never code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from robomd_ros.core.errors import EmbeddingError


@dataclass(frozen=True)
class DescribedWeights:
    """Where something that was learned is stored, and how messages speak of it.

    Attributes:
        what: "the embedding", "the search agent".
        weights: file name of the arrays.
        manifest: file name of everything else.
        format: that the manifest names.
        remedy: what to do about files that cannot be used.
    """

    what: str
    weights: str
    manifest: str
    format: str
    remedy: str

    def write(
        self, folder: Path, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]
    ) -> None:
        """Write both files; the manifest gets the format and the weights' digest.

        Raises:
            EmbeddingError: the folder cannot be written.
        """
        weights = save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
        digest = hashlib.sha256(weights).hexdigest()
        document = {"format": self.format, "weights_sha256": digest, **manifest}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / self.weights).write_bytes(weights)
            text = json.dumps(document, indent=1)
            (folder / self.manifest).write_text(text, encoding="utf-8")
        except OSError as error:
            raise EmbeddingError(
                f"cannot write {self.what} to {folder}: {error}; free some space or choose "
                "another folder"
            ) from error

    def read_manifest(self, folder: Path) -> dict[str, Any]:
        """The manifest, of this format.

        Raises:
            EmbeddingError: it is of another format.
            OSError, ValueError: it cannot be read.
        """
        manifest = json.loads((folder / self.manifest).read_text(encoding="utf-8"))
        got = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        if got != self.format:
            raise EmbeddingError(
                f"{self.what} in {folder} has format {got!r}, this version reads "
                f"{self.format!r}; {self.remedy}"
            )
        return dict(manifest)

    def read_arrays(self, folder: Path, manifest: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """The arrays that the manifest describes.

        Raises:
            EmbeddingError: the file is not the one that it describes.
            OSError, SafetensorError, KeyError: it cannot be read.
        """
        weights = (folder / self.weights).read_bytes()
        if hashlib.sha256(weights).hexdigest() != manifest["weights_sha256"]:
            raise EmbeddingError(
                f"{folder / self.weights} is not the file that its manifest describes; "
                f"{self.remedy}"
            )
        return dict(load(weights))
