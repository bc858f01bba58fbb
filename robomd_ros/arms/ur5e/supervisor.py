# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Watches an arm: its state, its control process, its safety; stops it whenever one fails.

The state is received in this process. The control interface lives in a child process (see
child.py) that is watched, killed and started again here. Whenever that child dies or falls
silent, the state goes stale, or a safety function acts, the controller's program is stopped through
a fresh dashboard connection until that has worked; only then is a new child started. A program that
was interrupted is never played again: an old motion cannot come back.

The rule of the latch: what a person or a safety function did to an arm that was under control (a
safety stop, the program stopped or paused, freedrive, local mode, power or brakes) stays a stop
until somebody calls recover, and no script is uploaded before. What only this computer or the cable
did (a lost connection, a dead or late control process) is mended without asking: nothing moves by
that, and whoever had the arm has lost its lease.
"""

import contextlib
import math
import threading
import time
from dataclasses import replace
from typing import Any

from robomd_ros.arms.limits import LimitGuard
from robomd_ros.arms.motion_guard import StopLatch
from robomd_ros.arms.ur5e.dashboard import Dashboard, DashboardError, stop_program
from robomd_ros.arms.ur5e.kinematics import NO_TOOL
from robomd_ros.arms.ur5e.options import ArmListener, ArmOptions
from robomd_ros.arms.ur5e.process import ControlProcess
from robomd_ros.arms.ur5e.receive import (
    PROGRAM_PAUSED,
    ReceivedState,
    StateStream,
    load_ur_rtde,
)
from robomd_ros.arms.ur5e.status import (
    ArmStatus,
    is_safe,
    mode_name,
    mode_reason,
    safety_reason,
    version_reason,
)
from robomd_ros.core.errors import ConfigurationError

_LOOK = 0.01
"""s between looks at the child and the state."""
_BEAT = 0.02
"""s between signs of life to the child."""
_DASHBOARD_PERIOD = 0.4
"""s between looks at the dashboard."""
_STOP_RETRY = 0.2
"""s between attempts to stop the controller's program."""
_LINK_LOST = 0.5
"""s of stale state after which the child is killed: its library would crash a little later."""
_TOOL_TURN, _TOOL_GRACE = 0.05, 0.1
"""rad by which the tool may be turned away from its TCP, and s for which it may be elsewhere."""
_FORCE_GRACE = 0.02
"""s for which a force may be above its limit: one sample is no force."""
_MOVES, _RESTED = 0.03, 0.15
"""rad/s from which on the arm moves, and s below it after which it rests again."""
_AT_HOME = 0.02
"""rad by which a joint may be away from home."""
_PROGRAM_GRACE = 0.5
"""s that the control script may be absent before the child is started anew."""
_RESTART_DELAYS = (0.0, 0.5, 1.0, 2.0, 5.0)
"""s before the child is started again, by how often it has failed in a row."""


