# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tree promises: imports, interfaces, entry points."""

import ast
import configparser
import contextlib
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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


MAY_IMPORT = {
    "core": set(),
    "arms": {"core", "socket"},
    "ros": {"core", "terminal", "rclpy", "msgs", "socket"},
    "nodes": {"ros", "arms", "core", "report", "terminal", "console", "rclpy", "msgs"},
    "terminal": {"core"},
    "console": {"core", "socket"},
    "report": {"core"},
    "export": {"ros", "core", "rclpy", "msgs"},
    "rqt": {"ros", "core", "terminal", "rclpy", "msgs"},
    "doctor": {"bringup", "arms", "core", "sim_bridge", "ros", "rclpy", "msgs", "socket"},
    "bringup": {"arms", "ros", "console", "core", "sim_bridge", "terminal", "socket"},
    "cli": {
        "bringup", "doctor", "export", "nodes", "report", "ros", "rqt", "terminal", "core",
        "sim_bridge", "rclpy", "console",
    },
    "sim_bridge": {"core"},
    "sim_bridge/twin": {"core", "socket"},
    "sim_bridge/sim_bridge_node.py": {"ros", "core", "rclpy", "msgs"},
    "sim_bridge/sim_cell.py": {"nodes", "ros", "rclpy"},
    "robomd_ros/ros/node_parameters.py": {"arms", "core"},  # the models of all nodes, once
}  # fmt: skip
"""What a room, or a module that is an exception, may import besides itself and libraries."""


def room_of(module: str) -> str:
    """The room of a module of ours; rclpy, socket or msgs; "" for a library."""
    first, *rest = module.split(".")
    if first == "robomd_ros":
        return rest[0] if rest and rest[0] in MAY_IMPORT else ""
    if first.endswith(("_msgs", "_srvs")):
        return "msgs"
    return first if first in ("sim_bridge", "rclpy", "socket") else ""


def imports_of(path: Path) -> set[str]:
    """The rooms that a source file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {room_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "robomd_ros":
            found |= {room_of(f"robomd_ros.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(room_of(node.module))
    return found - {""}


def sources() -> list[Path]:
    return [p for folder in ("robomd_ros", "sim_bridge") for p in (ROOT / folder).rglob("*.py")]


def test_each_room_imports_what_it_may():
    for path in sources():
        name = str(path.relative_to(ROOT))
        own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        places = (name, "sim_bridge/twin", own)  # the narrowest rule
        room = next((p for p in places if p in MAY_IMPORT and (p == own or name.startswith(p))), "")
        extra = imports_of(path) - MAY_IMPORT.get(room, set()) - {own}
        assert not extra, f"{name} may not import {', '.join(sorted(extra))}"


STANDARD = "sensor_msgs.msg, geometry_msgs.msg, std_msgs.msg, std_srvs.srv, diagnostic_msgs.msg"
UNUSED = (
    "cv2", "torch", "scipy", "rtde_control", "gymnasium", "matplotlib", "robomd_ros.core.search",
    "robomd_ros.core.policies", "robomd_ros.core.embedding", "robomd_ros.report",
)  # fmt: skip


@pytest.mark.parametrize("node", ["camera_node", "ur5e_node"])
def test_a_device_s_node_loads_what_it_needs(node):
    """At most half as many modules again as rclpy with the standard messages."""
    pytest.importorskip("rclpy", reason="needs ROS 2")

    def loaded(code):
        code = f"{code}\nimport sys; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return set(done.stdout.split())

    modules = loaded(f"import robomd_ros.nodes.{node}")
    assert not modules & set(UNUSED)
    assert len(modules) <= 1.5 * len(loaded(f"import rclpy.node, rclpy.action, {STANDARD}"))


def test_one_class_name_has_one_meaning():
    places: dict[str, list[str]] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


NEUTRAL = {
    "class rate": "of a spec 0 is any, of a camera what was measured",
    "class seed": "of a training of its own",
    "class instruction": "no sentence",
    "argument seed": "of the program that writes a catalogue",
    "argument campaign_dir": "what the diagnosis says; a panel has none of its own",
    "def campaign_dir": "likewise",
    "def instruction": "no sentence",
    "def python": "this interpreter",
    "def seed": "draws that are always the same",
    "key camera": "what a policy says, which may say nothing",
    "key camera_name": "what a file says, which may say nothing",
    "key instruction": "what a file says, which may say nothing",
    "key seed": "of one reset",
    "option seed": "of a campaign, and of the twin's cube",
}
"""Defaults that a model has by chance too: what they mean."""


def of_signature(node):
    last = [*node.args.posonlyargs, *node.args.args][::-1]
    pairs = [*zip(last, node.args.defaults[::-1])]  # noqa: B905 - only the last have one
    pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return [("def", argument.arg, value) for argument, value in pairs if value is not None]


def of_class(node: ast.ClassDef):
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.value, ast.expr):
            is_option = getattr(getattr(field.value, "func", None), "id", "") == "option"
            value = field.value.args[0] if is_option else field.value
            yield "option" if is_option else "class", field.target.id, value


def of_call(node: ast.Call):
    """`get("name", value)` and its like, `add_argument("--name", default=value)`."""
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    texts = [getattr(argument, "value", None) for argument in node.args[-2:]]
    if called in ("get", "getattr", "pop", "setdefault") and len(texts) == 2:
        return [("key", texts[0], node.args[-1])] if isinstance(texts[0], str) else []
    if called != "add_argument":
        return []
    name = str(texts[-1]).lstrip("-").replace("-", "_")
    return [("argument", name, k.value) for k in node.keywords if k.arg == "default"]


def defaults_of(tree: ast.Module):
    """Every default: kind of its place, name, value; `option` is a field of a model."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for node in ast.walk(tree):
        if isinstance(node, functions):
            yield from of_signature(node)
        elif isinstance(node, ast.ClassDef):
            yield from of_class(node)
        elif isinstance(node, ast.Call):
            yield from of_call(node)


