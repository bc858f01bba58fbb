# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Python modules run as child processes that talk over a pipe and may hang, crash or be killed."""

import os
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from robomd_ros.core import errors
from robomd_ros.core.errors import ConfigurationError


def start_child(
    module: str, *arguments: str, variables: Mapping[str, str]
) -> tuple["subprocess.Popen[bytes]", Connection]:
    """Run a module of this Python, with the same import path as here, in a session of its own.

    Args:
        module: is given the number of its end of the pipe as its first argument; it should end
            when its standard input does, which is when this process ends.
        *arguments: the others.
        variables: of the environment, beside this process's own.

    Returns:
        The child and our end of the pipe.

    Raises:
        OSError: it cannot be started.
    """
    ours, theirs = Pipe()
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    # its own session: a Ctrl-C in the terminal reaches the parent alone
    process = subprocess.Popen(  # noqa: S603 - no shell, and the module is the caller's constant
        [sys.executable, "-m", module, str(theirs.fileno()), *arguments],
        stdin=subprocess.PIPE,
        pass_fds=(theirs.fileno(),),
        env={**os.environ, **variables, "PYTHONPATH": path},
        start_new_session=True,
    )
    theirs.close()
    return process, ours


def one_thread(*names: str) -> dict[str, str]:
    """The variables of libraries that would take every core, at 1 unless somebody has set them."""
    return {name: os.environ.get(name, "1") for name in names}


def end_child(process: "subprocess.Popen[bytes] | None") -> None:
    """Kill a child, if there is one, and wait for its end."""
    if process is not None:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def refusal_of(class_name: str, message: str) -> ConfigurationError | None:
    """The configuration error that a child told by its name; None for any other class."""
    kind = getattr(errors, class_name, None)
    if isinstance(kind, type) and issubclass(kind, ConfigurationError):
        return kind(message)
    return None
