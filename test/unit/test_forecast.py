# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a campaign will take, and what its budget can see."""

import math

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config
from scipy.stats import binom

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.forecast import (
    describe,
    past_trials,
    smallest_effect,
    trials_to_decide,
)
from robomd_ros.core.campaign.stored import open_campaign
from robomd_ros.core.evidence.rates import Counts

CATALOGUE = make_catalogue(21)


def config(**values):
    given = {"nominal_trials": 5, "nominal_share": 0.1, "confidence": 0.95, "budget": 210}
    return make_config(**{**given, **values})


def test_the_trials_are_those_of_the_control_arm_and_of_each_variation():
    assert trials_to_decide(config(), CATALOGUE, 2.0) == math.ceil(5 + 42 / 0.9)
    assert trials_to_decide(config(nominal_trials=0, nominal_share=0.0), CATALOGUE, 3.0) == 63


def test_the_effect_that_is_seen_shrinks_with_the_budget():
    effects = [smallest_effect(config(budget=b), CATALOGUE, Counts(0, 5)) for b in (105, 420, 1680)]
    assert effects == sorted(effects, reverse=True)
    assert effects[0] > 0.3 and effects[2] < 0.2
    assert math.isnan(smallest_effect(config(budget=21), CATALOGUE, Counts(4, 5)))


@pytest.mark.parametrize("budget", [420, 1680])
def test_the_power_is_about_what_is_said(budget):
    """Against Fisher's idea of it: binomial counts, the difference tested at the confidence."""
    effect = smallest_effect(config(budget=budget), CATALOGUE, Counts(1, 20))
    own, unchanged = round(0.9 * budget / 21), round(0.1 * budget)
    q0, rng = 1.5 / 22.5, np.random.default_rng(0)
    a, b = rng.binomial(own, q0 + effect, 4000), rng.binomial(unchanged, q0, 4000)
    pooled = (a + b) / (own + unchanged)
    z = (a / own - b / unchanged) / np.sqrt(
        np.maximum(pooled * (1 - pooled), 1e-9) * (1 / own + 1 / unchanged)
    )
    assert 0.65 < (z > 1.645).mean() < 0.95
    assert binom(own, q0).sf(own) == 0.0


def test_it_is_said_for_a_consistent_policy_and_one_that_fails_by_chance():
    before = describe(config(), CATALOGUE)
    assert "21 variations: about 75 to 80 trials decide all of them if the policy is" in before
    assert "about 145 if it fails by chance" in before
    assert "the budget of 210 sees effects above 0." in before and "at 80% power" in before
    assert "as it fails by chance" in describe(config(), CATALOGUE, Counts(1, 5))
    sure = describe(config(), CATALOGUE, Counts(0, 5), past=[58, 140])
    assert "campaigns beside this one took 58 to 140" in sure and "by chance" not in sure
    assert "min of the operator's work" in describe(config(), CATALOGUE, person=True)


def test_the_campaign_says_it_before_the_first_change_and_knows_those_beside_it(tmp_path):
    for name in ("one", "two"):
        listener = Recorder()
        opened = open_campaign(tmp_path / name, config(search="decide"), CATALOGUE)
        done = Campaign(opened, [FakeCell()], listener).run().trials
        opened.close()
        assert "the budget of 210 sees" in listener.statuses[0].message
        assert "the budget of 210 sees" not in listener.statuses[-1].message
    assert past_trials(tmp_path / "new", CATALOGUE) == [done, done]
    assert past_trials(tmp_path / "new", make_catalogue(5)) == []
    assert f"took {done} to {done}" in listener.statuses[0].message
    (tmp_path / "one" / "campaign.yaml").write_text("{")
    assert past_trials(tmp_path / "new", CATALOGUE) == [done]
