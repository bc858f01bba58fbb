# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Things found by name, by entry point and in modules; whatever is wrong is said."""

import subprocess
import sys
import textwrap

import pytest

from robomd_ros.core.errors import ConfigurationError, PluginError, PolicyLoadError
from robomd_ros.core.plugins import PluginKind
from robomd_ros.core.policies.detector import load_detector
from robomd_ros.core.policies.digest import policy_digest
from robomd_ros.core.policies.loading import load_policy

SHAPES = PluginKind("shape", "robomd.test_shapes", own={"circle": "shapes_of_a_user:Circle"})

MODULE = """
class Circle:
    def __init__(self, radius=1.0, name="", filled=False):
        self.radius, self.name, self.filled = radius, name, filled

    @classmethod
    def of_diameter(cls, diameter):
        return cls(diameter / 2)


class Square:
    def __init__(self, side):
        if side <= 0:
            raise ValueError(f"no square of side {side}")
        self.side = side


def anything(**options):
    return options


READY = Circle(7)


class Push:
    def __init__(self, speed=1.0):
        self.speed = speed

    def reset(self, seed, instruction):
        pass

    def act(self, observation):
        return [self.speed] * 7


def gain(observation, factor=1.0):
    return [factor] * 7


def over(observation, height=0.1):
    return observation["height"] > height
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "shapes_of_a_user.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("shapes_of_a_user", None)


def test_a_name_of_the_table_with_and_without_arguments():
    assert SHAPES.make("circle").radius == 1.0
    made = SHAPES.make("circle?radius=2.5&name=big one&filled=true")
    assert (made.radius, made.name, made.filled) == (2.5, "big one", True)
    assert SHAPES.make("circle?name='2'").name == "2"
    assert SHAPES.make("circle?name=null").name is None
    assert SHAPES.make("circle?name=''").name == ""
    assert SHAPES.make("circle?name=a%26b").name == "a&b"


def test_a_module_and_what_is_in_it():
    assert SHAPES.make("python:shapes_of_a_user:Square?side=3").side == 3
    assert SHAPES.make("python:shapes_of_a_user:Circle.of_diameter?diameter=4").radius == 2.0
    assert SHAPES.make("python:shapes_of_a_user:anything?a=1&b=x") == {"a": 1, "b": "x"}
    assert SHAPES.make(" python:shapes_of_a_user:READY ").radius == 7


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "the shape is ''; give a name or python:<module>:<callable>"),
        (3, "the shape is 3; give a name"),
        ("cirkle", r"unknown shape 'cirkle' \(did you mean 'circle'\?\); known: circle. Give one"),
        ("python:shapes_of_a_user", "not of the form python:<module>:<callable>"),
        ("python:no_such_shapes:A", "module 'no_such_shapes' cannot be imported .ModuleNotFoundEr"),
        ("python:shapes_of_a_user:Circl", r"'shapes_of_a_user' has no 'Circl' \(did you mean 'Ci"),
        ("python:shapes_of_a_user:Circle.x", "'Circle' has no 'x'; it has: of_diameter"),
        ("python:shapes_of_a_user:Square", r"Square needs side; give .*Square\?side=<value>"),
        (
            "circle?radus=2",
            r"no argument 'radus' \(did you mean 'radius'\?\); it takes: radius, na",
        ),
        ("python:shapes_of_a_user:Square?side=0", r"calling Square\(\) raised ValueError: no squa"),
        ("python:shapes_of_a_user:READY?radius=2", "ready-made Circle, which takes no arguments"),
        ("circle?radius", "'radius' is not of the form key=value"),
        ("circle?", "'' is not of the form key=value"),
        ("circle?radius=", "'radius=' is not of the form key=value; write"),
        ("circle?radius=1&radius=2", "'radius' is given twice"),
        ("circle?radius=[1, 2]", "one number, text, true, false or null"),
    ],
)
def test_what_is_wrong_is_said(spec, reason):
    with pytest.raises(PluginError, match=reason):
        SHAPES.make(spec)


def test_each_kind_raises_its_own_error():
    with pytest.raises(PolicyLoadError, match="has no argument 'fast'; it takes: speed"):
        load_policy("python:shapes_of_a_user:Push?fast=1")
    with pytest.raises(ConfigurationError, match=r"cannot be loaded .*no argument 'low'"):
        load_detector("python:shapes_of_a_user:over?low=1")


def test_policies_are_given_their_arguments():
    assert load_policy("python:shapes_of_a_user:Push?speed=0.25").act({}) == [0.25] * 7
    assert load_policy("python:shapes_of_a_user:gain?factor=0.5").act({}) == [0.5] * 7
    assert len(policy_digest("python:shapes_of_a_user:Push?speed=0.25")) == 16


def test_detectors_are_given_their_arguments():
    assert load_detector("python:shapes_of_a_user:over?height=0.3")({"height": 0.2}) is False
    with pytest.raises(ConfigurationError, match="nor one of lifted_in_picture, twin_lifted"):
        load_detector("lifted")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Makes an installed package of the user's that offers things by entry points."""

    def install(package, text):
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(text))

    return install


def test_what_an_installed_package_offers_is_found_by_its_name(packages):
    packages(
        "users_shapes",
        """
        [robomd.test_shapes]
        box = shapes_of_a_user:Square
        circle = shapes_of_a_user:Square
        gone = shapes_of_a_user:Triangle

        [robomd.policies]
        push = shapes_of_a_user:Push

        [robomd.judges]
        over = shapes_of_a_user:over
        """,
    )
    assert SHAPES.names() == ["circle", "box", "gone"]
    assert SHAPES.make("box?side=2").side == 2
    assert SHAPES.make("circle").radius == 1.0  # ours goes first
    with pytest.raises(PluginError, match="'gone' of the package users_shapes cannot be loaded"):
        SHAPES.make("gone")
    assert load_policy("push?speed=0.5").act({}) == [0.5] * 7
    assert len(policy_digest("push")) == 16
    with pytest.raises(PolicyLoadError, match=r"unknown policy 'pusch'; known: .*lift_bc.* push"):
        load_policy("pusch")
    assert load_detector("over")({"height": 1.0}) is True


def test_a_name_that_two_packages_offer_is_refused(packages):
    for package in ("first_shapes", "second_shapes"):
        packages(package, "[robomd.test_shapes]\nbox = shapes_of_a_user:Square\n")
    with pytest.raises(PluginError, match="several packages: first_shapes, second_shapes; unin"):
        SHAPES.make("box?side=2")


def test_a_module_of_the_current_folder_hides_nothing_of_pythons_own(tmp_path):
    (tmp_path / "queue.py").write_text("raise RuntimeError('the wrong queue')\n")
    code = (
        "from robomd_ros.core.plugins import PluginKind\n"
        "kind = PluginKind('shape', 'robomd.test_shapes')\n"
        "print(kind.make('python:shapes_of_a_user:Circle').radius)\n"
        "import queue; print(queue.Queue.__name__)\n"
    )
    script = tmp_path / "elsewhere" / "script.py"  # its own folder is the first of the path
    script.parent.mkdir()
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["1.0", "Queue"], done.stderr
