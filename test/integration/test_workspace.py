# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A user's workspace: this repository in src/, built with `colcon build`, sourced, and used."""

import configparser
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREFIX = Path(sys.prefix)
BUILD_TIMEOUT = 1200
"""s for the interfaces of a first build on a busy machine."""
NOT_SOURCES = (".*", "build", "install", "log", "campaigns", "__pycache__", "*.egg-info")


def missing() -> str:
    """What this environment lacks for the build, or an empty string."""
    tools = {
        "colcon (colcon-common-extensions)": (PREFIX / "bin/colcon").is_file(),
        "ament_cmake": (PREFIX / "share/ament_cmake").is_dir(),
        "ament_cmake_pytest": (PREFIX / "share/ament_cmake_pytest").is_dir(),
        "a C++ compiler": shutil.which("g++") is not None,
    }
    return ", ".join(name for name, there in tools.items() if not there)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.ros,
    pytest.mark.timeout(BUILD_TIMEOUT + 300),
    pytest.mark.skipif(bool(missing()), reason=f"{PREFIX} has no {missing()}"),
]


def clean_environment() -> dict[str, str]:
    """The environment of a fresh shell with this Python's ROS sourced, and nothing else of ours."""
    unwanted = ("PYTHON", "AMENT", "COLCON", "CMAKE", "PYTEST", "_ROS_WHEELS", "ROS_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
    return environment | {
        "PATH": f"{PREFIX / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "AMENT_PREFIX_PATH": str(PREFIX),
        "CMAKE_PREFIX_PATH": str(PREFIX),
    }


class Workspace:
    """A built workspace in a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.source = folder / "src/robomd"
        self.share = folder / "install/robomd_ros/share"
        shutil.copytree(ROOT, self.source, ignore=shutil.ignore_patterns(*NOT_SOURCES))
        self.run("python", "-m", "colcon", "build", *options, timeout=BUILD_TIMEOUT)
        (self.modules,) = (folder / "install/robomd_ros/lib").glob("python3.*/site-packages")

    def run(self, *command: str, timeout: float = 60, **variables: str) -> str:
        """What a command says; CalledProcessError with its output where it fails."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=clean_environment() | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def sourced(self, line: str, **variables: str) -> str:
        """What a shell line says after `source install/setup.bash`."""
        return self.run("bash", "-c", f". install/setup.bash && {line}", **variables).strip()


@pytest.fixture(scope="module", params=["plain", "symlink"])
def workspace(request, tmp_path_factory) -> Workspace:
    """Built once for all tests of one way of building."""
    options = ["--symlink-install"] if request.param == "symlink" else []
    return Workspace(tmp_path_factory.mktemp(request.param), *options)


def console_scripts() -> set[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options.entry_points"]["console_scripts"].strip().splitlines()
    return {line.split("=")[0].strip() for line in lines}


def files(folder: Path) -> set[str]:
    """Relative paths of all files, compiled ones left out."""
    paths = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p.relative_to(folder)) for p in paths}


def test_colcon_sees_one_package_and_the_index_has_both(workspace):
    listed = workspace.run("python", "-m", "colcon", "list", "--names-only").split()
    assert listed == ["robomd_ros"]
    index = workspace.share / "ament_index/resource_index"
    assert files(index / "packages") == {"robomd_ros", "robomd_msgs"}
    assert (index / "rosidl_interfaces/robomd_msgs").is_file()


def test_every_file_is_installed(workspace):
    for package in ("robomd_ros", "sim_bridge"):
        assert files(workspace.modules / package) == files(workspace.source / package)
    for folder in ("launch", "config"):
        installed = workspace.share / "robomd_ros" / folder
        assert files(installed) == files(workspace.source / folder)
    assert "report.html" in files(workspace.modules / "robomd_ros/report/templates")


def test_every_program_is_where_ros2_run_looks(workspace):
    folder = workspace.folder / "install/robomd_ros/lib/robomd_ros"
    assert {p.name for p in folder.iterdir()} == console_scripts()
    for program in folder.iterdir():
        assert os.access(program, os.X_OK), program
        shebang = program.read_text().splitlines()[0]
        assert Path(shebang.removeprefix("#!")).resolve() == Path(sys.executable).resolve()
        assert Path(shebang.removeprefix("#!")).is_relative_to(PREFIX)


