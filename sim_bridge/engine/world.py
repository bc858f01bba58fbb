# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""robosuite's environment object, which places and judges, on a model of ours or on its own."""

import logging
from typing import Any

import mujoco
import numpy as np

from robomd_ros.core.errors import ConfigurationError
from sim_bridge.engine.binding import Array, Binding
from sim_bridge.engine.controller import OscController, Stepper
from sim_bridge.engine.models import light_model, mjcf_of, stock_environment
from sim_bridge.engine.robosuite_robot import (
    bind_robot,
    require_one_arm,
    why_stepped_by_robosuite,
)
from sim_bridge.tasks.robosuite_task import (
    ARMS,
    RobosuiteTask,
    import_robosuite,
    require_registered,
)

_log = logging.getLogger(__name__)


class RobosuiteStepper:
    """robosuite's own controllers, for what our loop cannot do; five times slower."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def reset(self) -> None:
        """Nothing: robosuite's reset does it."""

    def step(self, action: Array) -> None:
        """Hold one command for one control period; robosuite keeps its account of it."""
        self._environment.step(action)


class World:
    """One environment of robosuite's that draws the start and judges the end.

    What robosuite keeps outside MuJoCo's data (its generator, goals of the controllers, what has
    been wiped) is in the environment object; so an episode is reset by its own methods.
    """

    def __init__(self, task: RobosuiteTask, environment: Any) -> None:
        """Take an environment whose `sim` is the one to be used.

        Raises:
            ConfigurationError: it has what the simulator cannot move.
        """
        require_one_arm(environment, task.name)
        self._task = task
        self._accounted = False
        self.environment = environment
        self.model: mujoco.MjModel = environment.sim.model._model
        self.data: mujoco.MjData = environment.sim.data._data
        self.binding: Binding = bind_robot(environment)

    @classmethod
    def light(cls, task: RobosuiteTask) -> "World":
        """On the lightened model, from the cache where it is there.

        Raises:
            ConfigurationError: robosuite has no such environment, or see `__init__`.
        """
        environment = make_environment(task)
        require_one_arm(environment, task.name)
        from robosuite.utils.binding_utils import MjSim  # noqa: PLC0415 - see import_robosuite

        environment.sim = MjSim(light_model(task, mjcf_of(environment)))
        environment.sim.forward()
        environment.initialize_time(task.control_freq)
        environment._reset_internal()
        return cls(task, environment)

    def controller(self) -> Stepper:
        """What moves the robot: our loop, or robosuite's where ours cannot."""
        if reason := why_stepped_by_robosuite(self.environment):
            _log.warning(
                "the task %r is stepped by robosuite itself, five times slower: %s",
                self._task.name,
                reason,
            )
            self._accounted = True
            return RobosuiteStepper(self.environment)
        return OscController(self.model, self.data, self._task.control_freq, self.binding)

    def reset(self, seed: int) -> None:
        """Draw a start: the same seed gives the same one, in this process and in another.

        The generator keeps its identity: robosuite's samplers hold it.
        """
        environment = self.environment
        environment.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
        environment.sim.reset()
        environment._reset_internal()
        environment.sim.forward()

    def posture(self, joint_pos: Array) -> None:
        """Put the arm there; the posture that robosuite's null space returns to goes with it."""
        self.data.qpos[self.binding.arm_qpos] = joint_pos
        robot = self.environment.robots[0]
        robot.part_controllers[robot.arms[0]].update_initial_joints(joint_pos)

    def executed(self, action: Array) -> None:
        """A command was executed: robosuite keeps its account of it, unless it did it itself."""
        if not self._accounted:
            self.environment._post_action(action)

    def success(self) -> bool:
        """What robosuite says of the present state."""
        return bool(self.environment._check_success())


def make_environment(task: RobosuiteTask, **options: Any) -> Any:
    """Robosuite's environment of the task.

    Args:
        task: names it.
        options: of `robosuite.make`.

    Raises:
        ConfigurationError: robosuite has no such environment or robot, or cannot make it.
    """
    require_registered(task)
    robosuite = import_robosuite()
    if task.robot not in robosuite.ALL_ROBOTS:
        raise ConfigurationError(
            f"robosuite has no robot {task.robot!r}; the simulator moves {', '.join(ARMS)}"
        )
    if task.environment.startswith("TwoArm"):
        raise ConfigurationError(
            f"the task {task.name!r} needs two arms; the simulator moves one: give a task with one"
        )
    given = {"hard_reset": False, "horizon": 10**9, **task.options, **options}
    try:
        return stock_environment(task, **given)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"robosuite cannot make {task.environment} with a {task.robot} "
            f"({type(error).__name__}: {error}); give another robot:=, or correct the environment"
        ) from error
