# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an arm is brought back after a stop: by the documented steps, when an operator asks.

The interrupted program is stopped, never played: `play` would resume the old motion.
"""

import time
from collections.abc import Callable

from robomd_ros.arms.motion import ArmFault
from robomd_ros.arms.ur5e.arm import UR5e
from robomd_ros.arms.ur5e.dashboard import Dashboard, DashboardError, wait_until
from robomd_ros.arms.ur5e.receive import ReceivedState
from robomd_ros.arms.ur5e.status import is_safe, mode_reason, safety_reason
from robomd_ros.core.robot_modes import RobotMode, SafetyMode

_UNLOCK_AFTER = 5.1
"""s after a protective stop before the controller lets it be unlocked."""
_UNLOCK_TRIES = 6.0
"""s for which the unlocking is tried again where the controller still refuses it."""
_SAFETY_TIMEOUT = 10.0
_POWER_TIMEOUT = 60.0
_READY_TIMEOUT = 20.0


def recover(arm: UR5e, power: bool = False) -> str:
    """Bring the arm back to where it accepts motions; blocks for some seconds, moves nothing.

    Args:
        arm: the arm.
        power: power on and release the brakes where a stop has switched them off; without it a
            person does that at the pendant.

    Returns:
        What was done.

    Raises:
        ArmFault: what is in the way and what to do, e.g. a pressed emergency stop button.
    """
    with arm.exclusive_recovery():
        cause = arm.supervisor.latch.reason
        state = _state(arm)
        arm.supervisor.halt("recovering")
        try:
            with Dashboard(arm.supervisor.options.control.host, timeout=2.0) as dashboard:
                _leave_stop(arm, dashboard, state, power)
                _switch_on(arm, dashboard, power)
            wait_until(
                lambda: not arm.supervisor.halting, _SAFETY_TIMEOUT, "the end of the old program"
            )
            arm.supervisor.clear_recovery()
            arm.supervisor.restart_control()
            wait_until(lambda: not arm.obstacle(), _READY_TIMEOUT, "the control script")
        except DashboardError as error:
            raise ArmFault(f"not recovered: {error}; now: {arm.obstacle() or 'ready'}") from error
        return f"recovered from: {cause}" if cause else "control started anew"


def _state(arm: UR5e) -> ReceivedState:
    state = arm.state
    if state is None or not arm.fresh:
        raise ArmFault(f"not recovered: {arm.obstacle()}")
    return state


def _is(arm: UR5e, condition: Callable[[ReceivedState], bool]) -> bool:
    """Whether it holds now; a state that is stale for a moment says nothing."""
    state = arm.state
    return state is not None and arm.fresh and condition(state)


def _mode_is(arm: UR5e, *modes: int) -> bool:
    return _is(arm, lambda state: state.robot_mode in modes)


def _leave_stop(arm: UR5e, dashboard: Dashboard, state: ReceivedState, power: bool) -> None:
    """Leave the safety stop that is in force."""
    if dashboard.status().remote_control is False:
        raise ArmFault("not recovered: switch the robot to Remote Control at the pendant first")
    mode = state.safety_mode
    if mode in (
        SafetyMode.SAFEGUARD_STOP,
        SafetyMode.SYSTEM_EMERGENCY_STOP,
        SafetyMode.ROBOT_EMERGENCY_STOP,
        SafetyMode.RECOVERY,
    ):
        raise ArmFault(f"not recovered: {safety_reason(mode)}")
    if mode == SafetyMode.PROTECTIVE_STOP:
        time.sleep(max(0.0, arm.supervisor.stopped_since + _UNLOCK_AFTER - time.monotonic()))
        _unlock(dashboard)
    elif mode in (SafetyMode.VIOLATION, SafetyMode.FAULT):
        if not power:
            raise ArmFault(
                f"not recovered: {safety_reason(mode)}; restart the safety system at the pendant"
            )
        dashboard.ask("close safety popup")
        dashboard.order("restart safety")
    wait_until(lambda: _is(arm, is_safe), _SAFETY_TIMEOUT, "the end of the safety stop")


def _unlock(dashboard: Dashboard) -> None:
    deadline = time.monotonic() + _UNLOCK_TRIES
    while True:
        try:
            dashboard.unlock_protective_stop()
            return
        except DashboardError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _switch_on(arm: UR5e, dashboard: Dashboard, power: bool) -> None:
    """Power on and release the brakes, where the stop has switched them off."""
    dashboard.ask("close popup")
    reason = mode_reason(_state(arm).robot_mode)
    if reason and not power:
        raise ArmFault(f"not recovered: {reason}; then call recover again")
    if _mode_is(arm, RobotMode.POWER_OFF):
        dashboard.order("power on")
        on = (RobotMode.IDLE, RobotMode.RUNNING)
        wait_until(lambda: _mode_is(arm, *on), _POWER_TIMEOUT, "robot mode IDLE")
    if _mode_is(arm, RobotMode.IDLE):
        dashboard.order("brake release")
    wait_until(lambda: _mode_is(arm, RobotMode.RUNNING), _POWER_TIMEOUT, "robot mode RUNNING")
