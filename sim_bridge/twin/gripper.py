# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Robotiq gripper and the socket of its URCap, which commands it (port 63352)."""

import math

from sim_bridge.twin.arm import TwinArm
from sim_bridge.twin.network import Connection, LineClient

PORT = 63352

_FULL = 255
_OPENING = 0.085
_SPEED = (0.02, 0.15)
_FORCE = (5.0, 60.0)
"""N, a quarter of the real gripper's: more would press a light cube deep into soft contacts."""

_SMOOTHING = 0.05
_ACTIVATION = 0.5
_STILL = 0.02
_AT_GOAL = 0.012
_SETTABLE = ("ACT", "GTO", "ATR", "FOR", "SPE", "POS", "ARD")


class TwinGripper:
    """What the gripper's controller does between the commands and the fingers.

    Attributes:
        variables: ACT activate, GTO go to the position, POS the asked position (0 open to 255
            closed), SPE speed and FOR force (0 to 255), ATR and ARD of the automatic release.
    """

    def __init__(self, arm: TwinArm) -> None:
        self._arm = arm
        self.variables = dict.fromkeys(_SETTABLE, 0)
        self._command = 0.0
        self._active_in = 0.0
        self._still = 0.0
        self._last = arm.gripper
        self._speed = 0.0
        self._blind = False
        self.fault = 0
        """FLT: what it reports to be wrong."""
        self.stuck = False
        """The motor does not turn, whatever it is told."""

    @property
    def status(self) -> int:
        """STA: 0 not activated, 1 being activated, 3 active."""
        if not self.variables["ACT"]:
            return 0
        return 1 if self._active_in > 0.0 else 3

    @property
    def position(self) -> int:
        """POS as measured, 0 open to 255 closed; 0 after a loss of power, before activation."""
        return 0 if self._blind else round(self._arm.gripper * _FULL)

    @property
    def object_state(self) -> int:
        """OBJ: 0 moving, 1 and 2 stopped by something while opening and closing, 3 arrived."""
        away = self.variables["POS"] / _FULL - self._arm.gripper
        if abs(away) < _AT_GOAL or not self.variables["GTO"]:
            return 3
        if self._still < 0.1:
            return 0
        return 2 if away > 0 else 1

    def lose_power(self) -> None:
        """It forgets that it was activated; its fingers hold what they hold."""
        self.variables = dict.fromkeys(_SETTABLE, 0)
        self._blind = True

    def set(self, name: str, value: int) -> bool:
        """Set a variable; whether it exists and may have the value."""
        if name not in _SETTABLE or not 0 <= value <= _FULL:
            return False
        if name == "ACT" and value and not self.variables["ACT"]:
            self._active_in, self._blind = _ACTIVATION, False
        if name in ("POS", "GTO"):
            self._still = 0.0
        self.variables[name] = value
        return True

    def get(self, name: str) -> int | None:
        """A variable as clients read it; None if there is none of this name."""
        readings = {
            "STA": self.status,
            "POS": self.position,
            "PRE": self.variables["POS"],
            "OBJ": self.object_state,
            "FLT": self.fault,
        }
        return readings.get(name, self.variables.get(name))

    def cycle(self, dt: float, powered: bool) -> None:
        """One control cycle: move the fingers' goal at the set speed."""
        self._active_in = max(0.0, self._active_in - dt)
        moved = (self._arm.gripper - self._last) / dt
        self._last = self._arm.gripper
        self._speed += (moved - self._speed) * min(1.0, dt / _SMOOTHING)
        self._still = self._still + dt if abs(self._speed) < _STILL else 0.0
        if not powered or self.stuck:
            self._command = self._arm.gripper  # the fingers block themselves
        elif self.status == 3 and self.variables["GTO"]:
            low, high = _SPEED
            speed = (low + (high - low) * self.variables["SPE"] / _FULL) / _OPENING
            away = self.variables["POS"] / _FULL - self._command
            self._command += math.copysign(min(abs(away), speed * dt), away)
        low, high = _FORCE
        self._arm.command_gripper(self._command, low + (high - low) * self.variables["FOR"] / _FULL)


class GripperServer:
    """Lets clients read and set a gripper's variables, one line each.

    `GET POS` is answered with `POS 12`, `SET POS 100 GTO 1` with `ack`, anything else with `?`.
    """

    def __init__(self, gripper: TwinGripper) -> None:
        self._gripper = gripper
        self.silent = False

    def connect(self, connection: Connection) -> LineClient:
        """A new client."""
        return LineClient(connection, lambda line: "" if self.silent else self.answer(line))

    def answer(self, line: str) -> str:
        """The answer to one line; empty for none."""
        words = line.split()
        if len(words) == 2 and words[0] == "GET":
            value = self._gripper.get(words[1])
            return "?" if value is None else f"{words[1]} {value}"
        if len(words) >= 3 and len(words) % 2 == 1 and words[0] == "SET":
            return "ack" if self._set(words[1:]) else "?"
        return "?"

    def _set(self, words: list[str]) -> bool:
        pairs = list(zip(words[::2], words[1::2], strict=True))
        if not all(name in _SETTABLE and value.isdecimal() for name, value in pairs):
            return False
        return all(self._gripper.set(name, int(value)) for name, value in pairs)
