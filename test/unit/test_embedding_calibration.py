# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Calibration: probabilities that come true, intervals that hold, figures of merit by hand."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta

from robomd_ros.core.embedding.calibration import (
    KAPPA_PRIOR,
    Calibration,
    expected_calibration_error,
    interval_coverage,
    reliability_diagram,
)


def outcomes(slope, offset, kappa, count, trials, seed=0):
    """Logits, trials, failures of scenes; rates scatter around sigmoid(slope x + offset)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=count)
    p = expit(slope * logits + offset)
    rates = rng.beta(kappa * p, kappa * (1 - p))
    return logits, np.full(count, trials), rng.binomial(trials, rates), rates


def test_slope_and_offset_are_found_again():
    logits, trials, failures, _ = outcomes(0.4, 0.8, 2.0, 4000, 1)
    found = Calibration.fit(logits, trials, failures)
    assert found.slope == pytest.approx(0.4, abs=0.05)
    assert found.offset == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("kappa", [0.4, 1.5, 6.0])
def test_kappa_is_found_in_repeated_trials(kappa):
    logits, trials, failures, _ = outcomes(1.0, 0.0, kappa, 1500, 6)
    assert Calibration.fit(logits, trials, failures).kappa == pytest.approx(kappa, rel=0.25)


def test_single_trials_leave_kappa_at_its_prior():
    logits, trials, failures, _ = outcomes(1.0, 0.0, 8.0, 500, 1)
    assert Calibration.fit(logits, trials, failures).kappa == pytest.approx(KAPPA_PRIOR, rel=0.02)


def test_a_handful_of_trials_changes_little():
    found = Calibration.fit([-1.0, 1.0, 2.0], [1, 1, 1], [0, 1, 1])
    assert 0.5 < found.slope < 3.0 and abs(found.offset) < 1.0
    assert Calibration.fit([], [], []) == Calibration()


def test_the_order_stays_and_certainty_is_never_claimed():
    p = Calibration(0.3, -1.0).probability(np.linspace(-100, 100, 9))
    assert (np.diff(p) >= 0).all() and p[0] > 0 and p[-1] < 1
    assert Calibration(0.3, -1.0).probability([0.0]) == pytest.approx(expit([-1.0]))


@pytest.mark.parametrize("kappa", [0.5, 2.0, 10.0])
def test_intervals_hold_the_rates(kappa):
    logits, trials, failures, rates = outcomes(1.0, 0.0, kappa, 3000, 4, seed=1)
    found = Calibration.fit(logits, trials, failures)
    lower, upper = found.interval(found.probability(logits))
    assert (lower <= upper).all() and lower.min() >= 0.0 and upper.max() <= 1.0
    covered = interval_coverage(lower, upper, rates)
    assert 0.93 <= covered <= 0.995  # rounded outward, a little more than 0.95
    assert np.allclose(lower * 100, np.round(lower * 100))


def test_without_doubt_an_interval_is_the_beta_distributions():
    sure = Calibration(kappa=4.0, doubt=(0.0, 0.0, 0.0))
    p = np.array([0.1, 0.5, 0.97])
    lower, upper = sure.interval(p)
    for tail, bound, outward in ((0.025, lower, np.floor), (0.975, upper, np.ceil)):
        exact = beta.ppf(tail, 4.0 * p, 4.0 * (1 - p))
        assert np.abs(bound - outward(exact * 100) / 100).max() <= 0.01 + 1e-9


def test_an_interval_is_over_what_slope_and_offset_may_be():
    unsure = Calibration(slope=2.0, offset=0.5, kappa=3.0, doubt=(0.3, 0.1, 0.4))
    rng = np.random.default_rng(3)
    log_slope, offset = rng.multivariate_normal(
        [np.log(2.0), 0.5], [[0.3, 0.1], [0.1, 0.4]], 200_000
    ).T
    z = -np.exp(log_slope) + offset
    rates = rng.beta(3.0 * expit(z), 3.0 * (1.0 - expit(z)))
    lower, upper = unsure.interval(unsure.probability([-1.0]))
    assert [lower[0], upper[0]] == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.015)


def test_the_fewer_trials_the_wider():
    widths = []
    for count in (6, 60, 6000):
        logits, trials, failures, _ = outcomes(1.0, 0.0, 6.0, count, 3)
        lower, upper = Calibration.fit(logits, trials, failures).interval([0.2])
        widths.append(float(upper[0] - lower[0]))
    assert widths[0] > widths[1] > widths[2]


def test_calibration_error_by_hand():
    # Bin 0.2 to 0.4 holds two, mean 0.3, half of them failed; bin 0.8 to 1 holds two, all failed.
    diagram = reliability_diagram([0.25, 0.35, 0.9, 1.0], [0.0, 1.0, 1.0, 1.0], bins=5)
    assert diagram.counts.tolist() == [0, 2, 0, 0, 2]
    assert diagram.predicted[1] == pytest.approx(0.3) and diagram.observed[1] == 0.5
    assert np.isnan(diagram.observed[0])
    assert diagram.error == pytest.approx(0.5 * 0.2 + 0.5 * 0.05)
    assert expected_calibration_error([0.5], [0.5]) == 0.0
    assert np.isnan(expected_calibration_error([], []))


def test_coverage_by_hand():
    assert interval_coverage([0.0, 0.2, 0.5], [0.1, 0.3, 1.0], [0.0, 0.35, 1.0]) == pytest.approx(
        2 / 3
    )


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="slope"):
        Calibration(slope=0.0)
    with pytest.raises(ValueError, match="equally long"):
        reliability_diagram([0.5], [0.5, 0.6])
