# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an arm is driven, and who is told what happens to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robomd_ros.arms.motion import MoveOptions
from robomd_ros.arms.ur5e.child import ControlOptions
from robomd_ros.arms.ur5e.receive import ReceivedState
from robomd_ros.arms.ur5e.status import ArmStatus


@dataclass(frozen=True, kw_only=True)
class ArmOptions(MoveOptions):
    """How the arm is driven.

    Attributes:
        control: for the child.
        frequency: Hz of the state.
        tool_tolerance: m by which the measured tool may be elsewhere than its TCP says.
        force_limit: N at the tool, above which the arm is stopped.
    """

    control: ControlOptions
    frequency: float
    tool_tolerance: float
    force_limit: float


@dataclass(frozen=True)
class ArmListener:
    """Who is told what; every function is called in a thread of the supervisor and must be quick.

    Attributes:
        state: each new state.
        status: the status, at each change.
        message: what the control process says, as (kind, values...).
        halt: why every motion has just been ended.
        broken: why a stream has ended by itself.
        log: faults and restarts, a line each.
    """

    state: Callable[[ReceivedState], None] = lambda state: None
    status: Callable[[ArmStatus], None] = lambda status: None
    message: Callable[[tuple[Any, ...]], None] = lambda message: None
    halt: Callable[[str], None] = lambda reason: None
    broken: Callable[[str], None] = lambda reason: None
    log: Callable[[str], None] = lambda text: None
