# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Variables and readers that a user's shell brings along: a sentence each, or it simply works."""

import os
import subprocess

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from stored_campaigns import store_campaign

from robomd_ros.core.hosted.parent import program


def robomd(*arguments, **variables):
    return subprocess.run(
        program("robomd_ros.cli.main", *arguments),
        env={**os.environ, **variables},
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, "is OFF: no two processes find each other"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "WORLD"}, "is 'WORLD'; set it to one of SUBNET"),
        ({"RMW_IMPLEMENTATION": "rmw_carrier_pigeon_cpp"}, "which this ROS 2 cannot load"),
    ],
)
@pytest.mark.parametrize("command", ["sim", "doctor"])
def test_a_variable_with_which_ros_cannot_work_is_said_in_one_line(command, variables, reason):
    done = robomd(command, **variables)
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert line.startswith(f"error: {next(iter(variables))} is ")
    assert reason in line


def test_an_output_that_cannot_show_every_character_shows_the_others(tmp_path):
    folder = store_campaign(tmp_path / "campaign", 12)
    done = robomd("ranking", str(folder), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Failure modes of python:planted:policy" in done.stdout
    assert done.stdout.isascii()


def test_graphics_that_need_a_display_are_refused_before_anything_starts(tmp_path):
    pytest.importorskip("mujoco")
    expert = "policy:=python:sim_bridge.experts.lift:ScriptedExpert"
    arguments = ("sim", expert, f"out:={tmp_path / 'campaign'}", "cells:=1")
    done = robomd(*arguments, MUJOCO_GL="glfw", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode != 0
    said = done.stderr.decode()
    assert "no graphics context could be opened with MUJOCO_GL='glfw'" in said
    assert "set MUJOCO_GL to egl, osmesa" in said
    assert "Traceback" not in said


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    folder = store_campaign(tmp_path / "campaign", 12)
    with subprocess.Popen(
        program("robomd_ros.cli.main", "ranking", str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) in (0, 141)
    assert said == b""
