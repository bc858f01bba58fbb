# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The example policy on the twin, through the real nodes of arm, camera and policy."""

import time

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rtde_control")

from graph import wait_for
from in_process import stays
from twin_cell import TwinCell

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import Outcome

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(900)]
BLUE = {"id": "blue", "factor": "color", "target": "cube", "parameters": {"rgb": [0.1, 0.2, 0.85]}}
DARK = {"id": "dark", "factor": "strength", "target": "light", "parameters": {"factor": 0.1}}
TRIES = 5
"""A busy machine may starve the twin: that rollout is invalid and done again, as in a campaign."""


@pytest.fixture(scope="module")
def cell(module_domain, tmp_path_factory):
    with TwinCell(
        module_domain,
        tmp_path_factory.mktemp("twin_cell"),
        "127.0.0.68",
        policy="python:sim_bridge.twin.blob_policy:BlobPolicy",
        twin_arguments=("frequency:=125",),
        outcome_by="policy",
        time_limit=60.0,
        image_timeout=4.0,
    ) as one:
        one.ready(120.0)
        yield one


def rollout(cell, seed, *variations):
    """A valid rollout in a scene, and whether the twin says that the cube is lifted."""
    for _ in range(TRIES):
        cell.twin.client.set_scene(variations, seed=seed)
        wait_for(lambda: cell.status[-1].ready, "a ready robot", 60)
        result = cell.run(seed=seed)
        lifted = cell.twin.client.state()["lifted"]
        if result.error_code == ExecutePolicy.Result.NONE:
            return result.outcome, lifted
    pytest.fail(f"{TRIES} invalid rollouts, the last: {result.error_msg}")


@pytest.mark.parametrize("seed", [1, 4])
def test_the_red_cube_is_lifted(cell, seed):
    outcome, lifted = rollout(cell, seed)
    assert outcome.result == Outcome.SUCCESS, outcome.detail
    assert outcome.source == Outcome.SOURCE_POLICY
    assert lifted
    assert outcome.steps > 20


@pytest.mark.parametrize("change", [BLUE, DARK])
def test_what_it_cannot_see_it_does_not_lift(cell, change):
    begun = np.array(cell.twin.client.set_scene([change], seed=2)["objects"]["cube"])
    outcome, lifted = rollout(cell, 2, change)
    assert (outcome.result, outcome.detail) == (Outcome.FAILURE, "no red cube was seen")
    assert not lifted
    np.testing.assert_allclose(cell.twin.client.state()["objects"]["cube"], begun, atol=0.005)


def test_a_protective_stop_makes_the_rollout_invalid_and_the_arm_stays(cell):
    cell.twin.client.set_scene([], seed=3)
    wait_for(lambda: cell.status[-1].ready, "a ready robot", 60)
    handle = cell.begin(seed=3)
    wait_for(lambda: cell.feedback and cell.feedback[-1][1].steps > 8, "steps", 90)
    cell.twin.client.fault("protective_stop")
    result = cell.end(handle)
    assert result.error_code == ExecutePolicy.Result.CELL_FAULT
    assert result.outcome.result == Outcome.INVALID
    assert "not ready" in result.outcome.detail
    state = cell.twin.client.state()
    assert state["speed"] < 0.01 and state["safety_mode"] == "PROTECTIVE_STOP"
    assert stays(lambda: cell.twin.client.state()["speed"] < 0.01, 2.0)
    assert time.monotonic() - cell.feedback[-1][0] < 10.0
