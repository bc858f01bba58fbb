# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy commands in the unchanged scene is looked at, and said with the remedy."""

import json

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.policies.commands import FACT, CommandSummary, remark_on_commands
from robomd_ros.core.spaces import ActionSpec
from robomd_ros.core.trial import Outcome, Result, Source

DELTA = ActionSpec("delta_pose", 7, (-1.0,), (1.0,))
JOINTS = ActionSpec("joint_target", 7, (-3.14,), (3.14,))


def facts(actions, spec=DELTA):
    summary = CommandSummary(spec)
    for action in np.asarray(actions, dtype=float):
        summary.add(action)
    return summary.facts()


def remark(actions, spec=DELTA, trials=5):
    return remark_on_commands([facts(actions, spec)] * trials)


def random_actions(scale=0.3, size=7):
    return np.random.default_rng(0).normal(0.0, scale, (80, size))


def test_the_summary_is_that_of_numpy_and_is_json():
    actions = random_actions()
    found = facts(actions)[FACT]
    assert json.loads(json.dumps(found)) == found
    assert found["count"] == 80
    for name, value in (
        ("min", actions.min(0)), ("max", actions.max(0)), ("mean", actions.mean(0)),
        ("std", actions.std(0)), ("at_bounds", (np.abs(actions) >= 1.0).mean(0)),
    ):  # fmt: skip
        np.testing.assert_allclose(found[name], value, rtol=2e-3, atol=1e-6)
    assert facts(np.zeros((0, 7))) == {}
    assert facts(actions, ActionSpec("delta_pose", 7))[FACT]["low"] == [None] * 7


def test_an_ordinary_policy_gets_no_remark():
    assert remark(random_actions()) == ""
    assert remark(random_actions(0.5)) == ""  # some beyond the bounds: noise of a policy
    assert remark(0.2 + random_actions(0.1), JOINTS) == ""
    assert remark_on_commands([{}, {"gripper": 3}]) == ""


@pytest.mark.parametrize(
    ("actions", "spec", "words"),
    [
        (np.zeros((80, 7)), DELTA, ["never commanded a motion", "5 unchanged scenes", "doctor"]),
        (np.eye(7)[[6]].repeat(80, 0), DELTA, ["never commanded a motion"]),  # gripper alone
        (np.full((80, 7), 0.4), DELTA, ["one and the same command", "checkpoint"]),
        (np.zeros((80, 7)), JOINTS, ["one and the same command"]),
        ([[30, -20, 10, 90, 0, 0, 255]], DELTA, ["far outside", "value 7 reaches 255", "-1 to 1"]),
        ([[30, -200, 10, 90, 0, 0, 0]] * 9, DELTA, ["value 2 reaches -200", "normalisation"]),
        (np.sign(random_actions()) * 1.1, DELTA, ["at its bound in 100%", "normalisation"]),
    ],
)
def test_what_is_odd_is_said_with_the_remedy(actions, spec, words):
    text = remark(actions, spec)
    assert all(word in text for word in words), text


def test_one_trial_that_moves_is_enough():
    still, moving = facts(np.zeros((80, 7))), facts(random_actions())
    assert remark_on_commands([still, still, moving]) == ""


def test_the_campaign_says_it_after_the_control_trials(tmp_path):
    cell = FakeCell()
    cell._outcome = lambda *_: Outcome(
        Result.FAILURE, Source.SIMULATOR, 1.0, 80, facts=facts(np.zeros((80, 7)))
    )
    listener = Recorder()
    values = {"nominal_trials": 5, "nominal_share": 0.1, "confidence": 0.95}
    opened = open_campaign(tmp_path, make_config(**values), make_catalogue())
    Campaign(opened, [cell], listener).run()
    opened.close()
    said = listener.statuses[-1].message
    assert "the policy fails unchanged: it fails in 4 of 4" in said
    assert said.count("The policy never commanded a motion in 4 unchanged scenes") == 1
    assert read_campaign(tmp_path).trials[0].outcome.facts[FACT]["count"] == 80
    # whoever goes on all the same, or succeeds without a motion, is told too
    resumed = Recorder()
    opened = open_campaign(
        tmp_path, make_config(on_nominal_failure="continue", **values), make_catalogue()
    )
    Campaign(opened, [cell], resumed).run()
    opened.close()
    assert "never commanded a motion" in resumed.statuses[0].message
