# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of the scripted expert, collected in parallel, in robomimic's HDF5 layout."""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from robomd_ros.core.campaign.parameters import TaskParameters
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.policies import load_policy
from robomd_ros.core.schema import default_of
from robomd_ros.core.spaces import Size
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.defaults import expert_of
from sim_bridge.tasks.robosuite_task import RobosuiteTask
from sim_bridge.tasks.task import Task, simulated_task

Demo = dict[str, NDArray[Any]]
_MAX_ATTEMPTS = 4
"""Episodes per wanted demonstration after which collection gives up."""
_LONGEST_DELAY = 10
"""Steps by which the closing of the fingers comes late at most."""
_FLIP_CHANCE = 0.01
_FLIP_STEPS = 3
"""Steps that a flipped gripper stays flipped."""


@dataclass(frozen=True)
class DemoConfig:
    """How demonstrations are made.

    Attributes:
        task: name of the task.
        count: successful demonstrations wanted.
        seed: the first episode's seed; the next ones follow.
        noise: the largest standard deviation of the noise on the executed translation, in command
            units; each episode draws its own from 0 to this. 0 executes what the expert wants.
        processes: simulators that run at once; the result does not depend on it.
        cameras: recorded; none: the task's own.
        image_size: pixels, side of their pictures; 0: the task's.
    """

    task: str = default_of(TaskParameters, "task")
    count: int = 200
    seed: int = 100_000
    noise: float = 0.5
    processes: int = 2
    cameras: tuple[str, ...] = field(default_factory=tuple)
    image_size: int = 0

    def __post_init__(self) -> None:
        expert_of(self.task)
        made = simulated_task(self.task)
        known = made.spaces.cameras or {}
        if unknown := [name for name in self.seen(made) if name not in known]:
            raise ConfigurationError(
                f"the task {self.task!r} has no camera {unknown[0]!r}; it has {', '.join(known)}"
            )
        if self.image_size < 0:
            raise ConfigurationError(f"image_size must be at least 0; got {self.image_size}")
        if self.count < 1 or self.processes < 1 or self.noise < 0:
            raise ConfigurationError(
                "demonstrations and processes must be at least 1 and noise at least 0; got "
                f"{self.count}, {self.processes}, {self.noise}"
            )

    def seen(self, task: Task[Any]) -> dict[str, Size]:
        """Camera -> (height, width) of what is recorded."""
        side = self.image_size or task.image_size
        return {name: (side, side) for name in self.cameras or (task.camera,)}


class DemoRecorder:
    """One simulator that records the expert."""

    def __init__(self, config: DemoConfig) -> None:
        self._task = task = simulated_task(config.task)
        self._noise = config.noise
        self._simulation = Simulation(task, cameras=config.seen(task))
        self._expert = load_policy(expert_of(config.task))

    def record(self, seed: int) -> Demo | None:
        """One episode: noisy execution, clean labels; None if it failed.

        What is executed carries noise, so that the demonstrations visit the states that a learnt
        policy drifts into; what is recorded as the action is what the expert wanted there.
        """
        disturbance = _Disturbance(np.random.default_rng(seed), self._noise)
        simulation, rows = self._simulation, []
        simulation.reset(seed)
        self._expert.reset(seed, self._task.instruction)
        while not simulation.success and simulation.steps < self._task.horizon:
            observation = simulation.observe(state=True)
            action = self._expert.act(observation)
            rows.append(self._row(observation, action))
            simulation.step(disturbance.executed(action))
        if not simulation.success:
            return None
        demo = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
        last = np.arange(len(rows)) == len(rows) - 1
        return {**demo, "rewards": last.astype(np.float64), "dones": last.astype(np.int64)}

    def _row(
        self, observation: dict[str, Any], action: NDArray[np.float64]
    ) -> dict[str, NDArray[Any]]:
        own, state = observation["proprioception"], observation["state"]
        names = {"eef_quat_xyzw": "eef_quat"}
        seen = {f"obs/{name}_image": image for name, image in observation["images"].items()}
        told = {f"obs/robot0_{names.get(name, name)}": value for name, value in own.items()}
        if isinstance(self._task, RobosuiteTask):
            objects = _poses(state, self._task.objects)
            states = self._simulation.full_state()
        else:
            objects, states = _of_lift(own, state, self._simulation.time)
            del told["obs/robot0_joint_vel"]
        return {**seen, **told, "obs/object": objects, "actions": action, "states": states}


