# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fast engine: one simulated cell of a task, stepped and drawn without robosuite's layers."""

from collections.abc import Mapping
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
from sim_bridge.tasks.task import Array, InForce, Pose, Start, State, Task


class Readings:
    """What policies and judges read from a running robosuite model, whoever steps it."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, task: Task[Any]) -> None:
        self._data = data
        self._bodies = {name: model.body(body).id for name, body in task.objects.items()}
        self._site = model.site("gripper0_right_grip_site").id
        joints = [model.joint(f"robot0_joint{i}") for i in range(1, 8)]
        fingers = [model.joint(f"gripper0_right_finger_joint{i}") for i in (1, 2)]
        self._joint_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._joint_dofs = np.array([joint.dofadr[0] for joint in joints])
        self._finger_qpos = np.array([joint.qposadr[0] for joint in fingers])

    def write_robot(self, start: Start) -> None:
        """Put the robot where the start says."""
        self._data.qpos[self._joint_qpos] = start.joint_pos
        self._data.qpos[self._finger_qpos] = start.gripper_qpos

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

    def judged(self, start: Start, values: InForce) -> State:
        """What the task judges by."""
        data = self._data
        objects = {
            name: Pose(data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy())
            for name, body in self._bodies.items()
        }
        return State(objects, data.site_xpos[self._site].copy(), start, values)

    def state(self) -> dict[str, Any]:
        """Poses of the task's objects, and of the hand, in the world frame."""
        data = self._data
        found: dict[str, Any] = {"eef_pos": data.site_xpos[self._site].copy()}
        for name, body in self._bodies.items():
            found[f"{name}_pos"] = data.xpos[body].copy()
            found[f"{name}_quat_xyzw"] = np.roll(data.xquat[body], -1)
        return found


class Episode:
    """What a task's start and a scene decide, and what is judged and told of it."""

    def __init__(self, task: Task[Any], readings: Readings, editor: SceneEditor) -> None:
        self._task = task
        self._readings = readings
        self._editor = editor
        self._scene = NOMINAL

    def begin(self, start: Start, scene: Scene) -> None:
        """Put the scene in force; CatalogueError leaves the last one."""
        self._values = self._editor.apply(scene, self._task.drawn(start))
        self._start, self._scene = start, scene

    def place(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Put the robot and the objects at the start."""
        self._readings.write_robot(self._start)
        self._task.place(model, data, self._start, self._values)

    def stages(self) -> Mapping[str, bool]:
        """What the task says of the present state."""
        return self._task.success(self._readings.judged(self._start, self._values))

    def state(self) -> dict[str, Any]:
        """The privileged state; see Simulation.observe."""
        return {
            **self._readings.state(),
            **self._task.facts(self._start, self._values),
            "scene": self._scene.ids,
        }


class Simulation:
    """One simulated cell: reset, step, observe, success.

    It gives the states of stock robosuite for the same start and commands, and applies scenes to
    the compiled model. Not thread-safe; the picture belongs to the thread that first observes.
    """

    def __init__(self, task: Task[Any], *, cameras: Mapping[str, Size] | None = None) -> None:
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
        self._episode = Episode(task, self._readings, self._editor)
        self._renderers: dict[str, CameraRenderer] = {}
        self._steps = 0
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
        self.start_from(self._task.draw_start(seed), scene)

    def start_from(self, start: Start, scene: Scene = NOMINAL) -> None:
        """Start an episode from a given start, for comparison with another engine.

        Raises:
            CatalogueError: the scene cannot be applied; the last one stays in force.
        """
        self._episode.begin(start, scene)
        mujoco.mj_resetData(self._model, self._data)
        self._episode.place(self._model, self._data)
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
        return self._episode.state()

    def proprioception(self) -> dict[str, Array]:
        """Only the robot's measured state; see observe."""
        return self._readings.proprioception()

    def poses(self) -> dict[str, Array]:
        """Where things that policies refer to are in the world frame, as the scene has them.

        Returns:
            `base`: the arm's; `camera`: the optical frame of the task's (z where it looks, x to
            the right of the picture); each (7,): position, m, and quaternion x, y, z, w.
        """
        data, base = self._data, self._model.body("robot0_base").id
        camera = self._model.camera(self._task.camera).id
        # MuJoCo's cameras look along their -z, with y up
        optical = data.cam_xmat[camera].reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
        return {
            "base": np.array([*data.xpos[base], *_quat_xyzw(data.xmat[base])]),
            "camera": np.array([*data.cam_xpos[camera], *_quat_xyzw(optical.ravel())]),
        }

    @property
    def task(self) -> Task[Any]:
        """What is simulated."""
        return self._task

    @property
    def stages(self) -> Mapping[str, bool]:
        """Whether the "task" is done now, and which of its stages."""
        return self._episode.stages()

    @property
    def success(self) -> bool:
        """Whether the task is done now."""
        return self.stages["task"]

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


def checked_action(action: object, task: Task[Any]) -> Array:
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
