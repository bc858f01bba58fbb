# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lifting a cube from a table: robosuite's Lift, for any arm, with or without distractors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.schema import default_of
from robomd_ros.core.spaces import Spaces
from robomd_ros.core.variations import Scene
from sim_bridge.tasks.task import ArmSize, InForce, Pose, Slot, Start, State, simulated_spaces

if TYPE_CHECKING:
    import mujoco

    from sim_bridge.engine.edits import Edit

SIZE: Slot = ("size", "cube")
POSITION: Slot = ("position", "cube")
TABLE_SIZE: Slot = ("size", "table")
_REACHED = 0.04
"""m between the fingers and the cube's centre."""
_ASIDE = (-3.0, 0.0, 0.5)
"""m, where distractors wait that no scene shows; each next one 0.5 m further along y."""
_UPRIGHT = (1.0, 0.0, 0.0, 0.0)


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
class Distractor:
    """Something that a scene may put beside the cube.

    Attributes:
        shape: "cylinder" (radius, half height) or "box" (three half sides).
        size: m.
        rgba: its colour.
    """

    shape: str
    size: tuple[float, ...]
    rgba: tuple[float, float, float, float]

    @property
    def half_height(self) -> float:
        """From its middle to its top, m."""
        return self.size[-1]


@dataclass(frozen=True, eq=False)
class LiftStart(Start):
    """The state in which an episode starts; the same for every engine.

    Attributes:
        object_xy: (2,) float64, m, from the centre of the table.
        object_yaw: rad.
        half_size: (3,) float64, m, the nominal object's.
    """

    object_xy: NDArray[np.float64]
    object_yaw: float
    half_size: NDArray[np.float64]


