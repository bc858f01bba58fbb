# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Any environment of robosuite's as a task: it places and judges, this says what can be varied."""

import difflib
import importlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.plugins import add_current_folder
from robomd_ros.core.spaces import Spaces
from robomd_ros.core.variations import Scene
from sim_bridge.tasks.task import ArmSize, InForce, Slot, State, simulated_spaces

if TYPE_CHECKING:
    import mujoco

    from sim_bridge.engine.edits import Edit

_REACHED = 0.07
"""m between the fingers and the origin of what is handled."""
CAMERAS = (
    *("agentview", "frontview", "birdview", "sideview", "robot0_robotview"),
    "robot0_eye_in_hand",
)
"""Of robosuite's table tops."""


ARMS: Mapping[str, ArmSize] = {"Panda": ArmSize(7, 2, "m"), "UR5e": ArmSize(6, 6, "rad")}
"""The arms whose parity with robosuite is tested."""


@dataclass(frozen=True)
class RobosuiteStart:
    """A start that robosuite draws.

    Attributes:
        seed: of its generator.
    """

    seed: int


@dataclass(frozen=True)
class Thing:
    """Something in the scene that can be varied.

    Attributes:
        body: its root body; its other bodies and its geoms' bodies begin with `prefix`.
        prefix: of the names of its bodies; "" is the body alone.
        joint: its free joint; "" where it is fixed.
        movable: a fixed body that may be put elsewhere.
        stretchable: a fixed body of boxes and upright cylinders, whose axes may be scaled apart.
    """

    body: str
    prefix: str = ""
    joint: str = ""
    movable: bool = False
    stretchable: bool = False


@dataclass(frozen=True)
class RobosuiteTask:
    """Implements Task for an environment of robosuite's; it has the attributes of Task and its own.

    Attributes:
        cameras: all that the model has; empty: whatever the environment has.
        things: what can be varied, by the name that catalogues give it; None: whatever objects the
            environment has.
        seen: name -> body, of what else experts and policies with `wants_state` see.
        handled: the thing that is grasped, for the stages; "" where that is nobody's business.
        lifted_above: m, height of its origin from which on it is lifted.
        module: imported first, for the environments that it registers.
        options: of `robosuite.make`.
    """

    name: str
    environment: str
    robot: str = "Panda"
    instruction: str = ""
    camera: str = "agentview"
    cameras: tuple[str, ...] = field(default_factory=tuple)
    image_size: int = 84
    control_freq: int = 20
    horizon: int = 400
    variant: str = ""
    things: Mapping[str, Thing] | None = None
    seen: Mapping[str, str] = field(default_factory=dict)
    handled: str = ""
    lifted_above: float = 0.0
    module: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.instruction:
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.environment).lower()
            object.__setattr__(self, "instruction", words)

    @property
    def placed_by_robosuite(self) -> bool:
        """Yes: `Simulation` needs the environment object."""
        return True

    @cached_property
    def found(self) -> "Found":
        """What the environment has; it is made once for this, seconds, where nothing was said."""
        from sim_bridge.engine.found import look  # noqa: PLC0415 - MuJoCo is for who simulates

        return look(self)

    @property
    def objects(self) -> Mapping[str, str]:
        """What policies with `wants_state` see: name -> root body."""
        return {**{name: thing.body for name, thing in self.varied.items()}, **self.seen}

    @property
    def varied(self) -> Mapping[str, Thing]:
        """What can be varied, by name."""
        return self.found.things if self.things is None else self.things

    @property
    def action_size(self) -> int:
        """6 of the pose, and one for a gripper that has motors."""
        return 7 if self._arm.fingers else 6

    @property
    def _arm(self) -> ArmSize:
        known = ARMS.get(self.robot) if self.cameras else None
        return known or self.found.arm

    @property
    def spaces(self) -> Spaces:
        """What a cell of this task gives a policy, and takes from it."""
        return simulated_spaces(
            self.cameras or self.found.cameras,
            self.image_size,
            self._arm,
            self.action_size,
            self.control_freq,
        )

    @property
    def edits(self) -> "Mapping[Slot, Edit]":
        """Lights, camera, robot, table and every object."""
        from sim_bridge.engine.generic_edits import edits_of  # noqa: PLC0415 - see `found`

        return edits_of(self)

    def adapt(self, spec: "mujoco.MjSpec") -> None:
        """Nothing: the model is robosuite's."""

    def draw_start(self, seed: int) -> RobosuiteStart:
        """Robosuite draws it from this seed when the episode begins."""
        return RobosuiteStart(seed)

    def drawn(self, start: RobosuiteStart) -> InForce:
        """Nothing: what robosuite draws, its reset writes."""
        return {}

    def check(self, scene: Scene, values: InForce) -> None:
        """Every variation can stand beside every other."""

    def place(
        self, model: "mujoco.MjModel", data: "mujoco.MjData", start: RobosuiteStart, values: InForce
    ) -> None:
        """Where robosuite has put the objects, shifted as the scene says."""
        for name, thing in self.varied.items():
            shift = values.get(("position", name))
            if shift is None:
                continue
            if thing.joint:
                address = int(model.joint(thing.joint).qposadr[0])
                data.qpos[address : address + 2] += shift["shift"]
            else:
                model.body_pos[model.body(thing.body).id, :2] += shift["shift"]

    def success(self, state: State) -> Mapping[str, bool]:
        """What robosuite says, and how far the hand has come with what it handles."""
        done = bool(state.judged)
        if not self.handled:
            return {"task": done}
        where = state.objects[self.handled].position
        near = float(np.linalg.norm(state.eef_pos - where)) < _REACHED
        lifted = bool(where[2] > self.lifted_above)
        return {"task": done, "reached": near or lifted or done, "lifted": lifted}

    def facts(self, start: RobosuiteStart, values: InForce) -> dict[str, Any]:
        """Nothing else."""
        return {}


@dataclass(frozen=True)
class Found:
    """What an environment was found to have.

    Attributes:
        cameras: names.
        arm: sizes of the robot's.
        things: its objects.
    """

    cameras: tuple[str, ...]
    arm: ArmSize
    things: Mapping[str, Thing]


def registered(module: str = "") -> list[str]:
    """Names of the environments that robosuite has, those of `module` included.

    Raises:
        ConfigurationError: the module cannot be imported.
    """
    if module:
        add_current_folder()
        try:
            importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise ConfigurationError(
                f"the module {module!r} of a robosuite environment cannot be imported "
                f"({type(error).__name__}: {error}); start in the folder that holds it"
            ) from error
    return sorted(import_robosuite().ALL_ENVIRONMENTS)


def import_robosuite() -> Any:
    """The package, late because it takes seconds; its log lines below errors are left out."""
    logs = logging.getLogger("robosuite_logs")
    if _errors_only not in logs.filters:
        logs.addFilter(_errors_only)
    import robosuite  # noqa: PLC0415 - see above

    return robosuite


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def require_registered(task: RobosuiteTask) -> None:
    """ConfigurationError unless robosuite has the task's environment; the names are listed."""
    names = registered(task.module)
    if task.environment not in names:
        close = difflib.get_close_matches(task.environment, names, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        raise ConfigurationError(
            f"robosuite has no environment {task.environment!r}{meant}; it has {', '.join(names)}. "
            "One of your own: task:=python:<module>:<class>"
        )
