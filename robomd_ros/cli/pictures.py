# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures that the user names, by file."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from robomd_ros.core.embedding.encoders import Picture
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.variations import Catalogue, Scene

_START = 0
"""Seed of the start from which pictures are drawn."""
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def read_picture(path: Path) -> Picture:
    """A picture file as (H, W, 3) uint8 RGB; ConfigurationError if it is none."""
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if stored is None:
        raise ConfigurationError(
            f"{path} is no picture that can be read; give a PNG or JPEG file of the changed scene"
        )
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def pictures_of(catalogue: Catalogue, folder: Path) -> dict[str, Picture]:
    """The pictures <variation id>.<png, jpg, ...> of a folder, by id.

    Raises:
        ConfigurationError: no such folder, no picture of any variation, or an unreadable one.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}; give the one of the pictures")
    ids = {v.id for v in catalogue}
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES)
    found = {file.stem: read_picture(file) for file in files if file.stem in ids}
    if not found:
        raise ConfigurationError(
            f"{folder} has no picture of a variation of the catalogue; name them "
            f"<variation id>.png, e.g. {catalogue.variations[0].id}.png"
        )
    return found


def drawn_pictures(
    catalogue: Catalogue, progress: Callable[[int, int], object] | None = None
) -> dict[str, Picture]:
    """The picture of every variation as the task's simulator draws it, by id; some 10 ms each.

    All are drawn from the same start, so that they differ in the variation alone.

    Raises:
        ConfigurationError: there is no simulator of the task, or a variation cannot be made in it.
    """
    from sim_bridge.engine.simulation import Simulation
    from sim_bridge.tasks.task import simulated_task

    simulation = Simulation(simulated_task(catalogue.task))
    drawn: dict[str, Picture] = {}
    try:
        for number, variation in enumerate(catalogue, 1):
            simulation.reset(_START, Scene((variation,)))
            drawn[variation.id] = simulation.draw().copy()
            if progress is not None:
                progress(number, len(catalogue))
    finally:
        simulation.close()
    return drawn
