# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Image behaviour cloning: inference in numpy.

The network is small enough that plain matrix products beat a deep-learning runtime at batch 1, and
a simulator process that needs no torch starts in a fraction of the time.
`sim_bridge/learn/train_bc.py` trains the same network in torch; a test holds the two together.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from robomd_ros.core.policies.checkpoint import (
    PROPRIOCEPTION,
    BCArchitecture,
    Floats,
    load_checkpoint,
)
from robomd_ros.core.policies.policy import Observation
from robomd_ros.core.spaces import ActionSpec, Quantity, Spaces

_UNITS = {"eef_pos": "m", "eef_quat_xyzw": "", "gripper_qpos": "m"}


def proprioception_vector(values: Mapping[str, Any]) -> Floats:
    """The (9,) float32 input: eef_pos (m), eef_quat_xyzw, gripper_qpos (m).

    q and -q are the same orientation: the sign with x >= 0 is taken (a gripper that points down
    has x near 1).
    """
    parts = [np.asarray(values[name], dtype=np.float32) for name in PROPRIOCEPTION]
    if parts[1][0] < 0:
        parts[1] = -parts[1]
    return np.concatenate(parts)


class BCPolicy:
    """A behaviour-cloning checkpoint as a policy."""

    def __init__(self, architecture: BCArchitecture, tensors: Mapping[str, Floats]) -> None:
        """Lay the weights out for row-major patches.

        Args:
            architecture: what the tensors belong to.
            tensors: names and shapes as in `BCArchitecture.shapes`, float32.
        """
        self.architecture = architecture
        self._t = dict(tensors)
        self._conv1 = _patch_matrix(tensors["conv1.weight"]) / np.float32(255.0)
        self._conv2 = _patch_matrix(tensors["conv2.weight"])
        self._conv3 = _patch_matrix(tensors["conv3.weight"])
        axis = np.linspace(-1.0, 1.0, architecture.grid, dtype=np.float32)
        rows, columns = np.meshgrid(axis, axis, indexing="ij")
        self._grid = np.stack([columns.ravel(), rows.ravel()], axis=1)

    @classmethod
    def load(cls, path: Path) -> "BCPolicy":
        """Read a checkpoint, either of its two files; PolicyLoadError if it cannot be used."""
        return cls(*load_checkpoint(path))

    @property
    def needs(self) -> Spaces:
        """One camera, proprioception and the command, as the architecture has them."""
        made = self.architecture
        return Spaces(
            {made.camera: (made.image_size, made.image_size)},
            {name: Quantity(size, _UNITS[name]) for name, size in PROPRIOCEPTION.items()},
            ActionSpec("delta_pose", made.action_size),
        )

    def reset(self, seed: int, instruction: str) -> None:
        """The network has no memory and knows one task."""

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The command for one observation, (7,) float64; ValueError for another image size."""
        size, camera = self.architecture.image_size, self.architecture.camera
        image = np.ascontiguousarray(observation["images"][camera])
        if image.shape != (size, size, 3) or image.dtype != np.uint8:
            raise ValueError(
                f"this policy needs a ({size}, {size}, 3) uint8 picture of camera {camera!r}; "
                f"got {image.shape} {image.dtype}"
            )
        vector = proprioception_vector(observation["proprioception"])
        return self.forward(image, vector).astype(np.float64)

    def forward(self, image: NDArray[np.uint8], proprioception: Floats) -> Floats:
        """Network output for one image (H, W, 3) uint8 and one (9,) vector."""
        t, side = self._t, self.architecture.grid
        maps = _relu(_patches(image, 6, 4) @ self._conv1 + t["conv1.bias"])
        maps = _relu(_patches(_padded(maps, side), 3, 1) @ self._conv2 + t["conv2.bias"])
        maps = _patches(_padded(maps, side), 3, 1) @ self._conv3 + t["conv3.bias"]
        attention = np.exp(maps - maps.max(axis=0))
        points = (attention.T @ self._grid) / attention.sum(axis=0)[:, None]
        own = (proprioception - t["proprioception.mean"]) / t["proprioception.std"]
        hidden = np.concatenate([points.ravel(), own])
        for layer in ("fc1", "fc2"):
            hidden = _relu(t[f"{layer}.weight"] @ hidden + t[f"{layer}.bias"])
        command: Floats = t["action.weight"] @ hidden + t["action.bias"]
        return command


def _patch_matrix(weight: Floats) -> Floats:
    """(O, C, k, k) to (k * k * C, O): rows in the order in which `_patches` lists pixels."""
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]))


def _patches(image: NDArray[Any], kernel: int, stride: int) -> Floats:
    """All patches of (H, W, C) as float32 rows (count, kernel * kernel * C)."""
    height, width, channels = image.shape
    rows, columns = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    a, b, _ = image.strides
    shape = (rows, columns, kernel, kernel * channels)
    windows = as_strided(image, shape, (a * stride, b * stride, a, image.itemsize), writeable=False)
    return windows.reshape(rows * columns, -1).astype(np.float32, copy=False)


def _padded(maps: Floats, side: int) -> Floats:
    """(side * side, C) as (side + 2, side + 2, C) with a border of zeros."""
    out = np.zeros((side + 2, side + 2, maps.shape[1]), dtype=np.float32)
    out[1:-1, 1:-1] = maps.reshape(side, side, -1)
    return out


def _relu(values: Floats) -> Floats:
    positive: Floats = np.maximum(values, np.float32(0.0))
    return positive
