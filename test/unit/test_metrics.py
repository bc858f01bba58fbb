# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics against hand-worked numbers."""

import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from robomd_ros.core.evidence.metrics import (
    entropy,
    failure_mode_count,
    failure_severity_index,
    pairwise_accuracy,
    rank_consistent,
    rank_correlation,
    wasserstein_to_ideal,
)


def test_entropy_of_known_distributions():
    assert entropy([1.0, 0.0]) == 0.0
    assert entropy([0.5, 0.25, 0.25]) == pytest.approx(1.5 * math.log(2))
    assert entropy(np.full(21, 3.0)) == pytest.approx(math.log(21))
    assert math.isnan(entropy([0.0, 0.0])) and math.isnan(entropy([]))


def test_failure_mode_count_is_strict():
    assert failure_mode_count([0.5, 0.51, 0.9, 0.0]) == 2
    assert failure_mode_count([0.5, 0.51, 0.9, 0.0], threshold=0.8) == 1
    assert failure_mode_count([]) == 0


def test_failure_severity_index():
    """P = 0.8, 0.4, 0: W = 1, 1/2, 0; the sum is 0.8 + 0.2."""
    assert failure_severity_index([0.4, 0.8, 0.0]) == pytest.approx(1.0)
    assert failure_severity_index([0.3]) == pytest.approx(0.3)
    assert failure_severity_index([0.0, 0.0]) == 0.0
    assert math.isnan(failure_severity_index([]))


def test_wasserstein_distance():
    assert wasserstein_to_ideal([0.3, 0.0, 0.6]) == pytest.approx(0.3)
    assert wasserstein_to_ideal([0.9, 0.1], ideal=0.5) == pytest.approx(0.4)
    # sorted: 0.1 0.9 against 0.2 0.6
    assert wasserstein_to_ideal([0.9, 0.1], ideal=[0.2, 0.6]) == pytest.approx(0.2)
    assert wasserstein_to_ideal([0.0, 0.0]) == 0.0
    with pytest.raises(ValueError, match="ideal has 3 values for 2"):
        wasserstein_to_ideal([0.1, 0.2], [0.0, 0.0, 0.0])


@pytest.mark.parametrize("values", [[-0.1], [1.2], [math.nan], [[0.5]]])
def test_what_is_no_probability_is_refused(values):
    for metric in (failure_mode_count, failure_severity_index, wasserstein_to_ideal):
        with pytest.raises(ValueError, match=r"must be a vector of numbers in \[0, 1\]; got"):
            metric(values)


def test_entropy_refuses_negative_weights():
    with pytest.raises(ValueError, match="finite and not negative; got -1"):
        entropy([2.0, -1.0])


def test_pairwise_accuracy():
    """Truth 0.9 > 0.7 > 0.2 > 0.1; scores 4 1 1 2: right are ab ac ad, half bc, wrong bd, cd."""
    scores, truth = [4, 1, 1, 2], [0.9, 0.7, 0.2, 0.1]
    assert pairwise_accuracy(scores, truth) == pytest.approx(3.5 / 6)
    # a gap of 0.3 leaves ac ad bc bd; failing against succeeding the same four
    assert pairwise_accuracy(scores, truth, min_gap=0.3) == pytest.approx(2.5 / 4)
    assert pairwise_accuracy(scores, truth, threshold=0.5) == pytest.approx(2.5 / 4)
    assert pairwise_accuracy(scores, truth, min_gap=0.55, threshold=0.5) == pytest.approx(2 / 3)


def test_pairwise_accuracy_at_its_limits():
    truth = [0.1, 0.5, 0.9]
    assert pairwise_accuracy(truth, truth) == 1.0
    assert pairwise_accuracy([-t for t in truth], truth) == 0.0
    assert pairwise_accuracy([1, 1, 1], truth) == 0.5
    assert math.isnan(pairwise_accuracy([1, 2], [0.5, 0.5]))
    assert math.isnan(pairwise_accuracy([1, 2, 3], truth, min_gap=0.9))
    # 0.9 - 0.1 is 0.8 but for rounding
    assert pairwise_accuracy(truth, truth, min_gap=0.8) == 1.0


def test_rank_consistency_of_table_iv():
    """The paper counts a1 > a2 > a3 as consistent with the truth a1 = a2 > a3."""
    assert rank_consistent([3, 2, 1], [0.8, 0.8, 0.1])
    assert rank_consistent([2, 3, 1], [0.8, 0.8, 0.1])
    assert not rank_consistent([3, 1, 2], [0.8, 0.8, 0.1])
    assert not rank_consistent([2, 1, 1], [0.8, 0.5, 0.1])


def test_rank_correlation():
    """Of the six pairs of 1 2 4 3 one is reversed: (5 - 1) / 6."""
    assert rank_correlation([1, 2, 4, 3], [1, 2, 3, 4]) == pytest.approx(2 / 3)
    assert rank_correlation([3, 2, 1], [1, 2, 3]) == pytest.approx(-1.0)
    assert math.isnan(rank_correlation([1, 1], [1, 2])) and math.isnan(rank_correlation([1], [1]))
    assert rank_correlation([np.inf, np.inf, 1.0], [3, 2, 1]) == pytest.approx(2 / math.sqrt(6))


def test_rank_correlation_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for size in (2, 5, 40):
        for _ in range(10):
            s, t = rng.integers(0, size, size), rng.random(size).round(1)
            expected = kendalltau(s, t).statistic
            np.testing.assert_allclose(rank_correlation(s, t), expected, atol=1e-12)


def test_scores_must_fit_the_truth():
    with pytest.raises(ValueError, match="must be vectors of equal length"):
        pairwise_accuracy([1, 2], [0.5])
    with pytest.raises(ValueError, match=r"hold NaN at \[1\]"):
        rank_consistent([1, math.nan], [0.5, 0.2])
