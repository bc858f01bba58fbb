# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for threading: the rod through the opening of the stand."""

import numpy as np

from sim_bridge.experts.hand import Array, Commands, GuidedHand, ScriptPolicy, nearest

_TIP = np.array([0.128, 0.0, 0.0])
"""m, the rod's far end in its frame, whose origin is the middle of the block that is gripped."""


class ThreadingExpert(ScriptPolicy):
    """`python:sim_bridge.experts.threading:ThreadingExpert`."""

    def script(self, hand: GuidedHand) -> Commands:
        """Grasp the block, lift the rod, bring its tip before the opening, push it through."""

        def tip() -> Array:
            return hand.axis("rod", _TIP)

        def askew() -> float:
            return nearest(hand.yaw("rod"), 2 * np.pi)

        def before(distance: float) -> Array:
            return hand.thing("stand") + np.array([distance, 0.0, 0.0])

        hand.turn = nearest(hand.yaw("rod"), np.pi)
        yield from hand.pick(lambda: hand.thing("rod"))
        start = hand.thing("rod").copy()
        raised = lambda: np.array([*start[:2], before(0.0)[2]])  # noqa: E731
        if not (yield from hand.carry(lambda: hand.thing("rod"), raised, 0.02)):
            return
        for distance, tolerance in ((-0.05, 0.004), (-0.015, 0.003), (0.04, 0.012)):
            goal = lambda distance=distance: before(distance)  # noqa: E731
            if not (yield from hand.carry(tip, goal, tolerance, lost=0.16, yaw=askew)):
                return
        yield hand.command(np.zeros(3), 1.0)
