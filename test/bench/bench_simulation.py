# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rollouts per second with picture and policy: stock robosuite and this engine, side by side.

Both run the same starts with the same policy for the same number of steps, in one and in two
processes, by turns so that a busy machine slows both. Run it with `make bench` or
`python test/bench/bench_simulation.py [--steps 60] [--rounds 2]`.
"""

import argparse
import multiprocessing
import os
import time
from collections import defaultdict

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from robomd_ros.core.errors import PolicyLoadError
from robomd_ros.core.policies import Policy, load_policy
from sim_bridge.engine.simulation import Simulation
from sim_bridge.engine.stock import StockSimulation
from sim_bridge.tasks.task import Task, task

ENGINES = {"stock": StockSimulation, "fast": Simulation}
ROLLOUTS = {"stock": 1, "fast": 8}
"""Per process and round; the slow engine is given fewer."""


class RandomPolicy:
    """Stands in where no trained policy is shipped."""

    def reset(self, seed: int, instruction: str) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, observation) -> np.ndarray:
        return self._rng.uniform(-1.0, 1.0, 7)


def policy_under_test(spec: str) -> Policy:
    return RandomPolicy() if spec == "random" else load_policy(spec)


def timed_rollout(engine, policy: Policy, seed: int, steps: int, spent: dict[str, float]) -> None:
    """One rollout of a fixed length; adds the seconds of each part to `spent`."""
    clock = time.perf_counter
    marks = [clock()]
    engine.reset(seed)
    policy.reset(seed, "lift the cube")
    spent["reset"] += clock() - marks[0]
    for _ in range(steps):
        start = clock()
        observation = engine.observe()
        seen = clock()
        action = policy.act(observation)
        decided = clock()
        engine.step(action)
        assert engine.success in (True, False)
        spent["picture"] += seen - start
        spent["policy"] += decided - seen
        spent["control and physics"] += clock() - decided


def worker(name: str, spec: str, steps: int, rollouts: int, seed: int, barrier, results) -> None:
    engine = ENGINES[name](task("lift"))
    policy = policy_under_test(spec)
    timed_rollout(engine, policy, seed, 3, defaultdict(float))  # compiles, opens the context
    spent: dict[str, float] = defaultdict(float)
    barrier.wait()
    start = time.perf_counter()
    for i in range(rollouts):
        timed_rollout(engine, policy, seed + i, steps, spent)
    barrier.wait()
    results.put((time.perf_counter() - start, dict(spent)))
    engine.close()


def measure(name: str, processes: int, spec: str, steps: int) -> tuple[float, dict[str, float]]:
    """Rollouts per second of all processes together, and seconds by part of one step."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    rollouts = ROLLOUTS[name]
    children = [
        context.Process(
            target=worker, args=(name, spec, steps, rollouts, 100 * i, barrier, results)
        )
        for i in range(processes)
    ]
    for child in children:
        child.start()
    reports = [results.get(timeout=600) for _ in children]
    for child in children:
        child.join()
    wall = max(seconds for seconds, _ in reports)
    parts: dict[str, float] = defaultdict(float)
    for _, spent in reports:
        for part, seconds in spent.items():
            parts[part] += seconds / (processes * rollouts * steps)
    return processes * rollouts / wall, parts


def stock_picture(lift: Task, steps: int = 20) -> float:
    """Seconds per step that stock robosuite spends on its picture: with it less without it."""
    seconds = []
    for pictures in (True, False):
        engine = StockSimulation(lift, pictures=pictures)
        engine.step(np.zeros(7))
        start = time.perf_counter()
        for _ in range(steps):
            engine.step(np.zeros(7))
        seconds.append((time.perf_counter() - start) / steps)
        engine.close()
    return seconds[0] - seconds[1]


def spec_to_use(asked: str | None) -> str:
    if asked is not None:
        return asked
    try:
        load_policy("lift_bc")
    except PolicyLoadError as error:
        print(f"random commands stand in for the policy: {error}")
        return "random"
    return "lift_bc"


def report(rates, parts, steps: int) -> None:
    print(f"\nRollouts of {steps} steps with picture and policy, per second (median of rounds)")
    print(f"{'processes':>10} {'stock':>10} {'fast':>10} {'ratio':>8}")
    for processes in (1, 2):
        stock, fast = (float(np.median(rates[name, processes])) for name in ENGINES)
        print(f"{processes:>10} {stock:>10.3f} {fast:>10.3f} {fast / stock:>7.1f}x")
    print("\nWhere a step's time goes in one process, ms")
    print(f"{'':>22} {'stock':>8} {'fast':>8}")
    for part in ("picture", "control and physics", "policy"):
        values = [1e3 * float(np.mean([p[part] for p in parts[name]])) for name in ENGINES]
        print(f"{part:>22} {values[0]:>8.2f} {values[1]:>8.2f}")
    totals = [1e3 / (float(np.median(rates[name, 1])) * steps) for name in ENGINES]
    print(f"{'all, with the resets':>22} {totals[0]:>8.2f} {totals[1]:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--policy", help="specification; the shipped policy by default")
    options = parser.parse_args()
    spec = spec_to_use(options.policy)
    rates, parts = defaultdict(list), defaultdict(list)
    for turn in range(options.rounds):
        for processes in (1, 2):
            for name in ENGINES:
                rate, spent = measure(name, processes, spec, options.steps)
                rates[name, processes].append(rate)
                if processes == 1:
                    parts[name].append(spent)
        print(f"round {turn + 1} of {options.rounds} done", flush=True)
    picture = stock_picture(task("lift"))
    for spent in parts["stock"]:  # robosuite draws inside its step
        spent["picture"] += picture
        spent["control and physics"] -= picture
    report(rates, parts, options.steps)


if __name__ == "__main__":
    main()
