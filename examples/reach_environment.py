# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An environment of robosuite's of your own, diagnosed by its name, and a policy with two cameras.

In the folder of this file; the catalogue is made from the model:

robomd sim task:=python:reach_environment:ReachBall policy:=python:reach_environment:two_cameras \
    budget:=12
"""

import numpy as np
from robosuite.environments.manipulation.manipulation_env import ManipulationEnv
from robosuite.models.arenas import TableArena
from robosuite.models.objects import BallObject
from robosuite.models.tasks import ManipulationTask


class ReachBall(ManipulationEnv):
    """Touch the ball: what `robosuite.make("ReachBall", ...)` makes, nothing else is needed."""

    def reward(self, action=None):
        """One when it is done."""
        return float(self._check_success())

    def _load_model(self):
        super()._load_model()
        robot = self.robots[0].robot_model
        robot.set_base_xpos(robot.base_xpos_offset["table"](0.8))
        arena = TableArena(table_offset=(0, 0, 0.8))
        arena.set_origin([0, 0, 0])
        self.ball = BallObject(name="ball", size=[0.03], rgba=[1, 0.6, 0, 1])
        self.model = ManipulationTask(arena, [robot], [self.ball])

    def _reset_internal(self):
        super()._reset_internal()
        place = [*self.rng.uniform(-0.1, 0.1, 2), 0.83, 1, 0, 0, 0]
        self.sim.data.set_joint_qpos(self.ball.joints[0], np.array(place))

    def _check_success(self):
        hand = self.sim.data.site_xpos[self.robots[0].eef_site_id["right"]]
        ball = self.sim.data.body_xpos[self.sim.model.body_name2id(self.ball.root_body)]
        return bool(np.linalg.norm(hand - ball) < 0.05)


def two_cameras(observation):
    """Go where the orange is in the picture of the table, faster where the hand sees it too."""
    whole, near = (observation["images"][name].astype(int) for name in two_cameras.needs["cameras"])
    rows, columns = np.nonzero((whole[..., 0] > 120) & (whole[..., 2] < 60))
    if not len(rows):
        return np.array([0, 0, -0.2, 0, 0, 0, -1.0])
    # the agentview looks at the robot: right in the picture is the world's +y
    aim = np.array([0.012 * (rows.mean() - 62) * 0.6, 0.006 * (columns.mean() - 64)])
    hand = observation["proprioception"]["eef_pos"]
    seen = ((near[..., 0] > 120) & (near[..., 2] < 60)).mean()
    down = -0.5 if seen > 0.02 or hand[2] > 0.95 else -0.2
    return np.array([*np.clip(8 * (aim - hand[:2]), -1, 1), down, 0, 0, 0, -1.0])


two_cameras.needs = {"cameras": {"agentview": (128, 128), "robot0_eye_in_hand": (128, 128)}}
