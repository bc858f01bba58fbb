# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What comes from outside: every wrong value is one sentence, every right one has its type."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from robomd_ros.bringup.sim import SimArguments
from robomd_ros.bringup.ur5e import Ur5eArguments
from robomd_ros.cli.parameters import page
from robomd_ros.core.arguments import Arguments, help_text, parse_arguments
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import (
    Numbers,
    Parameters,
    Texts,
    checked,
    describe,
    option,
    options,
    taken,
    typed,
)
from robomd_ros.ros.node_parameters import NODES
from sim_bridge.twin.main import TwinArguments


class Sample(Parameters):
    """One of each kind."""

    node = "sample_node"

    rate: float = option(10.0, "of commands", unit="Hz", low=0.5, high=200.0)
    count: int = option(1, "how many", low=1, high=5)
    on: bool = option(True, "whether it works")
    kind: str = option("a", "one of two", choices=("a", "b"))
    name: str = option("", "any text")
    place: Numbers = option((0.0, 0.0, 0.0), "where it is", unit="m", size=3, low=-1.0, high=1.0)
    cells: Texts = option(("c",), "names")
    share: float = option(0.9, "of all", low=0.5, high=1.0, exclusive=True)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"rate": "15"}, "rate of sample_node must be a number; got '15'"),
        ({"rate": True}, "rate of sample_node must be a number; got True"),
        ({"rate": None}, "rate of sample_node must be a number; got nothing"),
        ({"rate": [1.0]}, "rate of sample_node must be a number; got [1.0]"),
        ({"rate": {}}, "rate of sample_node must be a number; got {}"),
        ({"rate": math.nan}, "rate of sample_node must be a number; got nan"),
        ({"rate": -math.inf}, "rate of sample_node must be a number; got -inf"),
        ({"rate": 300}, "rate of sample_node must be a number in [0.5, 200]; got 300"),
        ({"count": 1.0}, "count of sample_node must be a whole number; got 1.0"),
        ({"count": True}, "count of sample_node must be a whole number; got True"),
        ({"count": 0}, "count of sample_node must be a whole number in [1, 5]; got 0"),
        ({"count": 10**30}, f"must be a whole number in [1, 5]; got {10**30}"),
        ({"on": 1}, "on of sample_node must be true or false; got 1"),
        ({"on": "yes"}, "on of sample_node must be true or false; got 'yes'"),
        ({"kind": "c"}, "kind of sample_node must be one of a, b; got 'c'"),
        ({"kind": ["a"]}, "kind of sample_node must be one of a, b; got ['a']"),
        ({"name": ["x"]}, "name of sample_node must be text; got ['x']"),
        ({"name": None}, "name of sample_node must be text; got nothing"),
        ({"place": [0.0]}, "place of sample_node must be a list of 3 numbers; got [0.0]"),
        ({"place": [0, 0, 2]}, "must be a list of 3 numbers in [-1, 1]; got [0, 0, 2]"),
        ({"place": [0, "x", 0]}, "a list of 3 numbers; got 'x' as number 2 of the list"),
        ({"place": 1.0}, "place of sample_node must be a list of 3 numbers; got 1.0"),
        ({"place": "wide"}, "place of sample_node must be a list of 3 numbers; got 'wide'"),
        ({"cells": "c"}, "cells of sample_node must be a list of texts; got 'c'"),
        ({"cells": [1]}, "a list of texts; got 1 as number 1 of the list"),
        ({"share": 1.0}, "share of sample_node must be a number in (0.5, 1); got 1.0"),
        ({"raet": 1}, "unknown parameter of sample_node 'raet'; did you mean 'rate'?"),
        ({"zzz": 1}, "unknown parameter of sample_node 'zzz'; known: cells, count, kind,"),
    ],
)
def test_a_wrong_value_is_one_sentence(values, says):
    with pytest.raises(ConfigurationError) as caught:
        Sample(**values)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("rate", 3, 3.0),
        ("name", 0, "0"),
        ("name", True, "true"),
        ("place", [1, 0, 0.5], (1.0, 0.0, 0.5)),
        ("cells", [], ()),
    ],
)
def test_what_is_no_mistake_has_the_type_of_the_model(name, given, value):
    told = checked(Sample, name, given)
    assert told == value
    assert type(told) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count:=3", 3),
        ("rate:=1e1", 10.0),
        ("on:=false", False),
        ("name:=7", "7"),
        ("name:={a: 1}", "{a: 1}"),
        ("place:=[1, 0, 0]", (1.0, 0.0, 0.0)),
    ],
)
def test_text_takes_the_type_of_the_model(text, value):
    class Given(Sample, Arguments):
        """The same as arguments."""

    (told,) = parse_arguments([text], Given).values()
    assert told == value
    assert type(told) is type(value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["count:=x"], "must be a whole number; got 'x'"),
        (["rate:="], "must be a number; got nothing"),
        (["conut:=1"], "did you mean 'count'"),
        (["count=1"], "written name:=value"),
        (["count:=1", "count:=2"], "'count' is given twice"),
        (["place:=[1, 2"], "must be a list of 3 numbers; got '[1, 2'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(given, says):
    class Given(Sample, Arguments):
        """The same as arguments."""

    with pytest.raises(ConfigurationError) as caught:
        parse_arguments(given, Given)
    assert says in str(caught.value)


def test_what_is_taken_from_another_model_differs_only_where_it_says_so():
    class Other(Parameters):
        rate: float = taken(Sample, "rate", default=5.0)

    assert options(Other)["rate"].range == options(Sample)["rate"].range
    assert Other().rate == 5.0
    with pytest.raises(ConfigurationError, match=r"in \[0.5, 200\]; got 0.1"):
        Other(rate=0.1)


def test_a_description_is_plain_data():
    by_name = {one["name"]: one for one in describe(Sample)}
    assert by_name["rate"] == {
        "name": "rate",
        "type": "float",
        "default": "10.0",
        "choices": [],
        "unit": "Hz",
        "range": "[0.5, 200]",
        "description": "of commands",
    }
    assert by_name["kind"]["choices"] == ["a", "b"]
    assert by_name["place"]["default"] == "[0.0, 0.0, 0.0]"
    texts = {name: one["default"] for name, one in by_name.items()}
    assert typed(Sample, texts) == dict(Sample())


@pytest.mark.parametrize("model", [*NODES.values(), SimArguments, Ur5eArguments, TwinArguments])
def test_every_option_is_described_and_its_default_allowed(model):
    assert len(dict(model())) == len(options(model))
    for one in options(model).values():
        assert len(one.doc) > 5, one.name
        assert one.kind != "other", one.name
        if one.kind in ("int", "float", "numbers"):
            assert one.low is not None and one.high is not None, f"{one.name} has no range"


def test_a_help_tells_type_unit_range_choices_and_default():
    text = help_text("robomd ur5e", Ur5eArguments)
    for words in (
        "usage: robomd ur5e [name:=value ...]",
        "policy steps after which a rollout has failed (a whole number in [1, 100,000]; "
        "default 300)",
        "(one of robotiq, digital_output, action, none; default robotiq)",
        "(a number in (0.5, 1); default 0.95)",
        "(text; default empty)",
    ):
        assert words in text


def test_the_page_of_parameters_is_that_of_the_code():
    written = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()
    assert written == page(), "make it anew: robomd parameters > docs/parameters.md"


def test_a_schema_brings_no_ros_and_nothing_heavy():
    code = (
        "import sys, robomd_ros.ros.node_parameters, robomd_ros.bringup.sim\n"
        "heavy = {'rclpy', 'scipy', 'torch', 'cv2', 'stable_baselines3', 'mujoco', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
