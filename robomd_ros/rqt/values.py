# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the panel shows that the core has no values for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from robomd_ros.core.operator.desk import Answer


@dataclass(frozen=True)
class RobotState:
    """State of a real robot, with the fields of robomd_msgs/RobotStatus."""

    ready: bool = False
    detail: str = ""
    speed_scaling: float = math.nan
    moving: bool = False
    stop_latched: bool = False
    holds_object: bool = False
    position: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What this kind of robot says of itself."""


@dataclass(frozen=True)
class CellPresence:
    """What of a cell is on the graph now."""

    operator: bool = False
    """Somebody publishes operator_request and takes answers."""
    camera: bool = False
    robot: bool = False
    """Somebody publishes robot_status."""
    recover: bool = False
    """The service recover is offered."""
    stop_motion: bool = False
    """The service stop_motion is offered."""

    @property
    def connected(self) -> bool:
        """Whether anything of the cell is there."""
        return self.operator or self.camera or self.robot


@dataclass(frozen=True)
class Presence:
    """Which parts of the graph are there now; cells that were ever seen stay listed."""

    diagnosis: bool = False
    controls: bool = False
    """The services pause, resume and stop are offered."""
    cells: dict[str, CellPresence] = field(default_factory=dict)


@dataclass(frozen=True)
class CallResult:
    """How a service call ended.

    Attributes:
        cell: the cell whose service was called; "" for the diagnosis.
        name: pause, resume, stop, answer, recover or stop_motion.
        ok: whether it was carried out or counted.
        message: what the server said, or why nothing was called.
        number: answer: of the request that was answered.
        answer: answer: what was answered.
        code: answer: the error code of AnswerOperatorRequest.
    """

    cell: str
    name: str
    ok: bool
    message: str
    number: int = 0
    answer: Answer = Answer.UNKNOWN
    code: int = 0
