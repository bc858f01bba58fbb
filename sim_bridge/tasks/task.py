# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a task is: what stands there, how an episode starts, what can be varied, what success is."""

import difflib
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.plugins import Named, PluginKind
from robomd_ros.core.spaces import ActionSpec, Quantity, Spaces
from robomd_ros.core.variations import Scene

if TYPE_CHECKING:
    import mujoco

    from sim_bridge.engine.edits import Edit

Array = NDArray[np.float64]
Slot = tuple[str, str]
"""Factor and target of a variation."""
Values = Mapping[str, Array]
InForce = Mapping[Slot, Values]
"""What a scene has set, and what the start has drawn of the rest."""

TASKS = PluginKind(
    "task",
    "robomd.tasks",
    own={
        "lift": "sim_bridge.tasks.lift:lift",
        "stack": "sim_bridge.tasks.stack:stack",
        "can": "sim_bridge.tasks.can:can",
        "square": "sim_bridge.tasks.square:square",
        "threading": "sim_bridge.tasks.threading:threading",
        "door": "sim_bridge.tasks.door:door",
        "ur5e_tabletop": "sim_bridge.tasks.tabletop:tabletop",
    },
    error=ConfigurationError,
)
"""Tasks by name; each is made by a call without arguments, unless some are given with its name."""

SIMULATED_ROBOT = "Panda"
"""The arm of tasks that place it themselves, without robosuite's environment object."""
_ENVIRONMENT = ("robosuite.environments.base", "MujocoEnv")


@dataclass(frozen=True)
class ArmSize:
    """What must be known of an arm before a model is there.

    Attributes:
        joints: of the arm.
        fingers: joints of the gripper that comes with it.
        finger_unit: of these.
    """

    joints: int
    fingers: int
    finger_unit: str


@dataclass(frozen=True, eq=False)
class Pose:
    """Where a body is: `position` (3,) m and `rotation` (3, 3), body to world."""

    position: Array
    rotation: Array


@dataclass(frozen=True, eq=False)
class Start:
    """Where the robot starts an episode; a task adds what else it draws.

    Attributes:
        joint_pos: (n,) float64, rad; also the posture that the arm's null space returns to.
        gripper_qpos: (m,) float64, m or rad.
    """

    joint_pos: Array
    gripper_qpos: Array


StartT = TypeVar("StartT")


@dataclass(frozen=True, eq=False)
class State:
    """What a task judges by, at one moment.

    Attributes:
        objects: the task's objects by name, in the world frame.
        eef_pos: (3,) m, between the fingers, in the world frame.
        start: of the episode.
        values: in force.
        judged: what robosuite itself says, of a task that it judges.
    """

    objects: Mapping[str, Pose]
    eef_pos: Array
    start: Any
    values: InForce
    judged: bool | None = None


class Task(Protocol[StartT]):
    """One robosuite task as the house uses it.

    Attributes:
        name: what users call it.
        environment: robosuite's name of it.
        robot: robosuite's name of the arm.
        instruction: what a policy is told to do.
        camera: the one that policies see unless they need another, and that trials are shown by.
        image_size: side of the square picture, pixels, unless a policy needs another.
        control_freq: policy steps per simulated second.
        horizon: policy steps after which a rollout without success is a failure.
        action_size: length of a command.
        variant: name of what `adapt` makes of robosuite's model; "" if nothing. Change it with it.
    """

    name: str
    environment: str
    robot: str
    instruction: str
    camera: str
    image_size: int
    control_freq: int
    horizon: int
    action_size: int
    variant: str

    @property
    def objects(self) -> Mapping[str, str]:
        """What the judge and policies with `wants_state` see: name -> robosuite's root body."""
        ...

    @property
    def spaces(self) -> Spaces:
        """What a cell of this task gives a policy, and takes from it."""
        ...

    @property
    def edits(self) -> "Mapping[Slot, Edit]":
        """All that can be varied, in the order in which it is done."""
        ...

    def adapt(self, spec: "mujoco.MjSpec") -> None:
        """Change robosuite's model before it is compiled, where `variant` is not empty."""
        ...

    def draw_start(self, seed: int) -> StartT:
        """Draw a start; the same seed gives the same one."""
        ...

    def drawn(self, start: StartT) -> InForce:
        """What the start sets of what can be varied, unless the scene says otherwise."""
        ...

    def check(self, scene: Scene, values: InForce) -> None:
        """CatalogueError if these variations cannot stand together."""
        ...

    def place(
        self, model: "mujoco.MjModel", data: "mujoco.MjData", start: StartT, values: InForce
    ) -> None:
        """Put the objects where the start and the scene want them, at rest."""
        ...

    def success(self, state: State) -> Mapping[str, bool]:
        """Whether the "task" is done, and which stages on the way to it."""
        ...

    def facts(self, start: StartT, values: InForce) -> dict[str, Any]:
        """What else the privileged state holds of this episode."""
        ...


