# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Examples run as they stand, pages show them as they are, `robomd new` starts from them."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from robomd_ros.bringup.ur5e import Ur5eArguments, arm_node, named_topics, resolve_ur5e
from robomd_ros.cli import main as cli
from robomd_ros.cli.new import KINDS
from robomd_ros.core.policies import load_policy
from robomd_ros.core.policies.detector import load_detector, verdict
from robomd_ros.core.schema import typed
from robomd_ros.core.search import SearchContext
from robomd_ros.core.search.search import Asked
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import load_catalogue
from sim_bridge.cells import SimulatorCell, SimulatorOptions

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def observed(height, opening):
    return {"proprioception": {"eef_pos": np.array([0.0, 0.0, height]),
                               "gripper_qpos": np.array([opening / 2, -opening / 2])}}  # fmt: skip


def test_a_diagnosis_on_a_cell_of_ones_own_ranks_the_truth(capsys):
    example("own_cell").diagnose(budget=80)
    rows = re.findall(r"\d+=? │ (\w+)", capsys.readouterr().out)
    assert rows[0] == "cup_left" and set(rows[2:]) == {"table_blue", "robot_red"}


def test_the_search_tries_everything_once_and_then_the_worst(capsys):
    cell, search = example("own_cell"), example("own_search")
    cell.diagnose(search.OwnSearch, budget=40)
    rows = dict(re.findall(r"│ (\w+) +│ .*? │ +\d+/(\d+) │", capsys.readouterr().out))
    assert set(rows) == set(cell.CHANGES) and int(rows["cup_left"]) > 40 / 4


def test_the_search_goes_on_where_it_was():
    cell, search = example("own_cell"), example("own_search")
    context = SearchContext(cell.CATALOGUE, 3, False, 1, 80)
    through, resumed = search.OwnSearch(context), search.OwnSearch(context)
    asked, place = [], cell.OwnCell()
    for k in range(12):
        scene = through.ask(0)
        trial = place.run(scene, k)
        through.tell(0, trial)
        asked.append(Asked(0, scene, trial))
    resumed.restore(asked, None)
    assert [through.ask(0).ids for _ in range(5)] == [resumed.ask(0).ids for _ in range(5)]


def test_the_judge_wants_something_held_well_above_the_table(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    judge = load_detector("python:own_judge:OwnJudge")
    judge.reset(0, "lift")
    assert verdict(judge(observed(0.02, 0.05)), "judge") is None
    assert verdict(judge(observed(0.2, 0.05)), "judge").success
    assert not verdict(judge(observed(0.2, 0.0)), "judge").success


def test_the_policy_is_one(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    policy = load_policy("python:own_policy:OwnPolicy")
    policy.reset(0, "lift")
    state = {"cube_pos": [0.1, 0.0, 0.8]}
    action = policy.act({"state": state, **observed(1.0, 0.08)})
    assert action.shape == (7,) and np.abs(action).max() <= 1.0
    assert action[0] == 1.0 and action[6] == -1.0  # towards the cube, open


@pytest.mark.parametrize("kind", KINDS)
def test_new_writes_a_module_that_works_under_its_name(kind, tmp_path, capsys):
    assert cli.main(["new", kind, "first_try", "--folder", str(tmp_path)]) == 0
    assert "first_try.py" in capsys.readouterr().out
    text = (tmp_path / "first_try.py").read_text()
    assert re.search(r"^(class|def) FirstTry\b", text, re.MULTILINE)
    assert "own_" not in text and "Own" not in text and "Copyright" not in text
    if kind == "arm":
        pytest.importorskip("rclpy")
    code = "import first_try; first_try.FirstTry"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_new_task_has_its_catalogue_too(tmp_path):
    assert cli.main(["new", "task", "my_lift", "--folder", str(tmp_path)]) == 0
    assert load_catalogue(tmp_path / "my_lift.yaml").task == "python:my_lift:MyLift"


def test_the_task_is_one_and_its_catalogue_fits(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    catalogue = load_catalogue(EXAMPLES / "own_task.yaml")
    policy = "python:sim_bridge.experts.lift:ScriptedExpert"
    cell = SimulatorCell("own", SimulatorOptions(catalogue.task, policy, catalogue))
    cell.connect()
    try:
        trials = [cell.run(catalogue.scene(ids), 3) for ids in ([], ["light_dim"])]
    finally:
        cell.close()
    assert [t.outcome.result for t in trials] == [Result.SUCCESS] * 2
    assert trials[0].outcome.steps == trials[1].outcome.steps  # the expert does not look


@pytest.mark.parametrize(
    "name, says",
    [
        ("My-Policy", "lower-case letters"),
        ("class", "lower-case letters"),
        ("numpy", "is installed"),
        ("queue", "is installed"),
        ("there", "exists"),
    ],
)
def test_new_refuses_names_that_would_not_work(name, says, tmp_path, capsys):
    (tmp_path / "there.py").write_text("kept")
    assert cli.main(["new", "policy", name, "--folder", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["there.py"]
    assert (tmp_path / "there.py").read_text() == "kept"


def test_new_says_where_it_cannot_write(tmp_path, capsys):
    assert cli.main(["new", "policy", "mine", "--folder", str(tmp_path / "nowhere")]) == 2
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("own_*.py")), ids=lambda p: p.stem)
def test_the_documentation_shows_the_example_as_it_is(path):
    page = ROOT / "docs" / "extend" / f"{path.stem.removeprefix('own_')}.md"
    lines = path.read_text().splitlines()
    assert "```python\n" + "\n".join(lines[2:]) + "\n```" in page.read_text(), page


def test_the_launch_file_of_one_s_own_driver_and_camera():
    """It gives arguments that there are, of values that are allowed, and the page shows it."""
    text = (EXAMPLES / "ur_with_realsense.launch.py").read_text()
    shown = text.partition("Apache-2.0\n")[2].rstrip()
    assert shown in (ROOT / "docs" / "own_arm.md").read_text()
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "included"
    ]
    given = {
        call.args[0].value: {k.arg: getattr(k.value, "value", None) for k in call.keywords}
        for call in calls
    }
    assert set(given) == {"ur_robot_driver", "realsense2_camera", "robomd_ros"}
    declared = json.loads((ROOT / "launch" / "arguments.json").read_text())["ur5e"]
    known = {argument["name"]: argument["choices"] for argument in declared}
    for name, value in given["robomd_ros"].items():
        assert name in known, name
        assert not (known[name] and isinstance(value, str)) or value in known[name], name
    plain = {k: v for k, v in given["robomd_ros"].items() if isinstance(v, str)}
    for name in ("policy", "params_file"):
        plain.pop(name, None)
    values = resolve_ur5e(typed(Ur5eArguments, plain))
    assert named_topics(values) == ["agentview=/camera/camera/color/image_raw"]
    assert arm_node(values) == "driver_arm_node"
