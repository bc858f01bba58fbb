# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of where the arm stands: inside its limits, and with a way home that it may take."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from robomd_ros.arms.homing import check_way, way_home, way_in_words
from robomd_ros.arms.limits import LimitError, LimitGuard
from robomd_ros.arms.ur5e.settings import arm_options
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.doctor.findings import Finding, bad, good, skipped


def place(state: Mapping[str, Any], arm: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the arm stands where it may move, and may go home from there.

    Args:
        state: actual_q, (6,) rad, and tcp_offset, where the controller tells them.
        arm: the parameters of ur5e_node.
    """
    q: Sequence[float] | None = state.get("actual_q")
    if q is None:
        yield skipped("workspace", "the controller does not tell where the arm is")
        return
    try:
        options = arm_options(arm)
    except ConfigurationError as error:
        yield bad("workspace", str(error), "correct the parameter file")
        return
    tool = options.control.tcp or state.get("tcp_offset") or (0.0,) * 6
    guard = LimitGuard(options.control.limits, tool)
    where = guard.tool_pose(q)[:3, 3]
    text = "tool at x {:.2f}, y {:.2f}, z {:.2f} m".format(*where)
    if reason := guard.permits(np.asarray(q, float)):
        yield bad(
            "workspace",
            f"{text}: {reason}",
            "move the arm inside by hand (freedrive), or correct the limits (robomd teach box)",
        )
        yield skipped("way home", "the arm stands outside its limits: nothing moves from there")
        return
    yield good("workspace", f"{text}, inside the limits")
    way = way_home(guard, q, options.home, options.home_lift)
    try:
        check_way(guard, q, way, options.home_path_limit)
    except LimitError as error:
        remedy = "move the arm nearer to home by hand (freedrive), or teach another home"
        yield bad("way home", str(error), remedy)
        return
    yield good("way home", f"{way_in_words(way)}, inside the limits; robomd home takes it")
