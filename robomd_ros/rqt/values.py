"""What the panel shows that the core has no values for."""

import math
from dataclasses import dataclass, field
from enum import IntEnum

from robomd_ros.core.operator import Answer


class RobotMode(IntEnum):
    """Equal to ROBOT_MODE_* of robomd_msgs/RobotStatus."""

    UNKNOWN = -2
    NO_CONTROLLER = -1
    DISCONNECTED = 0
    CONFIRM_SAFETY = 1
    BOOTING = 2
    POWER_OFF = 3
    POWER_ON = 4
    IDLE = 5
    BACKDRIVE = 6
    RUNNING = 7


class SafetyMode(IntEnum):
    """Equal to SAFETY_MODE_* of robomd_msgs/RobotStatus."""

    UNKNOWN = 0
    NORMAL = 1
    REDUCED = 2
    PROTECTIVE_STOP = 3
    RECOVERY = 4
    SAFEGUARD_STOP = 5
    SYSTEM_EMERGENCY_STOP = 6
    ROBOT_EMERGENCY_STOP = 7
    VIOLATION = 8
    FAULT = 9


@dataclass(frozen=True)
class RobotState:
    """State of a real robot, with the fields of robomd_msgs/RobotStatus."""

    robot_mode: RobotMode = RobotMode.UNKNOWN
    safety_mode: SafetyMode = SafetyMode.UNKNOWN
    program_running: bool = False
    remote_control: bool = False
    speed_scaling: float = math.nan
    ready: bool = False
    detail: str = ""


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
