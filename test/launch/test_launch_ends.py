# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a launch ends: its exit code, and that nothing of it is left, however it ends."""

import json
import signal

import pytest

pytest.importorskip(
    "launch_ros", reason="the ROS 2 launch stack is not installed; it is on no registry"
)

from launched import Launched

from robomd_ros.core.share import share_path

SIM = share_path("launch/diagnose_sim.launch.py")
SMALL = {
    "policy": "python:sim_bridge.experts.lift:ScriptedExpert",
    "search": "uniform",
    "variations": "cube_color_green",
    "cells": "1",
    "budget": "2",
    "report": "false",
}
READY = "cell cell_0 is ready"
FINISHED = "finished 2/2"
SIBLING = f"""
import os
from launch import LaunchDescription
from launch.actions import ExecuteProcess, IncludeLaunchDescription

BEFORE = dict(os.environ)

def broken(event, context):
    now = dict(context.environment)
    changed = [name for name in {{**BEFORE, **now}} if BEFORE.get(name) != now.get(name)]
    raise ValueError(f"planted; changed variables: {{changed}}")

def generate_launch_description():
    return LaunchDescription([
        IncludeLaunchDescription({str(SIM)!r}, launch_arguments={list(SMALL.items())!r}),
        ExecuteProcess(
            cmd=["bash", "-c", "while ! test -e go; do sleep 0.2; done"], on_exit=broken
        ),
    ])
"""
TWICE = f"""
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription, SetEnvironmentVariable
from launch_ros.actions import PushROSNamespace

SMALL = {SMALL!r}

def generate_launch_description():
    first = {{**SMALL, "out": "first"}}
    second = {{**SMALL, "out": "second", "namespace": "lab_2/robomd"}}
    return LaunchDescription([
        GroupAction([
            PushROSNamespace("lab_1"),
            SetEnvironmentVariable("OMP_NUM_THREADS", "2"),
            IncludeLaunchDescription({str(SIM)!r}, launch_arguments=first.items()),
        ]),
        IncludeLaunchDescription({str(SIM)!r}, launch_arguments=second.items()),
    ])
"""


def given(**more):
    return [f"{name}:={value}" for name, value in {**SMALL, **more}.items()]


def test_the_code_of_a_campaign_that_finishes_is_zero(domain, tmp_path):
    arguments = given(out="x", linger=0, exit_when_done="true")
    with Launched(tmp_path, SIM, *arguments, environment=domain) as launched:
        assert launched.wait(240) == 0, launched.output
        launched.assert_nothing_is_left()
        assert f"/robomd in ROS_DOMAIN_ID={domain['ROS_DOMAIN_ID']}, " in launched.output
    ranking = json.loads((tmp_path / "x/ranking.json").read_text())
    assert ranking["trials"] == 2


def test_the_code_of_a_campaign_whose_diagnosis_dies_is_not(domain, tmp_path):
    arguments = given(budget=1000, exit_when_done="true")
    with Launched(tmp_path, SIM, *arguments, environment=domain) as launched:
        launched.wait_for(READY)
        launched.find("diagnosis_node").kill()
        assert launched.wait() == 1
        assert "robomd/diagnosis_node ended with exit code -9" in launched.output
        launched.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_who_ends_launch_ends_everything(number, domain, tmp_path):
    """Launch itself leaves everything running after either of them."""
    with Launched(tmp_path, SIM, *given(budget=1000), environment=domain) as launched:
        launched.wait_for(READY)
        assert len(launched.left()) >= 4
        launched.signal(number)
        assert launched.wait() != 0
        launched.assert_nothing_is_left()


def test_an_error_of_something_else_in_the_launch_ends_everything(domain, tmp_path):
    path = tmp_path / "sibling.launch.py"
    path.write_text(SIBLING)
    with Launched(tmp_path, path, environment=domain) as launched:
        launched.wait_for(READY)
        (tmp_path / "go").touch()
        assert launched.wait() == 1
        assert "planted; changed variables: []" in launched.output
        launched.assert_nothing_is_left()


def test_two_diagnoses_in_one_launch_and_no_third_in_a_namespace_of_theirs(
    domain, tmp_path, monkeypatch
):
    path = tmp_path / "twice.launch.py"
    path.write_text(TWICE)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with Launched(tmp_path, path, environment=domain) as launched:
        launched.wait_for(READY, times=2)
        third = ["namespace:=/lab_2/robomd", "out:=third"]
        with Launched(tmp_path, SIM, *third, environment=domain) as refused:
            assert refused.wait() == 1
            node = launched.find("diagnosis_node", "__ns:=/lab_2/robomd")
            assert f"another diagnosis (process {node.pid}) drives /lab_2/robomd" in refused.output
        for namespace, threads in (("/lab_1/robomd", "2"), ("/lab_2/robomd", "1")):
            variables = launched.find("diagnosis_node", namespace).environ()
            assert variables["OMP_NUM_THREADS"] == threads  # of the group, else the default
        launched.wait_for(FINISHED, times=2, timeout=240)
        launched.interrupt()
        assert launched.wait() == 0, launched.output
        launched.assert_nothing_is_left()
    for name in ("first", "second"):
        assert json.loads((tmp_path / name / "ranking.json").read_text())["trials"] == 2
    assert not (tmp_path / "third").exists()
