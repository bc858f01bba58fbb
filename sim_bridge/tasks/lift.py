# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulated tasks: what robosuite is asked for, where an episode starts, what success is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.spaces import ActionSpec, Quantity, Spaces

Judge = Callable[["ObjectPose", float, float], bool]


@dataclass(frozen=True, eq=False)
class ObjectPose:
    """Where the manipulated box is.

    Attributes:
        position: (3,) float64, m, centre in the world frame.
        rotation: (3, 3) float64, box to world.
        half_size: (3,) float64, m.
    """

    position: NDArray[np.float64]
    rotation: NDArray[np.float64]
    half_size: NDArray[np.float64]

    @property
    def lowest(self) -> float:
        """World height of the lowest corner, m."""
        return float(self.position[2] - np.abs(self.rotation[2]) @ self.half_size)


def lifted(pose: ObjectPose, table_height: float, margin: float) -> bool:
    """Whether the box has risen by `margin` (m) from where it rests flat, and left the table.

    For a nominal cube this is robosuite's own rule, centre more than 0.04 m above the table. The
    second condition never binds there; it keeps a long box that was only tipped on its end from
    counting as lifted.
    """
    resting = table_height + float(pose.half_size[2])
    return bool(pose.position[2] > resting + margin) and pose.lowest > table_height + 0.0015


@dataclass(frozen=True)
class Task:
    """One robosuite task as the project uses it.

    Attributes:
        name: what users call it.
        environment: robosuite's name of it.
        robot: robosuite's name of the arm.
        instruction: what a policy is told to do.
        camera: the one that policies see unless they need another, and that trials are shown by.
        cameras: all that the model has.
        image_size: side of the square picture, pixels, unless a policy needs another.
        control_freq: policy steps per simulated second.
        horizon: policy steps after which a rollout without success is a failure.
        action_size: length of a command.
        object_names: things that can be varied, robosuite's root body of each.
        judge: whether the state of the object is a success.
        home: rad, the arm's joints at the start before noise.
        joint_noise: rad, standard deviation of the noise on them.
        gripper_home: m, the finger joints at the start.
        table_height: m, world height of the table top.
        object_range: m, the object starts within plus or minus this in x and y.
        drop_height: m, the object starts this far above its resting height.
        half_size_range: m, bounds of the nominal object's half-size, drawn per axis.
        success_height: m, centre of a nominal object above the table that robosuite calls lifted.
    """

    name: str
    environment: str
    robot: str
    instruction: str
    object_names: dict[str, str]
    judge: Judge
    home: tuple[float, ...]
    camera: str = "agentview"
    cameras: tuple[str, ...] = (
        "agentview",
        "frontview",
        "birdview",
        "sideview",
        "robot0_robotview",
        "robot0_eye_in_hand",
    )
    image_size: int = 84
    control_freq: int = 20
    horizon: int = 80
    action_size: int = 7
    joint_noise: float = 0.02
    gripper_home: tuple[float, ...] = (0.020833, -0.020833)
    table_height: float = 0.8
    object_range: float = 0.03
    drop_height: float = 0.01
    half_size_range: tuple[float, float] = (0.020, 0.022)
    success_height: float = 0.04

    @property
    def spaces(self) -> Spaces:
        """What a cell of this task gives a policy, and takes from it."""
        joints = len(self.home)
        return Spaces(
            cameras={name: (self.image_size, self.image_size) for name in self.cameras},
            proprioception={
                "eef_pos": Quantity(3, "m", "world"),
                "eef_quat_xyzw": Quantity(4, "", "world"),
                "gripper_qpos": Quantity(2, "m"),
                "joint_pos": Quantity(joints, "rad"),
                "joint_vel": Quantity(joints, "rad/s"),
            },
            action=ActionSpec(
                "delta_pose", self.action_size, (-1.0,), (1.0,), float(self.control_freq)
            ),
            state=True,
            any_size=True,
        )


_TASKS = {
    "lift": Task(
        name="lift",
        environment="Lift",
        robot="Panda",
        instruction="lift the cube",
        object_names={"cube": "cube_main", "table": "table"},
        judge=lifted,
        home=(0.0, np.pi / 16, 0.0, -np.pi / 2 - np.pi / 3, 0.0, np.pi - 0.2, np.pi / 4),
    ),
}


def task(name: str) -> Task:
    """The task of this name (upper or lower case).

    Raises:
        ConfigurationError: there is no such task.
    """
    found = _TASKS.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        raise ConfigurationError(f"unknown task {name!r}; known tasks: {', '.join(sorted(_TASKS))}")
    return found


@dataclass(frozen=True, eq=False)
class Start:
    """The state in which an episode starts; the same for every engine.

    Attributes:
        joint_pos: (7,) float64, rad; also the posture that the arm's null space returns to.
        gripper_qpos: (2,) float64, m.
        object_xy: (2,) float64, m, from the centre of the table.
        object_yaw: rad.
        half_size: (3,) float64, m, the nominal object's.
    """

    joint_pos: NDArray[np.float64]
    gripper_qpos: NDArray[np.float64]
    object_xy: NDArray[np.float64]
    object_yaw: float
    half_size: NDArray[np.float64]


def draw_start(task: Task, seed: int) -> Start:
    """Draw a start from robosuite's distribution; the same seed gives the same start."""
    rng = np.random.default_rng(seed)
    half_size = rng.uniform(*task.half_size_range, 3)
    joint_pos = np.array(task.home) + task.joint_noise * rng.standard_normal(len(task.home))
    xy = rng.uniform(-task.object_range, task.object_range, 2)
    yaw = float(rng.uniform(0.0, 2 * np.pi))
    return Start(joint_pos, np.array(task.gripper_home), xy, yaw, half_size)
