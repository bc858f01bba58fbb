# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The robot's model for RViz: where it comes from, and what happens without it."""

import json

import pytest
import yaml

pytest.importorskip("rclpy", reason="the list of processes needs ROS 2")

from robomd_ros.bringup.display import display_processes
from robomd_ros.bringup.robot_description import ur5e_model
from robomd_ros.bringup.sim import SimArguments, resolve_sim
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import share_path

MODEL = '<robot name="ur5e">\n  <link name="base"/>\n</robot>\n'


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A prefix with files where those of the packages would be, and an xacro that copies."""
    for relative in (
        "share/ur_description/urdf/ur.urdf.xacro",
        "lib/robot_state_publisher/robot_state_publisher",
    ):
        path = tmp_path / relative
        path.parent.mkdir(parents=True)
        path.write_text(MODEL)
    program(tmp_path, 'cat "$1"')
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return tmp_path


def program(prefix, text):
    path = prefix / "bin" / "xacro"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def shown(*given):
    values = resolve_sim(parse_arguments([*given, "out:=x"], SimArguments))
    return display_processes(values, ["arm"], "base", ur5e_model)


def test_the_description_reaches_the_publisher_as_it_is(installed):
    (process,) = ur5e_model("/robomd/arm")
    command = process.command()
    assert str(installed / "lib/robot_state_publisher/robot_state_publisher") in command
    assert "__ns:=/robomd/arm" in command
    name, _, value = command[-1].partition(":=")
    assert name == "robot_description"
    assert json.loads(value) == MODEL
    assert process.window  # its death ends no campaign


@pytest.mark.parametrize("missing", ["share/ur_description", "lib/robot_state_publisher", "bin"])
def test_without_one_of_the_packages_there_is_no_model(installed, missing):
    (installed / missing).rename(installed / "away")
    assert ur5e_model("/robomd/arm") == []
    *_, rviz = shown("launch_rviz:=true")
    assert rviz.arguments[1].endswith("/robomd.rviz")


def test_a_description_that_cannot_be_made_is_named(installed):
    program(installed, 'echo "undefined symbol: ur_type" >&2; exit 2')
    with pytest.raises(ConfigurationError, match="undefined symbol: ur_type; mend ur_description"):
        ur5e_model("/robomd/arm")


def test_rviz_shows_the_model_of_the_cell(installed):
    markers, publisher, rviz = shown("launch_rviz:=true")
    assert markers.parameters["frame"] == "base"
    assert publisher.name == "robot_state_publisher"
    assert rviz.arguments[1].endswith("/robomd_robot.rviz")
    remapping = rviz.arguments[rviz.arguments.index("-r") + 1]
    topic, _, actual = remapping.partition(":=")
    assert actual == "/robomd/arm/robot_description"
    displays = yaml.safe_load(share_path("config/rviz/robomd_robot.rviz").read_text())
    by_class = {d["Class"]: d for d in displays["Visualization Manager"]["Displays"]}
    assert by_class["rviz_default_plugins/RobotModel"]["Description Topic"]["Value"] == topic
    assert "rviz_default_plugins/TF" in by_class


def test_the_model_is_only_made_for_rviz(installed):
    program(installed, "exit 1")
    assert [p.executable for p in shown("markers:=true")] == ["ranking_markers_node"]
    assert shown() == []


def test_the_two_configurations_differ_in_the_robot_only():
    plain, robot = (
        yaml.safe_load(share_path(f"config/rviz/{name}.rviz").read_text())["Visualization Manager"]
        for name in ("robomd", "robomd_robot")
    )
    only_robot = ("rviz_default_plugins/RobotModel", "rviz_default_plugins/TF")
    assert [d for d in robot["Displays"] if d["Class"] not in only_robot] == plain["Displays"]
    assert robot["Views"] == plain["Views"]
