# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What cannot be done is marked in the catalogue and is no failure of the policy."""

import math
import pickle

import pytest

from robomd_ros.core.campaign.description import catalogue_text, contents
from robomd_ros.core.campaign.parameters import CampaignParameters, campaign_config
from robomd_ros.core.errors import CatalogueError, ConfigurationError
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Variation, load_catalogue
from sim_bridge.learn import feasible

TEXT = """# A catalogue with remarks.
task: lift
instruction: lift the cube

variations:
  - id: cube_big  # too big
    factor: size
    target: cube
    description: Use a big cube
  - id: cube_red
    factor: color
    target: cube
    description: Make the cube red
    expert_success: 0.25
"""
PLAIN = TEXT.replace("  # too big", "")


def test_what_was_measured_is_written_beside_each_variation_and_nothing_else_changes(tmp_path):
    text = feasible.marked(PLAIN, {"cube_big": 0.0, "cube_red": 1.0})
    path = tmp_path / "c.yaml"
    path.write_text(text)
    catalogue = load_catalogue(path)
    assert [v.expert_success for v in catalogue] == [0.0, 1.0]
    assert [v.feasible for v in catalogue] == [False, True]
    assert text.splitlines()[0] == "# A catalogue with remarks."
    assert feasible.marked(text, {"cube_big": 0.0, "cube_red": 1.0}) == text
    with pytest.raises(ConfigurationError, match="no line '- id: cube_big'"):
        feasible.marked(TEXT, {"cube_big": 0.0})


def test_the_field_is_checked_and_kept_but_is_no_other_catalogue(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(PLAIN)
    catalogue = load_catalogue(path)
    assert math.isnan(catalogue["cube_big"].expert_success) and catalogue["cube_big"].feasible
    red = catalogue["cube_red"]
    assert pickle.loads(pickle.dumps(red)).expert_success == 0.25
    copy = tmp_path / "copy.yaml"
    copy.write_text(catalogue_text(catalogue))
    assert load_catalogue(copy)["cube_red"].expert_success == 0.25
    plain = PLAIN.replace("    expert_success: 0.25\n", "")
    (tmp_path / "plain.yaml").write_text(plain)
    assert contents(load_catalogue(tmp_path / "plain.yaml")) == contents(catalogue)
    for wrong in (-0.1, 1.5):
        with pytest.raises(CatalogueError, match="expert_success must be a share"):
            Variation("a", "size", "cube", "A.", expert_success=wrong)
    path.write_text(PLAIN.replace("0.25", "often"))
    with pytest.raises(CatalogueError, match=r"expert_success must be a share.*got 'often'"):
        load_catalogue(path)


def test_a_campaign_leaves_out_what_cannot_be_done_unless_it_is_named(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(PLAIN)
    values = {**dict(CampaignParameters()), "catalogue": str(path)}
    assert campaign_config(values)[0].variation_ids == ("cube_big",)
    named = {**values, "variations": "cube_red"}
    assert campaign_config(named)[0].variation_ids == ("cube_red",)


def test_the_shipped_catalogue_says_what_the_expert_can_do():
    catalogue = load_catalogue(config_file("variations", "lift"))
    assert not any(math.isnan(v.expert_success) for v in catalogue)
    assert not catalogue["cube_size_0_04_0_04_0_04"].feasible  # 8 cm do not fit into the gripper
    assert all(v.feasible for v in catalogue if v.factor == "color")
