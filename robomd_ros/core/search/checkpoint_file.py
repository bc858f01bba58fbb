# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Torch checkpoints that are whole at every moment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def write_checkpoint(path: Path, document: Mapping[str, Any]) -> None:
    """Write a checkpoint: a reader sees the old file or the new one, never a part.

    Args:
        path: file to write; its folder is made.
        document: plain values and tensors.

    Raises:
        OSError, RuntimeError: it cannot be written.
    """
    temporary = path.with_suffix(".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("wb") as file:
        torch.save(dict(document), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
