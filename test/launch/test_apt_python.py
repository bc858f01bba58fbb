# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The interpreter that stands for apt's: complete, and without what apt does not have."""

import os
import subprocess
from pathlib import Path

import apt_python
import pytest

ROOT = Path(__file__).parents[2]


def test_every_key_of_package_xml_is_known():
    assert len(apt_python.wheels()) == len(apt_python.WHEELS)


def test_a_new_key_is_asked_for(tmp_path):
    package = tmp_path / "package.xml"
    package.write_text(
        "<package><exec_depend>python3-yaml</exec_depend><depend>moon</depend></package>"
    )
    with pytest.raises(KeyError, match="moon; add it to a table"):
        apt_python.wheels(package)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_has_what_rosdep_brings_and_nothing_else(tmp_path):
    python = apt_python.make(tmp_path / "apt")
    there = "rclpy cv2 jinja2 matplotlib numpy psutil PyQt5 rich scipy tqdm yaml".split()
    absent = "torch mujoco robosuite pydantic safetensors robomd_msgs".split()
    code = f"""
import importlib, importlib.util
for name in {there}: importlib.import_module(name)
print([name for name in {absent} if importlib.util.find_spec(name)])
import robomd_ros.cli.main
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("_ROS_WHEELS")}
    done = subprocess.run(
        [python, "-c", code],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
