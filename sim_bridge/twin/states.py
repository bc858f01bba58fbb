"""The controller's states, with the numbers that RTDE carries."""

from enum import IntEnum


class RobotMode(IntEnum):
    """What the arm's power and brakes are doing."""

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
    """What the safety system allows."""

    NORMAL = 1
    REDUCED = 2
    PROTECTIVE_STOP = 3
    RECOVERY = 4
    SAFEGUARD_STOP = 5
    SYSTEM_EMERGENCY_STOP = 6
    ROBOT_EMERGENCY_STOP = 7
    VIOLATION = 8
    FAULT = 9


class Runtime(IntEnum):
    """What the program is doing."""

    STOPPING = 0
    STOPPED = 1
    PLAYING = 2
    PAUSING = 3
    PAUSED = 4
    RESUMING = 5


_SAFETY_BITS = {
    SafetyMode.NORMAL: 0b1,
    SafetyMode.REDUCED: 0b11,
    SafetyMode.PROTECTIVE_STOP: 0b100_0000_0100,
    SafetyMode.RECOVERY: 0b100_0000_1000,
    SafetyMode.SAFEGUARD_STOP: 0b100_0001_0000,
    SafetyMode.SYSTEM_EMERGENCY_STOP: 0b100_1010_0000,
    SafetyMode.ROBOT_EMERGENCY_STOP: 0b100_1100_0000,
    SafetyMode.VIOLATION: 0b101_0000_0000,
    SafetyMode.FAULT: 0b110_0000_0000,
}


def safety_bits(mode: SafetyMode) -> int:
    """safety_status_bits of RTDE."""
    return _SAFETY_BITS[mode]
