# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What looking at a campaign costs: trials per minute with and without the displays.

A simulated campaign runs all the time (real processes, real DDS); the markers node and the
operator's panel (offscreen) run beside it and do not, by turns, in pairs of windows whose order
alternates, so that a busy machine slows both. The policy stands still: every rollout has the same
number of steps, and what differs between windows is the displays. Run it with `make bench` or
`python test/bench/bench_display.py [--pairs 8] [--seconds 20] [--displays markers,panel]`.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import numpy as np
import psutil
import rclpy
from rclpy.node import Node

MOST_COST = 0.05
MOST_DOUBT = 0.02
"""Standard error of the cost above which the machine is too busy to tell by trials per minute."""
BUDGET = 99_999
PER_CAMPAIGN = 4
"""Pairs of windows; a policy that always fails has a settled order after some 1,400 trials."""
POLL = 0.2
NODES = {"markers": "ranking_markers_node", "panel": "robomd_panel"}
"""How the names of the displays' nodes begin."""
IDLE = '''
"""Stands still: every rollout fails at the horizon."""
import numpy as np


class Policy:
    wants_state = False

    def reset(self, seed, instruction):
        pass

    def act(self, observation):
        return np.zeros(7)
'''


@dataclass
class Window:
    """What was measured in one stretch of time.

    Attributes:
        rate: valid trials per minute, from the first end to the last.
        trials: how many ended.
        campaign: CPU s of the campaign's processes.
        displays: CPU s of each display, by name.
    """

    rate: float
    trials: int
    campaign: float
    displays: dict[str, float]


def display_commands(names: Sequence[str], cells: int) -> dict[str, list[str]]:
    listed = "[" + ",".join(f'"cell_{i}"' for i in range(cells)) + "]"
    node = "robomd_ros.nodes.ranking_markers_node"
    known = {
        "markers": ["-m", node, "--ros-args", "-r", "__ns:=/robomd", "-p", f"cells:={listed}"],
        "panel": ["-m", "robomd_ros.cli.main", "panel"],
    }
    return {name: [sys.executable, *known[name]] for name in names}


@contextmanager
def campaign(place: Path, cells: int, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """`robomd sim` with a budget that is never spent."""
    (place / "idle_policy.py").write_text(IDLE)
    arguments = [
        f"cells:={cells}", f"budget:={BUDGET}", "search:=uniform", "confidence:=0.9999999",
        "policy:=python:idle_policy:Policy", f"out:={place / 'campaign'}",
    ]  # fmt: skip
    with (place / "output.txt").open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "robomd_ros.cli.main", "sim", *arguments],
            cwd=place,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield psutil.Process(child.pid)
        finally:
            os.killpg(child.pid, signal.SIGINT)
            child.wait(30.0)


@contextmanager
def displays(commands: dict[str, list[str]], environment: dict[str, str]) -> Iterator[dict]:
    """The displays' processes; they must live until the end."""
    children = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command in commands.values()
    ]
    try:
        yield {n: psutil.Process(c.pid) for n, c in zip(commands, children, strict=True)}
        for name, child in zip(commands, children, strict=True):
            if child.poll() is not None:
                raise RuntimeError(f"the display {name} ended with code {child.returncode}")
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(15.0)


def ends(folder: Path, since: float) -> list[float]:
    """When valid trials ended, Unix time, s."""
    database = sqlite3.connect(f"file:{folder / 'trials.db'}?mode=ro", uri=True, timeout=10)
    try:
        query = "SELECT finished_at FROM trials WHERE finished_at > ? AND result != 'INVALID'"
        return sorted(row[0] for row in database.execute(query, (since,)))
    except sqlite3.OperationalError:  # the campaign is about to create it
        return []
    finally:
        database.close()


def cpu_seconds(process: psutil.Process) -> float:
    """Of the process and its descendants, as far as they live."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def wait_until_shown(observer: Node, names: Sequence[str], settle: float) -> None:
    """Until the displays' nodes are on the graph, and then `settle` s."""
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline:
        there = observer.get_node_names()
        if all(any(n.startswith(NODES[name]) for n in there) for name in names):
            time.sleep(settle)
            return
        time.sleep(POLL)
    raise RuntimeError(f"of {', '.join(names)} one is not on the graph after 120 s")


def measure(
    folder: Path, runner: psutil.Process, shown: dict[str, psutil.Process], seconds: float
) -> Window:
    since, before = time.time(), cpu_seconds(runner)
    drawn = {name: cpu_seconds(process) for name, process in shown.items()}
    time.sleep(seconds)
    times = ends(folder, since)
    if len(times) < 3:
        raise RuntimeError(f"only {len(times)} trials in {seconds:g} s; give more --seconds")
    rate = 60.0 * (len(times) - 1) / (times[-1] - times[0])
    spent = {name: cpu_seconds(process) - drawn[name] for name, process in shown.items()}
    return Window(rate, len(times), cpu_seconds(runner) - before, spent)


