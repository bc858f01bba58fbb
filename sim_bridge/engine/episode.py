# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One episode of a task: its start and scene put in force, read, judged and told."""

from collections.abc import Mapping
from typing import Any, Protocol

import mujoco
import numpy as np

from robomd_ros.core.variations import NOMINAL, Scene
from sim_bridge.engine.binding import Binding
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.engine.world import World
from sim_bridge.tasks.task import Array, InForce, Pose, Start, State, Task


class Readings:
    """What policies and judges read from a running robosuite model, whoever steps it."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        binding: Binding,
        objects: Mapping[str, str],
    ) -> None:
        """Find everything once.

        Args:
            model: compiled.
            data: of the model.
            binding: of its robot.
            objects: name -> body, of what is seen beside the robot.
        """
        self._data = data
        self._bodies = {name: model.body(body).id for name, body in objects.items()}
        self._site = binding.site
        self._joint_qpos = binding.arm_qpos
        self._joint_dofs = binding.arm_dofs
        self._finger_qpos = binding.finger_qpos

    def write_robot(self, start: Start) -> None:
        """Put the robot where the start says."""
        self._data.qpos[self._joint_qpos] = start.joint_pos
        self._data.qpos[self._finger_qpos] = start.gripper_qpos

    def proprioception(self) -> dict[str, Array]:
        """Measured state of the robot; poses in the world frame."""
        data = self._data
        fingers = {"gripper_qpos": data.qpos[self._finger_qpos]} if self._finger_qpos.size else {}
        return {
            "eef_pos": data.site_xpos[self._site].copy(),
            "eef_quat_xyzw": quat_xyzw(data.site_xmat[self._site]),
            **fingers,
            "joint_pos": data.qpos[self._joint_qpos],
            "joint_vel": data.qvel[self._joint_dofs],
        }

    def judged(self, start: Any, values: InForce, judged: bool | None = None) -> State:
        """What the task judges by; `judged` is what robosuite says."""
        data = self._data
        objects = {
            name: Pose(data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy())
            for name, body in self._bodies.items()
        }
        hand = data.site_xpos[self._site].copy()
        return State(objects, hand, start, values, judged)

    def state(self) -> dict[str, Any]:
        """Poses of the task's objects, and of the hand, in the world frame."""
        data = self._data
        found: dict[str, Any] = {"eef_pos": data.site_xpos[self._site].copy()}
        for name, body in self._bodies.items():
            found[f"{name}_pos"] = data.xpos[body].copy()
            found[f"{name}_quat_xyzw"] = np.roll(data.xquat[body], -1)
        return found


class Episode(Protocol):
    """What a task's start and a scene decide, and what is judged and told of it."""

    def begin(self, start: Any, scene: Scene) -> None:
        """Put the scene in force; CatalogueError leaves the last one."""
        ...

    def place(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Put the robot and the objects at the start."""
        ...

    def executed(self, action: Array) -> None:
        """A command was executed."""
        ...

    def stages(self) -> Mapping[str, bool]:
        """What the task says of the present state."""
        ...

    def state(self) -> dict[str, Any]:
        """The privileged state; see Simulation.observe."""
        ...

    @property
    def values(self) -> InForce:
        """What the scene and the start have set."""
        ...


class _Told:
    """What is the same whoever places and judges."""

    def __init__(self, task: Task[Any], readings: Readings, editor: SceneEditor) -> None:
        self._task = task
        self._readings = readings
        self._editor = editor
        self._scene = NOMINAL
        self._values: InForce = {}

    def state(self) -> dict[str, Any]:
        """The privileged state; see Simulation.observe."""
        return {
            **self._readings.state(),
            **self._task.facts(self._start, self._values),
            "scene": self._scene.ids,
        }

    @property
    def values(self) -> InForce:
        """What the scene and the start have set."""
        return self._values


class PlacedByTask(_Told):
    """An episode of a task that draws its starts, and judges, itself."""

    def begin(self, start: Start, scene: Scene) -> None:
        """Put the scene in force; CatalogueError leaves the last one."""
        self._values = self._editor.apply(scene, self._task.drawn(start))
        self._start, self._scene = start, scene

    def place(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Put the robot and the objects at the start."""
        self._readings.write_robot(self._start)
        self._task.place(model, data, self._start, self._values)

    def executed(self, action: Array) -> None:
        """Nothing: all is in the state."""

    def stages(self) -> Mapping[str, bool]:
        """What the task says of the present state."""
        return self._task.success(self._readings.judged(self._start, self._values))


class PlacedByRobosuite(_Told):
    """An episode whose start robosuite draws, and which it judges."""

    def __init__(
        self, task: Task[Any], readings: Readings, editor: SceneEditor, world: World
    ) -> None:
        super().__init__(task, readings, editor)
        self._world = world

    def begin(self, start: Any, scene: Scene) -> None:
        """Accept the scene; CatalogueError leaves the last one."""
        self._values = self._editor.check(scene)
        self._start, self._scene = start, scene

    def place(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Let robosuite draw the start, then change what the scene changes.

        In this order, because its reset writes into the model too: bins, doors, markers.
        """
        self._editor.restore()
        self._world.reset(self._start.seed)
        self._editor.edit(self._values)
        self._task.place(model, data, self._start, self._values)

    def executed(self, action: Array) -> None:
        """Tell robosuite, which judges some tasks by what has happened."""
        self._world.executed(action)

    def stages(self) -> Mapping[str, bool]:
        """What the task says of the present state, and what robosuite says."""
        done = self._world.success()
        return self._task.success(self._readings.judged(self._start, self._values, done))


def quat_xyzw(mat: Array) -> Array:
    """The quaternion of a (9,) rotation matrix."""
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, mat)
    return np.roll(quat, -1)
