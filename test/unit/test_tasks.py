# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tasks: found by name, also a user's own; their spaces, edits and stages hold of their models."""

import sys

import numpy as np
import pytest

from robomd_ros.core.errors import CatalogueError, ConfigurationError
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import Catalogue, Scene, Variation
from sim_bridge.cells import SimulatorCell, SimulatorOptions
from sim_bridge.engine import edits
from sim_bridge.engine.models import load_model
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.lift import lift
from sim_bridge.tasks.tabletop import tabletop
from sim_bridge.tasks.task import Task, simulated_task, task

_IS_A_TASK: Task = lift()

MY_MODULE = '''
from dataclasses import dataclass

from sim_bridge.engine import edits
from sim_bridge.tasks.lift import LiftTask, lift


@dataclass(frozen=True)
class HighLift(LiftTask):
    """Lift the cube higher; only the cube's color and the light are varied."""

    @property
    def edits(self):
        return {
            ("color", "cube"): edits.color(edits.of_bodies(self.objects["cube"])),
            ("strength", "light"): edits.light("factor", 0.0, 5.0, 1),
        }

    def success(self, state):
        return {**super().success(state), "seen": True}


def MyTask(horizon=5):
    return HighLift(
        name="high_lift", robot="Panda", home=lift().home, instruction="lift the cube high",
        horizon=horizon, success_height=0.2,
    )


class Half:
    name = "half"


def still(observation):
    return [0.0] * 7
'''


@pytest.fixture
def my_module(tmp_path, monkeypatch):
    (tmp_path / "my_tasks.py").write_text(MY_MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("my_tasks", None)


def paint(factor="color", target="cube", **parameters):
    values = parameters or {"rgb": (0.0, 1.0, 0.0)}
    return Variation(f"{target}_{factor}", factor, target, "as in the test", values)


def test_a_users_own_task_is_found_and_runs(my_module):
    spec = "python:my_tasks:MyTask?horizon=4"
    assert task(spec).instruction == "lift the cube high"
    catalogue = Catalogue(spec, [paint()])
    cell = SimulatorCell("mine", SimulatorOptions(spec, "python:my_tasks:still", catalogue))
    cell.connect()
    try:
        trial = cell.run(catalogue.scene(["cube_color"]), 0)
        assert (trial.outcome.result, trial.outcome.steps) == (Result.FAILURE, 4)
        assert cell._runner.simulation.stages == {"task": False, "reached": False, "seen": True}
        with pytest.raises(CatalogueError, match="cannot change size/cube; it can change: color/c"):
            cell._runner.simulation.check(Scene((paint("size", half_size=(0.03,) * 3),)))
    finally:
        cell.close()


def test_a_task_of_an_installed_package_is_found_by_its_name(my_module):
    info = my_module / "my_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[robomd.tasks]\nhigh_lift = my_tasks:MyTask\n")
    assert task("high_lift").success_height == 0.2
    assert task("high_lift?horizon=7").horizon == 7


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("python:my_tasks:Half", "is Half, which has no environment, robot, instruction"),
        ("python:my_tasks:Whole", "has no 'Whole'"),
        ("python:my_tasks:MyTask?horizn=3", r"no argument 'horizn' \(did you mean 'horizon'"),
        ("lfit", r"unknown task 'lfit' \(did you mean 'lift'\?\)"),
        (7, "the task is 7; give a name"),
    ],
)
def test_what_is_no_task_is_said(my_module, spec, reason):
    with pytest.raises(ConfigurationError, match=reason):
        task(spec)


def test_ours_are_found_in_upper_and_lower_case():
    assert task("Lift") == lift()
    assert task("ur5e_tabletop") == tabletop()


def test_a_task_of_another_arm_is_for_the_arm_or_its_twin():
    with pytest.raises(ConfigurationError, match="has a UR5e, the simulator moves a Panda; run it"):
        simulated_task("ur5e_tabletop")
    with pytest.raises(ConfigurationError, match="use_twin"):
        SimulatorOptions("ur5e_tabletop", "lift_bc")


@pytest.mark.parametrize("made", [lift(), tabletop()], ids=lambda t: t.name)
def test_what_a_task_says_of_itself_holds_of_its_model(made):
    model = load_model(made)
    assert {model.camera(i).name for i in range(model.ncam)} == set(made.cameras)
    joints = [name for i in range(model.njnt) if (name := model.joint(i).name).startswith("robot0")]
    assert made.spaces.proprioception["joint_pos"].size == len(joints)
    table = model.geom_size[model.body_geomadr[model.body("table").id]]
    np.testing.assert_allclose(table, made.table_half_size)
    SceneEditor(model, made)  # every edit finds its elements


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (edits.mass("sphere"), "no body 'sphere'"),
        (edits.camera_pose("sky"), "no camera 'sky'"),
        (edits.color(edits.of_bodies("sphere")), "none of its visible geoms"),
    ],
)
def test_an_edit_of_what_the_model_lacks_is_refused_when_it_is_bound(edit, reason):
    with pytest.raises(ConfigurationError, match=reason):
        edit.bind(load_model(lift()))


def test_the_hand_reaches_the_cube_before_it_is_lifted():
    simulation = Simulation(lift())
    try:
        simulation.reset(3)
        assert simulation.stages == {"task": False, "reached": False}
        for _ in range(30):
            away = simulation.state()["cube_pos"] - simulation.proprioception()["eef_pos"]
            simulation.step(np.array([*np.clip(away / 0.05, -1, 1), 0, 0, 0, -1.0]))
        assert simulation.stages == {"task": False, "reached": True}
    finally:
        simulation.close()


def test_the_twins_cube_is_laid_along_the_table_and_the_same_for_the_same_seed():
    starts = [tabletop().draw_start(seed) for seed in range(200)]
    yaws = np.array([start.object_yaw for start in starts])
    assert np.abs(yaws).max() <= 0.25 and np.ptp(yaws) > 0.45
    assert tabletop().draw_start(4).object_yaw == starts[4].object_yaw
    assert all(start.half_size.tolist() == [0.02] * 3 for start in starts)
