# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The true failure rates of a policy, by brute force: what a diagnosis is judged against.

`python -m sim_bridge.learn.truth --policy lift_bc --out test/bench/data/truth_lift_bc.json` rolls
out the nominal scene, every variation and some combinations; started again it goes on where it was.
The file belongs to what the catalogue says, not to its comments or to what an expert can do.
"""

import argparse
import json
import logging
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from robomd_ros.core.campaign.description import contents
from robomd_ros.core.campaign.parameters import TaskParameters
from robomd_ros.core.errors import CatalogueError, CellFault, ConfigurationError, RoboMDError
from robomd_ros.core.policies import policy_path
from robomd_ros.core.policies.checkpoint import file_sha256
from robomd_ros.core.schema import default_of
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Outcome, Result
from robomd_ros.core.variations import Catalogue, Scene, load_catalogue
from sim_bridge.cells import SimulatorOptions
from sim_bridge.worker import WorkerCell

NOMINAL_IDS: tuple[str, ...] = ()
_FIRST_SEED = 1000
_SAVE_EVERY = 20
_VERSIONS = ("mujoco", "robosuite", "numpy")


@dataclass(frozen=True)
class RolloutJob:
    """One rollout to make: variation ids of the scene, and the seed."""

    ids: tuple[str, ...]
    seed: int


def measure(
    options: SimulatorOptions, jobs: Sequence[RolloutJob], processes: int
) -> Iterator[tuple[RolloutJob, Outcome]]:
    """Run every job on some of the workers and yield outcomes as they come.

    Raises:
        ConfigurationError: the policy or the catalogue cannot be used.
        CellFault: a worker is lost; the others are ended.
    """
    pending: queue.SimpleQueue[RolloutJob] = queue.SimpleQueue()
    for job in jobs:
        pending.put(job)
    done: queue.SimpleQueue[tuple[RolloutJob, Outcome] | BaseException] = queue.SimpleQueue()
    cells = [WorkerCell(f"worker{i}", options) for i in range(max(1, min(processes, len(jobs))))]
    threads = [
        threading.Thread(target=_work, args=(cell, options.catalogue, pending, done), daemon=True)
        for cell in cells
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            item = done.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        for cell in cells:
            cell.close()
        for thread in threads:
            thread.join(timeout=5.0)


def _work(
    cell: WorkerCell,
    catalogue: Catalogue | None,
    pending: "queue.SimpleQueue[RolloutJob]",
    done: "queue.SimpleQueue[tuple[RolloutJob, Outcome] | BaseException]",
) -> None:
    try:
        cell.connect()
        while True:
            job = pending.get_nowait()
            scene = catalogue.scene(job.ids) if catalogue is not None else Scene()
            done.put((job, cell.run(scene, job.seed).outcome))
    except queue.Empty:
        return
    except RoboMDError as error:
        done.put(error)


def sample(catalogue: Catalogue, count: int, seed: int) -> list[str]:
    """Ids of some variations, drawn without replacement, in the catalogue's order; 0: all."""
    ids = [v.id for v in catalogue]
    if not 0 < count < len(ids):
        return ids
    chosen = np.random.default_rng(seed).choice(len(ids), count, replace=False)
    return [ids[i] for i in sorted(chosen)]


def combinations(catalogue: Catalogue, count: int, seed: int) -> list[tuple[str, ...]]:
    """Random pairs and triples (one in three) of variations that can stand in one scene."""
    rng = np.random.default_rng(seed)
    ids = [v.id for v in catalogue]
    found: list[tuple[str, ...]] = []
    for attempt in range(100 * count):
        size = 3 if attempt % 3 == 2 else 2
        if len(found) == count:
            break
        if size > len(ids):
            continue
        chosen = tuple(ids[i] for i in sorted(rng.choice(len(ids), size, replace=False)))
        try:
            catalogue.scene(chosen)
        except CatalogueError:
            continue
        if chosen not in found:
            found.append(chosen)
    return found


@dataclass
class Truth:
    """Counts per scene, and what they belong to; the content of the JSON file."""

    identity: dict[str, Any]
    outcomes: dict[tuple[str, ...], dict[int, str]]

    def add(self, job: RolloutJob, outcome: Outcome) -> None:
        """Record one rollout; an INVALID one is not recorded and will be made again."""
        if outcome.valid:
            self.outcomes.setdefault(job.ids, {})[job.seed] = outcome.result.name

    def missing(self, jobs: Sequence[RolloutJob]) -> list[RolloutJob]:
        """The jobs that have no outcome yet."""
        return [job for job in jobs if job.seed not in self.outcomes.get(job.ids, {})]

    def save(self, path: Path) -> None:
        """Write the file in one piece."""
        scenes = []
        for ids, results in self.outcomes.items():
            failed = sorted(s for s, r in results.items() if r == Result.FAILURE.name)
            succeeded = sorted(s for s, r in results.items() if r == Result.SUCCESS.name)
            scenes.append(
                {
                    "variations": list(ids),
                    "rollouts": len(results),
                    "failures": len(failed),
                    "failure_rate": round(len(failed) / len(results), 4),
                    "failed_seeds": failed,
                    "succeeded_seeds": succeeded,
                }
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        lines = ",\n".join(f"  {json.dumps(scene)}" for scene in scenes)
        head = json.dumps(self.identity, indent=1)[:-2]
        partial.write_text(f'{head},\n "scenes": [\n{lines}\n ]\n}}\n', encoding="utf-8")
        partial.replace(path)

    @classmethod
    def open(cls, path: Path, identity: dict[str, Any]) -> "Truth":
        """Go on with the file if it belongs to the same policy, catalogue and versions.

        Raises:
            ConfigurationError: it belongs to another one, or cannot be read.
        """
        if not path.exists():
            return cls(identity, {})
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            scenes = document.pop("scenes")
            outcomes = {tuple(scene["variations"]): _results(scene) for scene in scenes}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"cannot read {path}: {error}; delete it") from error
        if document != identity:
            differing = [k for k in identity if document.get(k) != identity[k]]
            raise ConfigurationError(
                f"{path} belongs to something else: {', '.join(differing)} differ; "
                "give another --out or delete it"
            )
        return cls(identity, outcomes)


