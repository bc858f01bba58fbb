# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a trial costs through the ROS graph, next to the same trial in the cell directly.

The same scenes, seeds and policy in a worker of this process and through RosCell ->
perturbation_node and sim_bridge_node (one process of theirs, real DDS), by turns, so that a busy
machine slows both. What the nodes need of a processor is counted beside the time that passes.
Run it with `make bench` or `python test/bench/bench_graph.py [--trials 40]`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import numpy as np
import psutil
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from robomd_ros.bringup import sim as bringup
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.campaign.campaign import read_campaign
from robomd_ros.core.hosted.parent import program
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Catalogue, Scene, load_catalogue
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from sim_bridge.cells import SimulatorOptions
from sim_bridge.worker import WorkerCell

MOST_OVERHEAD = 0.05
PARTS = ("apply_scene", "picture", "execute_policy")
Seconds = dict[str, list[float]]


class TimedRosCell(RosCell):
    """A RosCell that notes how long its steps take."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seconds: Seconds = defaultdict(list)
        self.processes: list[psutil.Process] = []

    def processor_time(self) -> float:
        """s that this process and the nodes' have been given; the simulator's worker is another."""
        times = [p.cpu_times() for p in self.processes]
        return time.process_time() + sum(t.user + t.system for t in times)

    def _execute(self, client: Any, goal: Any, timeout: float, **more: Any) -> Any:
        part = "apply_scene" if client is self._scene_client else "execute_policy"
        with noted(self.seconds, part):
            return super()._execute(client, goal, timeout, **more)

    def _picture_since(self, applied: float) -> Any:
        with noted(self.seconds, "picture"):
            return super()._picture_since(applied)


@contextmanager
def noted(seconds: Seconds, part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part].append(time.perf_counter() - start)


@contextmanager
def graph_cell(policy: str) -> Iterator[TimedRosCell]:
    """The nodes of one cell as processes, and a RosCell in this one."""
    arguments = parse_arguments(["cells:=1", f"policy:={policy}"], bringup.SimArguments)
    values = bringup.resolve_sim(arguments)
    processes = bringup.sim_processes(values)
    nodes = [p for p in processes if p.executable != "diagnosis_node"]
    children = [subprocess.Popen(program(p.module, *p.ros_arguments())) for p in nodes]
    rclpy.init()
    node = rclpy.create_node("bench_graph", namespace=values["namespace"])
    cell = TimedRosCell(node, "cell_0", CellTimeouts(scene=60.0))
    spinning = threading.Thread(target=spin, args=(node,), name="spin", daemon=True)
    spinning.start()
    try:
        wait_until_available(cell, children)
        cell.processes = [psutil.Process(child.pid) for child in children]
        yield cell
    finally:
        cell.close()
        rclpy.try_shutdown()
        spinning.join(5.0)
        for child in children:
            child.terminate()
        for child in children:
            child.wait(10.0)


def spin(node: Any) -> None:
    executor = SingleThreadedExecutor()  # as the diagnosis node has
    executor.add_node(node)
    with suppress(ExternalShutdownException):
        executor.spin()


def wait_until_available(cell: RosCell, children: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + 180.0
    while lacking := cell.lacks():
        if time.monotonic() > deadline or any(c.poll() is not None for c in children):
            raise RuntimeError(f"the cell did not start; it lacks {lacking}")
        time.sleep(0.1)


def scenes_and_seeds(catalogue: Catalogue, count: int) -> list[tuple[Scene, int]]:
    """Single variations in the order of the catalogue, every fourth trial nominal."""
    singles = [Scene((v,)) for v in catalogue]
    return [(Scene() if i % 4 == 0 else singles[i % len(singles)], 5000 + i) for i in range(count)]


def compare(
    direct: WorkerCell, graph: TimedRosCell, trials: list[tuple[Scene, int]]
) -> tuple[Seconds, list[int]]:
    """Seconds of every trial both ways, and of a picture in the cell directly; policy steps."""
    seconds: Seconds = defaultdict(list)
    steps: list[int] = []
    for i, (scene, seed) in enumerate(trials):
        found: dict[str, Trial] = {}
        ways = {"direct": direct, "graph": graph}
        for way in ("direct", "graph") if i % 2 else ("graph", "direct"):
            before = graph.processor_time()
            with noted(seconds, way):
                found[way] = ways[way].run(scene, seed)
            seconds[f"{way}, processor"].append(graph.processor_time() - before)
        with noted(seconds, "observe"):
            direct.observe(scene, seed)
        here, there = found["direct"].outcome, found["graph"].outcome
        if (here.result, here.steps) != (there.result, there.steps) or not here.valid:
            raise RuntimeError(f"the two trials of seed {seed} differ: {here}, {there}")
        steps.append(here.steps)
    return seconds, steps


def report(seconds: Seconds, steps: list[int], parts: Seconds) -> float:
    """Print where the time goes; the median overhead."""
    direct, graph = np.array(seconds["direct"]), np.array(seconds["graph"])
    overhead = float(np.median(graph / direct) - 1.0)
    print(f"\nOne trial, median of {len(direct)} pairs ({np.median(steps):.0f} policy steps)")
    print(f"{'in the cell directly':>44} {1e3 * np.median(direct):>8.1f} ms")
    print(f"{'through the ROS graph':>44} {1e3 * np.median(graph):>8.1f} ms")
    print(f"{'difference of a pair':>44} {1e3 * np.median(graph - direct):>8.1f} ms")
    spread = 100.0 * np.quantile(graph / direct - 1.0, (0.25, 0.75))
    print(
        f"{'overhead of a pair':>44} {100.0 * overhead:>8.1f} %"
        f"   (half of the pairs: {spread[0]:.1f} to {spread[1]:.1f} %)"
    )
    busy = np.mean(seconds["graph, processor"]) - np.mean(seconds["direct, processor"])
    print(f"{'processor time of the nodes, mean':>44} {1e3 * busy:>8.1f} ms")
    print("\nWhere the difference is spent, median ms")
    apply_scene, picture, execute = (np.array(parts[name]) for name in PARTS)
    drawn = np.array(seconds["observe"])
    rows = {
        "apply_scene: the simulator makes and draws it": drawn,
        "apply_scene: the action around that": apply_scene - drawn,
        "waiting for the picture after that": picture,
        "execute_policy: less the trial in the cell": execute - direct,
        "the rest: conversions": graph - apply_scene - picture - execute,
    }
    for text, values in rows.items():
        print(f"{text:>48} {1e3 * np.median(values):>8.1f}")
    return overhead


def campaign_rate(cells: int, budget: int, policy: str) -> tuple[float, float]:
    """Valid trials per minute from the first ask to the last end, and s of the whole command."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "campaign"
        given = (f"cells:={cells}", f"budget:={budget}", f"policy:={policy}", f"out:={folder}")
        command = [sys.executable, "-m", "robomd_ros.cli.main", "sim", *given, "linger:=0.0"]
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "confidence:=0.999999"], capture_output=True, text=True, check=False
        )
        wall = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"robomd sim ended with {done.returncode}: {done.stdout[-2000:]}")
        log = read_campaign(folder).open_log()
        records = [r for r in log.records() if r.outcome is not None and r.outcome.valid]
        log.close()
    lasted = max(r.finished_at for r in records) - min(r.asked_at for r in records)
    return 60.0 * len(records) / lasted, wall


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40, help="pairs of trials")
    parser.add_argument("--budget", type=int, default=42, help="of each campaign; 0: no campaign")
    parser.add_argument("--policy", default="lift_bc")
    options = parser.parse_args()
    catalogue = load_catalogue(config_file("variations", "lift"))
    trials = scenes_and_seeds(catalogue, options.trials)
    direct = WorkerCell("direct", SimulatorOptions("lift", options.policy, catalogue))
    try:
        direct.connect()
        with graph_cell(options.policy) as graph:
            compare(direct, graph, trials[:2])
            graph.seconds.clear()
            seconds, steps = compare(direct, graph, trials)
    finally:
        direct.close()
    overhead = report(seconds, steps, graph.seconds)
    met = overhead <= MOST_OVERHEAD
    word = "met" if met else "MISSED"
    print(f"\noverhead {100 * overhead:.1f} %, at most {100 * MOST_OVERHEAD:.0f} %: {word}")
    if options.budget:
        print(f"\nWhole campaigns of {options.budget} trials (ppo)")
        print(f"{'cells':>8} {'trials/min':>12} {'command, s':>12}")
        for cells in (1, 2):
            rate, wall = campaign_rate(cells, options.budget, options.policy)
            print(f"{cells:>8} {rate:>12.1f} {wall:>12.1f}", flush=True)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
