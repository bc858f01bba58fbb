# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Becomes a program of others that ends with the one that started it: see parent.tool."""

import ctypes
import os
import signal
import sys
from pathlib import Path

from robomd_ros.core.hosted.parent import starter_pid

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the command line of the arguments in the place of this process."""
    # kept through exec, for the kernel knows nothing else that a program of others would heed
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    starter = starter_pid()
    if starter not in (None, os.getppid()) and not Path(f"/proc/{starter}").exists():
        os._exit(128 + signal.SIGTERM)  # it had died before; alive, a terminal stands between us
    try:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell
    except OSError as error:
        sys.exit(f"{sys.argv[1]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
