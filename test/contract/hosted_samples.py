# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What hosted children of the tests do; like a user's code, it needs the standard library alone."""

import ctypes
import os
import subprocess
import sys
import time

from robomd_ros.core.hosted.serve import serve_calls


class Host:
    def __init__(self, options, cancelled):
        self.cancelled = cancelled
        if options == "refuse":
            raise ValueError("no calibration")
        if options == "dawdle":
            time.sleep(3600)

    def describe(self):
        return {"python": sys.version_info[:2], "path": sys.path, "pid": os.getpid()}

    def echo(self, value):
        return value

    def pid(self):
        return os.getpid()

    def environment(self):
        return dict(os.environ)

    def sleep(self, seconds):
        time.sleep(seconds)

    def stick(self):
        """Hold the interpreter's lock for ever."""
        ctypes.PyDLL(None).sleep(3600)

    def crash(self):
        ctypes.string_at(0)

    def leave(self, code, words=""):
        print(words, file=sys.stderr)
        os._exit(code)

    def chatter(self):
        """Print what a careless program prints, binary rubbish included."""
        os.write(1, b"\xff\x00rmd1 garbage without an end" + b"x" * 300_000)
        print("a line on stdout")
        return "still here"

    def nothing_that_can_be_sent(self):
        return object()

    def until_cancelled(self):
        while not self.cancelled():
            time.sleep(0.005)
        return "cancelled"

    def breed(self, generations):
        """Programs that start programs; each ignores what can be ignored. Pids of all of them."""
        program = (
            "import signal, subprocess, sys, time\n"
            "for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO):\n"
            "    signal.signal(n, signal.SIG_IGN)\n"
            "left = int(sys.argv[2])\n"
            "import os\n"
            "os.write(1, b'%d\\n' % os.getpid())\n"
            "if left:\n"
            "    p = sys.argv[1]\n"
            "    for _ in range(2):\n"
            "        subprocess.Popen([sys.executable, '-c', p, p, str(left-1)])\n"
            "time.sleep(3600)\n"
        )
        expected = 2 ** (generations + 1) - 1
        bred = subprocess.Popen(
            [sys.executable, "-c", program, program, str(generations)],
            stdout=subprocess.PIPE,
            text=True,
        )
        return [int(bred.stdout.readline()) for _ in range(expected)]

    def fork_and_leave(self):
        """A copy of this process keeps its pipes; the process itself ends."""
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(9)


def serve(channel, options):
    return serve_calls(channel, options, Host, cancellable=options == "cancellable")
