# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Environments of robosuite's in our loop: its starts, its verdicts, its states, without a name.

It also holds what our binding reads of robosuite's private fields to the version that is pinned.
"""

import numpy as np
import pytest

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.variations import Scene, Variation
from sim_bridge.engine.controller import OscController
from sim_bridge.engine.simulation import Simulation
from sim_bridge.engine.stock import StockSimulation
from sim_bridge.tasks.robosuite_task import RobosuiteTask
from sim_bridge.tasks.task import simulated_task

GENTLE = 0.3
"""Commands that touch nothing in 40 steps: contact amplifies the last bit."""
QUICK = ["Stack?robot=UR5e"]
LONG = [
    f"{name}?robot={robot}"
    for name in ("Lift", "Stack", "PickPlaceCan", "NutAssemblySquare", "Door", "ToolHang", "Wipe")
    for robot in ("Panda", "UR5e")
    if f"{name}?robot={robot}" not in QUICK
]


def made(spec: str) -> RobosuiteTask:
    name, _, robot = spec.partition("?robot=")
    return RobosuiteTask(name=name, environment=name, robot=robot)


@pytest.fixture(
    scope="module", params=[*QUICK, *(pytest.param(one, marks=pytest.mark.slow) for one in LONG)]
)
def engines(request):
    task = made(request.param)
    engines = Simulation(task), StockSimulation(task, pictures=False)
    yield engines
    for engine in engines:
        engine.close()


def test_states_and_verdicts_are_robosuites(engines):
    """The hand opens: closing, the UR5e's fingers meet their own linkage, and contact of meshes
    amplifies the last bit to some 1e-6 rad.
    """
    fast, stock = engines
    assert isinstance(fast._controller, OscController)
    size = fast.task.action_size
    for seed in range(3):
        rng = np.random.default_rng(seed)
        for engine in engines:
            engine.reset(seed)
        np.testing.assert_array_equal(fast._data.qpos, stock._data.qpos)
        first = fast.proprioception()["joint_pos"]
        for _ in range(40):
            command = GENTLE * rng.uniform(-1, 1, size)
            command[6:] = -1.0
            for engine in engines:
                engine.step(command)
            ours, theirs = fast.proprioception(), stock.proprioception()
            assert np.abs(ours["joint_pos"] - theirs["joint_pos"]).max() < 1e-9
            assert fast.stages == stock.stages
        assert np.abs(ours["joint_pos"] - first).max() > 0.02  # it did move


def test_a_start_is_the_one_that_robosuites_own_reset_draws(engines):
    """Its generator is seeded in place, because its samplers hold it."""
    fast, stock = engines
    environment = stock._environment
    environment.rng.bit_generator.state = np.random.default_rng(7).bit_generator.state
    environment.reset()
    theirs = environment.sim.data._data.qpos.copy()
    fast.reset(7)
    np.testing.assert_array_equal(fast._data.qpos, theirs)
    fast.reset(8)
    assert not np.array_equal(fast._data.qpos, theirs)


def test_a_scene_is_put_on_what_the_reset_draws_and_taken_back(engines):
    fast, _ = engines
    red = Variation("r", "color", "robot", "Change robot color to red", {"rgb": (1.0, 0.0, 0.0)})
    dim = Variation("d", "strength", "light", "Dim the light", {"factor": 0.3})
    fast.reset(5)
    nominal, before = fast.draw().copy(), fast._data.qpos.copy()
    fast.reset(5, Scene((red, dim)))
    assert np.abs(fast.draw().astype(int) - nominal).mean() > 5
    np.testing.assert_array_equal(fast._data.qpos, before)
    fast.reset(5)
    np.testing.assert_array_equal(fast.draw(), nominal)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("Lfit", r"unknown task 'Lfit' \(did you mean 'Lift'\?\); known: lift.*Wipe.*python:"),
        ("TwoArmLift", "needs two arms"),
        ("Stack?robot=Robbie", "no robot 'Robbie'; the simulator moves Panda, UR5e"),
        ("Stack?robot=Tiago", "'stack' has 2 arms"),
        ("Wipe?camera=top", "has no camera 'top'; it has frontview"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(spec, reason):
    with pytest.raises(ConfigurationError, match=reason):
        Simulation(simulated_task(spec))
