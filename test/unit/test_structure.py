# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tree promises: imports, interfaces, entry points."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from robomd_ros import __version__

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "rclpy", "robosuite", "mujoco", "stable_baselines3", "timm", "open_clip")


def test_the_core_is_light_and_knows_no_ros():
    code = (
        "import sys, pkgutil, robomd_ros.core as core\n"
        "import robomd_ros.core.variations, robomd_ros.core.trial, robomd_ros.core.cell\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_core_module_imports_ros_or_sockets():
    pattern = re.compile(r"^\s*(?:from|import)\s+(rclpy|socket|\w+_msgs)\b", re.MULTILINE)
    for folder in ("robomd_ros/core", "sim_bridge"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "sim_bridge_node.py" and path.parent.name != "twin":
                assert not pattern.findall(path.read_text()), path


def test_folders_that_would_shadow_ros_modules_are_no_packages():
    assert not list((ROOT / "launch").glob("__init__.py"))
    assert not list((ROOT / "config").glob("__init__.py"))


def test_every_interface_is_built():
    listed = set(
        re.findall(
            r"\b(?:msg|srv|action)/\w+\.\w+", (ROOT / "robomd_msgs/CMakeLists.txt").read_text()
        )
    )
    there = {
        str(p.relative_to(ROOT / "robomd_msgs"))
        for kind in ("msg", "srv", "action")
        for p in (ROOT / "robomd_msgs" / kind).iterdir()
    }
    assert listed == there


def test_every_field_of_an_interface_has_a_comment():
    for path in (ROOT / "robomd_msgs").rglob("*.msg"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# "), path
        for line in lines:
            field = line.strip()
            if field and not field.startswith("#") and "=" not in field:
                assert "#" in field or field.startswith("std_msgs/Header"), f"{path}: {field}"


def test_versions_agree():
    assert f'version="{__version__}"' in (ROOT / "setup.py").read_text()
    for package in ("package.xml", "robomd_msgs/package.xml"):
        assert f"<version>{__version__}</version>" in (ROOT / package).read_text()


@pytest.mark.parametrize(
    "line", re.findall(r'"(\w+) = ([\w.]+):main"', (ROOT / "setup.py").read_text())
)
def test_entry_points_exist(line):
    path = ROOT / (line[1].replace(".", "/") + ".py")
    assert "def main(" in path.read_text()
