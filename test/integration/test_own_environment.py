# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A user's own environment of robosuite's, and a policy that needs two cameras of 128 pixels."""

import sys
from pathlib import Path

import numpy as np
import pytest

from robomd_ros.bringup.sim import resolve_sim
from robomd_ros.core.errors import ConfigurationError, SpacesError
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import load_catalogue
from sim_bridge.cells import SimulatorCell, SimulatorOptions

EXAMPLES = Path(__file__).parents[2] / "examples"
TASK = "python:reach_environment:ReachBall"
POLICY = "python:reach_environment:two_cameras"
ONE = """
def top_view(observation):
    return [0.0] * 7


top_view.needs = {"cameras": {"topview": (64, 64)}}
"""


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.syspath_prepend(EXAMPLES)
    (tmp_path / "top.py").write_text(ONE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("reach_environment", "top"):
        sys.modules.pop(name, None)


def test_it_is_diagnosed_by_its_name_with_a_catalogue_made_from_its_model(here):
    values = resolve_sim({"task": TASK, "policy": POLICY})
    catalogue = load_catalogue(Path(values["catalogue"]))
    ids = [variation.id for variation in catalogue]
    assert {"ball_color_red", "table_color_blue", "camera_pose_left", "ball_mass_heavy"} <= set(ids)
    cell = SimulatorCell("own", SimulatorOptions(TASK, POLICY, catalogue, horizon=15))
    cell.connect()  # each variation is checked on the model
    try:
        trial = cell.run(catalogue.scene(["ball_color_red"]), 0)
        assert trial.outcome.result in (Result.FAILURE, Result.SUCCESS), trial.outcome
        seen = cell._runner.simulation.observe()["images"]
        assert {name: image.shape for name, image in seen.items()} == {
            "agentview": (128, 128, 3),
            "robot0_eye_in_hand": (128, 128, 3),
        }
        assert not np.array_equal(*seen.values())
    finally:
        cell.close()


def test_a_camera_that_the_task_lacks_is_named(here):
    cell = SimulatorCell("own", SimulatorOptions("Stack", "python:top:top_view"))
    with pytest.raises(SpacesError, match=r"needs the camera 'topview'.*'robot0_eye_in_hand'"):
        cell.connect()


def test_a_task_without_a_policy_says_what_to_give():
    with pytest.raises(ConfigurationError, match="no policy is shipped for the task 'stack'"):
        resolve_sim({"task": "stack"})
    values = resolve_sim({"task": "Stack", "robot": "UR5e", "policy": "expert"})
    assert values["task"] == "stack?robot=UR5e" and values["catalogue"] == "stack"
    assert values["policy"] == "python:sim_bridge.experts.stack:StackExpert"
    assert values["horizon"] == 200
    assert resolve_sim({"task": "can", "policy": "expert", "horizon": 80})["horizon"] == 80
    with pytest.raises(ConfigurationError, match="names its robot; leave out robot:=UR5e"):
        resolve_sim({"task": "stack?robot=Panda", "robot": "UR5e", "policy": "expert"})
    with pytest.raises(ConfigurationError, match="'door' has no scripted expert; give policy:="):
        resolve_sim({"task": "door", "policy": "expert"})
    assert resolve_sim({"robot": "Panda"})["task"] == "lift"
    with pytest.raises(ConfigurationError, match="'lift' is for a Panda; got robot:=UR5e"):
        resolve_sim({"robot": "UR5e"})
