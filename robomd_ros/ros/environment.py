# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What of the environment keeps ROS 2 from working, found before rclpy ends the process over it."""

import os
import subprocess
import sys
from collections.abc import Mapping

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.hosted.parent import clean_environment, program

_RANGES = ("SUBNET", "LOCALHOST", "SYSTEM_DEFAULT")
_RANGE, _MIDDLEWARE = "ROS_AUTOMATIC_DISCOVERY_RANGE", "RMW_IMPLEMENTATION"


def check_ros_environment(environment: Mapping[str, str] = os.environ) -> None:
    """Look at the variables with which two of our processes would never meet.

    Raises:
        ConfigurationError: which variable, its value, and what to set instead.
    """
    wide = environment.get(_RANGE, "")
    if wide == "OFF":
        raise ConfigurationError(
            f"{_RANGE} is OFF: no two processes find each other, so a diagnosis would wait for "
            f"ever; unset it, or set it to {' or '.join(_RANGES[:2])}"
        )
    if wide and wide not in _RANGES:
        raise ConfigurationError(f"{_RANGE} is {wide!r}; set it to one of {', '.join(_RANGES)}")
    middleware = environment.get(_MIDDLEWARE, "")
    if middleware and _why_not(environment):
        raise ConfigurationError(
            f"{_MIDDLEWARE} is {middleware!r}, which this ROS 2 cannot load; install it "
            f"(ros-<distro>-{middleware.replace('_', '-')}), or unset the variable"
        )


def check_ros(environment: Mapping[str, str]) -> None:
    """Start ROS 2 once in a process of its own: some of what can be wrong ends the process.

    Raises:
        ConfigurationError: it does not start.
    """
    check_ros_environment(environment)
    if reason := _why_not(environment, "start"):
        raise ConfigurationError(
            f"ROS 2 does not start: {reason}; check HOME, ROS_DOMAIN_ID and {_MIDDLEWARE}"
        )


def _why_not(environment: Mapping[str, str], *arguments: str) -> str:
    """Why ROS 2 cannot be imported, or started, in a process of its own; empty if it can."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        program("robomd_ros.ros.environment", *arguments),
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.returncode:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def main() -> None:
    """Import rclpy, and start it if that is asked."""
    import rclpy  # noqa: PLC0415 - it may end the process

    if sys.argv[1:]:
        rclpy.init()
        rclpy.create_node("check")
        rclpy.shutdown()


if __name__ == "__main__":
    main()
