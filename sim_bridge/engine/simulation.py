# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fast engine: one simulated cell of a task, stepped and drawn without robosuite's layers."""

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.spaces import Size
from robomd_ros.core.variations import NOMINAL, Scene
from sim_bridge.engine.binding import panda
from sim_bridge.engine.controller import OscController, Stepper
from sim_bridge.engine.disturbance import Disturbance
from sim_bridge.engine.episode import (
    Episode,
    PlacedByRobosuite,
    PlacedByTask,
    Readings,
    quat_xyzw,
)
from sim_bridge.engine.models import load_model
from sim_bridge.engine.renderer import CameraRenderer
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.engine.world import World
from sim_bridge.tasks.robosuite_task import RobosuiteTask
from sim_bridge.tasks.task import Array, Task


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
        self._world = World.light(task) if isinstance(task, RobosuiteTask) else None
        self._open(task, self._world)
        self._editor = SceneEditor(self._model, task)
        self._readings = Readings(self._model, self._data, self._binding, task.objects)
        parts = task, self._readings, self._editor
        self._episode: Episode = PlacedByTask(*parts)
        if self._world is not None:
            self._episode = PlacedByRobosuite(*parts, self._world)
        self._scaled: frozenset[int] = frozenset()
        self._disturbance = Disturbance()
        self._renderers: dict[str, CameraRenderer] = {}
        self._steps = 0
        self.reset(0)

    def _open(self, task: Task[Any], world: World | None) -> None:
        """The compiled model, its data, and what moves its robot."""
        if world is not None:
            self._model, self._data, self._binding = world.model, world.data, world.binding
            self._controller: Stepper = world.controller()
        else:
            self._model = load_model(task)
            self._data = mujoco.MjData(self._model)
            self._binding = panda(self._model)
            self._controller = OscController(
                self._model, self._data, task.control_freq, self._binding
            )
        known = [self._model.camera(i).name for i in range(self._model.ncam)]
        if missing := [name for name in self._sizes if name not in known]:
            raise ConfigurationError(
                f"the task {task.name!r} has no camera {missing[0]!r}; it has {', '.join(known)}"
            )

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

    def start_from(self, start: Any, scene: Scene = NOMINAL) -> None:
        """Start an episode from a given start, for comparison with another engine.

        Raises:
            CatalogueError: the scene cannot be applied; the last one stays in force.
        """
        self._episode.begin(start, scene)
        mujoco.mj_resetData(self._model, self._data)
        self._episode.place(self._model, self._data)
        mujoco.mj_forward(self._model, self._data)
        self._controller.reset()
        self._disturbance.begin(self._episode.values, getattr(start, "seed", 0))
        self._steps = 0
        scaled = self._editor.meshes(self._episode.values)
        if changed := scaled | self._scaled:
            for renderer in self._renderers.values():
                renderer.reload(self._model, changed)
        self._scaled = scaled

    def step(self, action: NDArray[np.float64]) -> None:
        """Execute one command for one control period.

        Args:
            action: (7,) float; see OscController.step.

        Raises:
            ValueError: the command has another shape or is not finite; nothing moved.
        """
        command = self._disturbance.executed(checked_action(action, self._task))
        self._controller.step(command)
        self._episode.executed(command)
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
        return self._disturbance.seen(renderer.draw(self._data), camera, self._steps)

    def state(self) -> dict[str, Any]:
        """Only the privileged state; see observe."""
        return self._episode.state()

    def full_state(self) -> Array:
        """Time, s, then MuJoCo's qpos and qvel, as robomimic stores states."""
        data = self._data
        return np.concatenate([[self.time], data.qpos, data.qvel])

    def proprioception(self) -> dict[str, Array]:
        """Only the robot's measured state; see observe."""
        return self._readings.proprioception()

    def poses(self) -> dict[str, Array]:
        """Where things that policies refer to are in the world frame, as the scene has them.

        Returns:
            `base`: the arm's; `camera`: the optical frame of the task's (z where it looks, x to
            the right of the picture); each (7,): position, m, and quaternion x, y, z, w.
        """
        data, base = self._data, self._binding.base
        camera = self._model.camera(self._task.camera).id
        # MuJoCo's cameras look along their -z, with y up
        optical = data.cam_xmat[camera].reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
        return {
            "base": np.array([*data.xpos[base], *quat_xyzw(data.xmat[base])]),
            "camera": np.array([*data.cam_xpos[camera], *quat_xyzw(optical.ravel())]),
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
