# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for PickPlaceCan: the can into its quarter of the other bin."""

import numpy as np

from sim_bridge.experts.hand import Array, Commands, GuidedHand, ScriptPolicy

_CLEAR = 0.16
"""m above the bin's floor, over its walls."""
_DROP = 0.06


class CanExpert(ScriptPolicy):
    """`python:sim_bridge.experts.can:CanExpert`."""

    def script(self, hand: GuidedHand) -> Commands:
        """Grasp the can, over the walls, let it down where it belongs, let go and rise."""

        def can() -> Array:
            return hand.thing("can")

        def place(height: float) -> Array:
            return np.array([*hand.thing("place")[:2], hand.thing("bin2")[2] + height])

        yield from hand.pick(can, hover=0.1)
        start = can().copy()
        goals = (lambda: np.array([*start[:2], place(_CLEAR)[2]]), lambda: place(_CLEAR))
        for goal, tolerance in zip(goals, (0.03, 0.02), strict=True):
            if not (yield from hand.carry(can, goal, tolerance)):
                return
        if (yield from hand.carry(can, lambda: place(_DROP), 0.02)):
            yield from hand.release(0.12)
