# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bad input is refused before anything starts: one clear error, exit code 2, nothing created."""

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import PLANTED

from robomd_ros.cli.main import main
from robomd_ros.core.share import share_path

CATALOGUE = yaml.safe_load(share_path("config/variations/lift.yaml").read_text())


pytestmark = pytest.mark.usefixtures("own_environment")


def robomd(folder, domain, *arguments):
    """`robomd sim` in a process of its own."""
    (folder / "planted_policy.py").write_text(PLANTED)
    command = [sys.executable, "-m", "robomd_ros.cli.main", "sim", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **domain}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def sim(tmp_path, monkeypatch, capfd, domain):
    """`robomd sim` here, as if started in the test's folder: exit code, and what it said."""

    def run(*arguments):
        (tmp_path / "planted_policy.py").write_text(PLANTED)
        monkeypatch.chdir(tmp_path)
        capfd.readouterr()
        code = main(["sim", *arguments])
        return code, capfd.readouterr().err.strip()

    return run


@pytest.fixture
def refused(sim, tmp_path):
    """Run, and check the exit code, the message, and that no campaign folder came to be."""

    def run(*arguments, says):
        code, message = sim(f"out:={tmp_path / 'campaign'}", *arguments)
        check_refusal(code, message, says)
        assert not (tmp_path / "campaign").exists()

    return run


def check_refusal(code, message, says):
    assert code == 2, message
    assert message.startswith("error: "), message
    assert "Traceback" not in message
    for part in says:
        assert part in message, message


def catalogue_file(folder, **changes):
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump({**CATALOGUE, **changes}))
    return f"catalogue:={path}"


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("budget:=0", ["budget", "in [1, 1,000,000]", "got 0"]),
        ("budget:=many", ["budget", "whole number", "'many'"]),
        ("cells:=0", ["cells", "in [1, 64]", "got 0"]),
        ("cells:=65", ["cells", "in [1, 64]", "got 65"]),
        ("confidence:=1.5", ["confidence", "1.5", "(0.5, 1)"]),
        ("confidence:=0.5", ["confidence", "0.5"]),
        ("seed:=-1", ["seed", "-1"]),
        ("search:=genetic", ["search", "'genetic'", "uniform"]),
        ("task:=juggle", ["juggle"]),
        ("bugdet:=10", ["unknown argument 'bugdet'", "did you mean 'budget'"]),
        ("budget=10", ["name:=value", "'budget=10'"]),
        ("variations:=cube_color_pink", ["unknown variation 'cube_color_pink'", "cube_color_red"]),
        ("variations:=cube_color_red,cube_color_red", ["cube_color_red", "twice"]),
        ("policy:=/no/such/policy.yaml", ["/no/such/policy.yaml"]),
        ("policy:=python:no_such_module:Policy", ["no_such_module"]),
        ("policy:=python:planted_policy:Missing", ["planted_policy", "Missing"]),
        ("policy:=python:planted_policy:WrongShape", ["(3,)", "(7,)"]),
        ("catalogue:=nowhere", ["nowhere", "lift"]),
        ("search_options:={n_stepz: 3}", ["n_stepz"]),
        ("action_space:=cube", ["action_space", "'cube'", "discrete, embedding"]),
    ],
)
def test_argument(refused, argument, says):
    refused(argument, says=says)


def test_a_refusal_is_the_process_s(tmp_path, domain):
    policy = "policy:=python:planted_policy:Missing"
    done = robomd(tmp_path, domain, f"out:={tmp_path / 'campaign'}", policy)
    check_refusal(done.returncode, done.stderr.strip(), ["planted_policy", "Missing", "WrongShape"])
    assert not (tmp_path / "campaign").exists()


def test_foreign_policy_file_is_not_unpickled(refused, tmp_path):
    trap = tmp_path / "trap.safetensors"
    trap.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    refused(f"policy:={trap}", says=["trap"])
    assert not (tmp_path / "owned").exists()


