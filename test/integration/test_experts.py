# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The scripted experts do their tasks, judged by robosuite."""

import pytest

from robomd_ros.core.policies import load_policy
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.defaults import expert_of
from sim_bridge.tasks.task import simulated_task

TASKS = ["stack", "can", "square", "threading"]


def successes(name: str, seeds: range) -> tuple[int, list[int]]:
    task = simulated_task(name)
    simulation, expert = Simulation(task, cameras={}), load_policy(expert_of(name))
    done, steps = 0, []
    try:
        for seed in seeds:
            simulation.reset(seed)
            expert.reset(seed, task.instruction)
            while not simulation.success and simulation.steps < task.horizon:
                simulation.step(expert.act(simulation.observe(state=True)))
            done += simulation.success
            steps.append(simulation.steps)
    finally:
        simulation.close()
    return done, steps


LONG = [pytest.param(name, marks=pytest.mark.long) for name in TASKS[1:]]


@pytest.mark.parametrize("name", [TASKS[0], *LONG])
def test_an_expert_does_its_task(name):
    done, steps = successes(name, range(2))
    assert done == 2, steps


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_an_expert_seldom_fails(name):
    done, steps = successes(name, range(50))
    assert done >= 46, steps
