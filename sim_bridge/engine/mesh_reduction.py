# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fewer faces for a mesh that is seen from a metre away at 84x84 pixels."""

import numpy as np
from numpy.typing import NDArray

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]

_CELLS = 64
"""Cells along the diagonal of a mesh when vertices are clustered."""


def reduce_mesh(vertices: Vertices, faces: Faces, target: int) -> tuple[Vertices, Faces]:
    """Reduce a mesh to about `target` faces.

    Quadric edge collapse cannot join loose parts, and some meshes (robosuite's pedestal) are
    hundreds of them: those are clustered first.

    Args:
        vertices: (V, 3), m.
        faces: (F, 3), indices of vertices.
        target: faces wanted; a mesh with fewer is only welded.
    """
    welded = _weld(vertices, faces)
    reduced = _collapse(*welded, target)
    if len(reduced[1]) > 2 * target:
        cell = float(np.linalg.norm(np.ptp(vertices, axis=0))) / _CELLS
        reduced = _collapse(*_cluster(*welded, cell), target)
    return reduced


def _collapse(vertices: Vertices, faces: Faces, target: int) -> tuple[Vertices, Faces]:
    if len(faces) <= target:
        return vertices, faces
    import fast_simplification  # noqa: PLC0415 - not needed with a cached model

    points, triangles = fast_simplification.simplify(
        vertices.astype(np.float32), faces.astype(np.int32), target_count=target, agg=5
    )
    return points.astype(np.float64), triangles.astype(np.int64)


def _weld(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """Join vertices at the same place: files repeat them along creases, which blocks collapse."""
    return _merge(vertices, faces, np.round(vertices, 6))


def _cluster(vertices: Vertices, faces: Faces, cell: float) -> tuple[Vertices, Faces]:
    """Join all vertices in one cell of a grid (cell in m)."""
    return _merge(vertices, faces, np.floor((vertices - vertices.min(axis=0)) / cell))


def _merge(vertices: Vertices, faces: Faces, keys: Vertices) -> tuple[Vertices, Faces]:
    """Replace the vertices of equal key by their mean; faces that collapse or repeat go."""
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    mean = np.column_stack([np.bincount(group, column) / count for column in vertices.T])
    merged = group[faces]
    corners = np.sort(merged, axis=1)
    proper = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2])
    _, first = np.unique(corners, axis=0, return_index=True)
    kept = np.zeros(len(faces), dtype=bool)
    kept[first] = True
    return mean, merged[kept & proper]