def _results(scene: dict[str, Any]) -> dict[int, str]:
    failed = dict.fromkeys(scene["failed_seeds"], Result.FAILURE.name)
    return {**failed, **dict.fromkeys(scene["succeeded_seeds"], Result.SUCCESS.name)}


def policy_sha256(spec: str) -> str:
    """Fingerprint of a checkpoint's weights; of the specification itself for python policies."""
    if spec.startswith("python:"):
        return spec
    path = Path(spec) if Path(spec).suffix else policy_path(spec)
    weights = path.with_suffix(".safetensors")
    return file_sha256(weights) if weights.exists() else ""


def _plan(catalogue: Catalogue, arguments: argparse.Namespace) -> list[RolloutJob]:
    scenes = [(NOMINAL_IDS, arguments.nominal)]
    scenes += [((v,), arguments.rollouts) for v in sample(catalogue, arguments.sample, seed=0)]
    pairs = combinations(catalogue, arguments.combinations, seed=0)
    scenes += [(ids, arguments.combination_rollouts) for ids in pairs]
    step = arguments.seed_step
    return [
        RolloutJob(ids, _FIRST_SEED + number * step + i)
        for number, (ids, count) in enumerate(scenes)
        for i in range(count)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="robomd truth", description=__doc__.partition("\n")[0])
    parser.add_argument("--policy", default=default_of(TaskParameters, "policy"))
    parser.add_argument(
        "--catalogue",
        default=default_of(TaskParameters, "catalogue"),
        help="a shipped one's name, or a file (default: lift)",
    )
    parser.add_argument("--rollouts", type=int, default=24, help="per variation")
    parser.add_argument(
        "--sample", type=int, default=0, help="variations drawn at random; 0: all of them"
    )
    parser.add_argument("--nominal", type=int, default=50, help="of the nominal scene")
    parser.add_argument("--combinations", type=int, default=40, help="random pairs and triples")
    parser.add_argument("--combination-rollouts", type=int, default=12, help="per combination")
    parser.add_argument(
        "--seed-step",
        type=int,
        default=0,
        help="between the first seeds of one scene and the next; 0: the same starts everywhere",
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    return parser


def _run(arguments: argparse.Namespace) -> Truth:
    catalogue = load_catalogue(config_file("variations", arguments.catalogue))
    options = SimulatorOptions(catalogue.task, arguments.policy, catalogue)
    identity = {
        "task": catalogue.task,
        "policy": arguments.policy,
        "policy_sha256": policy_sha256(arguments.policy),
        "catalogue_digest": contents(catalogue)["digest"],
        "first_seed": _FIRST_SEED,
        "versions": {name: version(name) for name in _VERSIONS},
    }
    if arguments.seed_step:
        identity["seed_step"] = arguments.seed_step
    truth = Truth.open(arguments.out, identity)
    jobs = _plan(catalogue, arguments)
    missing = truth.missing(jobs)
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="truth", unit="rollout")
    reason = ""
    try:
        for number, (job, outcome) in enumerate(measure(options, missing, arguments.processes), 1):
            truth.add(job, outcome)
            reason = reason if outcome.valid else outcome.detail
            bar.update()
            if number % _SAVE_EVERY == 0:
                truth.save(arguments.out)
    finally:
        bar.close()
        if truth.outcomes:
            truth.save(arguments.out)
    if left := truth.missing(jobs):
        raise CellFault(
            f"{len(left)} rollouts were invalid (the last one: {reason}); start again to repeat "
            "them"
        )
    return truth


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = _parser().parse_args(argv)
    try:
        truth = _run(arguments)
    except KeyboardInterrupt:
        logging.error("interrupted; start again to go on")
        return 130
    except RoboMDError as error:
        logging.error("%s", error)
        return 2
    for ids, results in truth.outcomes.items():
        failures = sum(r == Result.FAILURE.name for r in results.values())
        logging.info("%5.2f  %s", failures / len(results), " + ".join(ids) or "nominal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
