# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The controller's states, with the numbers that RTDE carries."""

from enum import IntEnum

from robomd_ros.core.robot_modes import SafetyMode


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
