# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What importing a node costs, next to rclpy itself and rclpy with the standard messages.

Modules in sys.modules, and s of processor time of the import alone, each in a fresh interpreter.
All are imported by turns, so that a busy machine slows each of them alike; the median counts. Run
it with `make bench` or `python test/bench/bench_imports.py [--runs 7]`.
"""

import argparse
import statistics
import subprocess
import sys
from collections import defaultdict

RCLPY = "rclpy.node, rclpy.action"
STANDARD = "diagnostic_msgs.msg, geometry_msgs.msg, sensor_msgs.msg, std_msgs.msg, std_srvs.srv"
IMPORTED = {
    "rclpy": RCLPY,
    "rclpy and the standard messages": f"{RCLPY}, {STANDARD}",
    **{
        name.rpartition(".")[2]: name
        for name in (
            *(
                f"robomd_ros.nodes.{node}_node"
                for node in ("camera", "ur5e", "policy", "perturbation", "diagnosis")
            ),
            "sim_bridge.sim_bridge_node",
        )
    },
}
MEASURE = """
import sys, time
begun = time.process_time()
import {}
print(time.process_time() - begun, len(sys.modules))
"""


def measure(what: str) -> tuple[float, int]:
    """(s of processor time, modules in memory afterwards) of an import in a new interpreter."""
    command = [sys.executable, "-c", MEASURE.format(what)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, modules = done.stdout.split()[-2:]
    return float(seconds), int(modules)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)
    modules: dict[str, int] = {}
    for what in IMPORTED.values():
        measure(what)  # the files are in memory from now on
    for _ in range(options.runs):
        for name, what in IMPORTED.items():
            taken, modules[name] = measure(what)
            seconds[name].append(taken)
    print(f"Imports, median of {options.runs} runs by turns; ratios are to rclpy's")
    print(f"{'':>34} {'modules':>8} {'ratio':>6} {'s':>7} {'ratio':>6}")
    first = statistics.median(seconds["rclpy"])
    for name in IMPORTED:
        taken = statistics.median(seconds[name])
        print(
            f"{name:>34} {modules[name]:>8} {modules[name] / modules['rclpy']:>6.2f}"
            f" {taken:>7.3f} {taken / first:>6.2f}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
