# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd plan`: what a launch file starts, without the launch stack."""

import ast
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="the list of processes needs ROS 2")

from robomd_ros.bringup import plan as planning
from robomd_ros.cli.main import main
from robomd_ros.core.errors import EXIT_CONFIGURATION, ConfigurationError
from robomd_ros.core.hosted.parent import VARIABLE, starter_variables
from robomd_ros.core.schema import default_of, typed
from robomd_ros.core.share import share_path
from robomd_ros.ros.driving import Driving

EXPERT = "policy:=python:sim_bridge.experts.lift:ScriptedExpert"
LAUNCH = sorted(share_path("launch").glob("*.py"))
PLAIN = {*sys.stdlib_module_names, "launch", "launch_ros"}


@pytest.fixture
def unchecked(monkeypatch):
    """The checks start a simulator or need a robot, and have tests of their own."""
    for kind, bringup in planning.BRINGUPS.items():
        fast = planning.Bringup(
            bringup.arguments, bringup.resolve, lambda values: None, bringup.processes
        )
        monkeypatch.setitem(planning.BRINGUPS, kind, fast)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", LAUNCH, ids=lambda path: path.name)
def test_a_launch_file_needs_nothing_that_the_python_of_ros_lacks(path):
    assert {name.partition(".")[0] for name in imports(path)} <= PLAIN


def test_a_launch_file_knows_how_to_tell_whom_not_to_outlive():
    tree = ast.parse(share_path("launch/planned.py").read_text())
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert {*starter_variables(), *json.loads(starter_variables()[VARIABLE])} <= texts
    assert EXIT_CONFIGURATION in texts


def test_the_declared_arguments_are_those_of_the_code():
    written = json.loads(share_path("launch/arguments.json").read_text())
    known = {kind: planning.launch_arguments(kind) for kind in planning.BRINGUPS}
    assert written == known, "make it anew: robomd plan --arguments > launch/arguments.json"


@pytest.mark.parametrize("kind", planning.BRINGUPS)
def test_a_declared_default_is_a_value_that_the_argument_takes(kind):
    model = planning.BRINGUPS[kind].arguments
    for argument in planning.launch_arguments(kind):
        name = argument["name"]
        assert typed(model, {name: argument["default"]}) == {name: default_of(model, name)}
        assert not argument["choices"] or argument["default"] in argument["choices"]
        assert all(typed(model, {name: choice}) for choice in argument["choices"])


def test_the_plan_of_a_simulation(unchecked, monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_DOMAIN_ID", "17")
    given = ["namespace:=/lab", "cells:=1", f"out:={tmp_path}/x", "policy:=1"]
    plan = planning.plan("sim", given)
    assert plan["say"] == [f"/lab in ROS_DOMAIN_ID=17, campaign folder: {tmp_path}/x"]
    assert [(p["executable"], p["namespace"]) for p in plan["processes"]] == [
        ("diagnosis_node", "/lab"),
        ("sim_cell", "/lab/cell_0"),
        ("monitor_node", "/lab"),
    ]
    diagnosis = plan["processes"][0]
    assert diagnosis["respawn"] and "goes_on" not in diagnosis
    assert 'policy:="1"' in diagnosis["ros_arguments"]
    assert "exit_when_done:=false" in diagnosis["ros_arguments"]
    assert plan["environment"]["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"


def test_a_diagnosis_that_ends_the_launch_is_not_started_again(unchecked, tmp_path):
    given = ["exit_when_done:=true", "use_twin:=true", "cell:=bench", f"out:={tmp_path}/x"]
    plan = planning.plan("ur5e", given)
    by_name = {p["name"]: p for p in plan["processes"]}
    diagnosis = by_name["robomd/diagnosis_node"]
    assert diagnosis["goes_on"] == f"out:={tmp_path}/x" and not diagnosis["respawn"]
    assert "exit_when_done:=true" in diagnosis["ros_arguments"]
    assert by_name["robomd/bench/ur5e_node"]["respawn"]
    assert "sim_bridge.twin" in by_name["twin"]["command"]
    assert plan["say"][1].endswith("operator_prompt --ros-args -r __ns:=/robomd/bench")


def test_programs_of_others_are_started_by_command_and_once(unchecked, tmp_path):
    given = ["use_twin:=true", "record:=true", "launch_rviz:=true", f"out:={tmp_path}/x"]
    by_name = {p["name"]: p for p in planning.plan("ur5e", given)["processes"]}
    for name, program in (("recorder", "ros2"), ("robomd/rviz2", "rviz2")):
        assert program in by_name[name]["command"]
        assert not by_name[name]["respawn"]


def test_a_namespace_that_is_driven_is_told_before_the_checks(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "101")
    driving = Driving(101, ["/lab"])
    with pytest.raises(ConfigurationError, match="drives /lab in ROS_DOMAIN_ID=101"):
        planning.plan("sim", ["namespace:=lab"])
    driving.release()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sim", "budgte:=3"], "unknown argument 'budgte'; did you mean 'budget'?"),
        (["sim", "budget:=0"], "argument budget must be a whole number in [1, 1,000,000]; got 0"),
        (["ur5e"], "robot_ip is missing"),
        (["arm"], "one of sim, ur5e; got 'arm'"),
        ([], "one of sim, ur5e; got ''"),
    ],
)
def test_what_is_wrong_is_one_line_in_the_file_and_on_the_terminal(
    arguments, says, tmp_path, capsys
):
    path = tmp_path / "plan.json"
    assert main(["plan", "--write", str(path), *arguments]) == 2
    error = json.loads(path.read_text())["error"]
    assert says in error
    assert capsys.readouterr().err == f"error: {error}\n"


def test_a_fault_of_ours_is_told_as_one(monkeypatch, tmp_path):
    def broken(kind, given):
        raise KeyError("arm")

    monkeypatch.setattr(planning, "plan", broken)
    with pytest.raises(KeyError):
        planning.write_plan(tmp_path / "plan.json", "ur5e", [])
    error = json.loads((tmp_path / "plan.json").read_text())["error"]
    assert error == "the check failed: KeyError: 'arm'; this is a fault of RoboMD"


def test_without_a_file_the_plan_is_printed(unchecked, capsys, tmp_path):
    assert main(["plan", "sim", EXPERT, "cells:=2", f"out:={tmp_path}/x"]) == 0
    assert len(json.loads(capsys.readouterr().out)["processes"]) == 4
    assert not Path(tmp_path, "x").exists()
