# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A launch in a process of its own, as `ros2 launch` runs it, and all that it has started."""

import os
import signal
import subprocess
import sys
import time
import uuid

import psutil

_MARK = "ROBOMD_TEST_LAUNCH"
_DRIVER = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource

path, *given = sys.argv[1:]
arguments = [argument.split(":=", 1) for argument in given]
source = AnyLaunchDescriptionSource(path)
service = LaunchService(argv=given)
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


class Launched:
    """One launch; leaving the context kills whatever is left of it."""

    def __init__(self, folder, path, *arguments, environment):
        self._log = folder / f"launch-{uuid.uuid4().hex[:8]}.log"
        self._mark = uuid.uuid4().hex
        variables = {
            **os.environ,
            "AMENT_PREFIX_PATH": os.environ.get("AMENT_PREFIX_PATH", sys.prefix),
            **environment,
            _MARK: self._mark,
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _DRIVER, str(path), *arguments],
                cwd=folder,
                env=variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.left():
            process.kill()
        self.process.kill()
        self.process.wait()

    @property
    def output(self):
        """Everything that it has printed."""
        return self._log.read_text(errors="replace")

    def wait_for(self, text, times=1, timeout=120.0):
        """Wait until the output holds a text so many times."""
        deadline = time.monotonic() + timeout
        while self.output.count(text) < times:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, f"no {text!r} in {self.output}"
            time.sleep(0.2)

    def signal(self, number):
        """Send a signal to the launch alone."""
        os.kill(self.process.pid, number)

    def interrupt(self):
        """Ctrl-C on its terminal: for the launch and all that it has started."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, timeout=60.0):
        """Its exit code."""
        return self.process.wait(timeout)

    def left(self):
        """The processes that run and were started by it, or by what it started."""
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get(_MARK) == self._mark
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return [p for p in found if p.pid != self.process.pid]

    def find(self, program, last=""):
        """The process of a program, with this as its last argument."""
        (process,) = [
            p
            for p in self.left()
            if any(a.endswith(f"/{program}") for a in p.cmdline())
            and p.cmdline()[-1].endswith(last)
        ]
        return process

    def assert_nothing_is_left(self, patience=15.0):
        """Wait until nothing of it runs; fails with the command lines of what stays."""
        deadline = time.monotonic() + patience
        while left := self.left():
            if time.monotonic() > deadline:
                commands = "\n".join(" ".join(p.cmdline()) for p in left if p.is_running())
                raise AssertionError(f"left after {patience} s:\n{commands}\n{self.output}")
            time.sleep(0.2)
