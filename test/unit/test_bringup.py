# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arguments, parameter files and the list of processes."""

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from robomd_ros.bringup import sim as bringup
from robomd_ros.bringup import ur5e as bringup_ur5e
from robomd_ros.bringup.display import check_display
from robomd_ros.bringup.domain import own_domain
from robomd_ros.bringup.parameter_file import ParameterFile
from robomd_ros.bringup.processes import NodeProcess
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.campaign.parameters import CampaignParameters, campaign_config
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.hosted.parent import tool
from robomd_ros.core.schema import checked
from robomd_ros.ros.driving import Driving
from robomd_ros.ros.node_parameters import NODES
from sim_bridge.sim_cell import divided

TABLE = bringup.SimArguments
CELL = ("perturbation_node", "sim_bridge_node")


def resolved(*given):
    return bringup.resolve_sim(parse_arguments(given, TABLE))


def test_an_argument_given_twice_is_refused():
    with pytest.raises(ConfigurationError, match="'budget' is given twice"):
        parse_arguments(["budget:=1", "budget:=2"], TABLE)


def test_arguments_override_the_parameter_file_and_that_the_defaults(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("/**/diagnosis_node: {ros__parameters: {budget: 33, seed: 4}}")
    values = resolved(f"params_file:={path}", "seed:=5")
    assert values["budget"] == 33
    assert values["seed"] == 5
    assert values["max_attempts"] == 3


def test_without_a_folder_a_new_one_is_named():
    out = Path(resolved()["out"])
    assert out.is_absolute()
    assert out.parent == Path.cwd() / "campaigns"
    assert not out.exists()
    mine = Path(resolved("task:=python:my_tasks:MyTask?horizon=3")["out"])
    assert mine.name.startswith("MyTask-2")


def test_a_relative_folder_becomes_absolute():
    assert resolved("out:=x")["out"] == str(Path.cwd() / "x")


def test_the_processes_of_a_simulation():
    processes = bringup.sim_processes(resolved("cells:=3", "policy:=1", "out:=x"))
    names = [p.name for p in processes]
    assert len(names) == len(set(names)) == 4
    assert names[0] == "robomd/diagnosis_node"
    assert "robomd/cell_2/sim_cell" in names
    assert processes[0].parameters["cells"] == ["cell_0", "cell_1", "cell_2"]


def test_the_processes_only_get_parameters_that_their_nodes_have():
    for process in bringup.sim_processes(resolved("out:=x")):
        nodes = CELL if process.executable == "sim_cell" else (process.executable,)
        model = {name: NODES[node] for node in nodes for name in NODES[node].model_fields}
        for name, value in process.parameters.items():
            told = checked(model[name], name, value)
            assert list(told) == list(value) if isinstance(told, tuple) else told == value


def test_the_parameters_of_a_simulated_cell_reach_the_node_that_has_them():
    names = [name for node in CELL for name in NODES[node].model_fields]
    assert len(names) == len(set(names)), "one command line gives both nodes their parameters"
    _, process = bringup.sim_processes(resolved("out:=x", "cells:=1", "horizon:=7"))
    both, perturbation, simulator = divided([*process.command(), "-p", "other:=1"])
    assert both[:4] == process.command()[:4] and "__ns:=/robomd/cell_0" in both
    assert both[-2:] == ["-p", "other:=1"], "the nodes say that they do not have it"
    assert 'backend:="simulator"' in perturbation and "horizon:=7" in simulator
    assert not any(word.startswith("horizon") for word in perturbation + both)


def test_texts_that_look_like_numbers_stay_texts_on_the_command_line():
    process = NodeProcess("n", "m", "/a", {"policy": "1", "cells": ["c"]})
    arguments = process.ros_arguments()
    assert "policy:=" + json.dumps("1") in arguments
    assert 'cells:=["c"]' in arguments


def test_every_campaign_parameter_reaches_the_configuration():
    values = dict(CampaignParameters())
    values.update(
        search="uniform", accumulate="true", seed=9, search_options="", failing_threshold=0.2
    )
    config, catalogue = campaign_config(values)
    assert (config.search, config.accumulate, config.seed, config.failing_threshold) == (
        "uniform", True, 9, 0.2
    )  # fmt: skip
    assert len(catalogue) == 21
    assert set(CampaignParameters.model_fields) <= set(NODES["diagnosis_node"].model_fields)


def test_the_action_space_embedding_needs_no_other_argument():
    """On a robot too, where the search is another one unless a campaign says otherwise."""
    for table, resolve in (
        (bringup.SimArguments, bringup.resolve_sim),
        (bringup_ur5e.Ur5eArguments, bringup_ur5e.resolve_ur5e),
    ):
        values = resolve(parse_arguments(["action_space:=embedding", "task:=lift"], table))
        config, _ = campaign_config({**values, "catalogue": "lift", "policy": "lift_bc"})
        assert config.search == "embedding" and not config.accumulates
    other = parse_arguments(["action_space:=embedding", "search:=a2c"], TABLE)
    values = {**dict(CampaignParameters()), **other}
    with pytest.raises(ConfigurationError, match=r"'a2c' does not work in .*'embedding'"):
        campaign_config(values)


def test_the_shipped_parameter_files_are_valid():
    for path in (Path(bringup.__file__).parents[2] / "config" / "params").glob("*.yaml"):
        ParameterFile.read(path)


def test_nothing_was_created():
    assert not os.path.exists("x")


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("diagnosis_node", "cells: [a, b]"),
        ("diagnosis_node", "campaign_dir: /tmp/x"),
        ("sim_bridge_node", "policy: other"),
        ("perturbation_node", "backend: operator"),
    ],
)
def test_a_parameter_file_cannot_set_what_the_bring_up_sets(tmp_path, node, text):
    path = tmp_path / "my.yaml"
    path.write_text(f"/**/{node}: {{ros__parameters: {{{text}}}}}")
    with pytest.raises(ConfigurationError, match=f"{text.partition(':')[0]} of {node} is set by"):
        resolved(f"params_file:={path}")


