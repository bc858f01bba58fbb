# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What this process prints, where nobody reads it or the terminal cannot show it."""

import os
import sys

NOBODY_READS = 141
"""Exit code after `| head`, as of a program that SIGPIPE ends."""


def drop_output() -> None:
    """Print into nothing from now on: whoever read the output is gone, as after `| head`."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def print_what_can_be() -> None:
    """Print a question mark where the output's encoding lacks a character, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
