# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fast engine against stock robosuite: same starts, same commands, same states."""

import mujoco
import numpy as np
import pytest

from robomd_ros.core.policies import load_policy
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL, Scene, Variation
from sim_bridge.engine.models import load_model
from sim_bridge.engine.simulation import Simulation
from sim_bridge.engine.stock import StockSimulation
from sim_bridge.experts.lift import ScriptedExpert
from sim_bridge.rollout import run_rollout
from sim_bridge.tasks.task import task

LIFT = task("lift")
LONG = pytest.mark.long
BIG = Variation("big", "size", "cube", "Resize cube", {"half_size": (0.03, 0.02, 0.04)})


@pytest.fixture(scope="module")
def engines():
    engines = Simulation(LIFT), StockSimulation(LIFT, pictures=False)
    yield engines
    for engine in engines:
        engine.close()


def drive(engine, seed: int, scene: Scene, steps: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    engine.reset(seed, scene)
    trace = []
    for _ in range(steps):
        engine.step(rng.uniform(-1, 1, 7))
        trace.append(engine.proprioception())
    return {key: np.array([reading[key] for reading in trace]) for key in trace[0]}


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(s, marks=LONG) for s in range(3, 10))])
def test_random_commands_give_the_same_joint_positions(engines, seed):
    fast, stock = (drive(engine, seed, NOMINAL) for engine in engines)
    assert np.ptp(fast["joint_pos"], axis=0).max() > 0.1  # it did move
    assert np.abs(fast["joint_pos"] - stock["joint_pos"]).max() < 1e-6
    assert np.abs(fast["gripper_qpos"] - stock["gripper_qpos"]).max() < 1e-6
    assert np.abs(fast["eef_pos"] - stock["eef_pos"]).max() < 1e-6


def test_contact_of_meshes_amplifies_rounding_no_further_than_its_solver(engines):
    """A hand that hits the pedestal: MuJoCo's mesh collision iterates to 1e-6, so the last bit of
    the two engines' arithmetic shows there, and only there.
    """
    traces = []
    for engine in engines:
        rng = np.random.default_rng(1005)
        engine.reset(5)
        traces.append([])
        for _ in range(40):
            engine.step(rng.uniform(-1, 1, 7))
            traces[-1].append(engine.proprioception()["joint_pos"])
    gap = np.abs(np.subtract(*traces)).max(axis=1)
    assert gap[:37].max() < 1e-10
    assert gap.max() < 1e-4


def test_a_touched_cube_moves_alike(engines):
    """A straight push through the cube, which contact would amplify if anything differed."""
    places = []
    for engine in engines:
        engine.reset(3)
        for step in range(45):
            target = np.array([-0.06, 0.0, 0.82]) if step < 22 else np.array([0.12, 0.0, 0.82])
            error = (target - engine.proprioception()["eef_pos"]) / 0.05
            engine.step(np.array([*np.clip(error, -1, 1), 0, 0, 0, 1.0]))
        places.append(engine.state()["cube_pos"])
    assert np.abs(places[0][:2] - [0.0, 0.0]).max() > 0.05  # it was pushed
    np.testing.assert_allclose(places[0], places[1], atol=1e-6)


def test_a_resized_cube_behaves_alike(engines):
    fast, stock = (drive(engine, 1, Scene((BIG,)), 15) for engine in engines)
    assert np.abs(fast["joint_pos"] - stock["joint_pos"]).max() < 1e-6


def test_the_lighter_model_keeps_robosuites_dynamics(engines):
    """Every constant of the dynamics; only visual meshes, groups and quality may differ."""
    fresh, stock = load_model(LIFT), engines[1]
    stock._editor.restore()
    names = [n for n in dir(fresh) if n.startswith(("body_", "dof_", "jnt_", "actuator_", "eq_"))]
    names += ["geom_contype", "geom_friction", "geom_solref", "geom_solimp", "qpos0", "site_pos"]
    for name in names:
        value = getattr(fresh, name)
        if isinstance(value, np.ndarray) and "bvh" not in name:
            np.testing.assert_array_equal(value, getattr(stock._model, name), err_msg=name)
    for name in ("timestep", "impratio", "cone", "solver", "iterations", "tolerance", "integrator"):
        assert getattr(fresh.opt, name) == getattr(stock._model.opt, name), name


def test_the_task_states_robosuites_own_start(engines):
    robot = engines[1]._environment.robots[0]
    np.testing.assert_allclose(robot.init_qpos, LIFT.home, atol=1e-15)
    np.testing.assert_allclose(robot.gripper["right"].init_qpos, LIFT.gripper_home)
    assert robot.initialization_noise == {"magnitude": LIFT.joint_noise, "type": "gaussian"}
    assert engines[1]._environment.table_offset[2] == LIFT.table_height


@pytest.mark.parametrize("seed", range(3))
def test_the_expert_lifts_after_the_same_number_of_steps(engines, seed):
    """Closed loop and with grasp contact; robosuite's own verdict agrees at every step."""
    counts = []
    for engine in engines:
        expert = ScriptedExpert()
        expert.reset(seed, LIFT.instruction)
        engine.reset(seed)
        while not engine.success and engine.steps < LIFT.horizon:
            reading = {"proprioception": engine.proprioception(), "state": engine.state()}
            engine.step(expert.act(reading))
            if isinstance(engine, StockSimulation):
                assert engine.success == engine.stock_success
        counts.append((engine.success, engine.steps))
    assert counts[0][0]
    assert counts[0] == counts[1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_shipped_policy_succeeds_as_often_in_both_engines():
    policy = load_policy("lift_bc")
    successes = []
    for make in (Simulation, StockSimulation):
        engine = make(LIFT)
        rollouts = [run_rollout(engine, policy, NOMINAL, seed, LIFT) for seed in range(50)]
        successes.append(sum(rollout.outcome.result is Result.SUCCESS for rollout in rollouts))
        engine.close()
    assert abs(successes[0] - successes[1]) <= 2, successes


@pytest.mark.long
def test_pictures_agree():
    """Mean difference over arm poses, of 255; the rest is supersampling and reflections."""
    fast, stock = Simulation(LIFT), StockSimulation(LIFT)
    differences = []
    for seed in range(4):
        drive(fast, seed, NOMINAL, 8)
        drive(stock, seed, NOMINAL, 8)
        images = [engine.observe()["images"]["agentview"].astype(int) for engine in (fast, stock)]
        differences.append(np.abs(images[0] - images[1]).mean())
    fast.close()
    stock.close()
    assert np.mean(differences) < 2.5
    assert isinstance(fast._model, mujoco.MjModel)
