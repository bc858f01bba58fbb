# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The task of a UR5e on a table, as config/variations/ur5e_tabletop.yaml has it: the twin's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim_bridge.tasks.lift import Distractor, LiftTask

if TYPE_CHECKING:
    import mujoco

TABLETOP = "ur5e_tabletop"
HOME = (-0.294, -1.556, 2.106, -2.12, -1.571, 1.277)
"""rad, where the arm stands when the twin starts: over the table, the tool pointing down."""
_DISTRACTORS = {
    "red_mug": Distractor("cylinder", (0.035, 0.045), (0.75, 0.06, 0.06, 1.0)),
    "green_can": Distractor("cylinder", (0.033, 0.055), (0.08, 0.5, 0.12, 1.0)),
    "blue_box": Distractor("box", (0.04, 0.025, 0.05), (0.08, 0.15, 0.7, 1.0)),
}
_DH_POSITIONS = {
    "robot0_shoulder_link": (0.0, 0.0, 0.1625),
    "robot0_wrist_1_link": (0.0, 0.0, 0.3922),
    "robot0_wrist_2_link": (0.0, 0.1263, 0.0),
    "robot0_wrist_3_link": (0.0, 0.0, 0.0997),
    "robot0_right_hand": (0.0, 0.0996, 0.0),
}
"""m, where robosuite's rounded link lengths give way to those of the controller's DH table."""


@dataclass(frozen=True)
class TabletopTask(LiftTask):
    """The lift task with an arm of the controller's lengths."""

    def adapt(self, spec: "mujoco.MjSpec") -> None:
        """Give the arm the controller's lengths and no contact with itself; add distractors."""
        for name, position in _DH_POSITIONS.items():
            spec.body(name).pos = position
        for body in spec.bodies:
            if body.name.startswith(("robot0_", "gripper0_", "fixed_mount0_")):
                for geom in body.geoms:
                    if "inner_knuckle" in geom.name:  # its hull fills the space between fingers
                        geom.contype = geom.conaffinity = 0
                    elif geom.contype:
                        geom.contype, geom.conaffinity = 2, 1
        super().adapt(spec)


def tabletop() -> TabletopTask:
    """A UR5e and a cube of 40 mm, which a person lays down along the table, turned little."""
    return TabletopTask(
        name=TABLETOP,
        robot="UR5e",
        variant="twin5",
        home=HOME,
        horizon=300,
        joint_noise=0.0,
        gripper_home=(0.0, 0.0),
        half_size_range=(0.02, 0.02),
        yaw_range=(-0.25, 0.25),
        drop_height=0.001,
        success_height=0.06,
        distractors=_DISTRACTORS,
    )
