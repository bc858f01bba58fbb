# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The known embeddings: validation and the nearest one."""

import numpy as np
import pytest

from robomd_ros.core.embedding import known as known_module
from robomd_ros.core.embedding.known import KnownEmbeddings


def make(embeddings, trials=None, failures=None) -> KnownEmbeddings:
    count = len(embeddings)
    trials = np.ones(count, int) if trials is None else np.array(trials)
    failures = np.zeros(count, int) if failures is None else np.array(failures)
    return KnownEmbeddings(
        np.asarray(embeddings, np.float32), trials, failures, [(f"v{i}",) for i in range(count)]
    )


def test_nearest_by_hand():
    known = make([[0.0, 0.0], [3.0, 0.0], [0.0, 10.0]])
    indices, distances = known.nearest(np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 9.0], [3.0, 0.0]]))
    assert indices.tolist() == [0, 1, 2, 1]
    np.testing.assert_allclose(distances, [1.0, 1.0, 17**0.5, 0.0], atol=1e-12)


@pytest.mark.parametrize("chunk", [known_module.CHUNK_ELEMENTS, 50])
def test_nearest_equals_the_loop_even_far_from_the_origin(chunk, monkeypatch):
    monkeypatch.setattr(known_module, "CHUNK_ELEMENTS", chunk)
    rng = np.random.default_rng(0)
    embeddings = 1000.0 + rng.normal(size=(40, 512))
    known = make(embeddings)
    points = known.embeddings[rng.integers(40, size=30)] + rng.normal(size=(30, 512)) * 0.3
    indices, distances = known.nearest(points)
    for point, index, distance in zip(points, indices, distances, strict=True):
        gaps = [np.linalg.norm(point - e.astype(np.float64)) for e in known.embeddings]
        assert index == int(np.argmin(gaps))
        assert distance == pytest.approx(min(gaps), rel=1e-9)


def test_no_points_have_no_neighbours():
    indices, distances = make([[0.0, 0.0]]).nearest(np.zeros((0, 2)))
    assert indices.shape == distances.shape == (0,)


def test_rates_and_spread():
    known = make([[0.0, 0.0], [0.0, 4.0]], [4, 1], [1, 1])
    assert known.failure_rates.tolist() == [0.25, 1.0]
    assert known.center.tolist() == [0.0, 2.0]
    assert known.spread == 2.0
    assert make([[1.0, 1.0]]).spread == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0], [float("nan")]],), "must be finite"),
        (([[0.0]], [0], [0]), "at least one trial"),
        (([[0.0], [1.0]], [3, 2], [3, 5]), "known embedding 1 has 5 failures in 2 trials"),
        (([[0.0], [1.0]], [3]), "must be 2 each; got 1, 2, 2"),
        ((np.zeros((0, 3)),), r"must be \(m, d\) with m, d >= 1; got \(0, 3\)"),
    ],
)
def test_impossible_sets_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)


def test_points_of_another_space_are_refused():
    with pytest.raises(ValueError, match=r"points must be \(n, 2\); got \(4, 3\)"):
        make([[0.0, 0.0]]).nearest(np.zeros((4, 3)))
