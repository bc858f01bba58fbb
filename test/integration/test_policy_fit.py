# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that cannot run are refused, with both sides named, before anybody is asked."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "contract"))
from misfit_policies import MISFITS

from robomd_ros.core.errors import PolicyLoadError
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL
from sim_bridge.cells import SimulatorCell, SimulatorOptions


def cell_of(policy, **options):
    return SimulatorCell(
        "here", SimulatorOptions("lift", f"python:misfit_policies:{policy}", **options)
    )


@pytest.mark.parametrize("policy", MISFITS)
def test_in_simulation(policy):
    with pytest.raises(PolicyLoadError) as caught:
        cell_of(policy).connect()
    for part in MISFITS[policy]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("Big224Said", marks=pytest.mark.long),
        "WristSaid",
        pytest.param("WantsState", marks=pytest.mark.long),
        "ReadmeExample",
    ],
)
def test_what_a_policy_says_that_it_needs_it_is_given_in_simulation(policy):
    cell = cell_of(policy, horizon=3)
    cell.connect()
    try:
        trial = cell.run(NOMINAL, 0)
    finally:
        cell.close()
    assert trial.outcome.result is Result.FAILURE, trial.outcome.detail  # it ran to its horizon
    assert trial.image.ndim == 3 and trial.image.std() > 10