def _poses(state: dict[str, Any], names: Iterable[str]) -> NDArray[np.float64]:
    """Of each thing: position, quaternion (xyzw), and the hand's position seen from it."""
    parts = []
    for name in names:
        place = state[f"{name}_pos"]
        parts += [place, state[f"{name}_quat_xyzw"], state["eef_pos"] - place]
    return np.concatenate(parts)


def _of_lift(
    own: dict[str, Any], state: dict[str, Any], time: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cube as above; time and MuJoCo's qpos: arm, fingers, cube (quaternion wxyz)."""
    cube_quat = state["cube_quat_xyzw"]
    cube_pose = [*state["cube_pos"], *np.roll(cube_quat, 1)]
    states = np.concatenate([[time], own["joint_pos"], own["gripper_qpos"], cube_pose])
    return _poses(state, ["cube"]), states


class _Disturbance:
    """What is executed instead of what the expert wants."""

    def __init__(self, rng: np.random.Generator, noise: float) -> None:
        self._rng = rng
        self._scale = rng.uniform(0.0, noise)
        self._delay = int(rng.integers(0, 1 + _LONGEST_DELAY)) if noise else 0
        self._flip_chance = _FLIP_CHANCE if noise else 0.0
        self._flipped = 0

    def executed(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command with noise on the translation, a late closing, and a gripper that flips.

        Without the last two every picture of a cube between open fingers would be followed by
        more open fingers, and a policy would learn to copy the gripper's state instead of to
        look: it then hovers over the cube for ever.
        """
        executed = action.copy()
        executed[:3] += self._scale * self._rng.standard_normal(3)
        if action[6] > 0 and self._delay:
            self._delay -= 1
            executed[6] = -1.0
        elif self._flipped or self._rng.random() < self._flip_chance:
            self._flipped = self._flipped - 1 if self._flipped else _FLIP_STEPS
            executed[6] = -action[6]
        return executed


_recorder: DemoRecorder | None = None


def _open_recorder(config: DemoConfig) -> None:
    global _recorder  # noqa: PLW0603 - one recorder per process of the pool
    _recorder = DemoRecorder(config)


def _record(seed: int) -> Demo | None:
    if _recorder is None:
        raise RuntimeError("the recorder of this process was not opened")
    return _recorder.record(seed)


def demonstrations(config: DemoConfig) -> Iterator[Demo]:
    """Successful demonstrations in the order of their seeds, whatever the number of processes.

    Raises:
        ConfigurationError: fewer than one episode in four succeeds.
    """
    seeds = range(config.seed, config.seed + _MAX_ATTEMPTS * config.count)
    found = 0
    context = multiprocessing.get_context("spawn")
    os.environ.setdefault("PYTHONHASHSEED", "0")  # robosuite draws from sets of names
    with context.Pool(config.processes, _open_recorder, (config,)) as pool:
        for demo in pool.imap(_record, seeds):
            if demo is None:
                continue
            yield demo
            found += 1
            if found == config.count:
                return
    raise ConfigurationError(
        f"only {found} of {len(seeds)} episodes succeeded, {config.count} were wanted; "
        f"lower the noise ({config.noise})"
    )


def collect(path: Path, config: DemoConfig) -> None:
    """Write the demonstrations to an HDF5 file: data/demo_i/{obs/..., actions, states, ...}."""
    task = simulated_task(config.task)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with h5py.File(partial, "w") as file:
        data, total = file.create_group("data"), 0
        progress = tqdm(demonstrations(config), "demonstrations", config.count, unit="demo")
        for i, demo in enumerate(progress):
            group = data.create_group(f"demo_{i}")
            group.attrs["num_samples"] = len(demo["actions"])
            for key, values in demo.items():
                images = {"compression": "lzf"} if values.dtype == np.uint8 else {}
                group.create_dataset(key, data=values, **images)
            total += len(demo["actions"])
        data.attrs["total"] = total
        data.attrs["env_args"] = json.dumps(_environment_arguments(task, config))
        data.attrs["origin"] = json.dumps(asdict(config))
    partial.replace(path)


def _environment_arguments(task: Task[Any], config: DemoConfig) -> dict[str, Any]:
    cameras = config.seen(task)
    side = next(iter(cameras.values()))[0]
    return {
        "env_name": task.environment,
        "env_version": version("robosuite"),
        "type": 1,
        "env_kwargs": {
            "robots": [task.robot],
            "camera_names": list(cameras),
            "camera_heights": side,
            "camera_widths": side,
            "control_freq": task.control_freq,
        },
    }


def origin(path: Path) -> dict[str, Any]:
    """How `collect` made the file; empty for a file from elsewhere."""
    with h5py.File(path, "r") as file:
        made: dict[str, Any] = json.loads(file["data"].attrs.get("origin", "{}"))
    return made


def load(path: Path, camera: str) -> Demo:
    """All steps of a file, one after the other.

    Returns:
        `image` (n, H, W, 3) uint8; `eef_pos` (n, 3), `eef_quat` (n, 4), `gripper_qpos` (n, 2),
        `action` (n, 7) and `offset` (n, 3), from cube to gripper, m, all float32.

    Raises:
        ConfigurationError: the file is missing or has another layout.
    """
    names = {
        "image": f"obs/{camera}_image",
        "eef_pos": "obs/robot0_eef_pos",
        "eef_quat": "obs/robot0_eef_quat",
        "gripper_qpos": "obs/robot0_gripper_qpos",
        "object": "obs/object",
        "action": "actions",
    }
    try:
        with h5py.File(path, "r") as file:
            demos = sorted(file["data"].values(), key=lambda g: int(g.name.rpartition("_")[2]))
            steps = {k: np.concatenate([demo[v][:] for demo in demos]) for k, v in names.items()}
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"cannot read demonstrations from {path}: {error}; it must be robomimic's HDF5 layout"
        ) from error
    steps["offset"] = steps.pop("object")[:, 7:10]
    return {k: v if k == "image" else v.astype(np.float32) for k, v in steps.items()}


def _parser() -> argparse.ArgumentParser:
    default = DemoConfig()
    parser = argparse.ArgumentParser("robomd collect-demos", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="HDF5 file; replaced if there")
    parser.add_argument("--task", default=default.task)
    parser.add_argument("--demonstrations", type=int, default=default.count)
    parser.add_argument("--seed", type=int, default=default.seed, help="of the first episode")
    parser.add_argument(
        "--noise",
        type=float,
        default=default.noise,
        help="largest standard deviation of the noise on what is executed, in command units",
    )
    parser.add_argument(
        "--cameras",
        default=",".join(default.cameras),
        help="recorded, with commas between them; default: the task's own",
    )
    parser.add_argument(
        "--image-size", type=int, default=default.image_size, help="pixels; 0: the task's own"
    )
    parser.add_argument(
        "--processes", type=int, default=default.processes, help="simulators at once"
    )
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit code."""
    options = _parser().parse_args(argv)
    config = DemoConfig(
        task=options.task,
        count=options.demonstrations,
        seed=options.seed,
        noise=options.noise,
        processes=options.processes,
        cameras=tuple(name.strip() for name in options.cameras.split(",") if name.strip()),
        image_size=options.image_size,
    )
    collect(options.out, config)
    sys.stdout.write(f"wrote {options.out}\n")
    return 0
