# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit with intervals, and the figures of the report by factor and pair."""

import math

import pytest
from fakes import make_catalogue
from stored_campaigns import store_campaign

from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.merits import merits_of
from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.figures_factors import factors_figure, pairs_figure


def posterior(failures, trials, nominal=20, size=6):
    """`failures` of the catalogue's variations fail in each of `trials`, the others never."""
    catalogue = make_catalogue(size)
    evidence = Evidence(catalogue)
    for _ in range(nominal):
        evidence.add(catalogue.scene([]), failed=False)
    for i, variation in enumerate(catalogue):
        for _ in range(trials):
            evidence.add(catalogue.scene([variation.id]), failed=i < failures)
    return evidence.posterior()


@pytest.mark.parametrize("trials", [2, 10, 100])
def test_a_policy_that_never_fails_has_no_severity_whatever_the_budget(trials):
    found = merits_of(posterior(0, trials))
    assert (found.severity.value, found.count.value, found.distance.value) == (0.0, 0.0, 0.0)
    assert found.severity.lower == 0.0 and math.isnan(found.entropy.value)


def test_intervals_hold_their_figure_and_grow_short():
    few, many = merits_of(posterior(2, 3)), merits_of(posterior(2, 100))
    assert (few.count.value, many.count.value) == (2.0, 2.0)
    for one, other in zip(vars(few).values(), vars(many).values(), strict=True):
        assert one.lower <= one.value <= one.upper
        assert other.upper - other.lower <= one.upper - one.lower
    assert many.severity.value == pytest.approx(2.0, abs=0.05)
    assert many.entropy.value == pytest.approx(math.log(2), abs=0.01)


def test_without_trials_there_is_nothing():
    found = merits_of(posterior(0, 0, nominal=0))
    assert math.isnan(found.severity.value) and found.count.value == 0.0


def test_figures_by_factor_and_pair(tmp_path):
    def fails(ids, rng):
        return "v0" in ids

    alone = load_campaign(
        store_campaign(tmp_path / "alone", 60, fails, lambda *_: False, largest=1, nominal_one_in=5)
    )
    assert "is of v0" in factors_figure(alone).alt and pairs_figure(alone) is None
    together = load_campaign(store_campaign(tmp_path / "pairs", 60, fails, lambda *_: False))
    assert "pairs of changes that were tried together" in pairs_figure(together).alt