def test_catalogue_with_a_duplicate_variation(refused, tmp_path):
    variations = [*CATALOGUE["variations"], CATALOGUE["variations"][0]]
    argument = catalogue_file(tmp_path, variations=variations)
    refused(argument, says=["duplicate", CATALOGUE["variations"][0]["id"]])


def test_catalogue_with_a_malformed_variation(refused, tmp_path):
    broken = {k: v for k, v in CATALOGUE["variations"][0].items() if k != "description"}
    argument = catalogue_file(tmp_path, variations=[broken])
    refused(argument, says=["description", "catalogue.yaml"])


def test_catalogue_with_an_impossible_value(refused, tmp_path):
    broken = {**CATALOGUE["variations"][0], "parameters": {"rgb": [2.0, 0, 0]}}
    argument = catalogue_file(tmp_path, variations=[broken])
    refused(argument, says=["rgb", "2"])


def test_catalogue_with_an_unknown_key(refused, tmp_path):
    argument = catalogue_file(tmp_path, variatons=[])
    refused(argument, says=["variatons", "variations"])


def test_variation_that_equals_the_nominal_scene(refused, tmp_path):
    size = next(v for v in CATALOGUE["variations"] if v["id"].startswith("table_size"))
    nominal = CATALOGUE["nominal"]["size/table"]
    argument = catalogue_file(tmp_path, variations=[{**size, "parameters": nominal}])
    refused(argument, says=["nominal", size["id"]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/**/diagnosis_node: {ros__parameters: {bugdet: 3}}", ["bugdet", "budget"]),
        ("/**/diagnosis_node: {ros__parameters: {budget: x}}", ["budget", "'x'"]),
        ("/**/diagnose_node: {ros__parameters: {budget: 3}}", ["diagnose_node", "diagnosis_node"]),
        ("/**/diagnosis_node: {budget: 3}", ["ros__parameters"]),
        ("just text", ["parameter file"]),
    ],
)
def test_parameter_file(refused, tmp_path, text, says):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    refused(f"params_file:={path}", says=says)


SAME = (
    "policy:=python:planted_policy:Policy", "search:=uniform", "cells:=1", "linger:=0",
    "variations:=cube_color_green,table_color_blue",
)  # fmt: skip


@pytest.fixture(scope="module")
def campaign(tmp_path_factory, module_domain):
    """A small finished campaign."""
    folder = tmp_path_factory.mktemp("finished")
    out = folder / "campaign"
    done = robomd(folder, module_domain, f"out:={out}", *SAME, "budget:=2")
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_folder_of_another_configuration_lists_the_differences(campaign, sim):
    code, message = sim(f"out:={campaign}", *SAME, "budget:=3", "seed:=9")
    says = ["another configuration", "seed: there 0, here 9", "budget and confidence may be others"]
    check_refusal(code, message, says)
    assert "there 2, here 3" not in message


def test_finished_campaign_ends_at_once_with_its_table(campaign, domain):
    done = robomd(campaign.parent, domain, f"out:={campaign}", *SAME, "budget:=2")
    assert done.returncode == 0, done.stderr
    assert "cube_color_green" in done.stdout


def test_damaged_database(campaign, sim, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(campaign, copy)
    for extra in copy.glob("trials.db-*"):
        extra.unlink()
    data = bytearray((copy / "trials.db").read_bytes())
    data[100:2000] = b"\xff" * 1900
    (copy / "trials.db").write_bytes(data)
    code, message = sim(f"out:={copy}", *SAME, "budget:=2")
    assert code != 0
    assert message.startswith("error: ") and "trials.db" in message
    assert "Traceback" not in message


def test_folder_that_is_no_campaign(sim, tmp_path):
    other = tmp_path / "holiday"
    other.mkdir()
    (other / "photo.jpg").write_bytes(b"x")
    code, message = sim(f"out:={other}", *SAME, "budget:=2")
    check_refusal(code, message, ["holiday", "photo.jpg"])
    assert sorted(p.name for p in other.iterdir()) == ["photo.jpg"]


def test_integrity_of_the_finished_campaign(campaign):
    database = sqlite3.connect(campaign / "trials.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
