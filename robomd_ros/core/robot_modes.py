# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The modes of a UR controller, with the numbers that its real-time interface carries."""

from enum import IntEnum


class RobotMode(IntEnum):
    """What the arm's power and brakes are doing."""

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
    """What the safety system allows."""

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