def test_without_a_domain_the_first_is_taken_in_which_nobody_drives_the_namespace(monkeypatch):
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    with own_domain("/bench") as first:
        assert os.environ["ROS_DOMAIN_ID"] == str(first)
        monkeypatch.delenv("ROS_DOMAIN_ID")
        with own_domain("/bench") as second:  # the first has not started its diagnosis yet
            assert second != first
        monkeypatch.delenv("ROS_DOMAIN_ID")
        driving = Driving(first, ["/bench"])
    with own_domain("/bench") as third:
        assert third != first
    driving.release()
    monkeypatch.delenv("ROS_DOMAIN_ID")
    with own_domain("/bench") as last:
        assert last == first


def test_in_the_users_domain_only_the_namespace_must_be_free(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "101")
    driving = Driving(101, ["/bench"])
    taken = r"drives /bench in ROS_DOMAIN_ID=101; end it"
    with pytest.raises(ConfigurationError, match=taken), own_domain("/bench"):
        pass
    with own_domain("/bench_2") as domain:
        assert domain == 101
    driving.release()


@pytest.mark.parametrize("value", ["abc", "-1", "102", "1.5"])
def test_a_domain_that_is_none(monkeypatch, value):
    monkeypatch.setenv("ROS_DOMAIN_ID", value)
    none = f"0 to 101; got '{value}'"
    with pytest.raises(ConfigurationError, match=none), own_domain("/bench"):
        pass


@pytest.mark.parametrize(
    ("given", "absolute"), [("lab", "/lab"), ("/lab/bench_2", "/lab/bench_2"), ("l/b", "/l/b")]
)
def test_everything_of_a_simulation_follows_the_namespace(given, absolute):
    values = resolved(f"namespace:={given}", "cells:=1", "markers:=true", "out:=x")
    places = {p.executable: p.namespace for p in bringup.sim_processes(values)}
    assert places == {
        "diagnosis_node": absolute,
        "ranking_markers_node": absolute,
        "sim_cell": f"{absolute}/cell_0",
    }


@pytest.mark.parametrize("given", ["", "/", "a//b", "a/", "1a", "a b", "a/-", "ä"])
def test_a_namespace_that_is_none(given):
    with pytest.raises(ConfigurationError, match=f"namespace must be names .*; got '{given}'"):
        resolved(f"namespace:={given}")


def test_rviz_looks_where_the_diagnosis_is(monkeypatch):
    def rules(namespace):
        values = resolved("launch_rviz:=true", f"namespace:={namespace}", "out:=x")
        arguments = bringup.sim_processes(values)[-1].arguments
        return [a for a in arguments if ":=" in a]

    assert rules("robomd") == []
    assert rules("lab") == [
        "/robomd/ranking_markers:=/lab/ranking_markers",
        "/robomd/ranking_image:=/lab/ranking_image",
    ]


def test_rviz_that_is_not_installed_is_named_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    values = resolved("launch_rviz:=true", "out:=x")
    with pytest.raises(ConfigurationError, match=r"needs rviz2, .* install ros-<distro>-rviz2"):
        bringup.check_sim(values)
    program = tmp_path / "rviz2"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    check_display(values)


def test_the_display_follows_the_cells_and_the_parameter_file(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("/**/ranking_markers_node: {ros__parameters: {frame: table, rows: 5}}")
    values = resolved("launch_rviz:=true", "cells:=3", f"params_file:={path}", "out:=x")
    node, rviz = bringup.sim_processes(values)[-2:]
    assert node.parameters == {"frame": "table", "rows": 5, "cells": ["cell_0", "cell_1", "cell_2"]}
    command = rviz.command()
    assert command[: len(tool())] == tool()  # it ends with whoever started it
    del command[: len(tool())]
    assert command[:2] == ["rviz2", "-d"]
    assert Path(command[2]).name == "robomd.rviz"
    assert Path(command[2]).is_file()
    assert command[3:5] == ["-f", "table"]
    assert (rviz.window, rviz.respawn, node.window) == (True, False, False)