def compare(
    folder: Path,
    runner: psutil.Process,
    commands: dict[str, list[str]],
    environment: dict[str, str],
    observer: Node,
    options: argparse.Namespace,
    numbers: range,
) -> list[tuple[Window, Window]]:
    """Pairs of windows, with these numbers: without and with the displays."""
    pairs = []
    for i in numbers:
        found: dict[bool, Window] = {}
        for shown in (False, True) if i % 2 else (True, False):
            with displays(commands if shown else {}, environment) as processes:
                wait_until_shown(observer, commands if shown else (), options.settle)
                found[shown] = measure(folder, runner, processes, options.seconds)
        pairs.append((found[False], found[True]))
        without, with_them = pairs[-1]
        print(
            f"{i:>6} {without.rate:>12.1f} {with_them.rate:>12.1f} "
            f"{100 * (1 - with_them.rate / without.rate):>8.1f} %",
            flush=True,
        )
    return pairs


def report(pairs: Sequence[tuple[Window, Window]]) -> tuple[float, str]:
    """Print what was found.

    Returns:
        The cost and what it is a share of: of the trials per minute, or, where those differ too
        much from window to window to tell, of the CPU time, which is what the displays take away.
    """
    costs = np.array([1 - b.rate / a.rate for a, b in pairs])
    spread = np.std(costs, ddof=1) / np.sqrt(len(costs)) if len(costs) > 1 else np.nan
    trials = sum(b.trials for _, b in pairs)
    spent = {name: sum(b.displays[name] for _, b in pairs) for name in pairs[0][1].displays}
    drawing = sum(spent.values())
    running = sum(b.campaign for _, b in pairs)
    print(f"\n{'trials without, with':>36} {sum(a.trials for a, _ in pairs)}, {trials}")
    print(f"{'CPU of the campaign, per trial':>36} {1e3 * running / trials:.0f} ms")
    for name, seconds in spent.items():
        print(f"{f'CPU of {name}, per trial':>36} {1e3 * seconds / trials:.1f} ms")
    print(f"{'share of the displays in the CPU':>36} {100 * drawing / (drawing + running):.1f} %")
    print(f"{'cost in trials/min, median':>36} {100 * np.median(costs):.1f} %")
    print(f"{'mean and its standard error':>36} {100 * costs.mean():.1f} +- {100 * spread:.1f} %")
    if not spread <= MOST_DOUBT:
        print(f"\nThe machine is too busy to tell by trials per minute ({100 * spread:.1f} %).")
        return drawing / (drawing + running), "of the CPU time"
    return float(np.median(costs)), "of the trials per minute"


def wait_for_trials(folder: Path, runner: psutil.Process, output: Path, count: int = 4) -> None:
    deadline = time.monotonic() + 180.0
    while not (folder / "trials.db").is_file() or len(ends(folder, 0.0)) < count:
        if time.monotonic() > deadline or not runner.is_running():
            raise RuntimeError(f"the campaign did not start: {output.read_text()[-2000:]}")
        time.sleep(POLL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=8, help="pairs of windows")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a window")
    parser.add_argument("--settle", type=float, default=3.0, help="s before each window, at least")
    parser.add_argument("--cells", type=int, default=1)
    parser.add_argument("--displays", default="markers,panel", help="markers, panel or both")
    options = parser.parse_args()
    commands = display_commands(options.displays.split(","), options.cells)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "QT_QPA_PLATFORM": "offscreen",
        "ROS_DOMAIN_ID": os.environ.get("ROS_DOMAIN_ID", str(1 + os.getpid() % 101)),
    }
    rclpy.init(args=[], domain_id=int(environment["ROS_DOMAIN_ID"]))
    observer = rclpy.create_node("bench_display")
    print(f"{'pair':>6} {'without':>12} {'with':>12} {'cost':>10}   trials/min")
    pairs: list[tuple[Window, Window]] = []
    while len(pairs) < options.pairs:
        numbers = range(len(pairs), min(len(pairs) + PER_CAMPAIGN, options.pairs))
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            folder = place / "campaign"
            with campaign(place, options.cells, environment) as runner:
                wait_for_trials(folder, runner, place / "output.txt")
                pairs += compare(folder, runner, commands, environment, observer, options, numbers)
    rclpy.shutdown()
    cost, of_what = report(pairs)
    met = cost <= MOST_COST
    shown = " and ".join(commands)
    verdict = "met" if met else "MISSED"
    print(f"\n{shown}: {100 * cost:.1f} % {of_what}, at most {100 * MOST_COST:.0f} %: {verdict}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