class ArmSupervisor:
    """Keeps an arm connected, watched and, where needed, stopped. It starts no motion."""

    def __init__(self, options: ArmOptions, listener: ArmListener) -> None:
        """Prepare; `connect` begins."""
        if not options.control.host:
            raise ConfigurationError("robot_ip is empty; give the address of the controller")
        self.options = options
        self._host = options.control.host
        self._listener = listener
        self._stream = StateStream(self._host, options.frequency, listener.state)
        self.guard = LimitGuard(options.control.limits, options.control.tcp or NO_TOOL)
        """The limits, with the tool that is in force."""
        self._child: ControlProcess | None = None
        self._child_lock = threading.RLock()
        self._failures, self._restart_at, self._no_program_since = 0, 0.0, 0.0
        self._child_error = ""
        self._had_control = False
        self._other_tool_since = 0.0
        self._forced_since = self._moved_at = 0.0
        self._remote: bool | None = None
        self._dashboard_error = "the dashboard was not asked yet"
        self._version_error = ""
        self._halting = ""
        self._halt_wanted = threading.Event()
        self.latch = StopLatch()
        """Who or what has stopped the arm since the last recovery."""
        self.stopped_since = 0.0
        """Monotonic s at which a safety function was first seen to act; 0: none has."""
        self.restarts = 0
        """How often the control process was started."""
        self._status = ArmStatus()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, name="arm-watch", daemon=True),
            threading.Thread(target=self._halt_loop, name="arm-halt", daemon=True),
            threading.Thread(target=self._manage, name="arm-manage", daemon=True),
        ]

    def connect(self) -> None:
        """Begin to connect, and go on whenever the robot is lost; returns at once.

        Raises:
            ConfigurationError: ur_rtde is not installed.
        """
        load_ur_rtde()
        self._stream.start()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop the script, end the child and all threads; idempotent."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._halt_wanted.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(3.0)
        with self._child_lock:
            child, self._child = self._child, None
        if child is not None:
            child.end()
            with contextlib.suppress(DashboardError):
                stop_program(self._host)
        self._stream.close()

    @property
    def state(self) -> ReceivedState | None:
        """The last state; None before the first. See `fresh`."""
        return self._stream.latest

    @property
    def state_age(self) -> float:
        """S since the controller last spoke."""
        return self._stream.age()

    @property
    def fresh(self) -> bool:
        """Whether the last state is as new as it must be."""
        return self._stream.age() <= self.options.state_timeout

    @property
    def status(self) -> ArmStatus:
        """As last given to the listener."""
        return self._status

    @property
    def child(self) -> ControlProcess | None:
        """The present control process."""
        return self._child

    @property
    def halting(self) -> bool:
        """Whether the controller's program is still to be stopped."""
        return bool(self._halting)

    def tell(self, message: tuple[Any, ...]) -> None:
        """Send to the control process, if there is one."""
        child = self._child
        if child is not None:
            child.send(message)

    def halt(self, reason: str) -> None:
        """End every motion, and have the controller's program stopped, as often as it takes.

        Returns at once: a fresh dashboard connection is made in a thread of its own.
        """
        self.tell(("stop",))
        if not self._halting:
            self._listener.log(f"stopping the arm: {reason}")
        self._halting = self._halting or reason
        self._halt_wanted.set()
        self._listener.halt(reason)

    def restart_control(self) -> None:
        """Give up the present control process; a new one uploads its script anew."""
        with self._child_lock:
            self._drop_child()
            self._failures, self._restart_at = 0, 0.0
            self._child_error, self._had_control = "", False

    def clear_recovery(self) -> None:
        """A person has confirmed, and what stop there was has been left by the documented steps."""
        self.stopped_since = 0.0
        self.latch.clear()

    def obstacle(self) -> str:
        """Why no motion can start now, and the remedy; empty if one can."""
        return self._robot_obstacle() or self._control_obstacle()

    def _robot_obstacle(self) -> str:
        state = self._stream.latest
        if state is None or self._stream.error:
            return f"{self._stream.error}; see that the robot is on and robot_ip is right"
        if not self.fresh:
            return "the controller is silent; waiting for its state"
        if state.teach:
            return "somebody presses the freedrive button: let go of it"
        return safety_reason(state.safety_mode) or mode_reason(state.robot_mode)

    def _control_obstacle(self) -> str:
        if self._dashboard_error:
            return self._dashboard_error
        if self._remote is False:
            return "the robot is in local mode: switch it to Remote Control at the pendant"
        if self.latch.reason:
            return f"stopped: {self.latch.reason}; see that all is well, then call recover"
        if self._halting:
            return f"being stopped: {self._halting}"
        child, state = self._child, self._stream.latest
        if child is None or not child.ready or state is None or not state.program_running:
            return self._child_error or "the control script is starting"
        return ""

    def _watch(self) -> None:
        beaten = 0.0
        while not self._ending.is_set():
            child = self._child
            if child is None:
                time.sleep(_LOOK)
            else:
                for message in child.receive(_LOOK):
                    self._hear(child, message)
            now = time.monotonic()
            state = self._stream.latest
            if child is not None and state is not None and now - beaten >= _BEAT:
                beaten = now
                child.send(("beat", state.q))
            self._look(child, state)
            self._publish(state)

    def _hear(self, child: ControlProcess, message: tuple[Any, ...]) -> None:
        if message[0] == "ready" and child.tcp is not None:
            self.guard = LimitGuard(self.guard.limits, child.tcp)
            self._failures, self._child_error = 0, ""
            self._no_program_since, self._had_control = 0.0, True
            self._other_tool_since = 0.0
            tcp = [round(v, 5) for v in child.tcp]
            self._listener.log(f"the control script runs; tool centre point {tcp}; {message[2]}")
        elif message[0] == "refused":
            self._child_error = f"the controller refused control: {message[1]}"
        else:
            self._listener.message(message)

    def _look(self, child: ControlProcess | None, state: ReceivedState | None) -> None:
        """Notice what is wrong and stop the arm where it might move."""
        fault = child.fault() if child is not None else ""
        age = self._stream.age()
        moving = child is not None and child.mode not in ("idle", "starting")
        if child is not None and fault:
            self._lose_child(child, fault)
        elif state is not None and age > self.options.state_timeout:
            if moving:
                self.halt("the controller is silent")
            if child is not None and age > max(_LINK_LOST, self.options.state_timeout):
                self._lose_child(child, "the connection to the controller is lost")
        elif state is not None:
            self._look_at_robot(child, state)
            if self._dashboard_error and moving and not self._halting:
                # it could not be stopped through it if something else failed too
                self.halt(self._dashboard_error)

    def _look_at_robot(self, child: ControlProcess | None, state: ReceivedState) -> None:
        if not is_safe(state):
            if not self.stopped_since:
                self.stopped_since = time.monotonic()
                reason = safety_reason(state.safety_mode).split(":")[0]
                self.latch.set(reason)
                self.halt(reason)  # also where something else had stopped it before
        elif self._had_control and (reason := self._taken_over(state)):
            self._latch(reason)
        elif child is not None and self._remote is False:
            self._lose_child(child, "the robot is in local mode")
        elif child is not None and child.tcp is not None:
            self._look_for_program(child, state)
            self._look_at_tool(state)
            self._look_at_force(state)

    def _taken_over(self, state: ReceivedState) -> str:
        """What a person did to an arm that was under control; empty: nothing."""
        if state.teach:
            return "somebody pressed the freedrive button"
        if self._remote is False:
            return "the robot was switched to local mode"
        if mode_reason(state.robot_mode):
            return f"the robot's mode became {mode_name(state.robot_mode)}"
        return ""

    def _look_at_tool(self, state: ReceivedState) -> None:
        """Stop where the limits are checked for another tool than the controller has."""
        place, turn = self.guard.tool_error(state.q, state.tcp_pose)
        if place <= self.options.tool_tolerance and turn <= _TOOL_TURN:
            self._other_tool_since = 0.0
        elif not self._other_tool_since:
            self._other_tool_since = time.monotonic()
        elif time.monotonic() - self._other_tool_since > _TOOL_GRACE:
            self._latch(
                f"the tool is {1e3 * place:.0f} mm and {turn:.2f} rad from where its tool centre "
                "point puts it: another one was set at the controller"
            )

    def _look_at_force(self, state: ReceivedState) -> None:
        force = math.hypot(*state.wrench[:3])
        if force <= self.options.force_limit:
            self._forced_since = 0.0
        elif not self._forced_since:
            self._forced_since = time.monotonic()
        elif time.monotonic() - self._forced_since > _FORCE_GRACE:
            self._latch(
                f"{force:.0f} N act on the tool; the limit is {self.options.force_limit:g} N"
            )

    def _latch(self, reason: str) -> None:
        """Stop the arm until somebody recovers it."""
        if self.latch.set(reason):
            self.halt(reason)

    def _look_for_program(self, child: ControlProcess, state: ReceivedState) -> None:
        """A script that somebody has stopped stays stopped; one that died of us starts again."""
        now = time.monotonic()
        if child.running and state.program_running:
            self._no_program_since = 0.0
        elif not self._no_program_since:
            self._no_program_since = now
        elif not child.running and not child.late:
            how = "paused" if state.runtime_state == PROGRAM_PAUSED else "stopped"
            with self._child_lock:  # unless it was stopped from here
                if child is self._child and not self._halting:
                    self._latch(f"the program was {how} at the controller, not by this node")
        elif now - self._no_program_since > _PROGRAM_GRACE:
            why = " by its watchdog: this computer was late" if child.late else ""
            self._lose_child(child, f"the control script has ended on the controller{why}")

    def _lose_child(self, child: ControlProcess, reason: str) -> None:
        """Kill the child, have its program stopped, and let a new one be started later."""
        with self._child_lock:
            if child is not self._child:
                return
            for message in child.receive(0.0):  # why it was refused, perhaps
                self._hear(child, message)
            had_control = child.tcp is not None
            self._drop_child()
            delay = _RESTART_DELAYS[min(self._failures, len(_RESTART_DELAYS) - 1)]
            self._failures += 1
            self._restart_at = time.monotonic() + delay
            if had_control or not self._child_error:
                self._child_error = f"{reason}; it is started again"
        self._listener.log(self._child_error)
        if had_control:
            self.halt(reason)

    def _drop_child(self) -> None:
        child, self._child = self._child, None
        self._no_program_since = 0.0
        if child is not None:
            child.kill()

    def _halt_loop(self) -> None:
        failures = 0
        while not self._ending.is_set():
            self._halt_wanted.wait()
            if self._ending.is_set():
                return
            self._halt_wanted.clear()
            try:
                stop_program(self._host)
            except DashboardError as error:
                failures += 1
                if failures == 1:  # the child, which was told to stop, has this long to do it
                    self._listener.log(f"cannot stop the program yet: {error}")
                else:  # the controller's watchdog stops what nobody kicks
                    with self._child_lock:
                        self._drop_child()
                self._halt_wanted.set()
                self._ending.wait(_STOP_RETRY)
                continue
            failures = 0
            with self._child_lock:  # its script is gone: a new child brings a new one
                self._drop_child()
                if not self._halt_wanted.is_set():
                    self._halting = ""

    def _manage(self) -> None:
        dashboard = Dashboard(self._host)
        asked = -_DASHBOARD_PERIOD
        connected = False
        while not self._ending.wait(0.05):
            if time.monotonic() - asked >= _DASHBOARD_PERIOD:
                asked = time.monotonic()
                connected = self._ask_dashboard(dashboard, connected)
            self._start_child()
        dashboard.close()

    def _ask_dashboard(self, dashboard: Dashboard, connected: bool) -> bool:
        """Look at the mode of control; whether the connection is of further use."""
        try:
            if not connected:
                dashboard.open()
                self._version_error = version_reason(dashboard.polyscope_version())
            self._remote = dashboard.remote_control()
        except DashboardError as error:
            self._dashboard_error = str(error)
            return False
        self._dashboard_error = self._version_error
        return True

    def _start_child(self) -> None:
        with self._child_lock:
            state = self._stream.latest
            blocked = (
                self._child is not None
                or state is None
                or self._robot_obstacle()
                or self._dashboard_error
                or self._remote is False
                or self.latch.reason
                or self._halting
                or time.monotonic() < self._restart_at
                or self._ending.is_set()
            )
            if not blocked:
                self.restarts += 1
                self._child = ControlProcess(self.options.control)

    def _publish(self, state: ReceivedState | None) -> None:
        reason = self.obstacle()
        status = ArmStatus(ready=not reason, detail=reason, stop_latched=bool(self.latch.reason))
        if state is not None and not self._stream.error:
            status = replace(
                status,
                robot_mode=state.robot_mode,
                safety_mode=state.safety_mode,
                program_running=state.program_running,
                remote_control=self._remote is not False and not self._dashboard_error,
                speed_scaling=round(state.speed_scaling, 2),
                moving=self._moves(state),
                needs_person=status.stop_latched or self._needs_person(state),
            )
            home = self.options.home
            near = max(abs(_turned(a - b)) for a, b in zip(state.q, home, strict=True)) < _AT_HOME
            status = replace(status, at_home=near and not status.moving)
        if status != self._status:
            self._status = status
            self._listener.status(status)

    def _moves(self, state: ReceivedState) -> bool:
        """Whether the arm moves, or did a moment ago: its joints tremble at rest."""
        child = self._child
        commanded = child is not None and child.mode not in ("idle", "starting")
        if commanded or state.speed > _MOVES:
            self._moved_at = time.monotonic()
        return time.monotonic() - self._moved_at < _RESTED

    def _needs_person(self, state: ReceivedState) -> bool:
        off = not is_safe(state) or bool(mode_reason(state.robot_mode))
        return off or state.teach or self._remote is False


def _turned(angle: float) -> float:
    """Rad, without whole turns."""
    return math.remainder(angle, 2 * math.pi)
