# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bad input is refused before anything starts: one clear error, exit code 2, nothing created."""

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import check_refusal, robomd

from robomd_ros.core.share import share_path

CATALOGUE = yaml.safe_load(share_path("config/variations/lift.yaml").read_text())


pytestmark = pytest.mark.usefixtures("own_environment")


@pytest.fixture
def refused(sim, tmp_path):
    """Run, and check the exit code, the message, and that no campaign folder came to be."""

    def run(*arguments, says):
        code, message = sim(f"out:={tmp_path / 'campaign'}", *arguments)
        check_refusal(code, message, says)
        assert not (tmp_path / "campaign").exists()

    return run


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


def test_folder_that_is_no_campaign(sim, tmp_path):
    other = tmp_path / "holiday"
    other.mkdir()
    (other / "photo.jpg").write_bytes(b"x")
    code, message = sim(f"out:={other}", "policy:=python:planted_policy:Policy", "budget:=2")
    check_refusal(code, message, ["holiday", "photo.jpg"])
    assert sorted(p.name for p in other.iterdir()) == ["photo.jpg"]
