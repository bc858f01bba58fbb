# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd parameters`: every parameter, argument and option, as the page docs/parameters.md."""

import argparse
from collections.abc import Iterator, Sequence

from robomd_ros.bringup.plan import LaunchArguments
from robomd_ros.bringup.sim import SimArguments
from robomd_ros.bringup.ur5e import Ur5eArguments
from robomd_ros.core.schema import Model, Option, options
from robomd_ros.core.search.strategies import STRATEGIES
from robomd_ros.doctor.teach import TeachArguments
from robomd_ros.ros.node_parameters import NODES
from sim_bridge.twin.main import TwinArguments

_INTRODUCTION = """# Parameters, arguments and options

Made by `robomd parameters > docs/parameters.md`; do not edit it.

Arguments are written `name:=value`. What neither an argument nor the parameter file
(`params_file:=`) says has its default. A parameter file is one of ROS 2: `/**/camera_node` is that
node in any namespace, `/*` one part of a name, `/**` every node that has the parameter, and a full
name such as `/robomd/cell_1/sim_bridge_node` that node only; of two entries that say the same the
later one counts. Unknown names and keys that stand twice are errors. Parameters with a star may be
set while the node runs (`ros2 param set`), all others are fixed when it starts.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield from _section("`robomd sim`, `diagnose_sim.launch.py`", SimArguments)
    yield from _section(
        "`robomd ur5e`, `robomd doctor`, `robomd home`, `diagnose_ur5e.launch.py`", Ur5eArguments
    )
    yield from _section("`robomd teach`", TeachArguments)
    yield from _section("Every launch file", LaunchArguments)
    yield from _section("`robomd twin`", TwinArguments)
    for node, model in NODES.items():
        yield from _section(f"Node `{node}`", model)
    for name, strategy in STRATEGIES.items():
        if strategy.options.model_fields:
            yield from _section(f"`search_options` of `search:={name}`", strategy.options)


def _section(title: str, model: type[Model]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| name | what | allowed | default |"
    yield "|---|---|---|---|"
    yield from map(_row, options(model).values())
    yield ""


def _row(one: Option) -> str:
    star = " *" if one.changes else ""
    unit = f" {one.unit}" if one.unit else ""
    default = f"`{one.text}`" if one.text else ""
    return f"| `{one.name}`{star} | {one.doc} | {one.allowed}{unit} | {default} |"


def main(argv: Sequence[str]) -> int:
    """Print the page."""
    argparse.ArgumentParser(
        "robomd parameters",
        description="Print every parameter, argument and option with unit, range and default.",
    ).parse_args(argv)
    print(page(), end="")
    return 0
