"""The UR5e twin in a process of its own, on a loopback address that is free."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from graph import wait_for

from robomd_ros.bringup_ur5e import resolve_ur5e


def free_address() -> str:
    """A loopback address on which no twin listens."""
    return str(resolve_ur5e({"use_twin": True})["robot_ip"])


class Twin:
    """A running twin.

    Attributes:
        address: where its ports are.
        ready: what it printed when they all listened.
    """

    def __init__(self, address: str, arguments: Sequence[str]) -> None:
        self.address = address
        self._arguments = [f"address:={address}", *arguments]
        self.start()

    def start(self) -> None:
        """Start it (again), and wait until it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "sim_bridge.twin", *self._arguments],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        lines: list[str] = []
        threading.Thread(target=lambda: lines.extend(self.process.stdout), daemon=True).start()
        found = wait_for(
            lambda: [line for line in lines if line.startswith("READY ")],
            f"READY of the twin on {self.address}",
            60,
        )
        self.ready: dict[str, Any] = json.loads(found[0].removeprefix("READY "))

    def kill(self) -> None:
        """End it at once, as a controller that loses power."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@contextlib.contextmanager
def running_twin(*arguments: str, address: str = "") -> Iterator[Twin]:
    """A twin at 125 Hz unless told otherwise, within this context."""
    twin = Twin(address or free_address(), ["frequency:=125", *arguments])
    try:
        yield twin
    finally:
        twin.kill()
