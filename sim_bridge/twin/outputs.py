# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the twin reports over RTDE, computed once per cycle and only if somebody asked for it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from robomd_ros.core.robot_modes import RobotMode
from sim_bridge.twin import kinematics
from sim_bridge.twin.registers import COUNT, OUTPUT_TYPES, Value, width
from sim_bridge.twin.states import Runtime, safety_bits

if TYPE_CHECKING:
    from sim_bridge.twin.controller import Controller

_JOINT_RUNNING, _JOINT_OFF = 253, 255
_TORQUE_PER_AMPERE = np.array((12.0, 12.0, 12.0, 9.0, 9.0, 9.0))
_VOLTAGE = 48.0


class Outputs:
    """The output variables of one controller."""

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller
        self._cycle = -1
        self._known: dict[str, Any] = {}
        self._getters: Mapping[str, Callable[[], Value]] = self._table()

    def getter(self, name: str) -> Callable[[], Value]:
        """What gives a variable of OUTPUT_TYPES as it is now."""
        return self._getters[name]

    def value(self, name: str) -> Value:
        """A variable of OUTPUT_TYPES, now."""
        return self._getters[name]()

    def _table(self) -> dict[str, Callable[[], Value]]:
        table: dict[str, Callable[[], Value]] = {}
        for name, kind in OUTPUT_TYPES.items():
            count = width(kind)
            # what the twin has no sensor for is zero
            nothing: Value = (0.0,) * count if count > 1 else 0
            table[name] = lambda nothing=nothing: nothing  # type: ignore[misc]
        table.update(self._motion_table())
        table.update(self._state_table())
        c = self._controller
        for i in range(COUNT):
            table[f"output_int_register_{i}"] = lambda i=i: c.output_ints[i]  # type: ignore[misc]
            table[f"output_double_register_{i}"] = lambda i=i: c.output_doubles[i]  # type: ignore[misc]
        return table

    def _motion_table(self) -> dict[str, Callable[[], Value]]:
        c = self._controller
        arm, motion = c.arm, c.motion
        return {
            "target_q": lambda: tuple(motion.q.tolist()),
            "target_qd": lambda: tuple(motion.qd.tolist()),
            "target_qdd": lambda: tuple(motion.qdd.tolist()),
            "target_moment": lambda: tuple(arm.torque.tolist()),
            "target_current": self._current,
            "actual_q": lambda: tuple(arm.q.tolist()),
            "actual_qd": lambda: tuple(arm.qd.tolist()),
            "actual_current": self._current,
            "actual_current_as_torque": lambda: tuple(arm.torque.tolist()),
            "joint_control_output": self._current,
            "actual_TCP_pose": lambda: self._tool("actual")[0],
            "actual_TCP_speed": lambda: self._tool("actual")[1],
            "target_TCP_pose": lambda: self._tool("target")[0],
            "target_TCP_speed": lambda: self._tool("target")[1],
            "actual_TCP_force": lambda: c.sensor.read(motion.tcp),
            "ft_raw_wrench": lambda: c.sensor.read(motion.tcp),
            "tcp_offset": lambda: tuple(motion.tcp.tolist()),
        }

    def _state_table(self) -> dict[str, Callable[[], Value]]:
        c = self._controller
        return {
            "timestamp": lambda: c.time,
            "speed_scaling": lambda: 1.0,
            "target_speed_fraction": lambda: c.motion.speed_fraction,
            "actual_main_voltage": lambda: _VOLTAGE,
            "actual_robot_voltage": lambda: _VOLTAGE if self._powered() else 0.0,
            "actual_joint_voltage": lambda: ((_VOLTAGE if self._powered() else 0.0),) * 6,
            "actual_tool_accelerometer": lambda: (0.0, 0.0, 9.82),
            "joint_temperatures": lambda: (30.0,) * 6,
            "joint_mode": lambda: ((_JOINT_RUNNING if self._powered() else _JOINT_OFF),) * 6,
            "robot_mode": lambda: int(c.robot_mode),
            "safety_mode": lambda: int(c.safety_mode),
            "safety_status": lambda: int(c.safety_mode),
            "runtime_state": lambda: int(c.runtime),
            "robot_status_bits": self._robot_bits,
            "safety_status_bits": lambda: safety_bits(c.safety_mode),
            "actual_digital_output_bits": lambda: c.output_bits,
            "payload": lambda: c.payload,
            "payload_cog": lambda: tuple(c.payload_cog),
            "payload_inertia": lambda: tuple(c.payload_inertia),
        }

    def _powered(self) -> bool:
        return self._controller.robot_mode >= RobotMode.POWER_ON

    def _robot_bits(self) -> int:
        playing = self._controller.runtime is Runtime.PLAYING
        return int(self._powered()) | playing << 1 | self._controller.teach << 2

    def _current(self) -> Value:
        return tuple((self._controller.arm.torque / _TORQUE_PER_AMPERE).tolist())

    def _tool(self, which: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The tool's pose and speed, actual or target; computed once per cycle."""
        if self._cycle != self._controller.cycles:
            self._cycle = self._controller.cycles
            self._known.clear()
        known = self._known.get(which)
        if known is None:
            c = self._controller
            q, qd = (c.arm.q, c.arm.qd) if which == "actual" else (c.motion.q, c.motion.qd)
            position, rotation, jacobian = kinematics.forward(q, c.motion.tcp)
            turn = kinematics.rotation_vector(rotation)
            pose = (*position.tolist(), *turn.tolist())
            known = self._known[which] = (pose, tuple((jacobian @ qd).tolist()))
        result: tuple[tuple[float, ...], tuple[float, ...]] = known
        return result