def test_rqt_finds_the_panel(workspace):
    share = workspace.share / "robomd_ros"
    assert '<rqt_gui plugin="${prefix}/plugin.xml"/>' in (share / "package.xml").read_text()
    assert "robomd_ros.rqt.plugin.RoboMDPlugin" in (share / "plugin.xml").read_text()


def test_robomd_is_on_the_path_of_a_sourced_shell(workspace):
    assert workspace.sourced("command -v robomd") == str(
        workspace.folder / "install/robomd_ros/bin/robomd"
    )
    said = workspace.sourced("robomd --help")
    assert "sim" in said and "ur5e" in said


def test_a_sourced_python_imports_what_was_built(workspace):
    code = (
        "import robomd_msgs.msg as m, robomd_ros, sim_bridge\n"
        "from rclpy.serialization import deserialize_message, serialize_message\n"
        "sent = m.Variation(id='table_color_red')\n"
        "print(deserialize_message(serialize_message(sent), m.Variation).id)\n"
        "print(m.__file__, robomd_ros.__file__, sim_bridge.__file__, sep='\\n')"
    )
    said = workspace.sourced(f'python -c "{code}"').splitlines()
    assert said[0] == "table_color_red"
    assert all(Path(path).is_relative_to(workspace.modules) for path in said[1:]), said


def test_a_node_starts_from_the_workspace_and_ends_at_once(workspace, module_domain):
    """Its program lies where ros2 run and launch take it; it is seen by another process."""
    look = (
        "import rclpy, time\n"
        "rclpy.init()\n"
        "node = rclpy.create_node('looker')\n"
        "end = time.monotonic() + 30\n"
        "while 'ranking_markers_node' not in node.get_node_names():\n"
        "    assert time.monotonic() < end, node.get_node_names()\n"
        "    time.sleep(0.1)\n"
        "print('seen')"
    )
    program = workspace.folder / "install/robomd_ros/lib/robomd_ros/ranking_markers_node"
    node = subprocess.Popen(
        ["bash", "-c", f". install/setup.bash && exec {program}"],
        cwd=workspace.folder,
        env=clean_environment() | module_domain,
        start_new_session=True,
    )
    try:
        assert workspace.sourced(f'python -c "{look}"', **module_domain).splitlines()[-1] == "seen"
        assert node.poll() is None
        node.send_signal(signal.SIGINT)
        assert node.wait(20) == 0
    finally:
        if node.poll() is None:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait()


@pytest.mark.parametrize("workspace", ["plain"], indirect=True)
def test_a_staged_installation_holds_everything(workspace, tmp_path):
    """As packagers do it; the files of both packages are there, at their places below the stage."""
    workspace.run("cmake", "--install", "build/robomd_ros", DESTDIR=str(tmp_path))
    prefix = workspace.folder / "install/robomd_ros"
    staged = tmp_path / prefix.relative_to("/")
    made_by_colcon = {f for f in files(prefix) if f.startswith("share/colcon-core/")}
    made_by_colcon |= {f for f in files(prefix) if f.startswith("share/robomd_ros/hook/")}
    assert files(prefix) - made_by_colcon - files(staged) <= {
        f"share/robomd_ros/package.{kind}" for kind in ("bash", "dsv", "ps1", "sh", "zsh")
    }
    assert any("librobomd_msgs__rosidl_generator_c" in f for f in files(staged))


@pytest.mark.parametrize("workspace", ["symlink"], indirect=True)
def test_a_symlinked_workspace_follows_the_sources(workspace):
    changed = workspace.source / "robomd_ros/__init__.py"
    changed.write_text(changed.read_text() + "\nMARK = 'changed after the build'\n")
    said = workspace.sourced("python -c 'import robomd_ros; print(robomd_ros.MARK)'")
    assert said == "changed after the build"
