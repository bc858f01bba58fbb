# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations and training, small enough for a test."""

import json
from dataclasses import asdict

import h5py
import numpy as np
import pytest
import torch

from robomd_ros.cli.main import main as robomd
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.policies import load_policy
from robomd_ros.core.policies.checkpoint import BCArchitecture
from sim_bridge.learn import demos
from sim_bridge.learn.demos import DemoConfig
from sim_bridge.learn.train_bc import TrainConfig, main, train


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    path = tmp_path_factory.mktemp("demos") / "three.hdf5"
    demos.collect(path, DemoConfig(count=3, seed=500, processes=2))
    return path


def test_layout_is_robomimics(collected):
    with h5py.File(collected) as file:
        data = file["data"]
        assert sorted(data) == ["demo_0", "demo_1", "demo_2"]
        assert json.loads(data.attrs["env_args"])["env_name"] == "Lift"
        lengths = [demo.attrs["num_samples"] for demo in data.values()]
        assert data.attrs["total"] == sum(lengths)
        for demo, n in zip(data.values(), lengths, strict=True):
            assert demo["actions"].shape == (n, 7)
            assert demo["obs/agentview_image"].shape == (n, 84, 84, 3)
            assert demo["states"].shape == (n, 17)
            assert demo["rewards"][-1] == 1.0 and demo["dones"][:].sum() == 1
            assert np.abs(demo["actions"]).max() <= 1.0


@pytest.mark.slow
def test_the_command_collects_the_same_whatever_the_number_of_processes(
    collected, tmp_path, capsys
):
    path = tmp_path / "again.hdf5"
    given = {"out": path, "demonstrations": 3, "seed": 500, "processes": 1}
    assert robomd(["collect-demos", *(f"--{name}={value}" for name, value in given.items())]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    one, two = (demos.load(p, "agentview") for p in (collected, path))
    np.testing.assert_equal(one, two)


def test_offset_leads_from_cube_to_gripper(collected):
    steps = demos.load(collected, "agentview")
    assert steps["offset"][0, 2] > 0.1
    assert np.abs(steps["offset"]).max() < 0.5


@pytest.mark.long
def test_training_lowers_the_error_and_repeats(collected):
    steps = demos.load(collected, "agentview")
    torch.set_num_threads(1)
    small = BCArchitecture(channels=(8, 8, 8), hidden=(32, 32))
    first, rough = train(steps, TrainConfig(epochs=1, batch_size=32), small)
    again, same = train(steps, TrainConfig(epochs=1, batch_size=32), small)
    np.testing.assert_equal(first, again)
    assert same == rough
    _, fine = train(steps, TrainConfig(epochs=12, batch_size=16), small)
    assert fine < 0.5 * rough


@pytest.mark.slow
def test_command_writes_a_policy_that_loads(collected, tmp_path):
    out = tmp_path / "tiny.yaml"
    arguments = ["--demos", str(collected), "--out", str(out), "--epochs", "1", "--rollouts", "2"]
    assert main(arguments) == 0
    assert "nominal_success" in out.read_text()
    assert load_policy(str(out)).architecture == BCArchitecture()
    assert out.with_suffix(".safetensors").stat().st_size < 5_000_000


def test_command_reports_wrong_arguments_in_one_line(tmp_path, caplog):
    assert main(["--task", "fold", "--out", str(tmp_path / "x.yaml")]) == 2
    assert "unknown task 'fold'" in caplog.text
    assert main(["--epochs", "0", "--out", str(tmp_path / "x.yaml")]) == 2
    assert "epochs and batch_size must be at least 1" in caplog.text


def test_file_says_how_it_was_made(collected):
    made = asdict(DemoConfig(count=3, seed=500, processes=2))
    assert demos.origin(collected) == {**made, "cameras": []}  # JSON has no tuples


def test_foreign_demonstrations_are_refused(tmp_path):
    (tmp_path / "x.hdf5").write_text("no HDF5")
    with pytest.raises(ConfigurationError, match="robomimic's HDF5 layout"):
        demos.load(tmp_path / "x.hdf5", "agentview")
