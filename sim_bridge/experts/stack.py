# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for Stack: the small cube on the large one."""

import numpy as np

from sim_bridge.experts.hand import Array, Commands, GuidedHand, ScriptPolicy, nearest


class StackExpert(ScriptPolicy):
    """`python:sim_bridge.experts.stack:StackExpert`."""

    def script(self, hand: GuidedHand) -> Commands:
        """Grasp a face of the cube, lift it, put it on the other, let go and rise."""

        def cube() -> Array:
            return hand.thing("cube_a")

        def over(height: float) -> Array:
            return hand.thing("cube_b") + np.array([0.0, 0.0, height])

        hand.turn = nearest(hand.yaw("cube_a"), np.pi / 2)
        yield from hand.pick(cube)
        start = cube().copy()
        yield from hand.carry(cube, lambda: np.array([*start[:2], over(0.12)[2]]), 0.03)
        for height, tolerance in ((0.12, 0.015), (0.048, 0.006)):
            if not (yield from hand.carry(cube, lambda height=height: over(height), tolerance)):
                return
        yield from hand.release()
