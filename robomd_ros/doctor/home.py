# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd home`: send a UR5e home once, before any campaign, by somebody who watches it."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from robomd_ros.arms.homing import check_way, way_home, way_in_words
from robomd_ros.arms.limits import LimitError
from robomd_ros.arms.motion import MoveCode
from robomd_ros.arms.ur5e.arm import UR5e
from robomd_ros.arms.ur5e.settings import arm_options
from robomd_ros.bringup.ur5e import Ur5eArguments, all_parameters, resolve_ur5e
from robomd_ros.core.arguments import help_text, parse_arguments
from robomd_ros.core.errors import ConfigurationError, RoboMDError

_READY = 20.0
"""s for the arm to take commands."""
_COUNTDOWN = 3
"""s between the answer and the motion."""


class HomeError(RoboMDError):
    """The arm did not go home; the message says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Say the way, ask, count down, go; 0 if the arm is at home."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "-h" in arguments or "--help" in arguments:
        print(help_text("robomd home", Ur5eArguments))
        return 0
    values = resolve_ur5e(parse_arguments(arguments, Ur5eArguments))
    if not values["robot_ip"] or values["use_twin"]:
        raise ConfigurationError(
            "robot_ip is missing: give robot_ip:=<address> of the controller (of a twin that runs: "
            "what robomd twin prints), and params_file:= where the home is another"
        )
    return go_home(all_parameters("ur5e_node", values), input)


def go_home(parameters: dict[str, Any], ask: Callable[[str], str]) -> int:
    """Connect, plan, ask a person, and move.

    Args:
        parameters: of ur5e_node.
        ask: shows a question and returns the line that was typed.

    Raises:
        HomeError: the arm takes no commands, or the way is not free by its limits.
    """
    # however far it is: a person reads that, and types the word
    arm = UR5e(replace(arm_options(parameters), home_path_limit=math.inf))
    arm.connect()
    try:
        _wait_for(arm)
        state = arm.state
        if state is None or (reason := arm.obstacle()):
            raise HomeError(f"the arm takes no commands: {reason}")
        if arm.status.at_home:
            print("the arm is at home")
            return 0
        options = arm.options
        way = way_home(arm.guard, state.q, options.home, options.home_lift)
        try:
            check_way(arm.guard, state.q, way, options.home_path_limit)
        except LimitError as error:
            raise HomeError(f"nothing was moved: {error}") from error
        print(way_in_words(way))
        print("See that the way is free and nobody is within reach, a hand at the emergency stop.")
        if ask("Type go, then Enter: ").strip().lower() != "go":
            print("nothing was moved")
            return 1
        for left in range(_COUNTDOWN, 0, -1):
            print(f"\athe arm moves in {left} s", flush=True)
            time.sleep(1.0)
        end = arm.go_home(announce=print)
        if end.code is not MoveCode.NONE:
            raise HomeError(f"{end.code.name}: {end.reason}")
        print("the arm is at home")
        return 0
    finally:
        arm.close()


def _wait_for(arm: UR5e) -> None:
    deadline = time.monotonic() + _READY
    while arm.obstacle() and time.monotonic() < deadline:
        if arm.status.needs_person:
            break
        time.sleep(0.1)
    if reason := arm.obstacle():
        raise HomeError(f"the arm takes no commands: {reason}")
