# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults that a test can make the twin have."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.robot_modes import SafetyMode
from sim_bridge.twin import rtde
from sim_bridge.twin.controller import Controller
from sim_bridge.twin.gripper import TwinGripper
from sim_bridge.twin.network import Network

Arguments = Mapping[str, Any]
_EVENTS = ("protective_stop", "rtde_drop", "gripper_lost", "payload", "tool_change")
"""Faults that happen; the others last until they are cleared."""
_SPOILT = ("frozen", "black", "half", "resized", "swapped")
"""What may become of the camera's pictures."""


class Faults:
    """The faults in force.

    Attributes:
        frozen_until: monotonic s until which the network is silent.
    """

    def __init__(self, controller: Controller, network: Network, gripper: TwinGripper) -> None:
        self._controller = controller
        self._network = network
        self._gripper = gripper
        self._late = 0.0
        self._active: set[str] = set()
        self.frozen_until = 0.0
        self._start: dict[str, tuple[Callable[[Arguments], None], dict[str, tuple[Any, ...]]]] = {
            "protective_stop": (self._protective_stop, {}),
            "emergency_stop": (lambda _: controller.emergency_stop(), {}),
            "local_mode": (self._local_mode, {}),
            "rtde_drop": (self._rtde_drop, {"how": ("fin", "rst")}),
            "freeze": (self._freeze, {"seconds": (float, int), "what": ("link", "controller")}),
            "camera_loss": (lambda _: None, {}),
            "ik_failure": (self._ik_failure, {}),
            "camera_late": (self._camera_late, {"seconds": (float, int)}),
            **{f"camera_{how}": (lambda _: None, {}) for how in _SPOILT},
            "gripper_silent": (lambda _: None, {}),
            "gripper_lost": (lambda _: gripper.lose_power(), {}),
            "gripper_stuck": (lambda _: setattr(gripper, "stuck", True), {}),
            "gripper_fault": (self._gripper_fault, {"code": (int,)}),
            "speed_slider": (self._speed_slider, {"percent": (float, int)}),
            "reduced_mode": (lambda _: self._safety(SafetyMode.REDUCED), {}),
            "payload": (self._payload, {"kg": (float, int)}),
            "teach_button": (lambda _: setattr(controller, "teach", True), {}),
            "stuck": (lambda _: setattr(controller, "stuck", controller.arm.q.copy()), {}),
            "tool_change": (self._tool_change, {"longer": (float, int)}),
            "dashboard_silent": (lambda _: None, {}),
            "push": (self._push, {"newton": (float, int)}),
        }
        self._end: dict[str, Callable[[], None]] = {
            "emergency_stop": controller.release_button,
            "local_mode": lambda: setattr(controller, "remote", True),
            "freeze": lambda: setattr(self, "frozen_until", 0.0),
            "ik_failure": lambda: setattr(controller.motion, "no_inverse", False),
            "gripper_stuck": lambda: setattr(gripper, "stuck", False),
            "gripper_fault": lambda: setattr(gripper, "fault", 0),
            "speed_slider": lambda: setattr(controller.motion, "speed_fraction", 1.0),
            "reduced_mode": lambda: self._safety(SafetyMode.NORMAL),
            "teach_button": lambda: setattr(controller, "teach", False),
            "stuck": self._unstick,
            "push": lambda: setattr(controller.sensor, "push", 0.0),
        }

    @property
    def kinds(self) -> list[str]:
        """All kinds of faults."""
        return sorted(self._start)

    @property
    def active(self) -> list[str]:
        """The kinds in force now."""
        if not self.frozen:
            self._active.discard("freeze")
        return sorted(self._active)

    @property
    def frozen(self) -> bool:
        """Whether the network is silent now."""
        return time.monotonic() < self.frozen_until

    def has(self, kind: str) -> bool:
        """Whether a fault is in force."""
        return kind in self._active

    def start(self, kind: object, arguments: Arguments) -> None:
        """Let a fault happen.

        Raises:
            ConfigurationError: no such kind or argument.
        """
        if not isinstance(kind, str) or kind not in self._start:
            raise ConfigurationError(f"unknown fault {kind!r}; known: {', '.join(self.kinds)}")
        action, allowed = self._start[kind]
        for name, value in arguments.items():
            choices = allowed.get(name)
            if choices is None:
                known = ", ".join(allowed) or "no arguments"
                raise ConfigurationError(f"fault {kind} has no argument {name!r}; it has: {known}")
            typed = isinstance(choices[0], type)
            number = typed and type(value) in choices and 0 < value <= 600
            if not number and (typed or value not in choices):
                wanted = "above 0 and up to 600" if typed else " or ".join(choices)
                raise ConfigurationError(f"{name} of fault {kind} must be {wanted}; got {value!r}")
        action(arguments)
        if kind not in _EVENTS:
            self._active.add(kind)

    def clear(self, kind: object) -> None:
        """End a fault, or "all" of them.

        Raises:
            ConfigurationError: no such kind, or one that ends by itself.
        """
        if kind != "all" and (not isinstance(kind, str) or kind not in self._start):
            known = ", ".join([*self.kinds, "all"])
            raise ConfigurationError(f"unknown fault {kind!r}; known: {known}")
        for name in sorted(self._active) if kind == "all" else [str(kind)]:
            self._active.discard(name)
            self._end.get(name, lambda: None)()

    def _protective_stop(self, _arguments: Arguments) -> None:
        self._controller.protective_stop("injected")

    def _local_mode(self, _arguments: Arguments) -> None:
        self._controller.remote = False

    def _rtde_drop(self, arguments: Arguments) -> None:
        self._network.drop(rtde.PORT, reset=arguments.get("how", "fin") == "rst")

    def _freeze(self, arguments: Arguments) -> None:
        self.frozen_until = time.monotonic() + float(arguments.get("seconds", 5.0))
        if arguments.get("what") == "controller":
            self._controller.stop_program("the controller froze")

    def of_camera(self) -> dict[str, float]:
        """The camera's faults in force, each with its argument."""
        kinds = [kind for kind in self._active if kind.startswith("camera_")]
        return {kind: self._late if kind == "camera_late" else 0.0 for kind in kinds}

    def _camera_late(self, arguments: Arguments) -> None:
        self._late = float(arguments.get("seconds", 2.0))

    def _gripper_fault(self, arguments: Arguments) -> None:
        self._gripper.fault = int(arguments.get("code", 5))

    def _speed_slider(self, arguments: Arguments) -> None:
        self._controller.motion.speed_fraction = float(arguments.get("percent", 10.0)) / 100.0

    def _safety(self, mode: SafetyMode) -> None:
        if self._controller.safety_mode in (SafetyMode.NORMAL, SafetyMode.REDUCED):
            self._controller.safety_mode = mode

    def _payload(self, arguments: Arguments) -> None:
        self._controller.payload = float(arguments.get("kg", 2.0))

    def _tool_change(self, arguments: Arguments) -> None:
        """Somebody enters another tool at the pendant: longer by so many m."""
        tcp = self._controller.motion.tcp.copy()
        tcp[2] += float(arguments.get("longer", 0.1))
        self._controller.motion.tcp = tcp

    def _push(self, arguments: Arguments) -> None:
        self._controller.sensor.push = float(arguments.get("newton", 200.0))

    def _unstick(self) -> None:
        self._controller.stuck = None
        self._controller.motion.hold(self._controller.arm.q)

    def _ik_failure(self, _arguments: Arguments) -> None:
        self._controller.motion.no_inverse = True
