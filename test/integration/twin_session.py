# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A twin for a module of tests, and the real ur_rtde client in a process of its own.

The client's constructors hold the interpreter and it may crash: nothing of it runs in the tests'
own process.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import textwrap

from robomd_ros.arms.ur5e.dashboard import DashboardError, stop_program
from sim_bridge.twin.client import TwinProcess

_numbers = itertools.count(2)


def own_address():
    """A loopback address that no other test run uses at this time."""
    pid = os.getpid()
    return f"127.{1 + pid // 250 % 250}.{1 + pid % 250}.{next(_numbers)}"


class Twin(TwinProcess):
    """A twin whose tests are repeated, from `begin_anew`, where this computer stalled."""

    def begin_anew(self):
        """No fault, and no program that runs."""
        self.client.clear()
        with contextlib.suppress(DashboardError):
            stop_program(self.ready["address"])


def start_twin(*arguments, address=None):
    """A twin at 125 Hz unless the arguments say otherwise."""
    if not any(argument.startswith("frequency:=") for argument in arguments):
        arguments = (*arguments, "frequency:=125")
    return Twin(f"address:={address or own_address()}", *arguments)


_PRELUDE = """
import json, os, signal, sys, time
import numpy as np
from sim_bridge.twin.client import TwinClient
IP, URL = sys.argv[1], sys.argv[2]
twin = TwinClient(URL)
answer = {}

def receive(*arguments):
    from rtde_receive import RTDEReceiveInterface
    return RTDEReceiveInterface(IP, *arguments)

def control(*arguments):
    from rtde_control import RTDEControlInterface
    return RTDEControlInterface(IP, *arguments)

def dashboard():
    from dashboard_client import DashboardClient
    client = DashboardClient(IP)
    client.connect()
    return client

def error_of(action):
    try:
        action()
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""

def wait(condition, timeout=15.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)

def far(q, goal):
    return float(np.abs(np.array(q) - np.array(goal)).max())

def finish():
    print("ANSWER", json.dumps(answer), flush=True)
    os._exit(0)  # the client's threads need no orderly end
"""


def run_client(twin, code, timeout=90.0):
    """Run code with the real client against a twin; what it put in `answer`."""
    script = f"{_PRELUDE}\n{textwrap.dedent(code)}\nfinish()\n"
    done = subprocess.run(
        [sys.executable, "-c", script, twin.ready["address"], twin.ready["control"]],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    for line in done.stdout.splitlines():
        if line.startswith("ANSWER "):
            return json.loads(line[7:])
    state = twin.client.state()
    raise AssertionError(f"the client ended with {done.returncode}: {done.stderr}\n{state['log']}")
