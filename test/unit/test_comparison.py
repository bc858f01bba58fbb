# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two policies: equal ones are not told apart, unequal ones are, and few trials say so."""

import numpy as np
import pytest

from robomd_ros.core.evidence.comparison import (
    Compared,
    SceneTrials,
    compare_policies,
)


def trials(first: tuple[int, int], second: tuple[int, int]) -> SceneTrials:
    """(failures, trials) of each policy, from starts of their own."""
    made = [(True,) * f + (False,) * (n - f) for f, n in (first, second)]
    return SceneTrials((), made[0], made[1])


def drawn(rng, rates, change, each):
    """Scenes with trials of two policies, of which the second fails more often by `change`."""
    return [
        SceneTrials(
            (),
            tuple((rng.random(each[0]) < p).tolist()),
            tuple((rng.random(each[1]) < min(1.0, p + change)).tolist()),
        )
        for p in rates
    ]


def test_equal_policies_are_hardly_ever_told_apart():
    """2 and 10 trials in each of 21 scenes; bench_compare.py does it a thousand times."""
    false = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = compare_policies(drawn(rng, rng.random(21), 0.0, (2, 10)), seed=seed)
        false += found.verdict in (Compared.BETTER, Compared.WORSE)
    assert false <= 6


def test_two_policies_that_never_fail_are_alike_whatever_the_trials():
    found = compare_policies([trials((0, 2), (0, 10))] * 21)
    assert found.verdict is Compared.NO_DIFFERENCE_SEEN
    assert found.difference == 0.0 and found.lower < 0.0 < found.upper
    assert 0.0 < found.detectable < 0.25


def test_a_clear_difference_has_its_sign():
    worse = compare_policies([trials((1, 10), (6, 10))] * 6)
    assert worse.verdict is Compared.WORSE and worse.lower > 0.0
    better = compare_policies([trials((6, 10), (1, 10))] * 6)
    assert better.verdict is Compared.BETTER
    assert better.difference == pytest.approx(-worse.difference) == pytest.approx(-0.5)


def test_few_trials_say_that_they_are_few():
    found = compare_policies([trials((3, 20), (6, 20))])
    assert found.verdict is Compared.UNDERPOWERED and found.detectable > 0.25
    assert found.trials == (20, 20) and found.scenes == 1
    assert compare_policies([trials((3, 20), (6, 20))], 0.5).verdict is Compared.NO_DIFFERENCE_SEEN


def test_starts_that_both_met_say_more():
    """Of 40 starts 20 are hard for both; 8 only for the second: without pairs that is noise."""
    starts = [(True, True)] * 20 + [(False, False)] * 12 + [(False, True)] * 8
    paired = compare_policies([SceneTrials(tuple(starts))])
    apart = compare_policies([trials((20, 40), (28, 40))])
    assert paired.verdict is Compared.WORSE and paired.pairs == 40
    assert apart.verdict not in (Compared.WORSE, Compared.BETTER)
    assert paired.difference == pytest.approx(apart.difference) == pytest.approx(0.2)
    assert paired.p_value == pytest.approx(2 * 0.5**8, abs=0.006)


def test_how_often_a_scene_was_tried_does_not_matter():
    """The second met the hard scene more often; scene by scene the two are alike (Simpson)."""
    scenes = [trials((18, 20), (90, 100)), trials((10, 100), (2, 20))]
    found = compare_policies(scenes)
    assert found.difference == pytest.approx(0.0, abs=1e-9)
    assert found.verdict is Compared.NO_DIFFERENCE_SEEN


def test_scenes_that_only_one_met_say_nothing():
    alone = SceneTrials((), (True,) * 20, ())
    assert compare_policies([alone]).verdict is Compared.NOT_COMPARABLE
    both = trials((5, 20), (5, 20))
    assert compare_policies([alone, both]).difference == compare_policies([both]).difference


def test_the_difference_that_matters_is_a_rate():
    with pytest.raises(ValueError, match="must lie between 0 and 1; got 1"):
        compare_policies([], matters=1.0)
