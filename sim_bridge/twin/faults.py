# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults that a test can make the twin have."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from sim_bridge.twin import rtde
from sim_bridge.twin.controller import Controller
from sim_bridge.twin.network import Network

Arguments = Mapping[str, Any]


class Faults:
    """The faults in force.

    Attributes:
        frozen_until: monotonic s until which the network is silent.
    """

    def __init__(self, controller: Controller, network: Network) -> None:
        self._controller = controller
        self._network = network
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
            "gripper_silent": (lambda _: None, {}),
        }
        self._end: dict[str, Callable[[], None]] = {
            "emergency_stop": controller.release_button,
            "local_mode": lambda: setattr(controller, "remote", True),
            "freeze": lambda: setattr(self, "frozen_until", 0.0),
            "ik_failure": lambda: setattr(controller.motion, "no_inverse", False),
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
        if kind not in ("protective_stop", "rtde_drop"):  # these are events, not conditions
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

    def _ik_failure(self, _arguments: Arguments) -> None:
        self._controller.motion.no_inverse = True
