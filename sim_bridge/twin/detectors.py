# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Success detectors for the twin, for the parameter `detector` of policy_node."""

import os

import numpy as np

from robomd_ros.core.policies.policy import Observation
from sim_bridge.twin.blob_policy import held_in_picture
from sim_bridge.twin.client import TwinClient
from sim_bridge.twin.view import TwinView


class LiftedInPicture:
    """The cube is seen at the tool, well over the table: `python:...:LiftedInPicture`.

    It knows no more than the picture and where the tool is. Where it cannot see the cube it says
    that the task is not done, which is wrong for a cube of another colour: use it for nominal light
    and colour, and a person or `Lifted` for the rest.
    """

    def __init__(self) -> None:
        self._view = TwinView.of_the_twin()

    def __call__(self, observation: Observation) -> tuple[bool, str]:
        """Whether the cube is held, from the last observation."""
        [image] = observation["images"].values()
        tool = np.asarray(observation["proprioception"]["eef_pos"])
        held = held_in_picture(self._view, image, tool)
        return held, "" if held else "the cube is not seen at the tool"


class Lifted:
    """The twin itself says that the cube is lifted: `python:sim_bridge.twin.detectors:Lifted`.

    The environment variable ROBOMD_TWIN_URL names the twin's control address where it is not
    http://127.0.0.2:8080.
    """

    def __init__(self) -> None:
        self._twin = TwinClient(os.environ.get("ROBOMD_TWIN_URL", "http://127.0.0.2:8080"))

    def __call__(self, _observation: Observation) -> tuple[bool, str]:
        """Whether the cube is lifted now."""
        lifted = bool(self._twin.state()["lifted"])
        return lifted, "" if lifted else "the cube is not lifted"
