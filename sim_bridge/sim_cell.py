# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A simulated cell in one process: the perturbation node and the simulator's node.

The graph is the one of both nodes started by themselves, but a scene takes no second action: the
perturbation node hands its goals straight to the simulator's node.
"""

import sys
from collections.abc import Iterator, Sequence

from rclpy.node import Node

from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.node_parameters import NODES
from robomd_ros.ros.runtime import main_of
from sim_bridge.sim_bridge_node import SimBridgeNode


def cell_nodes(perturbation: Sequence[str] = (), simulator: Sequence[str] = ()) -> Iterator[Node]:
    """The nodes of the cell, one after the other.

    Args:
        perturbation: command line arguments for the perturbation node alone.
        simulator: those for the simulator's.
    """
    bridge = SimBridgeNode(cli_args=["--ros-args", *simulator])
    yield bridge
    yield PerturbationNode(bridge, cli_args=["--ros-args", *perturbation])


def divided(arguments: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Tell apart what is meant for whom: ROS would give every parameter to both nodes.

    Args:
        arguments: of the command line.

    Returns:
        The arguments for both, for the perturbation node alone, and for the simulator's alone.
    """
    both: list[str] = []
    own: list[tuple[set[str], list[str]]] = [
        (set(model.model_fields), [])
        for model in (NODES["perturbation_node"], NODES["sim_bridge_node"])
    ]
    rest = iter(arguments)
    for argument in rest:
        if argument not in ("-p", "--param"):
            both.append(argument)
            continue
        rule = next(rest, "")
        name = rule.partition(":=")[0]
        chosen = next((found for names, found in own if name in names), both)
        chosen += [argument, rule]
    return both, own[0][1], own[1][1]


def main() -> None:
    """Run both nodes."""
    both, perturbation, simulator = divided(sys.argv)
    main_of(lambda: cell_nodes(perturbation, simulator), both)


if __name__ == "__main__":
    main()
