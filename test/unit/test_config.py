# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The campaign's configuration: every error names the value and what is allowed."""

import pytest
import yaml
from fakes import make_config

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.description import installed_versions
from robomd_ros.core.errors import ConfigurationError

EMBEDDING = {"search": "decide", "action_space": "embedding"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"budget": 0}, r"budget must be a whole number in \[1, 1,000,000\]; got 0"),
        ({"budget": 1_000_001}, "budget .* got 1000001"),
        ({"budget": True}, "budget .* got True"),
        ({"budget": 10.0}, r"budget .* got 10\.0"),
        ({"seed": -1}, r"seed must be .*\[0, 4,294,967,295\]; got -1"),
        ({"confidence": 0.5}, r"confidence must be a number in \(0.5, 1\); got 0.5"),
        ({"confidence": 1.0}, "confidence .* got 1.0"),
        ({"confidence": float("nan")}, "confidence .* got nan"),
        ({"confirmation_share": 1.1}, r"confirmation_share .*\[0, 1\]; got 1.1"),
        ({"failing_threshold": 0.0}, "failing_threshold .* got 0"),
        ({"max_attempts": 0}, "max_attempts .* got 0"),
        ({"max_scene_size": 65}, r"max_scene_size .*\[1, 64\]; got 65"),
        ({"horizon": 0}, "horizon .* got 0"),
        ({"accumulate": "yes"}, "accumulate must be true, false or null .* got 'yes'"),
        ({"order_by": "luck"}, "order_by must be one of evidence, search_agent; got 'luck'"),
        ({"order_by": "search_agent"}, "order_by is 'search_agent', but search 'uniform' has no"),
        ({"action_space": "cube"}, "must be one of discrete, embedding; got 'cube'"),
        (
            {"action_space": "embedding"},
            "'uniform' does not work in .*'embedding'; use .*embedding",
        ),
        ({"search": "embedding"}, "'embedding' does not work in .*'discrete'; use .*thompson"),
        ({**EMBEDDING, "accumulate": True}, "accumulate is true, but .*'embedding' tries single"),
        ({**EMBEDDING, "search_options": {"proposal": "luck"}}, "one of uncertainty.*'luck'"),
        ({**EMBEDDING, "search_options": {"first_trials": 1}}, r"'first_trials'.*\[8, .* got 1"),
        (
            {**EMBEDDING, "search_options": {"text_encoder": "elmo"}},
            "unknown encoder 'elmo'.*words",
        ),
        ({**EMBEDDING, "search_options": {"image_encoder": 3}}, "must be text; got 3"),
        (
            {"search": "sarsa"},
            "unknown search 'sarsa'; allowed: ppo, a2c, decide, covering",
        ),
        ({"search": ["ppo"]}, r"search must be text.* got \['ppo'\]"),
        (
            {"search": "ppo", "search_options": {"n_step": 4}},
            "unknown 'ppo' search option 'n_step'; did you mean 'n_steps'",
        ),
        ({"search_options": {"x": 1}}, "unknown 'uniform' search option 'x'; known: none"),
        ({"search_options": 3}, "search_options must be a mapping .* got 3"),
        ({"variation_ids": "v1"}, "variation_ids must be a list .* got 'v1'"),
        ({"variation_ids": ["v1", "v2", "v1"]}, "variation_ids names 'v1' twice"),
        ({"policy": " "}, "policy must be text that is not empty; got ' '"),
        ({"task": 3}, "task must be text that is not empty; got 3"),
        ({"budgte": 4}, r"unknown configuration key 'budgte'; did you mean 'budget'\?"),
        ({"zzz": 4}, "unknown configuration key 'zzz'; known: .*task, variation_ids"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ConfigurationError, match=message):
        make_config(**values)


def test_a_missing_key_is_named():
    with pytest.raises(
        ConfigurationError, match=r"policy is missing; it must be text that is not empty"
    ):
        CampaignConfig.from_mapping({"task": "lift", "catalogue": "lift.yaml"})


@pytest.mark.parametrize(("search", "accumulates"), [("ppo", True), ("uniform", False)])
def test_accumulate_has_the_searches_default(search, accumulates):
    assert make_config(search=search).accumulates is accumulates
    assert make_config(search=search, accumulate=not accumulates).accumulates is not accumulates


def test_it_survives_yaml_with_every_default_spelled_out():
    config = make_config(search="ppo", variation_ids=["v1", "v0"], search_options={"n_steps": 32})
    stored = yaml.safe_load(yaml.safe_dump(config.to_mapping()))
    assert stored["accumulate"] is True
    assert stored["search_options"]["learning_rate"] == 3e-4
    assert stored["search_options"]["n_steps"] == 32
    again = CampaignConfig.from_mapping(stored)
    assert again.to_mapping() == config.to_mapping()


def test_the_embedding_has_one_search_of_single_variations():
    config = make_config(**EMBEDDING)
    assert config.search == "embedding"
    assert config.accumulates is False
    assert config.search_options["proposal"] == "uncertainty"
    again = CampaignConfig.from_mapping(config.to_mapping())
    assert again.to_mapping() == config.to_mapping()


def test_the_papers_settings_are_the_defaults_of_ppo():
    options = make_config(search="ppo").search_options
    assert options["learning_rate"] == 3e-4
    assert options["gamma"] == 0.99
    assert options["clip_range"] == 0.2
    assert options["n_epochs"] == 10
    assert options["batch_size"] == 64
    assert options["net_arch"] == [128, 256, 128]


def test_versions_name_what_is_installed():
    assert "numpy" in installed_versions()