def constants_of(trees) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                found.setdefault(node.targets[0].id, ast.literal_eval(node.value))
    return found


def repetitions(trees) -> list[tuple[str, str, str]]:
    """Where a default stands again that a model's field of this name has: kind, name, place."""
    everywhere = constants_of(trees.values())
    homes: dict[tuple[str, str], set[str]] = {}
    others = []
    for path, tree in trees.items():
        constants = everywhere | constants_of([tree])  # its own first, then what it imports
        for kind, name, node in defaults_of(tree):
            constant = getattr(node, "id", "")
            try:
                value = constants[constant] if constant else ast.literal_eval(node)
            except (KeyError, ValueError):
                continue  # made from something, e.g. with default_of
            value = float(value) if type(value) is int else value
            key = (name.lstrip("_"), repr(value))
            if kind == "option" and key not in homes:
                homes[key] = {constant}
            else:
                others.append((kind, key, constant, f"{path}:{node.lineno}"))
    # who refers to the constant that the model refers to repeats nothing
    return [
        (kind, key[0], place)
        for kind, key, constant, place in others
        if key in homes and not (constant and constant in homes[key])
    ]


def test_every_default_stands_once():
    """What a model has as a default is not written anywhere else under the same name."""
    trees = {path.relative_to(ROOT): ast.parse(path.read_text()) for path in sources()}
    found = [kind for tree in trees.values() for kind, _, _ in defaults_of(tree)]
    assert found.count("option") > 100, "the models were found"
    again = repetitions(trees)
    bad = [f"{name} in {place}" for kind, name, place in again if f"{kind} {name}" not in NEUTRAL]
    assert not bad, f"write default_of(model, name) or taken(), or make it required: {bad}"
    unused = set(NEUTRAL) - {f"{kind} {name}" for kind, name, _ in again}
    assert not unused, "an exception is needed by something"


REPEATED = """
class Config(Model):
    horizon: int = option(80, "...")
    place: str = option(PLACE, "...")
class Task:
    horizon: int = 80
def run(a, horizon=80.0, *, b=1, place="here"): ...
PLACE = "here"
values.get("horizon", 80)
parser.add_argument("--horizon", default=80)
class Other(Model):
    horizon: int = option(80, "...")
def fine(horizon=81, place=PLACE, other=80): ...
class Fine:
    horizon: int = default_of(Config, "horizon")
"""


def test_a_default_that_stands_twice_is_found():
    trees = {Path("own.py"): ast.parse(REPEATED)}
    assert sorted(repetitions(trees)) == [
        ("argument", "horizon", "own.py:10"),
        ("class", "horizon", "own.py:6"),
        ("def", "horizon", "own.py:7"),
        ("def", "place", "own.py:7"),
        ("key", "horizon", "own.py:9"),
        ("option", "horizon", "own.py:12"),
    ]


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


def _console_scripts() -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser["options.entry_points"]["console_scripts"].split("\n")[1:]


@pytest.mark.parametrize("line", _console_scripts())
def test_entry_points_exist(line):
    # CMakeLists.txt reads the lines with this pattern: one that it missed would not be installed
    name, module = re.fullmatch(r"([a-z0-9_]+) = ([a-z0-9_.]+):main", line).groups()
    assert name == module.rpartition(".")[2] or name in ("robomd", "robomd_panel")
    assert "def main(" in (ROOT / (module.replace(".", "/") + ".py")).read_text()


def _dependencies(package: str) -> dict[str, set[str]]:
    """Names that a package.xml depends on, by the kind of dependency."""
    kinds: dict[str, set[str]] = {}
    for element in ElementTree.parse(ROOT / package).getroot():
        if element.tag.endswith("depend"):
            kinds.setdefault(element.tag, set()).add(element.text)
    return kinds


def test_the_root_package_depends_on_what_its_interfaces_need():
    """robomd_msgs is built within this package; rosdep and colcon read the root's file only."""
    root, interfaces = _dependencies("package.xml"), _dependencies("robomd_msgs/package.xml")
    for kind, names in interfaces.items():
        assert names <= root[kind], kind
    assert not any("robomd_msgs" in names for names in root.values())


KEYS = {
    "cv2": "python3-opencv", "jinja2": "python3-jinja2", "matplotlib": "python3-matplotlib",
    "numpy": "python3-numpy", "psutil": "python3-psutil", "python_qt_binding": "python_qt_binding",
    "rclpy": "rclpy", "rich": "python3-rich", "rqt_gui_py": "rqt_gui_py",
    "scipy": "python3-scipy", "tf2_ros": "tf2_ros_py", "tqdm": "python3-tqdm",
    "yaml": "python3-yaml", "launch": "launch", "launch_ros": "launch_ros",
    "ament_index_python": "ament_index_python",
}  # fmt: skip
"""Modules of packages that rosdep knows, with their keys."""


def test_package_xml_names_everything_that_is_imported_and_has_a_key():
    """Modules of messages are keys themselves."""
    pattern = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
    imported: set[str] = set()
    for folder in ("robomd_ros", "sim_bridge", "launch"):
        for path in (ROOT / folder).rglob("*.py"):
            imported.update(pattern.findall(path.read_text()))
    messages = {m for m in imported if re.search(r"_(msgs|srvs|interfaces)$", m)}
    wanted = {KEYS[m] for m in imported if m in KEYS} | (messages - {"robomd_msgs"})
    assert len(wanted) > 15
    kinds = _dependencies("package.xml")
    assert wanted <= kinds["depend"] | kinds["exec_depend"]
