# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Programs of ours that end with the one that started them, and how one is started."""

import functools
import json
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

START = str(Path(__file__).with_name("start.py"))
"""Path of the file that starts a module of ours safely."""
VARIABLE = "ROBOMD_START"
"""Of the environment: what the process that is being started must know, as JSON."""
_GRACE = 8.0
"""s that a program may take to end before it is killed; an arm is brought to rest meanwhile."""
_WATCH = "watch-starter"
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV")
"""Variables of this Python that would mislead another."""
_BOOTSTRAP = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"
"""Set where ROS 2's wheels have started this Python anew with their own LD_LIBRARY_PATH."""


def program(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours as `python -m` does, the current folder last."""
    return [sys.executable, "-u", START, module, *arguments]


def tool(*command: str) -> list[str]:
    """The command that runs a program of others so that it ends with the one that starts it.

    It must be started by that process's main thread.
    """
    return program("robomd_ros.core.hosted.tool", *command)


def starter_variables() -> dict[str, str]:
    """What to add to the environment of a program of ours that shall end with this process.

    Only who adds this has it so: a node that a person starts in a shell goes on when the shell
    ends. The program takes the variable out of its environment, so that nothing that it starts in
    its turn is concerned.
    """
    return {VARIABLE: json.dumps({"starter": os.getpid()})}


@functools.cache
def starter_pid() -> int | None:
    """The process that is to be outlived by no means, taken out of the environment; or None."""
    pid = json.loads(os.environ.pop(VARIABLE, "{}")).get("starter")
    return None if pid is None else int(pid)


def die_with_starter() -> None:
    """End when the process does that is named by `starter_variables`; without them do nothing.

    Every main() of a node calls it first. This process is asked by SIGTERM, as by a person, and
    killed if it has not ended some seconds later. It watches a process, not a thread or a direct
    parent: a terminal or a debugger may stand between the two.
    """
    starter = starter_pid()
    if starter is None or any(t.name == _WATCH for t in threading.enumerate()):
        return
    try:
        watched = os.pidfd_open(starter)
    except ProcessLookupError:
        os._exit(128 + signal.SIGTERM)  # it had died before
    threading.Thread(target=_end_after, args=(watched,), name=_WATCH, daemon=True).start()


def clean_environment(python: str = "") -> dict[str, str]:
    """This process's environment for a child.

    Args:
        python: path of another interpreter, which must not see what is meant for this one; empty:
            the child runs in this one.
    """
    environment = dict(os.environ)
    environment.pop(VARIABLE, None)
    entries = [e for e in environment.pop("PYTHONPATH", "").split(os.pathsep) if e]
    if entries:  # an empty entry would stand for the current folder
        environment["PYTHONPATH"] = os.pathsep.join(entries)
    if not python:
        return environment
    for name in (*_FOREIGN, _BOOTSTRAP):
        environment.pop(name, None)
    libraries = environment.pop("LD_LIBRARY_PATH", "").split(os.pathsep)
    kept = [e for e in libraries if e and not Path(e).is_relative_to(sys.prefix)]
    if kept:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(kept)
    return environment


def _end_after(watched: int) -> None:
    gone = select.poll()
    gone.register(watched, select.POLLIN)
    gone.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
