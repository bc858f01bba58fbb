# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for NutAssemblySquare: the square nut on its peg."""

import numpy as np

from sim_bridge.experts.hand import Array, Commands, GuidedHand, ScriptPolicy, nearest

_HANDLE = np.array([0.058, 0.0, 0.0])
"""m, the middle of the handle in the nut's frame."""
_OVER, _ON = 0.13, -0.02
"""m of the nut's middle from the peg's: clear of it, and so far down that it cannot leave."""


class SquareExpert(ScriptPolicy):
    """`python:sim_bridge.experts.square:SquareExpert`."""

    def script(self, hand: GuidedHand) -> Commands:
        """Grasp the handle across, turn the nut the nearest way that fits, put it over the peg."""
        yaw = hand.yaw("square_nut")
        hand.turn, way = _grasp_and_way(yaw)

        def nut() -> Array:
            return hand.thing("square_nut")

        def askew() -> float:
            return nearest(hand.yaw("square_nut") - way, 2 * np.pi)

        def over(height: float) -> Array:
            return hand.thing("peg") + np.array([0.0, 0.0, height])

        yield from hand.pick(lambda: hand.axis("square_nut", _HANDLE))
        start = nut().copy()
        raised = lambda: np.array([*start[:2], over(_OVER)[2]])  # noqa: E731
        if not (yield from hand.carry(nut, raised, 0.03)):
            return
        if not (yield from hand.carry(nut, lambda: over(_OVER), 0.004, yaw=askew)):
            return
        yield from hand.carry(nut, lambda: over(_ON), 0.01, yaw=askew)
        yield from hand.release()


def _grasp_and_way(yaw: float) -> tuple[float, float]:
    """Turn of the hand for the grasp, and yaw of the nut on the peg: least turned in all.

    The fourth way, with the handle away from the robot, is out of its reach.
    """
    best = (np.inf, 0.0, 0.0)
    for grasp in (nearest(yaw, np.pi), nearest(yaw, np.pi) - np.pi, nearest(yaw, np.pi) + np.pi):
        for way in (np.pi / 2, np.pi, -np.pi / 2):
            final = grasp + nearest(way - yaw, 2 * np.pi)
            worst = max(abs(grasp), abs(final))
            if worst < best[0]:
                best = (worst, grasp, way)
    return best[1], best[2]
