# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hosted children in this Python, in a careless user's current folder, and in other Pythons."""

import ast
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from hosted_contract import HERE, HOST, HostedContract, unusable

from robomd_ros.core.errors import ConfigurationError, PolicyFault, PolicyLoadError
from robomd_ros.core.hosted.channel import Channel, ChannelError, decode, encode
from robomd_ros.core.hosted.parent import program
from robomd_ros.core.hosted.process import HostedProcess, interpreter
from robomd_ros.core.hosted.service import HostedService
from robomd_ros.core.policies.guard import next_action
from robomd_ros.core.policies.hosted import ForeignPolicy
from robomd_ros.core.policies.needs import needs_of

SHADOWS = ("queue", "coverage", "random", "numpy", "select", "json", "yaml", "typing", "runpy")
CHILD_SIDE = [
    "errors",
    "plugins",
    "spaces",
    *(f"hosted/{name}" for name in ("channel", "serve", "start")),
    *(f"policies/{n}" for n in ("detector", "guard", "host", "loading", "needs", "policy")),
]


class TestHere(HostedContract):
    """In this Python."""


@pytest.fixture
def careless_folder(tmp_path, monkeypatch):
    """A current folder whose files are called like modules that everybody needs."""
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the user was run')")
    (tmp_path / "mine.py").write_text((HERE / "hosted_samples.py").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", [None, "", os.pathsep, ".nowhere" + os.pathsep])
def test_files_of_the_current_folder_stand_for_no_module(careless_folder, monkeypatch, path):
    ours = str(Path(__file__).parents[2])
    if path is not None:
        monkeypatch.setenv("PYTHONPATH", ours + os.pathsep + path)
    monkeypatch.syspath_prepend("")  # as python -m and python -c have it
    child = HostedService(lambda: HostedProcess("mine:serve", None), 60.0)
    try:
        child.connect()
        assert child.description["path"][-1] == str(careless_folder)
    finally:
        child.close()


def test_a_folder_that_is_named_is_searched_where_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text((HERE / "hosted_samples.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    monkeypatch.syspath_prepend(str(tmp_path))
    child = HostedService(lambda: HostedProcess("mine:serve", None), 60.0)
    try:
        child.connect()
        assert child.description["path"][0] == str(tmp_path)
    finally:
        child.close()


def test_a_module_of_ours_starts_in_such_a_folder(careless_folder):
    command = program("robomd_ros.cli.main", "version")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("robomd ")


def test_what_is_no_message_is_told():
    (reading, theirs), (mine, writing) = os.pipe(), os.pipe()
    os.write(theirs, b"HTTP/1.1 200 OK\r\n\r\nand more")
    channel = Channel(reading, writing)
    with pytest.raises(ChannelError, match="no message: it begins with b'HTTP"):
        channel.receive(1.0)
    channel.close()
    os.close(theirs)
    os.close(mine)


@pytest.mark.parametrize(
    "header",
    [b"{", b'{"\\u0000":[0,"O",[1]]}', b'{"\\u0000":[0,"<f8",[99]]}', b'{"\\u0000":7}', b"\xff"],
)
def test_a_message_that_lies_about_itself(header):
    body = memoryview(bytearray(header) + bytearray(16))
    with pytest.raises(ChannelError, match="what came is no message"):
        decode(body, len(header))


def test_arrays_begin_where_a_processor_likes_them():
    _, header, *arrays = encode({"a": np.zeros(3, np.uint8), "b": np.zeros(2)})
    places = [value["\0"][0] for value in json.loads(header).values()]
    assert places == [0, 16]
    assert len(header) % 16 == 0
    assert len(b"".join(arrays)) == 32


def test_an_interpreter_that_is_none(tmp_path):
    with pytest.raises(ConfigurationError, match="is no program; give the path"):
        interpreter("/nowhere/bin/python")
    with pytest.raises(ConfigurationError, match=f"folder {tmp_path}; .*{tmp_path}/bin/python"):
        interpreter(str(tmp_path))
    assert interpreter("") == ""
    assert interpreter(sys.executable) == sys.executable
    assert "cannot be started" in unusable(str(tmp_path / "python"))


def test_an_interpreter_without_numpy(tmp_path):
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    reason = unusable(str(tmp_path / "bare" / "bin" / "python"))
    assert "cannot host this: No module named 'numpy'; install numpy" in reason


def test_another_interpreter_sees_nothing_of_ours(other_python, monkeypatch):
    """Its own packages, its own libraries, and the current folder."""
    monkeypatch.setenv("_ROS_WHEELS_BOOTSTRAP_COMPLETE", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{sys.prefix}/lib/ros:/opt/own/lib")
    monkeypatch.setenv("PYTHONPATH", f"/opt/ros/lib/python{os.pathsep}{Path(__file__).parents[2]}")
    monkeypatch.chdir(HERE)
    child = HostedService(lambda: HostedProcess(HOST, None, other_python), 60.0)
    try:
        child.connect()
        environment = child.call("environment", timeout=20)
        assert "PYTHONPATH" not in environment
        assert environment["LD_LIBRARY_PATH"] == "/opt/own/lib"
        assert "ROBOMD_START" not in environment
        assert str(Path(__file__).parents[2]) not in child.description["path"]
        assert child.description["path"][-1] == str(HERE)
    finally:
        child.close()


@pytest.fixture(scope="session")
def other_python(tmp_path_factory):
    """Another interpreter that has numpy and nothing else."""
    home = tmp_path_factory.mktemp("other")
    venv.create(home, symlinks=True, with_pip=False)
    [packages] = home.glob("lib/python*/site-packages")
    for package in Path(np.__file__).parents[1].glob("numpy*"):
        (packages / package.name).symlink_to(package)
    return str(home / "bin" / "python")


@pytest.mark.long  # shorter: TestHere, and below
class TestElsewhere(HostedContract):
    """In another interpreter."""

    @pytest.fixture(autouse=True)
    def _interpreter(self, other_python):
        self.python = other_python


POLICY = """
import sys
import numpy as np

class Policy:
    camera, image_size = "front", (64, 48)
    def __init__(self, gain=1.0):
        self.gain = gain
    def reset(self, seed, instruction):
        self.seed = seed
    def act(self, observation):
        if self.seed == 13:
            raise RuntimeError("joint table lost")
        foreign = {n.partition(".")[0] for n, m in sys.modules.items() if "site-packages" in str(
            getattr(m, "__file__", ""))}
        assert foreign == {"numpy"}, foreign
        return np.full(7, self.gain * observation["images"]["front"].mean())
"""


def test_a_policy_is_hosted_where_its_owner_says(other_python, tmp_path, monkeypatch):
    """It needs numpy alone there: nothing of ours drags in what that Python lacks."""
    (tmp_path / "theirs.py").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    policy = ForeignPolicy("python:theirs:Policy?gain=0.5", other_python, 7, 60.0, 60.0)
    try:
        assert needs_of(policy).cameras == {"front": (48, 64)}
        picture = np.full((48, 64, 3), 8, np.uint8)
        observation = {"images": {"front": picture}, "proprioception": {"joint_pos": np.zeros(6)}}
        policy.reset(1, "lift it")
        np.testing.assert_array_equal(policy.act(observation), np.full(7, 4.0))
        policy.reset(13, "lift it")
        with pytest.raises(PolicyFault, match=r"^the policy's act raised RuntimeError: joint tab"):
            next_action(policy, observation, 7)
    finally:
        policy.close()


def test_a_policy_that_its_python_cannot_load(other_python, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.py").write_text("import torch_of_2019")
    with pytest.raises(PolicyLoadError, match=r"'theirs' cannot be imported .*torch_of_2019"):
        ForeignPolicy("python:theirs:Policy", other_python, 7, 60.0, 60.0)
    with pytest.raises(ConfigurationError, match="no program"):
        ForeignPolicy("python:theirs:Policy", "/nowhere/python", 7, 60.0, 60.0)


@pytest.mark.parametrize("module", CHILD_SIDE)
def test_what_runs_in_any_python_is_written_for_one_of_2019(module):
    source = (Path(__file__).parents[2] / "robomd_ros" / "core" / f"{module}.py").read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & {"removeprefix", "removesuffix", "pidfd_open", "is_relative_to"}
    keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert not keywords & {"strict", "slots", "kw_only"}
    unions = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "isinstance"
        and isinstance(node.args[1], ast.BinOp)
    ]
    assert not unions
    assert module == "errors" or "hosted/start" in module or "from __future__ import ann" in source
