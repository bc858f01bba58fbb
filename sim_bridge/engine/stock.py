# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stock robosuite behind the interface of Simulation: what this project's engine is measured by."""

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.variations import NOMINAL, Scene
from sim_bridge.engine.disturbance import Disturbance
from sim_bridge.engine.episode import Episode, PlacedByRobosuite, PlacedByTask, Readings
from sim_bridge.engine.models import stock_environment
from sim_bridge.engine.robosuite_robot import bind_robot
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.engine.simulation import checked_action
from sim_bridge.engine.world import World, make_environment
from sim_bridge.tasks.robosuite_task import RobosuiteTask
from sim_bridge.tasks.task import Task


class StockSimulation:
    """robosuite's own environment: its renderer, its controller, its step; same starts, same judge.

    Note: robosuite compiles its model again at every reset; here it is kept (hard_reset off), so a
    comparison of speed is in robosuite's favour.
    """

    def __init__(self, task: Task[Any], *, pictures: bool = True) -> None:
        """Make the environment.

        Args:
            task: what is simulated.
            pictures: whether robosuite renders the camera at every step, as it does for a policy
                that sees; without it `observe` cannot be called.
        """
        options: dict[str, Any] = {}
        if pictures:
            options = {
                "has_offscreen_renderer": True,
                "use_camera_obs": True,
                "camera_names": task.camera,
                "camera_heights": task.image_size,
                "camera_widths": task.image_size,
            }
        self._task = task
        if isinstance(task, RobosuiteTask):
            self._environment = make_environment(task, **options)
        else:
            fixed = {"hard_reset": False, "horizon": 10**9}
            self._environment = stock_environment(task, **fixed, **options)
        self._environment.reset()
        simulator = self._environment.sim
        self._model, self._data = simulator.model._model, simulator.data._data
        self._editor = SceneEditor(self._model, task)
        binding = bind_robot(self._environment)
        self._arm = binding.arm_qpos
        self._readings = Readings(self._model, self._data, binding, task.objects)
        parts = task, self._readings, self._editor
        self._episode: Episode = PlacedByTask(*parts)
        if isinstance(task, RobosuiteTask):
            self._episode = PlacedByRobosuite(*parts, World(task, self._environment))
        self._steps = 0
        self._disturbance = Disturbance()
        self.reset(0)

    def check(self, scene: Scene) -> None:
        """Whether the scene can be applied; CatalogueError if not."""
        self._editor.check(scene)

    def reset(self, seed: int, scene: Scene = NOMINAL) -> None:
        """Start an episode: the same start as Simulation.reset with this seed and scene."""
        self.start_from(self._task.draw_start(seed), scene)

    def start_from(self, start: Any, scene: Scene = NOMINAL) -> None:
        """Start an episode from a given start."""
        self._take_graphics()
        self._episode.begin(start, scene)
        environment = self._environment
        environment.reset()
        # The start is ours, or drawn again from the seed, not from what robosuite drew just now.
        self._data.qvel[:] = 0.0
        self._episode.place(self._model, self._data)
        mujoco.mj_forward(self._model, self._data)
        robot = environment.robots[0]
        posture = self._data.qpos[self._arm]
        robot.part_controllers[robot.arms[0]].update_initial_joints(posture)
        self._images = environment._get_observations(force_update=True)
        self._disturbance.begin(self._episode.values, getattr(start, "seed", 0))
        self._steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        """Execute one command; ValueError unless it is the task's number of finite numbers."""
        command = self._disturbance.executed(checked_action(action, self._task))
        self._take_graphics()
        self._images = self._environment.step(command)[0]
        self._steps += 1

    def _take_graphics(self) -> None:
        """Robosuite draws into whatever context is current; another engine's may be."""
        context = self._environment.sim._render_context_offscreen
        if context is not None:
            context.gl_ctx.make_current()

    def observe(self, state: bool = False) -> dict[str, Any]:
        """As Simulation.observe, with robosuite's picture turned upright."""
        observation: dict[str, Any] = {
            "images": {self._task.camera: self.draw()},
            "proprioception": self._readings.proprioception(),
        }
        if state:
            observation["state"] = self.state()
        return observation

    def draw(self) -> NDArray[np.uint8]:
        """Only the picture of the task's camera."""
        camera = self._task.camera
        picture = np.ascontiguousarray(self._images[f"{camera}_image"][::-1])
        return self._disturbance.seen(picture, camera, self._steps)

    def state(self) -> dict[str, Any]:
        """Only the privileged state."""
        return self._episode.state()

    def proprioception(self) -> dict[str, NDArray[np.float64]]:
        """Only the robot's measured state."""
        return self._readings.proprioception()

    @property
    def success(self) -> bool:
        """Whether the task is done now, judged as in Simulation."""
        return self.stages["task"]

    @property
    def stages(self) -> Mapping[str, bool]:
        """Whether the "task" is done now, and which of its stages."""
        return self._episode.stages()

    @property
    def stock_success(self) -> bool:
        """What robosuite itself says, which knows the nominal cube only."""
        return bool(self._environment._check_success())

    @property
    def steps(self) -> int:
        """Commands executed since the reset."""
        return self._steps

    @property
    def time(self) -> float:
        """Simulated time since the reset, s."""
        return self._steps / self._task.control_freq

    def close(self) -> None:
        """Free robosuite's renderer."""
        self._environment.close()
