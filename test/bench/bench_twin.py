# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast and how evenly the twin answers the real ur_rtde client, and what it costs.

python test/bench/bench_twin.py [frequency] [seconds]

Prints the received rate and its jitter, the time from a servo command to the first motion that the
client sees, and the CPU of the twin; facts of a prototype on two loaded cores, for comparison: 327
to 496 Hz of 500, 2.3 to 17 ms to the first motion, CPU 6 % without clients, 24 % with them.
"""

import json
import subprocess
import sys
import time

import numpy as np
import psutil

from sim_bridge.twin.client import TwinProcess

ADDRESS = "127.0.0.61"

RECEIVE = """
import sys, time, json
from rtde_receive import RTDEReceiveInterface
r = RTDEReceiveInterface(sys.argv[1], float(sys.argv[2]))
stamps, walls = [], []
end = time.monotonic() + float(sys.argv[3])
last = 0.0
while time.monotonic() < end:
    stamp = r.getTimestamp()
    if stamp != last:
        stamps.append(stamp); walls.append(time.monotonic()); last = stamp
    time.sleep(0.0002)
print(json.dumps([stamps, walls]))
"""

SERVO = """
import sys, time, json, os
from rtde_receive import RTDEReceiveInterface
from rtde_control import RTDEControlInterface
r, c = RTDEReceiveInterface(sys.argv[1]), RTDEControlInterface(sys.argv[1])
home, waits = r.getActualQ(), []
for trial in range(int(sys.argv[2])):
    start = r.getTargetQ()[5]
    goal = list(home); goal[5] += 0.03 if trial % 2 == 0 else 0.0
    begin = time.monotonic()
    c.servoJ(goal, 0, 0, 0.002, 0.05, 300)
    while abs(r.getTargetQ()[5] - start) < 1e-6 and time.monotonic() < begin + 1.0:
        pass
    waits.append(time.monotonic() - begin)
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        c.servoJ(goal, 0, 0, 0.002, 0.05, 300); time.sleep(0.008)
c.servoStop(); c.stopScript()
print(json.dumps(waits), flush=True); os._exit(0)
"""


def child(code, *arguments):
    """Output of a client process, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, ADDRESS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def cpu(process, action):
    """Result of an action and the share of one core that a process used meanwhile."""
    before, start = sum(process.cpu_times()[:2]), time.monotonic()
    result = action()
    used, wall = sum(process.cpu_times()[:2]) - before, time.monotonic() - start
    return result, 100 * used / wall


def main():
    frequency = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    with TwinProcess(f"address:={ADDRESS}", f"frequency:={frequency}") as twin:
        process = psutil.Process(twin.pid)
        _, idle = cpu(process, lambda: time.sleep(3))
        (stamps, walls), busy = cpu(process, lambda: child(RECEIVE, frequency, seconds))
        steps = 1e3 * np.diff(walls)
        print(f"received {len(stamps) / (walls[-1] - walls[0]):.1f} Hz of {frequency}, ", end="")
        print(
            f"interval p50 {np.median(steps):.2f} p99 {np.percentile(steps, 99):.2f} ms, ", end=""
        )
        robot = (stamps[-1] - stamps[0]) / (walls[-1] - walls[0])
        print(f"robot time {100 * robot:.1f} % of wall time")
        waits, servo = cpu(process, lambda: child(SERVO, 20))
        print(f"servo to motion p50 {1e3 * np.median(waits):.1f} ms, ", end="")
        print(f"p99 {1e3 * np.percentile(waits, 99):.1f} ms")
        print(f"CPU idle {idle:.0f} %, one receiver {busy:.0f} %, servo {servo:.0f} %")
        print(f"load average {psutil.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
