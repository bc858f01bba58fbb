# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quality of an embedding as files: quality.json and its figures."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.quality import Quality, quality_report
from robomd_ros.core.embedding.samples import Samples
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.report.figures_embedding import embedding_figures

FILE = "quality.json"


def write_quality(
    model: EmbeddingModel,
    samples: Samples,
    folder: Path,
    progress: Callable[[int, int], object] | None = None,
) -> list[Path]:
    """Measure an embedding and write what was found.

    Args:
        model: the embedding.
        samples: the trials that it was trained on.
        folder: made if it is not there.
        progress: called with how many trainings of how many are done.

    Returns:
        The files written, quality.json first.

    Raises:
        EmbeddingError: too few trials, or the folder cannot be written.
    """
    quality = quality_report(model, samples, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        path.write_text(json.dumps(quality_values(quality), indent=1), encoding="utf-8")
        written = [path]
        for figure in embedding_figures(quality):
            figure.write(folder)
            written += [folder / f"{figure.name}.{kind}" for kind in ("svg", "png")]
    except OSError as error:
        raise EmbeddingError(
            f"cannot write the embedding's report to {folder}: {error}; free some space or choose "
            "another folder"
        ) from error
    return written


def quality_values(quality: Quality) -> dict[str, Any]:
    """Plain values of all that was measured; numbers that are undefined are null."""
    found, diagram = quality.neighbours, quality.diagram
    return {
        "trials": quality.trials,
        "failures": quality.failures,
        "scenes": quality.scenes,
        "table_v": [
            {
                "name": row.name,
                "mse": row.matrix.mse,
                "frobenius": row.matrix.frobenius,
                "size": len(row.matrix.labels),
                "paper_mse": row.paper[0] if row.paper else None,
                "paper_frobenius": row.paper[1] if row.paper else None,
            }
            for row in quality.table
        ],
        "knn": None
        if found is None
        else {
            "k": list(found.k),
            "accuracy": list(found.accuracy),
            "held_out_trials": found.held_out,
            "most_frequent_outcome": found.majority,
        },
        "training_loss": {name: list(values) for name, values in quality.losses.items()},
        "calibration": {
            "expected_calibration_error": diagram.error,
            "counts": diagram.counts.tolist(),
            "predicted": [_number(v) for v in diagram.predicted],
            "observed": [_number(v) for v in diagram.observed],
        },
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
