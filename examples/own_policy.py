# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy of your own. In the folder of this file:

robomd sim policy:=python:own_policy:OwnPolicy budget:=42
robomd sim 'policy:=python:own_policy:OwnPolicy?gain=4.0' budget:=42
"""

import numpy as np


class OwnPolicy:
    """Moves the open gripper to the cube, closes it, and lifts; replace the body of `act`."""

    needs = {
        # "cameras": {"agentview": [84, 84]},  # then observation["images"]["agentview"], uint8 RGB
        "proprioception": {"eef_pos": {"size": 3, "unit": "m"}, "gripper_qpos": {"size": 2}},
        "action": {"kind": "delta_pose", "size": 7, "low": -1.0, "high": 1.0},
        "state": True,  # observation["state"]: the simulator's own; a real arm has none
    }

    def __init__(self, gain: float = 10.0):
        self.gain = gain
        self.closing = 0

    def reset(self, seed: int, instruction: str) -> None:
        """An episode begins; everything random comes from the seed."""
        self.closing = 0

    def act(self, observation) -> np.ndarray:
        """(7,) in [-1, 1]: change of position and rotation, and the gripper (-1 open, 1 close)."""
        hand = observation["proprioception"]["eef_pos"]
        to_cube = np.asarray(observation["state"]["cube_pos"]) - hand
        over = np.linalg.norm(to_cube[:2]) > 0.015 and not self.closing
        if np.linalg.norm(to_cube) < 0.015:
            self.closing += 1
        lift = np.array([0.0, 0.0, 0.1]) if self.closing > 5 else to_cube
        move = to_cube + np.array([0.0, 0.0, 0.06]) if over else lift
        gripper = 1.0 if self.closing else -1.0
        return np.clip([*(self.gain * move), 0.0, 0.0, 0.0, gripper], -1.0, 1.0)
