# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Train an image behaviour-cloning policy and write its checkpoint.

`python -m sim_bridge.learn.train_bc --out config/policies/lift_bc.yaml` collects demonstrations
of the scripted expert, trains, measures the nominal success, and writes the YAML and safetensors
files.
"""

import argparse
import logging
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from robomd_ros.core.campaign.parameters import TaskParameters
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.policies.bc import proprioception_vector
from robomd_ros.core.policies.checkpoint import BCArchitecture, Floats, save_checkpoint
from robomd_ros.core.schema import default_of
from robomd_ros.core.trial import Result
from sim_bridge.cells import SimulatorOptions
from sim_bridge.learn import demos
from sim_bridge.learn.demos import DemoConfig
from sim_bridge.learn.truth import NOMINAL_IDS, RolloutJob, measure
from sim_bridge.tasks.task import simulated_task

_VERSIONS = ("torch", "numpy", "mujoco", "robosuite")
_NOT_EXPORTED = "offset."
_CONTRAST = 4.0
_SHARPNESS = 10.0


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained.

    Attributes:
        seed: of the initial weights, the batches and the augmentation.
        epochs: passes over the demonstrations.
        batch_size: samples per gradient step.
        learning_rate: the peak of a one-cycle schedule.
        weight_decay: of AdamW.
        offset_weight: weight of the auxiliary loss on the cube's offset from the gripper (in dm),
            which makes the feature points find the cube.
        brightness: largest relative change of a training picture's brightness.
        noise: standard deviation of pixel noise, in grey levels of 255.
    """

    seed: int = 0
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    offset_weight: float = 3.0
    brightness: float = 0.08
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise ConfigurationError(
                "epochs and batch_size must be at least 1 and learning_rate above 0; got "
                f"{self.epochs}, {self.batch_size}, {self.learning_rate}"
            )