_PARTS = (
    *("name", "environment", "robot", "instruction", "camera", "image_size", "control_freq"),
    *("horizon", "action_size", "variant", "objects", "spaces", "edits", "adapt", "draw_start"),
    *("drawn", "check", "place", "success", "facts"),
)


def task(name: str) -> Task[Any]:
    """The task of this name: ours (upper or lower case), an installed package's, or a module's.

    A class of robosuite's environments, also one of a module, is a task as it is; so is the name of
    one that robosuite has: `Wipe`, `NutAssembly?robot=UR5e`.

    Raises:
        ConfigurationError: there is no such task, or it lacks what a task has.
    """
    named = TASKS.parse(name)
    ours = named.target.lower() in TASKS.own
    found: Task[Any]
    if named.is_python or TASKS.knows(named.target):
        target = TASKS.find(named)
        found = _of_class(target, named) if _is_environment(target) else TASKS.make(name)
    elif ours:
        found = TASKS.make(name[: len(named.target)].lower() + name[len(named.target) :])
    else:
        found = _of_robosuite(named)
    if missing := [part for part in _PARTS if not hasattr(type(found), part)]:
        missing = [part for part in missing if part not in getattr(found, "__dict__", {})]
    if missing:
        raise ConfigurationError(
            f"the task {name!r} is {type(found).__name__}, which has no {', '.join(missing)}; see "
            "Task in sim_bridge/tasks/task.py, or start from a replace() of lift()"
        )
    return found


def simulated_spaces(
    cameras: Iterable[str], image_size: int, arm: ArmSize, action_size: int, control_freq: float
) -> Spaces:
    """What a cell in simulation gives a policy, and takes from it.

    Args:
        cameras: by name.
        image_size: of their pictures, which a policy may ask for in any other size, pixels.
        arm: that is simulated.
        action_size: of OSC_POSE and the gripper.
        control_freq: Hz.
    """
    fingers = {"gripper_qpos": Quantity(arm.fingers, arm.finger_unit)} if arm.fingers else {}
    return Spaces(
        cameras={name: (image_size, image_size) for name in cameras},
        proprioception={
            "eef_pos": Quantity(3, "m", "world"),
            "eef_quat_xyzw": Quantity(4, "", "world"),
            **fingers,
            "joint_pos": Quantity(arm.joints, "rad"),
            "joint_vel": Quantity(arm.joints, "rad/s"),
        },
        action=ActionSpec("delta_pose", action_size, (-1.0,), (1.0,), float(control_freq)),
        state=True,
        any_size=True,
    )


def simulated_task(name: str) -> Task[Any]:
    """The task of this name, if the simulator moves its arm; ConfigurationError."""
    from sim_bridge.tasks.robosuite_task import RobosuiteTask  # noqa: PLC0415 - it imports this

    found = task(name)
    if not isinstance(found, RobosuiteTask) and found.robot != SIMULATED_ROBOT:
        raise ConfigurationError(
            f"the task {name!r} has a {found.robot}, the simulator moves a {SIMULATED_ROBOT}; "
            "run it on an arm or its twin: robomd ur5e use_twin:=true"
        )
    return found


def plain_name(name: str) -> str:
    """The name of a task without its arguments: catalogues are for the task with any robot."""
    return name.partition("?")[0].strip()


def _is_environment(target: Any) -> bool:
    """Whether it is a class of robosuite's environments; robosuite need not be there."""
    bases = getattr(target, "__mro__", ())
    return any((b.__module__, b.__name__) == _ENVIRONMENT for b in bases)


def _of_class(target: Any, named: Named) -> Task[Any]:
    """A task of a user's own environment; importing its module has registered it."""
    from sim_bridge.tasks.robosuite_task import RobosuiteTask  # noqa: PLC0415 - it imports this

    given = {"name": named.target, "environment": target.__name__, "module": target.__module__}
    made: Task[Any] = TASKS.call(functools.partial(RobosuiteTask, **given), named)
    return made


def _of_robosuite(named: Named) -> Task[Any]:
    """A task of an environment that robosuite has under this name."""
    from sim_bridge.tasks.robosuite_task import RobosuiteTask, registered  # noqa: PLC0415

    names = registered()
    if named.target not in names:
        known = [*TASKS.names(), *names]
        close = difflib.get_close_matches(named.target, known, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        raise ConfigurationError(
            f"unknown task {named.target!r}{meant}; known: {', '.join(TASKS.names())}; of "
            f"robosuite: {', '.join(names)}. One of your own: python:<module>:<class>, where the "
            "class is an environment of robosuite's, or python:<module>:<callable> of a Task"
        )
    given = {"name": named.target, "environment": named.target}
    made: Task[Any] = TASKS.call(functools.partial(RobosuiteTask, **given), named)
    return made
