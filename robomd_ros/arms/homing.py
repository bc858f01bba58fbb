# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ways straight up and down, and the way home: up first, then a move without whole turns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from robomd_ros.arms.limits import LimitError, LimitGuard, vector
from robomd_ros.arms.ur5e.kinematics import Array

_STEP = 0.005
"""m of height between looks at the way up."""
_SEGMENT = 0.05
"""m of height between the points that the arm moves through: it strays by less than 2 mm."""
_PATH_STEP = 0.02
"""rad between looks at the tool on the way to home."""
_TURN = 2 * np.pi


@dataclass(frozen=True)
class WayHome:
    """How the arm goes home.

    Attributes:
        points: (6,) rad each, where it moves through; the last one is home, perhaps whole turns
            away from the position of that name.
        lift: m that the tool goes up first.
        sweep: m that the tool travels altogether.
    """

    points: tuple[tuple[float, ...], ...]
    lift: float
    sweep: float


def far_home(sweep: float, limit: float) -> str:
    """Why the arm does not go home by itself: the tool would travel `sweep` m."""
    return (
        f"on its way home the tool would travel {sweep:.2f} m; home_path_limit is {limit:g} m: see "
        "that the way is free and go there by move_to_joints with the positions of home, or by "
        "hand (freedrive)"
    )


def way_in_words(way: WayHome) -> str:
    """What is announced before anything moves."""
    up = f"{100 * way.lift:.0f} cm up, then " if way.lift > 0.0 else ""
    return f"going home: {up}{way.sweep:.2f} m of the tool altogether"


def way_home(guard: LimitGuard, q_now: ArrayLike, home: ArrayLike, lift: float) -> WayHome:
    """Plan the way; nothing is checked but the lift, which ends before a limit.

    Args:
        guard: the limits, with the tool in force.
        q_now: (6,) rad.
        home: (6,) rad.
        lift: m that the tool goes up first, unless it is as high as at home already.
    """
    q = vector(q_now, guard.size, "the present joint position")
    goal = nearest_turns(guard, q, vector(home, guard.size, "home"))
    heights = guard.tool_positions(np.array([q, goal]))[:, 2]
    up = straight(guard, q, max(0.0, min(lift, float(heights[1] - heights[0]))))
    last = up[-1] if up else q
    steps = int(np.ceil(np.max(np.abs(goal - last)) / _PATH_STEP)) + 1
    across = last + np.linspace(0.0, 1.0, steps + 1)[:, None] * (goal - last)
    tools = guard.tool_positions(np.concatenate([[q], np.reshape(up, (-1, guard.size)), across]))
    risen = float(guard.tool_positions(last[None])[0, 2] - heights[0])
    return WayHome(
        tuple(tuple(p.tolist()) for p in [*up, goal]),
        risen,
        float(np.linalg.norm(np.diff(tools, axis=0), axis=1).sum()),
    )


def check_way(guard: LimitGuard, q_now: ArrayLike, way: WayHome, limit: float) -> None:
    """LimitError unless the whole way is inside the limits, and no longer than `limit` m."""
    q = q_now
    for point in way.points:
        guard.move(q, point, 0.0, 0.0)
        q = point
    if way.sweep > limit:
        raise LimitError(far_home(way.sweep, limit))


def nearest_turns(guard: LimitGuard, q: Array, goal: Array) -> Array:
    """The goal, each joint whole turns away where that is nearer and within its limits."""
    nearest = goal.copy()
    for i, (here, there) in enumerate(zip(q, goal, strict=True)):
        low, high = guard.joint_range(i)
        turns = [there + k * _TURN for k in (-2, -1, 0, 1, 2)]
        allowed = [t for t in turns if low <= t <= high]
        nearest[i] = min(allowed or [there], key=lambda t: abs(t - here))
    return nearest


def straight(guard: LimitGuard, q: Array, height: float) -> list[Array]:
    """Where the tool goes straight up or down, turned as it is, as far as the limits allow.

    Args:
        guard: the limits, with the tool in force.
        q: (6,) rad, where the arm is.
        height: m; below 0: down.

    Returns:
        (6,) rad every _SEGMENT on the way, and at its end.
    """
    points: list[Array] = []
    start, sign = guard.tool_pose(q), 1.0 if height > 0.0 else -1.0
    gone, safe, kept = 0.0, q, 0.0
    while gone < abs(height) - 1e-9:
        step = min(_STEP, abs(height) - gone)
        gone += step
        q = _toward(guard, q, start, sign * gone)
        if np.max(np.abs(q - safe)) > 0.1 or guard.permits(q):
            break  # near a singularity, or a limit: what is left of the way is not taken
        safe = q
        if gone - kept >= _SEGMENT - 1e-9:
            points.append(q)
            kept = gone
    if kept < gone and not (points and np.array_equal(points[-1], safe)):
        points.append(safe)
    return points


def _toward(guard: LimitGuard, q: Array, start: Array, risen: float) -> Array:
    """(6,) rad that put the tool `risen` m above its start, turned as it was there."""
    for _ in range(3):
        now = guard.tool_pose(q)
        error = start[:3, 3] + (0.0, 0.0, risen) - now[:3, 3]
        turn = start[:3, :3] @ now[:3, :3].T
        spin = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        q = q + guard.kinematics.joint_velocity(q, np.concatenate([error, 0.5 * spin]), guard.tcp)
    return q
