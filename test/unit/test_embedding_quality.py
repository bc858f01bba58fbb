# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit of an embedding: Table V by hand, neighbours, and the written report."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from embedding_samples import planted

from robomd_ros.core.embedding.quality import (
    CosineMatrix,
    _variants,
    cosine_matrix,
    neighbour_accuracy,
)
from robomd_ros.core.embedding.training import APART, TrainingSettings, train
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.report.embedding_quality import write_quality

SETTINGS = TrainingSettings(steps=30, components=12, hidden=16)


def test_distance_to_the_identity_by_hand():
    apart = CosineMatrix.of(["a", "b", "c"], 3.0 * np.eye(3))
    assert (apart.mse, apart.frobenius) == (0.0, 0.0)
    # Cosines of the off-diagonal pairs: 1, 0.6 and 0.6.
    some = CosineMatrix.of(["a", "b", "c"], np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 4.0]]))
    assert some.mse == pytest.approx(2 * (1 + 0.36 + 0.36) / 9)
    assert some.frobenius == pytest.approx(np.sqrt(2 * (1 + 0.36 + 0.36)))
    opposite = CosineMatrix.of(["a", "b"], np.array([[1.0], [-1.0]]))
    assert opposite.mse == pytest.approx(0.5)
    assert CosineMatrix.of(["a", "b"], np.array([[0.0], [1.0]])).values[0, 1] == 0.0


def test_the_matrix_is_of_single_variations():
    samples, _ = planted(20)
    ids = [(), ("x", "y"), *samples.scene_ids[2:]]
    model = train(replace(samples, scene_ids=tuple(ids)), replace(SETTINGS, steps=5), 0)
    matrix = cosine_matrix(model, largest=10)
    assert len(matrix.labels) == 10 and "nominal" not in matrix.labels
    assert np.allclose(np.diag(matrix.values), 1.0) and np.allclose(matrix.values, matrix.values.T)


def test_the_optional_term_tells_variations_apart():
    samples, _ = planted(20, repeats=3)
    plain = train(samples, replace(SETTINGS, steps=80), 0)
    apart = train(samples, replace(SETTINGS, steps=80, same_variation=1.0, margin=5.0), 0)
    assert cosine_matrix(apart).mse < 0.7 * cosine_matrix(plain).mse


def test_neighbours_of_unseen_scenes():
    samples, _ = planted(60)
    found = neighbour_accuracy(samples, SETTINGS)
    assert found.held_out == 20 and found.k[0] == 1 and found.k == tuple(sorted(set(found.k)))
    assert max(found.accuracy) > 0.8 > found.majority
    # Of all neighbours nearly, the vote is the more frequent outcome.
    assert found.k[-1] < 40 and len(found.k) == len(found.accuracy)
    few, _ = planted(9)
    assert neighbour_accuracy(few, SETTINGS) is None


def test_only_the_last_row_draws_scenes_apart():
    for settings, weight in ((SETTINGS, 1.0), (SETTINGS.with_scenes_apart(0.5), 0.5)):
        rows = _variants(settings)
        assert [row.same_variation for row in rows] == [0.0] * 4 + [weight]
        assert [row.margin for row in rows] == [SETTINGS.margin] * 4 + [APART]


@pytest.mark.long
def test_the_report_is_written(tmp_path):
    samples, _ = planted(30, repeats=2)
    model = train(samples, SETTINGS, 0)
    steps = []
    files = write_quality(model, samples, tmp_path / "q", lambda *at: steps.append(at))
    assert steps[-1][0] == steps[-1][1]
    values = json.loads(files[0].read_text())
    assert [row["paper_mse"] for row in values["table_v"]] == [0.6495, 0.6179, 0.8426, 0.1801, None]
    for row in values["table_v"]:
        assert row["frobenius"] == pytest.approx(row["size"] * np.sqrt(row["mse"]))
    assert set(values["training_loss"]) == {"image", "text", "image+text"}
    assert sum(values["calibration"]["counts"]) == values["scenes"] == 30
    assert values["knn"]["held_out_trials"] == 20
    assert len(files) == 1 + 2 * 4
    for path in files[1:]:
        assert path.stat().st_size > 1000
        if path.suffix == ".svg":
            ET.parse(path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    samples, _ = planted(12)
    model = train(samples, replace(SETTINGS, steps=5), 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddingError, match="cannot write"):
        write_quality(model, samples, tmp_path / "file" / "q")
