# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The URScript functions that the controller itself provides."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sim_bridge.twin.motion import ScriptPose, Steps
from sim_bridge.twin.readings import ScriptReadings, shown, six
from sim_bridge.twin.registers import COUNT, INPUT_TYPES
from sim_bridge.twin.urscript import ScriptError

if TYPE_CHECKING:
    from sim_bridge.twin.controller import Controller

BLOCKING = frozenset(
    {
        *("sync", "sleep", "movej", "movel", "movep", "servoj", "servoc", "speedj", "speedl"),
        *("stopj", "stopl"),
    }
)
"""Functions that take control cycles."""

_MISSING = (
    *("force_mode", "freedrive_mode", "teach_mode", "ft_rtde_input_enable"),
    *("enable_external_ft_sensor", "direct_torque"),
)
"""Functions that the twin has no physics for: a script that calls one ends with this reason."""

_STANDARD_OUTPUTS, _TOOL_OUTPUTS = 8, 2
_MATHS = ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sqrt", "floor", "ceil")


class Natives(ScriptReadings):
    """One controller's functions, and what they remember between calls."""

    def __init__(self, controller: "Controller") -> None:
        super().__init__(controller)
        self.gravity = [0.0, 0.0, 9.82]
        self.force_damping, self.force_gain = 0.025, 1.0

    def table(self) -> dict[str, Callable[..., Any]]:
        """All functions by the name that a script uses."""
        own = {
            name: getattr(self, name)
            for name in dir(self)
            if not name.startswith("_") and callable(getattr(self, name))
        }
        del own["table"]
        own.update({name: getattr(self._motion, name) for name in BLOCKING - {"sync", "sleep"}})
        own.update({name: getattr(math, name) for name in _MATHS})
        own.update({name: _missing(name) for name in _MISSING})
        own["pow"] = _power
        own["d2r"], own["r2d"], own["abs"] = math.radians, math.degrees, abs
        return own

    # time and text

    def sync(self) -> Steps:
        """Wait for the next control cycle."""
        yield

    def sleep(self, t: float) -> Steps:
        """Wait t s."""
        for _ in range(max(1, round(t / self._motion.dt))):
            yield

    def textmsg(self, s1: Any, s2: Any = "") -> None:
        """Write to the log."""
        self._controller.log(f"{shown(s1)}{shown(s2)}")

    def get_steptime(self) -> float:
        """The control cycle, s."""
        return self._motion.dt

    # registers

    def read_input_integer_register(self, address: int) -> int:
        """An RTDE input."""
        return self._controller.inputs.ints[_register(address)]

    def read_input_float_register(self, address: int) -> float:
        """An RTDE input."""
        return self._controller.inputs.doubles[_register(address)]

    def write_output_integer_register(self, address: int, value: float) -> None:
        """An RTDE output."""
        whole = int(value)
        if not -(2**31) <= whole < 2**31:
            raise ScriptError(f"an integer register has 32 bits; got {value!r}")
        self._controller.output_ints[_register(address)] = whole

    def write_output_float_register(self, address: int, value: float) -> None:
        """An RTDE output."""
        self._controller.output_doubles[_register(address)] = float(value)

    def rtde_set_watchdog(self, variable: str, frequency: float, action: str = "pause") -> None:
        """Do `action` when the variable is set less often than `frequency`, Hz."""
        if variable not in INPUT_TYPES or action not in ("ignore", "pause", "stop"):
            raise ScriptError(f"rtde_set_watchdog cannot watch {variable!r} and do {action!r}")
        self._controller.watch(variable, frequency, action)

    # settings

    def set_tcp(self, pose: Sequence[float]) -> None:
        """The tool centre in the flange."""
        self._motion.tcp = six(pose)

    def get_tcp_offset(self) -> ScriptPose:
        """The tool centre in the flange."""
        return ScriptPose(self._motion.tcp.tolist())

    def set_payload(self, m: float, cog: Sequence[float] | None = None) -> None:
        """Mass in kg and its centre in m."""
        if not 0.0 <= m <= 10.0:
            raise ScriptError(f"a payload is 0 to 10 kg; got {m}")
        self._controller.payload = float(m)
        if cog is not None:
            self._controller.payload_cog = [float(value) for value in cog][:3]

    def set_target_payload(
        self, m: float, cog: Sequence[float], inertia: Sequence[float] = (0, 0, 0, 0, 0, 0)
    ) -> None:
        """kg, m and kg m^2."""
        self.set_payload(m, cog)
        self._controller.payload_inertia = [float(value) for value in inertia][:6]

    def get_target_payload(self) -> float:
        """The payload, kg."""
        return self._controller.payload

    def get_target_payload_cog(self) -> list[float]:
        """The payload's centre in the flange, m."""
        return list(self._controller.payload_cog)

    def get_target_payload_inertia(self) -> list[float]:
        """Inertia, kg m^2."""
        return list(self._controller.payload_inertia)

    def set_gravity(self, d: Sequence[float]) -> None:
        """m/s^2, remembered only."""
        self.gravity = [float(value) for value in d]

    def zero_ftsensor(self) -> None:
        """Count forces from the present one."""
        self._controller.sensor.zero(self._motion.tcp)

    def force_mode_set_damping(self, damping: float) -> None:
        """Remembered only."""
        self.force_damping = float(damping)

    def force_mode_set_gain_scaling(self, scaling: float) -> None:
        """Remembered only."""
        self.force_gain = float(scaling)

    def end_force_mode(self) -> None:
        """Force mode never runs here."""

    def end_teach_mode(self) -> None:
        """Teach mode never runs here."""

    def end_freedrive_mode(self) -> None:
        """Free drive never runs here."""

    def get_freedrive_status(self) -> int:
        """0: free drive is off."""
        return 0

    def set_standard_digital_out(self, n: int, b: bool) -> None:
        """Switch an output."""
        self._switch(_output(n, _STANDARD_OUTPUTS), b)

    def set_tool_digital_out(self, n: int, b: bool) -> None:
        """Switch an output at the tool."""
        self._switch(_output(n, _TOOL_OUTPUTS) + 16, b)

    def _switch(self, bit: int, on: bool) -> None:
        self._controller.switch_outputs(1 << bit, (1 << bit) if on else 0)

    def protective_stop(self) -> None:
        """Stop the arm."""
        self._controller.protective_stop("the program asked for it")


def _missing(name: str) -> Callable[..., Any]:
    def refuse(*_values: Any, **_named: Any) -> None:
        raise ScriptError(f"the twin has no {name}")

    return refuse


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def _register(address: int) -> int:
    if not isinstance(address, int) or not 0 <= address < COUNT:
        raise ScriptError(f"registers are numbered 0 to {COUNT - 1}; got {address!r}")
    return address


def _output(number: int, count: int) -> int:
    if not isinstance(number, int) or not 0 <= number < count:
        raise ScriptError(f"outputs are numbered 0 to {count - 1}; got {number!r}")
    return number