@dataclass(frozen=True)
class LiftTask:
    """Implements Task; it has the attributes of Task and its own.

    Attributes:
        home: rad, the arm's joints at the start before noise.
        cameras: all that the model has.
        joint_noise: rad, standard deviation of the noise on them.
        gripper_home: m, the finger joints at the start.
        table_height: m, world height of the table top.
        table_half_size: m, robosuite's.
        object_range: m, the cube starts within plus or minus this in x and y.
        yaw_range: rad, turned by this.
        drop_height: m, it starts this far above its resting height.
        half_size_range: m, bounds of the nominal cube's half-size, drawn per axis.
        success_height: m, centre of a nominal cube above the table that counts as lifted.
        distractors: by name.
    """

    name: str
    robot: str
    home: tuple[float, ...]
    environment: str = "Lift"
    instruction: str = "lift the cube"
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
    horizon: int = default_of(CampaignConfig, "horizon")
    action_size: int = 7
    variant: str = ""
    joint_noise: float = 0.02
    gripper_home: tuple[float, ...] = (0.020833, -0.020833)
    table_height: float = 0.8
    table_half_size: tuple[float, float, float] = (0.4, 0.4, 0.025)
    object_range: float = 0.03
    yaw_range: tuple[float, float] = (0.0, 2 * np.pi)
    drop_height: float = 0.01
    half_size_range: tuple[float, float] = (0.020, 0.022)
    success_height: float = 0.04
    distractors: Mapping[str, Distractor] = field(default_factory=dict)

    @property
    def objects(self) -> Mapping[str, str]:
        """The cube."""
        return {"cube": "cube_main"}

    @property
    def spaces(self) -> Spaces:
        """What a cell of this task gives a policy, and takes from it."""
        return simulated_spaces(
            self.cameras,
            self.image_size,
            ArmSize(len(self.home), 2, "m"),
            self.action_size,
            self.control_freq,
        )

    @property
    def edits(self) -> "Mapping[Slot, Edit]":
        """Cube, table, robot, light, camera and distractors."""
        from sim_bridge.engine import edits  # noqa: PLC0415 - MuJoCo is for who simulates

        cube, table = self.objects["cube"], "table"
        return {
            TABLE_SIZE: edits.table_size(table, self.table_height),
            SIZE: edits.box_size(cube, self.half_size_range),
            # a mass is absolute, so it comes after the size, which would scale it
            ("mass", "cube"): edits.mass(cube),
            ("friction", "cube"): edits.friction(cube),
            POSITION: edits.start_shift(),
            ("color", "cube"): edits.color(edits.of_bodies(cube)),
            ("color", "table"): edits.color(edits.boxes_of(table)),
            ("color", "robot"): edits.color(edits.of_prefixes("robot0_", "gripper0_")),
            ("color", "light"): edits.light("rgb", 0.0, 1.0, 3),
            ("strength", "light"): edits.light("factor", 0.0, 5.0, 1),
            ("pose", "camera"): edits.camera_pose(self.camera),
            **{("distractor", name): edits.shown(name) for name in self.distractors},
        }

    def adapt(self, spec: "mujoco.MjSpec") -> None:
        """Add the distractors, aside and touching nothing."""
        import mujoco  # noqa: PLC0415

        shapes = {
            "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
            "box": mujoco.mjtGeom.mjGEOM_BOX,
        }
        for number, (name, one) in enumerate(self.distractors.items()):
            body = spec.worldbody.add_body(name=name, pos=_aside(number), gravcomp=1.0)
            body.mass, body.inertia, body.explicitinertial = 0.2, (2e-4, 2e-4, 2e-4), True
            body.ipos, body.iquat = (0.0, 0.0, 0.0), _UPRIGHT  # else the place of the body itself
            body.add_freejoint(name=f"{name}_joint")
            size = (*one.size, 0.0)[:3]
            body.add_geom(
                name=name, type=shapes[one.shape], size=size, rgba=one.rgba, group=1,
                contype=0, conaffinity=0,
            )  # fmt: skip

    def draw_start(self, seed: int) -> LiftStart:
        """Draw a start from robosuite's distribution; the same seed gives the same start."""
        rng = np.random.default_rng(seed)
        half_size = rng.uniform(*self.half_size_range, 3)
        joint_pos = np.array(self.home) + self.joint_noise * rng.standard_normal(len(self.home))
        xy = rng.uniform(-self.object_range, self.object_range, 2)
        yaw = float(rng.uniform(*self.yaw_range))
        return LiftStart(joint_pos, np.array(self.gripper_home), xy, yaw, half_size)

    def drawn(self, start: LiftStart) -> InForce:
        """The cube's size."""
        return {SIZE: {"half_size": start.half_size}}

    def check(self, scene: Scene, values: InForce) -> None:
        """CatalogueError if the cube may start off the table."""
        half_size = np.array(self.table_half_size)
        if TABLE_SIZE in values:
            half_size = values[TABLE_SIZE]["half_size"]
        reach = self.object_range + np.abs(shift_of(values))
        if (reach > half_size[:2]).any():
            raise CatalogueError(
                f"in the scene of {', '.join(scene.ids)} the cube may start {reach.max():g} m from "
                f"the middle of a table of half-size {half_size[:2].tolist()} m, which is off it; "
                "enlarge the table or shift the cube less"
            )

    def place(
        self, model: "mujoco.MjModel", data: "mujoco.MjData", start: LiftStart, values: InForce
    ) -> None:
        """Put the cube at its start, shifted as the scene says, and the distractors."""
        xy = start.object_xy + shift_of(values)
        height = self.table_height + self.drop_height + values[SIZE]["half_size"][2]
        half_yaw = start.object_yaw / 2
        turn = (np.cos(half_yaw), 0.0, 0.0, np.sin(half_yaw))
        _put(model, data, "cube_joint0", (*xy, height), turn)
        self.place_distractors(model, data, values)

    def place_distractors(
        self, model: "mujoco.MjModel", data: "mujoco.MjData", values: InForce
    ) -> None:
        """Put those that the scene shows on the table, and the others aside."""
        for number, (name, one) in enumerate(self.distractors.items()):
            place = _aside(number)
            if shown := values.get(("distractor", name)):
                x, y = shown["offset"].tolist()
                place = (x, y, self.table_height + one.half_height)
            _put(model, data, f"{name}_joint", place, _UPRIGHT)

    def success(self, state: State) -> Mapping[str, bool]:
        """Whether the cube is lifted ("task"), and whether the hand has reached it."""
        pose = _cube(state)
        near = float(np.linalg.norm(state.eef_pos - pose.position)) < _REACHED
        done = lifted(pose, self.table_height, self.margin(state.start))
        return {"task": done, "reached": near or done}

    def margin(self, start: LiftStart) -> float:
        """How far the cube must rise above its resting height, m.

        robosuite asks for the centre 0.04 m above the table; for a nominal cube that is this
        margin above its resting height, and a resized cube must rise by as much as the nominal one
        it replaces. It is more than the height from which the cube drops at the start.
        """
        return self.success_height - float(start.half_size[2])

    def facts(self, start: LiftStart, values: InForce) -> dict[str, Any]:
        """The cube's half-size (3,), the table's height and that of a lifted cube's centre, m."""
        half_size = values[SIZE]["half_size"]
        success = self.table_height + float(half_size[2]) + self.margin(start)
        return {
            "cube_half_size": half_size.copy(),
            "table_height": self.table_height,
            "success_height": success,
        }


def lift() -> LiftTask:
    """The simulator's: a Panda."""
    home = (0.0, np.pi / 16, 0.0, -np.pi / 2 - np.pi / 3, 0.0, np.pi - 0.2, np.pi / 4)
    return LiftTask(name="lift", robot="Panda", home=home)


def shift_of(values: InForce) -> NDArray[np.float64]:
    """(2,) m, how far the scene moves the cube's start."""
    return values[POSITION]["shift"] if POSITION in values else np.zeros(2)


def _cube(state: State) -> ObjectPose:
    pose: Pose = state.objects["cube"]
    return ObjectPose(pose.position, pose.rotation, state.values[SIZE]["half_size"])


def _aside(number: int) -> tuple[float, ...]:
    return (_ASIDE[0], 0.5 * number, _ASIDE[2])


def _put(
    model: "mujoco.MjModel",
    data: "mujoco.MjData",
    joint: str,
    place: tuple[float, ...],
    turn: tuple[float, ...],
) -> None:
    address = int(model.joint(joint).qposadr[0])
    velocity = int(model.joint(joint).dofadr[0])
    data.qpos[address : address + 7] = (*place, *turn)
    data.qvel[velocity : velocity + 6] = 0.0
