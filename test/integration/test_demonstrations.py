# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of robosuite's tasks, in robomimic's layout with several cameras."""

import json

import h5py
import pytest

from robomd_ros.core.errors import ConfigurationError
from sim_bridge.learn import demos
from sim_bridge.learn.demos import DemoConfig, DemoRecorder, collect


@pytest.mark.long
def test_two_cameras_of_any_size_are_written(tmp_path, monkeypatch):
    config = DemoConfig(
        task="stack", count=1, noise=0.0, cameras=("agentview", "robot0_eye_in_hand"), image_size=32
    )

    def here(config):
        yield DemoRecorder(config).record(config.seed)

    monkeypatch.setattr(demos, "demonstrations", here)
    collect(tmp_path / "stack.hdf5", config)
    with h5py.File(tmp_path / "stack.hdf5") as file:
        demo = file["data/demo_0"]
        steps = len(demo["actions"])
        assert steps > 20 and demo.attrs["num_samples"] == steps
        for camera in ("agentview", "robot0_eye_in_hand"):
            assert demo[f"obs/{camera}_image"].shape == (steps, 32, 32, 3)
        assert demo["obs/object"].shape == (steps, 3 * 10)
        assert demo["states"].shape[1] == 1 + 23 + 21
        assert demo["rewards"][-1] == 1 and demo["rewards"][:-1].sum() == 0
        arguments = json.loads(file["data"].attrs["env_args"])
        assert arguments["env_name"] == "Stack"
        assert arguments["env_kwargs"]["camera_names"] == ["agentview", "robot0_eye_in_hand"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"cameras": ("top",)}, "has no camera 'top'; it has agentview"),
        ({"task": "door"}, "'door' has no scripted expert"),
        ({"image_size": -1}, "image_size must be at least 0"),
    ],
)
def test_what_cannot_be_recorded_is_refused(wrong, reason):
    with pytest.raises(ConfigurationError, match=reason):
        DemoConfig(**{"task": "stack", **wrong})
