# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a controller exchanges over RTDE by name: the types, and the inputs with their owners."""

from collections.abc import Iterable
from dataclasses import dataclass, field

_FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT32": "I",
    "UINT64": "Q",
    "INT32": "i",
    "DOUBLE": "d",
    "VECTOR3D": "3d",
    "VECTOR6D": "6d",
    "VECTOR6INT32": "6i",
    "VECTOR6UINT32": "6I",
}
COUNT = 48
"""Registers of each kind, the upper half included."""

_VECTORS_6D = (
    *("target_q", "target_qd", "target_qdd", "target_current", "target_moment"),
    *("actual_q", "actual_qd", "actual_current", "joint_control_output"),
    *("actual_TCP_pose", "actual_TCP_speed", "actual_TCP_force", "target_TCP_pose"),
    *("target_TCP_speed", "joint_temperatures", "actual_joint_voltage"),
    *("actual_current_as_torque", "ft_raw_wrench", "payload_inertia", "tcp_offset"),
)
_DOUBLES = (
    *("timestamp", "actual_execution_time", "speed_scaling", "target_speed_fraction"),
    *("actual_momentum", "actual_main_voltage", "actual_robot_voltage", "actual_robot_current"),
    *("standard_analog_input0", "standard_analog_input1", "standard_analog_output0"),
    *("standard_analog_output1", "payload", "tool_output_current", "tool_temperature"),
)
OUTPUT_TYPES: dict[str, str] = {
    **dict.fromkeys(_VECTORS_6D, "VECTOR6D"),
    **dict.fromkeys(_DOUBLES, "DOUBLE"),
    **dict.fromkeys(("actual_tool_accelerometer", "payload_cog", "elbow_position"), "VECTOR3D"),
    **dict.fromkeys(("actual_digital_input_bits", "actual_digital_output_bits"), "UINT64"),
    **dict.fromkeys(("robot_mode", "safety_mode", "safety_status"), "INT32"),
    **dict.fromkeys(("runtime_state", "robot_status_bits", "safety_status_bits"), "UINT32"),
    "joint_mode": "VECTOR6INT32",
    **{f"output_int_register_{i}": "INT32" for i in range(COUNT)},
    **{f"output_double_register_{i}": "DOUBLE" for i in range(COUNT)},
    **{f"output_bit_register_{i}": "BOOL" for i in range(COUNT)},
}
"""What a client can ask for, with its type."""

INPUT_TYPES: dict[str, str] = {
    **{f"input_int_register_{i}": "INT32" for i in range(COUNT)},
    **{f"input_double_register_{i}": "DOUBLE" for i in range(COUNT)},
    **{f"input_bit_register_{i}": "BOOL" for i in range(COUNT)},
    **dict.fromkeys(("speed_slider_mask",), "UINT32"),
    **dict.fromkeys(
        (
            *("standard_digital_output_mask", "standard_digital_output"),
            *("configurable_digital_output_mask", "configurable_digital_output"),
            *("tool_digital_output_mask", "tool_digital_output"),
            *("standard_analog_output_mask", "standard_analog_output_type"),
        ),
        "UINT8",
    ),
    **dict.fromkeys(
        ("speed_slider_fraction", "standard_analog_output_0", "standard_analog_output_1"), "DOUBLE"
    ),
    "external_force_torque": "VECTOR6D",
}
"""What a client can set, with its type."""

Value = float | int | bool | tuple[float, ...]


def struct_format(names: Iterable[str], types: dict[str, str]) -> str:
    """The layout of these variables one after the other, big endian."""
    return ">" + "".join(_FORMATS[types[name]] for name in names)


def width(type_name: str) -> int:
    """How many numbers a value of this type is."""
    text = _FORMATS[type_name]
    return int(text[0]) if text[0].isdigit() else 1


@dataclass
class Inputs:
    """The input variables: what clients have set, when, and whose they are.

    A value stays when its owner goes, as on the controller.
    """

    ints: list[int] = field(default_factory=lambda: [0] * COUNT)
    doubles: list[float] = field(default_factory=lambda: [0.0] * COUNT)
    others: dict[str, Value] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    owners: dict[str, object] = field(default_factory=dict)

    def claim(self, names: Iterable[str], owner: object) -> list[str]:
        """Make a client the only one who may set these variables.

        Returns:
            The names that another client owns; then nothing was claimed.
        """
        names = list(names)
        taken = [name for name in names if self.owners.get(name, owner) is not owner]
        if not taken:
            self.owners.update(dict.fromkeys(names, owner))
        return taken

    def release(self, owner: object) -> None:
        """Give back all that a client owned."""
        self.owners = {name: other for name, other in self.owners.items() if other is not owner}

    def write(self, name: str, value: Value, time: float) -> None:
        """Set a variable at a robot time, s."""
        self.written[name] = time
        if name.startswith("input_int_register_"):
            self.ints[int(name[19:])] = int(value)  # type: ignore[arg-type]
        elif name.startswith("input_double_register_"):
            self.doubles[int(name[22:])] = float(value)  # type: ignore[arg-type]
        else:
            self.others[name] = value