class BCNetwork(nn.Module):
    """The network of `BCPolicy` in torch; tensor names are those of the checkpoint.

    Pixels are centred and stretched, and the logits of the spatial softmax are sharpened: without
    that the feature points start out all in the middle and take an hour to find the cube. Both
    are linear, so `exported` folds them into the weights and inference never sees them.
    """

    def __init__(self, architecture: BCArchitecture) -> None:
        super().__init__()
        a, b, c = architecture.channels
        h1, h2 = architecture.hidden
        self.conv1 = nn.Conv2d(3, a, 6, stride=4)
        self.conv2 = nn.Conv2d(a, b, 3, padding=1)
        self.conv3 = nn.Conv2d(b, c, 3, padding=1)
        self.fc1 = nn.Linear(architecture.features, h1)
        self.fc2 = nn.Linear(h1, h2)
        self.action = nn.Linear(h2, architecture.action_size)
        self.offset = nn.Linear(architecture.features, 3)
        axis = torch.linspace(-1.0, 1.0, architecture.grid)
        rows, columns = torch.meshgrid(axis, axis, indexing="ij")
        grid = torch.stack([columns.reshape(-1), rows.reshape(-1)], dim=1)
        self.register_buffer("grid", grid, persistent=False)

    def forward(
        self, images: torch.Tensor, proprioception: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Commands (n, 7) and cube offsets (n, 3), dm.

        Args:
            images: (n, 3, H, W) in [0, 1].
            proprioception: (n, 9), standardised.
        """
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            maps = torch.relu(self.conv1((images - 0.5) * _CONTRAST))
            maps = self.conv3(torch.relu(self.conv2(maps))).flatten(2)
        # Points and commands need more digits than bfloat16 has.
        points = torch.softmax(maps.float() * _SHARPNESS, dim=2) @ self.grid
        features = torch.cat([points.flatten(1), proprioception], dim=1)
        hidden = torch.relu(self.fc2(torch.relu(self.fc1(features))))
        return self.action(hidden), self.offset(features)


def train(
    steps: demos.Demo, config: TrainConfig, architecture: BCArchitecture
) -> tuple[dict[str, Floats], float]:
    """Fit the network; the same seed and thread count give the same weights.

    Args:
        steps: as `demos.load` returns them.
        config: how.
        architecture: what.

    Returns:
        The tensors of the checkpoint, and the mean squared error of the last epoch.
    """
    torch.manual_seed(config.seed)
    network = BCNetwork(architecture).to(memory_format=torch.channels_last)
    mean, std = _statistics(_proprioception(steps))
    own = torch.from_numpy((_proprioception(steps) - mean) / std)
    images = torch.from_numpy(steps["image"]).permute(0, 3, 1, 2)
    actions = torch.from_numpy(steps["action"])
    offsets = torch.from_numpy(steps["offset"]) * 10.0
    batches = len(images) // config.batch_size or 1
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.epochs * batches
    )
    progress = tqdm(range(config.epochs), "training", unit="epoch")
    error = float("nan")
    for _ in progress:
        losses = []
        for batch in torch.randperm(len(images))[: batches * config.batch_size].chunk(batches):
            pictures = _augmented(images[batch], config)
            command, offset = network(pictures, own[batch])
            loss = nn.functional.mse_loss(command, actions[batch])
            aside = nn.functional.mse_loss(offset, offsets[batch])
            optimizer.zero_grad(set_to_none=True)
            (loss + config.offset_weight * aside).backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        error = float(np.mean(losses))
        progress.set_postfix(error=f"{error:.4f}", offset=f"{aside.item():.4f}")
    return exported(network, mean, std), error


def exported(network: BCNetwork, mean: Floats, std: Floats) -> dict[str, Floats]:
    """The tensors of the checkpoint; the auxiliary head stays behind."""
    tensors = {k: v.contiguous().numpy().copy() for k, v in network.state_dict().items()}
    tensors["conv1.bias"] -= 0.5 * _CONTRAST * tensors["conv1.weight"].sum(axis=(1, 2, 3))
    tensors["conv1.weight"] *= np.float32(_CONTRAST)
    tensors["conv3.weight"] *= np.float32(_SHARPNESS)
    tensors["conv3.bias"] *= np.float32(_SHARPNESS)
    kept = {k: v for k, v in tensors.items() if not k.startswith(_NOT_EXPORTED)}
    return {**kept, "proprioception.mean": mean, "proprioception.std": std}


def _proprioception(steps: demos.Demo) -> Floats:
    names = {
        "eef_pos": steps["eef_pos"],
        "eef_quat_xyzw": steps["eef_quat"],
        "gripper_qpos": steps["gripper_qpos"],
    }
    rows = (dict(zip(names, row, strict=True)) for row in zip(*names.values(), strict=True))
    return np.stack([proprioception_vector(row) for row in rows])


def _statistics(values: Floats) -> tuple[Floats, Floats]:
    # The floor keeps a value that hardly moved in the demonstrations from shouting later.
    return values.mean(axis=0), np.maximum(values.std(axis=0), np.float32(0.01))


def _augmented(images: torch.Tensor, config: TrainConfig) -> torch.Tensor:
    """Pictures in [0, 1], a little brighter or darker, with noise if asked for.

    Enough to bridge two renderers of one scene; not so much that the policy stops caring about
    colour and light, which is what the diagnosis asks about.
    """
    gain = 1.0 + config.brightness * (2.0 * torch.rand(len(images), 1, 1, 1) - 1.0)
    pictures = images.float() * (gain / 255.0)
    if config.noise:
        pictures = pictures + torch.randn(pictures.shape) * (config.noise / 255.0)
    return pictures.clamp_(0.0, 1.0).contiguous(memory_format=torch.channels_last)


def nominal_success(spec: str, task: str, rollouts: int, processes: int) -> float:
    """Share of successes in the nominal scene over seeds 0 to rollouts - 1."""
    options = SimulatorOptions(task, spec)
    jobs = [RolloutJob(NOMINAL_IDS, seed) for seed in range(rollouts)]
    bar = tqdm(total=rollouts, desc="nominal success", unit="rollout")
    wins = 0
    for _, outcome in measure(options, jobs, processes):
        wins += outcome.result is Result.SUCCESS
        bar.update()
    bar.close()
    return wins / rollouts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="robomd train-bc", description=__doc__.partition("\n")[0])
    parser.add_argument("--task", default=default_of(TaskParameters, "task"))
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint's .yaml")
    parser.add_argument(
        "--demos", type=Path, help="HDF5 file; collected and kept there if it does not exist"
    )
    parser.add_argument("--demonstrations", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2, help="simulators at once")
    parser.add_argument("--threads", type=int, default=1, help="of torch; part of the seed")
    parser.add_argument("--epochs", type=int, default=TrainConfig.epochs)
    parser.add_argument("--brightness", type=float, default=TrainConfig.brightness)
    parser.add_argument("--noise", type=float, default=TrainConfig.noise)
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    parser.add_argument("--rollouts", type=int, default=50, help="nominal rollouts at the end")
    return parser


def _command(arguments: argparse.Namespace) -> str:
    """The command that makes this policy again, without the folders of this machine."""
    words = [f"python -m sim_bridge.learn.train_bc --out {arguments.out.name}"]
    for name in ("task", "demonstrations", "threads", "epochs", "brightness", "noise", "seed"):
        words.append(f"--{name} {getattr(arguments, name)}")
    return " ".join(words)


def _make(arguments: argparse.Namespace) -> dict[str, Any]:
    """Collect, train, write, measure, write again; returns what was made."""
    task = simulated_task(arguments.task)
    config = TrainConfig(
        arguments.seed,
        arguments.epochs,
        brightness=arguments.brightness,
        noise=arguments.noise,
    )
    path = arguments.demos or arguments.out.with_suffix(".demos.hdf5")
    if not path.exists():
        demo_config = DemoConfig(
            task=task.name,
            count=arguments.demonstrations,
            seed=100_000 + 10_000 * config.seed,
            processes=arguments.processes,
        )
        demos.collect(path, demo_config)
    torch.set_num_threads(arguments.threads)
    architecture = BCArchitecture(task.camera, task.image_size, action_size=task.action_size)
    started = time.monotonic()
    tensors, error = train(demos.load(path, task.camera), config, architecture)
    made: dict[str, Any] = {
        "command": _command(arguments),
        "demonstrations": demos.origin(path),
        "training": asdict(config),
        "training_seconds": round(time.monotonic() - started, 1),
        "training_error": round(error, 5),
        "versions": {**{n: version(n) for n in _VERSIONS}, "python": platform.python_version()},
    }
    save_checkpoint(arguments.out, task.name, architecture, tensors, made)
    if arguments.rollouts:
        spec = str(arguments.out)
        share = nominal_success(spec, task.name, arguments.rollouts, arguments.processes)
        made["nominal_success"] = {"rollouts": arguments.rollouts, "share": share}
        save_checkpoint(arguments.out, task.name, architecture, tensors, made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = _parser().parse_args(argv)
    try:
        made = _make(arguments)
    except RoboMDError as error:
        logging.error("%s", error)
        return 2
    logging.info("wrote %s", arguments.out)
    if "nominal_success" in made:
        logging.info("nominal success %.0f %%", 100 * made["nominal_success"]["share"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
