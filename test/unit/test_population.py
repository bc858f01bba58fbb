# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rates of a catalogue as a population: shrinkage, intervals that touch 0 and 1, verdicts."""

import numpy as np
import pytest

from robomd_ros.core.evidence.population import (
    Counts,
    Population,
    Rate,
    Verdict,
    doubt,
    expected_wrong,
    verdict_of,
    verdicts_of,
)

CONFIDENCE = 0.95


def population(nominal: tuple[int, int], *tried: tuple[int, int], **options: float) -> Population:
    return Population(Counts(*nominal), [Counts(*c) for c in tried], **options)


def test_equal_counts_share_one_rate_and_the_order_is_the_catalogues():
    found = population((0, 5), (0, 3), (3, 3), (0, 3), (0, 0)).rates
    assert found[0] is found[2]
    assert found[1].mean > found[3].mean > found[0].mean
    assert [rate.counts.trials for rate in found] == [3, 3, 3, 0]


def test_rates_of_nought_and_one_are_possible():
    found = population((0, 5), *[(0, 4)] * 11, *[(4, 4)] * 10).rates
    assert found[0].lower == 0.0 and found[0].upper < 0.1
    assert found[-1].upper == 1.0 and found[-1].lower > 0.85


def test_a_first_row_is_corrected_for_having_been_selected():
    """Twenty that never failed make three failures of five less credible than five that did."""
    alone = population((0, 5), *[(0, 5)] * 20, (3, 5)).rates[-1]
    among = population((1, 5), *[(2, 5)] * 20, (3, 5)).rates[-1]
    chance = population((6, 20), *[(2, 5)] * 10, *[(1, 5)] * 10, (4, 5)).rates[-1]
    assert alone.mean > among.mean
    assert chance.mean < 0.5 and verdict_of(chance, CONFIDENCE) is not Verdict.FAILS


@pytest.mark.parametrize(("failures", "trials"), [(0, 40), (40, 40), (10, 40)])
def test_where_nothing_has_an_effect_none_is_accused(failures, trials):
    each = (round(5 * failures / trials), 5)
    found = population((failures, trials), *[each] * 21)
    for rate in found.rates:
        assert rate.effect_lower <= 0.0 <= rate.effect_upper
        assert rate.probability_worse < 0.9
    assert Verdict.HURTS not in verdicts_of(found.rates, CONFIDENCE)


def test_the_nominal_rate_is_that_of_nominal_trials():
    alone = population((2, 5)).nominal
    assert alone == population((2, 5), *[(9, 10)] * 20).nominal
    assert alone.effect == alone.probability_worse == 0.0
    assert population((15, 15)).nominal.upper == 1.0
    assert population((0, 15)).nominal.lower == 0.0


def test_effect_is_the_rate_minus_the_nominal_one():
    found = population((25, 100), *[(25, 100)] * 10, (60, 100), (5, 100))
    none, worse, better = found.rates[0], found.rates[-2], found.rates[-1]
    assert none.effect == pytest.approx(0.0, abs=0.02)
    assert worse.effect == pytest.approx(0.33, abs=0.04) and worse.effect_lower > 0.15
    assert better.effect == pytest.approx(-0.19, abs=0.04) and better.effect_upper < 0.0
    assert worse.probability_worse > 0.99 and better.probability_worse < 0.01


def test_it_agrees_with_the_counts_when_there_are_many():
    found = population((4, 400), (100, 400), (300, 400)).rates
    for rate, value in zip(found, (0.25, 0.75), strict=True):
        assert rate.mean == pytest.approx(value, abs=0.01)
        assert rate.upper - rate.lower == pytest.approx(2 * 1.96 * np.sqrt(0.1875 / 400), rel=0.1)


def test_the_threshold_is_a_parameter():
    counts = (7, 20)
    assert verdict_of(population((0, 20), counts).rates[0], CONFIDENCE) is Verdict.HURTS
    low = population((0, 20), counts, threshold=0.1).rates[0]
    assert verdict_of(low, CONFIDENCE) is Verdict.FAILS
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1; got 1"):
        population((0, 1), threshold=1.0)


def test_what_was_never_tried_is_not_known():
    found = population((0, 5), *[(0, 5)] * 20, (0, 0))
    assert verdict_of(found.rates[-1], CONFIDENCE) is Verdict.NOT_KNOWN
    assert found.future(Counts(0, 0)) == found.rates[-1]
    assert found.future(Counts(5, 5)).mean > 0.5


def rate(failing: float, worse: float = 0.0) -> Rate:
    return Rate(Counts(1, 2), failing, 0.0, 1.0, failing, worse, 0.0, -1.0, 1.0)


def test_each_verdict_by_itself():
    assert verdict_of(rate(0.96, 0.99), CONFIDENCE) is Verdict.FAILS
    assert verdict_of(rate(0.5, 0.96), CONFIDENCE) is Verdict.HURTS
    assert verdict_of(rate(0.01, 0.96), CONFIDENCE) is Verdict.HURTS
    assert verdict_of(rate(0.04, 0.5), CONFIDENCE) is Verdict.COPES
    assert verdict_of(rate(0.5, 0.5), CONFIDENCE) is Verdict.OPEN


def test_accusations_of_a_catalogue_hold_together():
    """Doubts 0.01, 0.03 and 0.04: the first two are 0.04 together, the third is too many."""
    rates = [rate(0.99), rate(0.97), rate(0.96), rate(0.02)]
    expected = (Verdict.FAILS, Verdict.FAILS, Verdict.OPEN, Verdict.COPES)
    assert verdicts_of(rates, CONFIDENCE) == expected
    assert expected_wrong(rates, CONFIDENCE) == pytest.approx(0.01 + 0.03 + 0.02)
    assert doubt(rate(0.5), Verdict.OPEN) == 0.0


def test_ties_stand_and_fall_together():
    assert verdicts_of([rate(0.97)] * 2, CONFIDENCE) == (Verdict.OPEN,) * 2
    assert verdicts_of([rate(0.98)] * 2, CONFIDENCE) == (Verdict.FAILS,) * 2
    milder = verdicts_of([rate(0.0, 0.96)] * 2, CONFIDENCE)
    assert milder == (Verdict.COPES,) * 2


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="3 failures of 2 trials"):
        Counts(3, 2)


def test_thousands_of_trials_cost_what_hundreds_do():
    """Distinct counts are what costs; the grids stay as they are."""
    found = population((30, 2000), *[(i, 900) for i in range(0, 420, 20)]).rates
    assert all(r.lower <= r.mean <= r.upper for r in found)
    assert found[0].lower == 0.0
