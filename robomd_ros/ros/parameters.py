# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node's parameters from their model: declared with range and choices, checked, changed."""

from collections.abc import Callable
from typing import TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import Option, Parameters, options, unknown_name
from robomd_ros.ros.every_node import OF_EVERY_NODE

Known = TypeVar("Known", bound=Parameters)


def declare(node: Node, model: type[Known]) -> Known:
    """Declare the parameters of a model and return their checked values.

    Raises:
        ConfigurationError: a value is not allowed, or one was given that the node does not have.
    """
    known = options(model)
    given = getattr(node, "_parameter_overrides", {})
    for name in given:
        if name not in known and name.split(".")[0] not in OF_EVERY_NODE:
            raise unknown_name(name, known, f"parameter of {node.get_name()}")
    values = model(**{name: given[name].value for name in given if name in known})
    for name, one in known.items():
        # with its type, so that `ros2 param describe` shows it: the overrides are in the values
        node.declare_parameter(name, _plain(values[name]), descriptor(one), ignore_override=True)
    return values


def campaign_namespace(node: Node, given: str) -> str:
    """The diagnosis' namespace, for a node of a cell: the one given, else the one above its own."""
    return given.rstrip("/") or node.get_namespace().rpartition("/")[0]


def descriptor(one: Option) -> ParameterDescriptor:
    """What `ros2 param describe` shows of an option."""
    described = ParameterDescriptor(
        description=f"{one.doc} [{one.unit}]" if one.unit else one.doc, read_only=not one.changes
    )
    remarks = []
    if one.low is not None and one.high is not None:
        if one.kind == "int":
            ends = {"from_value": int(one.low), "to_value": int(one.high)}
            described.integer_range = [IntegerRange(step=1, **ends)]
        else:
            ends = {"from_value": float(one.low), "to_value": float(one.high)}
            described.floating_point_range = [FloatingPointRange(step=0.0, **ends)]
    if one.exclusive:
        remarks.append(f"in {one.range}, its ends excluded")
    if one.choices:
        remarks.append(one.type)
    if one.size:
        remarks.append(one.type)
    if one.changes:
        remarks.append("may be changed while the node runs")
    described.additional_constraints = "; ".join(remarks)
    return described


def allow_changes(node: Node, values: Known, apply: Callable[[Known], None]) -> None:
    """Let those parameters be set while the node runs that its model says may be.

    Args:
        node: whose parameters were declared from `values`.
        values: as declared.
        apply: is called with all values, the changed ones checked; a ConfigurationError that it
            raises refuses the change and is told to whoever asked for it.
    """
    present = [values]

    def set_them(parameters: list[Parameter]) -> SetParametersResult:
        changed = {p.name: p.value for p in parameters if p.name in options(type(values))}
        if not changed:
            return SetParametersResult(successful=True)
        try:
            wanted = present[0].changed(**changed)
            apply(wanted)
        except ConfigurationError as error:
            return SetParametersResult(successful=False, reason=str(error))
        present[0] = wanted
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(set_them)


def _plain(value: object) -> object:
    """As rclpy has it."""
    return list(value) if isinstance(value, tuple) else value
