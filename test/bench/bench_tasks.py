# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tasks by arms: parity with stock robosuite, the expert in both, speed in both, first start.

`python test/bench/bench_tasks.py [--tasks stack,can] [--robots Panda,UR5e] [--seeds 10]`

Speeds are of CPU time of this process, so that a busy computer changes them little; ours and
robosuite's are measured one after the other, and the ratio is what counts.
"""

import argparse
import os
import sys
import tempfile
import time
from typing import Any

import numpy as np

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.policies import load_policy
from sim_bridge.engine.simulation import Simulation
from sim_bridge.engine.stock import StockSimulation
from sim_bridge.tasks.defaults import expert_of
from sim_bridge.tasks.task import simulated_task

TASKS = "lift,stack,can,square,threading,door,ToolHang,Wipe"
STEPS, FRAMES = 100, 12


def parity(engines: tuple[Any, Any], size: int) -> float:
    """Worst difference of a joint, rad, after 40 gentle steps with an opening hand; 3 starts."""
    worst = 0.0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        for engine in engines:
            engine.reset(seed)
        for _ in range(40):
            command = 0.3 * rng.uniform(-1, 1, size)
            command[6:] = -1.0
            for engine in engines:
                engine.step(command)
            a, b = (engine.proprioception()["joint_pos"] for engine in engines)
            worst = max(worst, float(np.abs(a - b).max()))
    return worst


def expert_successes(engine: Any, task: Any, spec: str, seeds: int) -> int | None:
    """Of the expert; None where the task has none."""
    try:
        expert = load_policy(expert_of(spec))
    except ConfigurationError:
        return None
    done = 0
    for seed in range(seeds):
        engine.reset(seed)
        expert.reset(seed, task.instruction)
        while not engine.success and engine.steps < task.horizon:
            # as `observe` without pictures, which stock robosuite would have drawn
            seen = {"proprioception": engine.proprioception(), "state": engine.state()}
            engine.step(expert.act(seen))
        done += engine.success
    return done


def per_second(work: Any, count: int) -> float:
    """Calls a second of CPU time."""
    begun = time.process_time()
    for _ in range(count):
        work()
    return count / (time.process_time() - begun)


def steps_per_second(engine: Any, size: int) -> float:
    """Control steps, success asked after each."""
    engine.reset(0)
    rng = np.random.default_rng(0)

    def step() -> None:
        engine.step(0.3 * rng.uniform(-1, 1, size))
        engine.success  # noqa: B018 - it is computed

    return per_second(step, STEPS)


def frames_per_second(task: Any) -> tuple[float, float]:
    """Pictures of the task's camera: ours, then robosuite's own renderer."""
    ours = Simulation(task)
    ours.draw()
    fast = per_second(ours.draw, 10 * FRAMES)
    ours.close()
    stock = StockSimulation(task)
    sim, side = stock._environment.sim, task.image_size
    stock._take_graphics()
    slow = per_second(lambda: sim.render(camera_name=task.camera, width=side, height=side), FRAMES)
    stock.close()
    return fast, slow


def starts(task: Any) -> tuple[float, float]:
    """s of CPU: with an empty cache, and with what that left."""
    kept = os.environ.get("XDG_CACHE_HOME")
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for _ in range(2):
            begun = time.process_time()
            Simulation(task, cameras={}).close()
            taken.append(time.process_time() - begun)
    os.environ.pop("XDG_CACHE_HOME")
    if kept is not None:
        os.environ["XDG_CACHE_HOME"] = kept
    return taken[0], taken[1]


def row(spec: str, seeds: int) -> str:
    """One line of the table."""
    task = simulated_task(spec)
    first, cached = starts(task)
    engines = Simulation(task, cameras={}), StockSimulation(task, pictures=False)
    size = task.action_size
    gap = parity(engines, size)
    done = [expert_successes(engine, task, spec, seeds) for engine in engines]
    speed = [steps_per_second(engine, size) for engine in engines]
    for engine in engines:
        engine.close()
    frames = frames_per_second(task)
    expert = "none" if done[0] is None else f"{done[0]}/{seeds} | {done[1]}/{seeds}"
    return (
        f"{spec:24} parity {gap:.0e} rad; expert (ours | stock) {expert:15} steps/s "
        f"{speed[0]:.0f} : {speed[1]:.0f} = {speed[0] / speed[1]:.1f}x; frames/s {frames[0]:.0f} : "
        f"{frames[1]:.0f} = {frames[0] / frames[1]:.0f}x; "
        f"start {first:.1f} s, cached {cached:.1f} s"
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--robots", default="Panda,UR5e")
    parser.add_argument("--seeds", type=int, default=10, help="of the expert, in each engine")
    options = parser.parse_args()
    for name in options.tasks.split(","):
        for robot in options.robots.split(","):
            if name == "lift" and robot != "Panda":
                continue  # the twin's task has that arm
            print(
                row(name if name == "lift" else f"{name}?robot={robot}", options.seeds), flush=True
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
