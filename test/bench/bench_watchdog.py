# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials that the controller's watchdog voids on a busy machine, with and without raised priority.

Run as `python test/bench/bench_watchdog.py [pairs] [load]`: streams of 5 s on a twin, paired,
beside `load` processes that compute.
"""

import os
import subprocess
import sys
import time

from robomd_ros.arms.ur5e.arm import UR5e
from robomd_ros.arms.ur5e.options import ArmListener
from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.arms.ur5e.settings import arm_options
from robomd_ros.core.errors import RoboMDError
from sim_bridge.tasks.tabletop import HOME
from sim_bridge.twin.client import TwinProcess

ADDRESS = "127.77.0.9"
STREAM = 5.0
"""s of commands in a trial."""


def trial(twin, raised):
    """Whether the watchdog voided a stream; None where the arm was not ready in time."""
    values = {
        **dict(ArmParameters()),
        "robot_ip": ADDRESS,
        "home": HOME,
        "workspace_lower": (-0.9, -0.9, -0.2),
        "set_tool": True,
        "tcp_offset": (0.0, 0.0, 0.145, 0.0, 0.0, 0.0),
        "payload": 0.9,
        "state_timeout": 0.5,
        "command_timeout": 0.5,
        "raised_priority": raised,
    }
    arm = UR5e(arm_options(values), ArmListener())
    arm.connect()
    try:
        end = time.monotonic() + 40
        while arm.obstacle():
            if time.monotonic() > end:
                return None
            time.sleep(0.05)
        begun, begun_log = time.monotonic(), twin.client.state()["log"]
        while time.monotonic() - begun < STREAM:
            up = 0.02 if (time.monotonic() - begun) % 1.0 < 0.5 else -0.02
            try:
                arm.stream_twist((0.0, 0.0, up, 0.0, 0.0, 0.0))
            except RoboMDError as error:
                print(f"  {'raised' if raised else 'as it was'}: {error}", flush=True)
                return "watchdog" in _new(twin, begun_log)
            time.sleep(0.02)
        return "watchdog" in _new(twin, begun_log)
    finally:
        arm.close()


def _new(twin, before):
    """What the controller has logged since."""
    return " ".join(line for line in twin.client.state()["log"] if line not in before)


def main():
    pairs, load = (int(v) for v in [*sys.argv[1:], "8", "10"][:2])
    busy = []
    results = {False: [], True: []}
    try:
        with TwinProcess(f"address:={ADDRESS}", "frequency:=125") as twin:
            command = [sys.executable, "-c", "while True: pass"]
            busy += [subprocess.Popen(command) for _ in range(load)]
            for pair in range(pairs):
                for raised in (False, True) if pair % 2 else (True, False):
                    results[raised].append(trial(twin, raised))
                void = {r: sum(v is True for v in found) for r, found in results.items()}
                print(
                    f"pair {pair + 1}: void without {void[False]}, with {void[True]}; load "
                    f"{os.getloadavg()[0]:.0f}",
                    flush=True,
                )
    finally:
        for process in busy:
            process.kill()
    for raised, name in ((False, "as it was"), (True, "raised priority")):
        found = [v for v in results[raised] if v is not None]
        print(f"{name}: {sum(found)} of {len(found)} trials void by the watchdog")


if __name__ == "__main__":
    main()
