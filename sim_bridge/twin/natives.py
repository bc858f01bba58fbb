"""The URScript functions that the controller itself provides."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim_bridge.twin import kinematics
from sim_bridge.twin.motion import Array, Pose, Steps
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

_HISTORY = 500
_CONTACT_FORCE = 12.0
_STANDARD_OUTPUTS, _TOOL_OUTPUTS = 8, 2
_MATHS = ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sqrt", "floor", "ceil")


class Natives:
    """One controller's functions, and what they remember between calls."""

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller
        self._motion = controller.motion
        self.history: deque[Array] = deque(maxlen=_HISTORY)
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
        self._controller.log(f"{_shown(s1)}{_shown(s2)}")

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

    # kinematics

    def get_forward_kin(self, q: Sequence[float] | None = None, tcp: Any = None) -> Pose:
        """The pose of the tool; the target's joints and the active tool by default."""
        joints = self._motion.q if q is None else _six(q)
        return _pose(
            kinematics.forward_pose(joints, self._motion.tcp if tcp is None else _six(tcp))
        )

    def get_inverse_kin(
        self,
        x: Sequence[float],
        qnear: Sequence[float] | None = None,
        maxPositionError: float = 1e-10,  # noqa: N803
        maxOrientationError: float = 1e-10,  # noqa: N803
        tcp: Any = None,
    ) -> list[float]:
        """Joint angles near qnear; the program ends if there are none."""
        found = self._solve(x, qnear)
        if found is None:
            raise ScriptError(f"no inverse kinematics solution for {_shown(list(x))}")
        return [float(value) for value in found]

    def get_inverse_kin_has_solution(
        self,
        pose: Sequence[float],
        qnear: Sequence[float] | None = None,
        maxPositionError: float = 1e-10,  # noqa: N803
        maxOrientationError: float = 1e-10,  # noqa: N803
        tcp: Any = None,
    ) -> bool:
        """Whether get_inverse_kin would find one."""
        return self._solve(pose, qnear) is not None

    def _solve(self, x: Sequence[float], qnear: Sequence[float] | None) -> Any:
        # the client sends zeros for "no posture given"
        near = self._motion.q if qnear is None or not any(qnear) else _six(qnear)
        return self._motion.inverse(_six(x), near)

    def is_within_safety_limits(self, pose: Sequence[float]) -> bool:
        """Whether joint angles or a pose are inside what the arm can reach."""
        if isinstance(pose, Pose):
            return self._solve(pose, None) is not None
        return bool(np.abs(_six(pose)).max() <= 2 * math.pi)

    def pose_trans(self, p_from: Sequence[float], p_from_to: Sequence[float]) -> Pose:
        """The second pose seen from the frame of the first."""
        return _pose(
            kinematics.pose_of(kinematics.homogeneous(p_from) @ kinematics.homogeneous(p_from_to))
        )

    def pose_inv(self, p_from: Sequence[float]) -> Pose:
        """The inverse of a pose."""
        return _pose(kinematics.pose_of(np.linalg.inv(kinematics.homogeneous(p_from))))

    def pose_add(self, p_1: Sequence[float], p_2: Sequence[float]) -> Pose:
        """Sum of the places, product of the turns."""
        return self._combined(p_1, p_2, 1.0)

    def pose_sub(self, p_to: Sequence[float], p_from: Sequence[float]) -> Pose:
        """Difference of the places and of the turns."""
        return self._combined(p_to, p_from, -1.0)

    def _combined(self, p_1: Sequence[float], p_2: Sequence[float], sign: float) -> Pose:
        one, two = _six(p_1), _six(p_2)
        turn = kinematics.matrix(one[3:]) @ kinematics.matrix(sign * two[3:])
        place = one[:3] + sign * two[:3]
        return _pose(np.concatenate((place, kinematics.rotation_vector(turn))))

    def norm(self, a: Any) -> float:
        """The length of a vector or the magnitude of a number."""
        return float(np.linalg.norm(np.array(a, dtype=np.float64)))

    # state

    def get_actual_joint_positions(self) -> list[float]:
        """Rad, measured."""
        return _numbers(self._controller.arm.q)

    def get_actual_joint_speeds(self) -> list[float]:
        """rad/s, measured."""
        return _numbers(self._controller.arm.qd)

    def get_target_joint_positions(self) -> list[float]:
        """Rad, the target."""
        return _numbers(self._motion.q)

    def get_target_joint_speeds(self) -> list[float]:
        """rad/s, the target."""
        return _numbers(self._motion.qd)

    def get_target_joint_accelerations(self) -> list[float]:
        """rad/s^2, the target."""
        return _numbers(self._motion.qdd)

    def get_actual_joint_positions_history(self, steps: int = 0) -> list[float]:
        """Rad, measured so many cycles ago."""
        past = int(steps)
        if not 0 <= past < max(1, len(self.history)):
            raise ScriptError(f"the history has {len(self.history)} cycles; got {steps}")
        return self.history[-1 - past].tolist() if self.history else self._motion.q.tolist()

    def get_actual_tcp_pose(self) -> Pose:
        """The tool's pose, measured."""
        return _pose(kinematics.forward_pose(self._controller.arm.q, self._motion.tcp))

    def get_target_tcp_pose(self) -> Pose:
        """The tool's pose, the target."""
        return _pose(kinematics.forward_pose(self._motion.q, self._motion.tcp))

    def get_actual_tool_flange_pose(self) -> Pose:
        """The flange's pose, measured."""
        return _pose(kinematics.forward_pose(self._controller.arm.q))

    def get_target_waypoint(self) -> Pose:
        """Where the move under way leads."""
        return _pose(kinematics.forward_pose(self._motion.goal, self._motion.tcp))

    def get_target_tcp_speed(self) -> list[float]:
        """m/s and rad/s in the base frame."""
        _, _, jacobian = kinematics.forward(self._motion.q, self._motion.tcp)
        return _numbers(jacobian @ self._motion.qd)

    def get_tcp_force(self) -> list[float]:
        """N and N m in the base frame, without the zero of zero_ftsensor."""
        return list(self._controller.tool_force())

    def get_joint_torques(self) -> list[float]:
        """N m per joint, gravity left out."""
        return _numbers(self._controller.arm.torque - self._controller.arm.coriolis())

    def get_mass_matrix(self) -> Any:
        """(6, 6) kg m^2."""
        return self._controller.arm.mass_matrix()

    def get_coriolis_and_centrifugal_torques(self) -> list[float]:
        """N m per joint, with gravity as the simulation has it."""
        return _numbers(self._controller.arm.coriolis())

    def get_jacobian(self) -> Any:
        """(6, 6) of the tool at the target."""
        return kinematics.forward(self._motion.q, self._motion.tcp)[2]

    def get_jacobian_time_derivative(self) -> Any:
        """(6, 6) 1/s of get_jacobian."""
        motion, step = self._motion, 1e-6
        later = kinematics.forward(motion.q + motion.qd * step, motion.tcp)[2]
        return (later - kinematics.forward(motion.q, motion.tcp)[2]) / step

    def is_steady(self) -> bool:
        """Whether the arm stands, measured."""
        return bool(np.abs(self._controller.arm.qd).max() < 1e-2 and not self._motion.qd.any())

    def tool_contact(self, direction: Sequence[float] = (0, 0, 0, 0, 0, 0)) -> int:
        """Cycles since the tool touches something in this direction; 0 for no contact."""
        force, way = np.array(self._controller.tool_force()[:3]), np.array(direction[:3])
        length = float(np.linalg.norm(way))
        against = -float(force @ way) / length if length > 0 else float(np.linalg.norm(force))
        return 1 if against > _CONTACT_FORCE else 0

    # settings

    def set_tcp(self, pose: Sequence[float]) -> None:
        """The tool centre in the flange."""
        self._motion.tcp = _six(pose)

    def get_tcp_offset(self) -> Pose:
        """The tool centre in the flange."""
        return _pose(self._motion.tcp)

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
        self._controller.zero_force()

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


def _six(values: Any) -> Array:
    array = np.array(values, dtype=np.float64)
    if array.shape != (6,) or not np.isfinite(array).all():
        raise ScriptError(f"six finite numbers are needed; got {_shown(values)}")
    return array


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in values]


def _pose(values: Any) -> Pose:
    return Pose(float(value) for value in values)


def _shown(value: Any) -> str:
    """A value as the log has it; a list only if it is short and flat."""
    if isinstance(value, list):
        parts = [str(part) for part in value[:10] if isinstance(part, int | float)]
        return f"[{', '.join(parts)}]"
    return str(value) if isinstance(value, int | float | str) else type(value).__name__
