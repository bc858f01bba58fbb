# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fast engine: one simulated cell of a task, stepped and drawn without robosuite's layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.spaces import Size
from robomd_ros.core.variations import NOMINAL, Scene
from sim_bridge.engine.controller import OscController
from sim_bridge.engine.models import load_model
from sim_bridge.engine.renderer import CameraRenderer
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.tasks.lift import ObjectPose, Start, Task, draw_start

Array = NDArray[np.float64]


class Readings:
    """What policies and judges read from a running robosuite model, whoever steps it."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, task: Task) -> None:
        self._data = data
        self._task = task
        self._cube = model.body(task.object_names["cube"]).id
        self._site = model.site("gripper0_right_grip_site").id
        joints = [model.joint(f"robot0_joint{i}") for i in range(1, 8)]
        fingers = [model.joint(f"gripper0_right_finger_joint{i}") for i in (1, 2)]
        self._joint_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._joint_dofs = np.array([joint.dofadr[0] for joint in joints])
        self._finger_qpos = np.array([joint.qposadr[0] for joint in fingers])
        self._cube_qpos = int(model.joint("cube_joint0").qposadr[0])

    def write_start(self, start: Start, half_size: Array) -> None:
        """Put the robot and a cube of this half-size (m) where the start says."""
        qpos, task = self._data.qpos, self._task
        qpos[self._joint_qpos] = start.joint_pos
        qpos[self._finger_qpos] = start.gripper_qpos
        height = task.table_height + task.drop_height + half_size[2]
        half_yaw = start.object_yaw / 2
        pose = [*start.object_xy, height, np.cos(half_yaw), 0.0, 0.0, np.sin(half_yaw)]
        qpos[self._cube_qpos : self._cube_qpos + 7] = pose

    def proprioception(self) -> dict[str, Array]:
        """Measured state of the robot; poses in the world frame."""
        data = self._data
        return {
            "eef_pos": data.site_xpos[self._site].copy(),
            "eef_quat_xyzw": _quat_xyzw(data.site_xmat[self._site]),
            "gripper_qpos": data.qpos[self._finger_qpos],
            "joint_pos": data.qpos[self._joint_qpos],
            "joint_vel": data.qvel[self._joint_dofs],
        }

    def cube(self, half_size: Array) -> ObjectPose:
        """Where the cube is."""
        data = self._data
        rotation = data.xmat[self._cube].reshape(3, 3).copy()
        return ObjectPose(data.xpos[self._cube].copy(), rotation, half_size)

    def state(self, half_size: Array, margin: float, scene: Scene) -> dict[str, Any]:
        """The privileged state; see Simulation.observe."""
        data, table = self._data, self._task.table_height
        return {
            "cube_pos": data.xpos[self._cube].copy(),
            "cube_quat_xyzw": np.roll(data.xquat[self._cube], -1),
            "cube_half_size": half_size.copy(),
            "eef_pos": data.site_xpos[self._site].copy(),
            "table_height": table,
            "success_height": table + float(half_size[2]) + margin,
            "scene": scene.ids,
        }


class Simulation:
    """One simulated cell: reset, step, observe, success.

    It gives the states of stock robosuite for the same start and commands, and applies scenes to
    the compiled model. Not thread-safe; the picture belongs to the thread that first observes.
    """

    def __init__(self, task: Task, *, cameras: Mapping[str, Size] | None = None) -> None:
        """Load the model; graphics contexts open at the first pictures.

        Args:
            task: what is simulated.
            cameras: name -> (height, width), pixels, of all that `observe` shows; the task's own by
                default.
        """
        self._task = task
        own = {task.camera: (task.image_size, task.image_size)}
        self._cameras = own if cameras is None else dict(cameras)
        self._sizes = {**own, **self._cameras}
        self._model = load_model(task)
        self._data = mujoco.MjData(self._model)
        self._editor = SceneEditor(self._model, task)
        self._controller = OscController(self._model, self._data, task.control_freq)
        self._readings = Readings(self._model, self._data, task)
        self._renderers: dict[str, CameraRenderer] = {}
        self._steps = 0
        self._scene = NOMINAL
        self.reset(0)

    def check(self, scene: Scene) -> None:
        """Whether the scene can be applied; changes nothing.

        Raises:
            CatalogueError: it cannot; the message says which variation and why.
        """
        self._editor.check(scene)

    def reset(self, seed: int, scene: Scene = NOMINAL) -> None:
        """Start an episode in this scene; the same seed and scene give the same start.

        Raises:
            CatalogueError: the scene cannot be applied; the last one stays in force.
        """
        self.start_from(draw_start(self._task, seed), scene)

    def start_from(self, start: Start, scene: Scene = NOMINAL) -> None:
        """Start an episode from a given start, for comparison with another engine.

        Raises:
            CatalogueError: the scene cannot be applied; the last one stays in force.
        """
        self._editor.check(scene)
        self._half_size = self._editor.apply(scene, start.half_size)
        self._margin = success_margin(self._task, start)
        self._scene = scene
        mujoco.mj_resetData(self._model, self._data)
        xy = start.object_xy + self._editor.object_shift(scene)
        self._readings.write_start(replace(start, object_xy=xy), self._half_size)
        mujoco.mj_forward(self._model, self._data)
        self._controller.reset()
        self._steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        """Execute one command for one control period.

        Args:
            action: (7,) float; see OscController.step.

        Raises:
            ValueError: the command has another shape or is not finite; nothing moved.
        """
        command = checked_action(action, self._task)
        self._controller.step(command)
        self._steps += 1

    def observe(self, state: bool = False) -> dict[str, Any]:
        """What the policy sees now.

        Args:
            state: also give the privileged state.

        Returns:
            `images`: camera name -> (H, W, 3) uint8 RGB, upright (row 0 is the top);
            `proprioception`: `eef_pos` (3,) m, `eef_quat_xyzw` (4,), both of the grip site in the
            world frame, `gripper_qpos` (2,) m, `joint_pos` (7,) rad, `joint_vel` (7,) rad/s;
            `state` if asked: `cube_pos` (3,) m, `cube_quat_xyzw` (4,), `cube_half_size` (3,) m,
            `eef_pos` (3,) m, `table_height` and `success_height` (of the cube's centre) m, all in
            the world frame, and `scene`, the ids of the variations in force.
        """
        observation: dict[str, Any] = {
            "images": {camera: self._draw(camera) for camera in self._cameras},
            "proprioception": self._readings.proprioception(),
        }
        if state:
            observation["state"] = self.state()
        return observation

    def draw(self) -> NDArray[np.uint8]:
        """Only the picture of the task's camera, (H, W, 3) uint8 RGB."""
        return self._draw(self._task.camera)

    def _draw(self, camera: str) -> NDArray[np.uint8]:
        renderer = self._renderers.get(camera)
        if renderer is None:
            renderer = CameraRenderer(self._model, camera, self._sizes[camera])
            self._renderers[camera] = renderer
        return renderer.draw(self._data)

    def state(self) -> dict[str, Any]:
        """Only the privileged state; see observe."""
        return self._readings.state(self._half_size, self._margin, self._scene)

    def proprioception(self) -> dict[str, Array]:
        """Only the robot's measured state; see observe."""
        return self._readings.proprioception()

    @property
    def task(self) -> Task:
        """What is simulated."""
        return self._task

    @property
    def success(self) -> bool:
        """Whether the task is done now."""
        pose = self._readings.cube(self._half_size)
        return self._task.judge(pose, self._task.table_height, self._margin)

    @property
    def steps(self) -> int:
        """Commands executed since the reset."""
        return self._steps

    @property
    def time(self) -> float:
        """Simulated time since the reset, s."""
        return self._steps / self._task.control_freq

    def close(self) -> None:
        """Free the graphics contexts; idempotent, and the next picture opens a new one."""
        renderers, self._renderers = self._renderers, {}
        for renderer in renderers.values():
            renderer.close()


def success_margin(task: Task, start: Start) -> float:
    """How far the object must rise above its resting height, m.

    robosuite asks for the centre 0.04 m above the table; for a nominal cube that is this margin
    above its resting height, and a resized cube must rise by as much as the nominal one it
    replaces. It is more than the height from which the cube drops at the start.
    """
    return task.success_height - float(start.half_size[2])


def checked_action(action: object, task: Task) -> Array:
    """The command as a float64 array; ValueError unless it has the task's size and is finite."""
    try:
        command = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a command must be {task.action_size} numbers; got {action!r}") from error
    if command.shape != (task.action_size,) or not np.isfinite(command).all():
        raise ValueError(
            f"a command must be {task.action_size} finite numbers; got shape {command.shape}: "
            f"{command}"
        )
    return command


def _quat_xyzw(mat: Array) -> Array:
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, mat)
    return np.roll(quat, -1)
