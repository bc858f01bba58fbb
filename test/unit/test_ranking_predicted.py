# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ranking that also holds what an embedding predicts: its figures, its order, its words."""

import io
import json
import math

import numpy as np
import pytest
from fakes import make_catalogue
from rich.console import Console

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.ranking import FailureRanking, Predicted, build_ranking
from robomd_ros.core.evidence.ranking_table import ranking_table


def predicted(probability, known=None, log_density=None):
    """A prediction with intervals of 0.1 on both sides; [0, 1] where it does not know."""
    p = np.asarray(probability, dtype=float)
    known = np.ones(len(p), dtype=bool) if known is None else np.asarray(known, dtype=bool)
    density = np.full(len(p), math.nan) if log_density is None else np.asarray(log_density, float)
    return Predicted(
        probability=np.where(known, p, 0.5),
        lower=np.where(known, np.maximum(p - 0.1, 0.0), 0.0),
        upper=np.where(known, np.minimum(p + 0.1, 1.0), 1.0),
        reliability=np.arange(len(p), dtype=float),
        known=known,
        log_density=density,
    )


def rank(counts, said, **about):
    """Of six variations; counts of (successes, failures) by id."""
    catalogue = make_catalogue(6)
    evidence = Evidence(catalogue)
    for variation_id, (successes, failures) in counts.items():
        for failed in [False] * successes + [True] * failures:
            evidence.add(catalogue.scene([variation_id]), failed)
    about = {"order_by": "evidence", "action_space": "discrete", **about}
    return build_ranking(evidence.posterior(), catalogue, predicted=said, **about)


def ids(ranking):
    return [mode.ids[0] for mode in ranking.failure_modes]


def test_tried_by_evidence_untried_by_the_embedding():
    """Means of the tried: v0 3/4, v1 1/6. v2 0.9, v3 0.4, v4 0.05 are predicted, v5 unknown."""
    said = predicted([0.1, 0.9, 0.9, 0.4, 0.05, 0.99], known=[1, 1, 1, 1, 1, 0])
    ranking = rank({"v0": (0, 2), "v1": (4, 0)}, said)
    assert ids(ranking) == ["v2", "v0", "v5", "v3", "v1", "v4"]
    by_id = {mode.ids[0]: mode for mode in ranking.failure_modes}
    assert by_id["v0"].failure_probability > 0.7, "evidence, not the prediction"
    assert by_id["v1"].failure_probability < 0.2
    assert by_id["v0"].seen and by_id["v0"].reliability == 0.0
    v2 = by_id["v2"]
    assert not v2.seen and v2.predicted and v2.reliability == 2.0
    assert (v2.failure_probability, v2.lower, v2.upper) == pytest.approx((0.9, 0.8, 1.0))


def test_what_the_embedding_does_not_know_says_so_and_is_no_finding():
    """Unknown is below a mode known to fail even with a mean of 0.4, as any untried one is."""
    said = predicted([0.5] * 6, known=[0] * 6)
    ranking = rank({"v3": (5, 3)}, said)
    assert ids(ranking)[0] == "v3"
    unknown = ranking.failure_modes[1]
    assert unknown.unknown and not unknown.predicted
    assert (unknown.failure_probability, unknown.lower, unknown.upper) == (0.5, 0.0, 1.0)
    assert not any(mode.unknown for mode in rank({"v3": (5, 3)}, None).failure_modes)


def test_a_wide_prediction_is_a_prediction():
    said = Predicted(
        *(np.full(6, v) for v in (0.48, 0.0, 1.0, 2.0)), np.ones(6, bool), np.full(6, math.nan)
    )
    assert all(mode.predicted and not mode.unknown for mode in rank({}, said).failure_modes)


def test_figures_of_merit_are_those_of_the_evidence():
    without = rank({"v0": (0, 2), "v1": (4, 0)}, None)
    ranking = rank({"v0": (0, 2), "v1": (4, 0)}, predicted([0.99] * 6))
    assert ranking.entropy == without.entropy
    assert ranking.failure_mode_count == without.failure_mode_count == 1
    assert ranking.failure_severity_index == without.failure_severity_index


def test_the_papers_order_is_by_log_density():
    said = predicted([0.5] * 6, log_density=[3.0, 1.0, 2.0, -5.0, 9.0, 0.0])
    ranking = rank({"v3": (0, 3)}, said, order_by="search_agent")
    assert ids(ranking) == ["v4", "v0", "v2", "v1", "v5", "v3"]
    assert ranking.failure_modes[0].log_density == 9.0
    with pytest.raises(ConfigurationError, match=r"no action probabilities"):
        rank({}, predicted([0.5] * 6), order_by="search_agent")


def test_it_survives_json():
    said = predicted([0.2] * 6, known=[1, 0, 1, 1, 1, 1], log_density=[1.0] * 6)
    ranking = rank({"v0": (1, 0)}, said)
    text = json.dumps(ranking.to_dict(), allow_nan=False)
    again = FailureRanking.from_dict(json.loads(text))
    assert again == ranking or again.to_dict() == ranking.to_dict()
    assert [m.predicted for m in again.failure_modes] == [
        m.predicted for m in ranking.failure_modes
    ]


def test_the_table_says_what_is_predicted_and_what_is_not_known():
    said = predicted([0.2, 0.9] + [0.3] * 4, known=[1, 1, 1, 1, 1, 0])
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(ranking_table(rank({"v0": (1, 0)}, said)))
    rows = console.export_text().splitlines()
    assert any("v1" in row and "predicted" in row and "0.90" in row for row in rows)
    assert any("v5" in row and "not known" in row and "0.50" not in row for row in rows)
    assert any("v0" in row and "0/1" in row for row in rows)


def test_a_prediction_of_another_catalogue_is_refused():
    with pytest.raises(ConfigurationError, match=r"shape \(3,\), the catalogue 6"):
        rank({}, predicted([0.5] * 3))
    with pytest.raises(ValueError, match="vectors of one length"):
        Predicted(*([np.zeros(2)] * 5), np.zeros(3))
