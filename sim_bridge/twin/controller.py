# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The controller of the twin: power, safety, the program, and what one control cycle does."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.robot_modes import RobotMode, SafetyMode
from sim_bridge.twin.arm import ForceSensor, TwinArm
from sim_bridge.twin.motion import Motion
from sim_bridge.twin.natives import BLOCKING, Natives
from sim_bridge.twin.program import Program, compile_script
from sim_bridge.twin.registers import COUNT, Inputs, Value
from sim_bridge.twin.states import Runtime
from sim_bridge.twin.urscript import ScriptError

UNLOCK_AFTER = 5.0
"""s that a protective stop must last before it can be unlocked."""

_BRAKING = 15.0
"""rad/s^2, how a safety stop slows the joints down."""

_POWER_TIME, _BRAKE_TIME = 0.5, 0.5
"""s that powering on and releasing the brakes take; a real arm takes about ten times as long."""

_LOWEST_SPEED = 0.01
_LOG_LINES = 200


@dataclass
class _Watchdog:
    variable: str
    period: float
    action: str
    since: float


class Controller:
    """The arm with everything that stands between it and the network.

    Attributes:
        arm: the physics.
        motion: the target that the arm follows.
        inputs: RTDE inputs.
        output_ints, output_doubles: RTDE output registers.
        cycles: control cycles since the start; robot time is cycles * dt.
        robot_mode, safety_mode, runtime: what RTDE and the dashboard report.
        remote: whether it takes orders from the network.
        loaded: the program that the dashboard has loaded; empty for none.
        messages: the last lines of the log.
        teach: somebody presses the freedrive button: the arm follows the hand, not the program.
        stuck: a fault: (6,) rad at which something holds the arm, and nothing notices; else None.
    """

    def __init__(self, arm: TwinArm, dt: float, version: tuple[int, int, int]) -> None:
        self.arm = arm
        self.sensor = ForceSensor(arm)
        self.dt = dt
        self.version = version
        self.motion = Motion(arm.q, dt)
        self.inputs = Inputs()
        self.output_ints = [0] * COUNT
        self.output_doubles = [0.0] * COUNT
        self.output_bits = 0
        self.cycles = 0
        self.robot_mode = RobotMode.RUNNING
        self.safety_mode = SafetyMode.NORMAL
        self.runtime = Runtime.STOPPED
        self.remote = True
        self.loaded = ""
        self.payload, self.payload_cog, self.payload_inertia = 0.0, [0.0] * 3, [0.0] * 6
        self.messages: deque[str] = deque(maxlen=_LOG_LINES)
        self.button_pressed = False
        self.teach = False
        self.stuck: NDArray[np.float64] | None = None
        self._natives = Natives(self)
        self._table = self._natives.table()
        self._names = frozenset(self._table) - BLOCKING
        self._program: Program | None = None
        self._watchdog: _Watchdog | None = None
        self._stopped_at = -math.inf
        self._later: tuple[float, Callable[[], None]] | None = None

    @property
    def time(self) -> float:
        """Robot time, s."""
        return self.cycles * self.dt

    @property
    def ready(self) -> bool:
        """Whether the arm can move: brakes released and no safety stop."""
        running = self.robot_mode is RobotMode.RUNNING
        return running and self.safety_mode in (SafetyMode.NORMAL, SafetyMode.REDUCED)

    def log(self, text: str) -> None:
        """Add a line to the log."""
        self.messages.append(f"{self.time:.3f} {text}")

    # the control cycle

    def cycle(self) -> None:
        """One control cycle: inputs, program, motion, physics."""
        self.cycles += 1
        if self._later is not None and self.time >= self._later[0]:
            action, self._later = self._later[1], None
            action()
        self._apply_inputs()
        self._watch()
        self.motion.begin_cycle()
        if self.runtime is Runtime.PLAYING:
            self._run_program()
        if self.ready:
            self.motion.end_cycle()
        else:
            self.motion.end_cycle(_BRAKING)
        if self.teach:
            self.motion.hold(self.arm.q)
        fault = self._step_arm()
        self._natives.history.append(self.arm.q)
        if fault and self.ready:
            self.motion.q = self.arm.q.copy()  # or the arm would press on against what it met
            self.protective_stop(fault)

    def _step_arm(self) -> str:
        brakes = self.robot_mode is not RobotMode.RUNNING
        if self.stuck is not None:
            self.arm.step(self.stuck, np.zeros(6), np.zeros(6), brakes)
            return ""
        return self.arm.step(self.motion.q, self.motion.qd, self.motion.qdd, brakes)

    def _run_program(self) -> None:
        if self._program is None:
            return
        try:
            if not self._program.cycle():
                self.stop_program("the program ended")
        except ScriptError as error:
            self.stop_program(str(error))

    def _apply_inputs(self) -> None:
        others = self.inputs.others
        if not others:
            return
        if others.pop("speed_slider_mask", 0):
            fraction = float(others.get("speed_slider_fraction", 1.0))  # type: ignore[arg-type]
            if math.isfinite(fraction):
                self.motion.speed_fraction = min(max(fraction, _LOWEST_SPEED), 1.0)
        for kind, shift in (("standard", 0), ("configurable", 8), ("tool", 16)):
            mask = int(others.pop(f"{kind}_digital_output_mask", 0))  # type: ignore[arg-type]
            if mask:
                value = int(others.get(f"{kind}_digital_output", 0))  # type: ignore[arg-type]
                self.switch_outputs(mask << shift, value << shift)

    def switch_outputs(self, mask: int, value: int) -> None:
        """Set the digital outputs of the mask."""
        self.output_bits = (self.output_bits & ~mask) | (value & mask)

    # the watchdog

    def watch(self, variable: str, frequency: float, action: str) -> None:
        """Do `action` when an input is set less often than `frequency`, Hz; 0 switches it off."""
        if frequency <= 0.0 or action == "ignore":
            self._watchdog = None
        else:
            self._watchdog = _Watchdog(variable, 1.0 / frequency, action, self.time)

    def _watch(self) -> None:
        watchdog = self._watchdog
        if watchdog is None or self.runtime is not Runtime.PLAYING:
            return
        last = max(self.inputs.written.get(watchdog.variable, 0.0), watchdog.since)
        if self.time - last > watchdog.period + 0.5 * self.dt:
            self.log(f"the watchdog of {watchdog.variable} has expired")
            if watchdog.action == "pause":
                self.pause()
            else:
                self.stop_program("the watchdog stopped the program")

    # the program

    def start_script(self, text: str) -> None:
        """Replace the program by this one.

        Raises:
            ScriptError: it cannot be compiled; the old program has ended all the same.
        """
        self.stop_program("another program was sent")
        code = compile_script(text, self.version[:2], self._names, BLOCKING)
        if not self.ready:
            raise ScriptError(
                f"the program cannot start: robot mode {self.robot_mode.name}, "
                f"safety mode {self.safety_mode.name}"
            )
        self._program = Program(code, self._table)
        self.runtime = Runtime.PLAYING

    def stop_program(self, reason: str) -> None:
        """End the program, if there is one; the arm slows down."""
        if self.runtime is not Runtime.STOPPED:
            self.log(f"program stopped: {reason}")
        if self._program is not None:
            self._program.close()
        self._program = None
        self._watchdog = None
        self.runtime = Runtime.STOPPED

    def pause(self) -> bool:
        """Pause the program; whether one was running."""
        if self.runtime is not Runtime.PLAYING:
            return False
        self.runtime = Runtime.PAUSED
        return True

    def play(self) -> bool:
        """Go on with a paused program, or start the loaded one; whether that was possible."""
        if not self.ready or self.runtime is Runtime.PLAYING:
            return False
        if self.runtime is Runtime.PAUSED:
            if self._watchdog is not None:
                self._watchdog.since = self.time
            self.runtime = Runtime.PLAYING
            return True
        if not self.loaded:
            return False
        self.start_script("def loaded():\n while True:\n  sync()\n end\nend\n")
        return True

    # power and safety

    def protective_stop(self, reason: str) -> None:
        """Stop the arm and pause the program."""
        if not self.ready:
            return
        self.log(f"protective stop: {reason}")
        self._stopped_at = time.monotonic()
        self.safety_mode = SafetyMode.PROTECTIVE_STOP
        self.pause()

    def unlock(self) -> bool:
        """Leave a protective stop; False while it is younger than UNLOCK_AFTER."""
        if self.safety_mode is SafetyMode.PROTECTIVE_STOP:
            if time.monotonic() - self._stopped_at < UNLOCK_AFTER:
                return False
            self.motion.hold(self.arm.q)
            self.safety_mode = SafetyMode.NORMAL
        return True

    def emergency_stop(self) -> None:
        """Somebody presses the button."""
        self.button_pressed = True
        self.log("emergency stop")
        self.safety_mode = SafetyMode.ROBOT_EMERGENCY_STOP
        self._power_off()

    def release_button(self) -> None:
        """Somebody turns the button back; the arm stays without power."""
        self.button_pressed = False
        if self.safety_mode is SafetyMode.ROBOT_EMERGENCY_STOP:
            self.safety_mode = SafetyMode.NORMAL

    def power_off(self) -> None:
        """Switch the arm off."""
        if self.safety_mode is SafetyMode.PROTECTIVE_STOP:
            self.safety_mode = SafetyMode.NORMAL
        self._power_off()

    def _power_off(self) -> None:
        self.stop_program("the arm lost its power")
        self.robot_mode = RobotMode.POWER_OFF
        self._later = None

    def power_on(self) -> None:
        """Switch the arm on; the brakes stay closed."""
        if self.robot_mode is RobotMode.POWER_OFF and not self.button_pressed:
            self.robot_mode = RobotMode.POWER_ON
            self._later = (self.time + _POWER_TIME, lambda: self._reach(RobotMode.IDLE))

    def brake_release(self) -> None:
        """Release the brakes of an arm that is switched on, or switch it on first."""
        if self.robot_mode is RobotMode.POWER_OFF:
            self.power_on()
            if self._later is not None:
                self._later = (self._later[0], self._release_after_power)
        elif self.robot_mode in (RobotMode.IDLE, RobotMode.POWER_ON):
            self._later = (self.time + _BRAKE_TIME, lambda: self._reach(RobotMode.RUNNING))

    def _release_after_power(self) -> None:
        self._reach(RobotMode.IDLE)
        self.brake_release()

    def _reach(self, mode: RobotMode) -> None:
        if mode is RobotMode.RUNNING:
            self.motion.hold(self.arm.q)
        self.robot_mode = mode

    def restart_safety(self) -> None:
        """Leave a violation or a fault; the arm is off afterwards."""
        if self.safety_mode in (SafetyMode.VIOLATION, SafetyMode.FAULT):
            self.safety_mode = SafetyMode.NORMAL
        self.power_off()

    def set_input(self, name: str, value: Value) -> None:
        """An RTDE client sets a variable."""
        self.inputs.write(name, value, self.time)
