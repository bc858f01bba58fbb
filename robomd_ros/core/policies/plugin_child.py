# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The child of a PluginProcess: hosts one policy or detector until its parent is gone."""

import fcntl
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from robomd_ros.core.errors import PolicyFault, RoboMDError
from robomd_ros.core.policies.detector import load_detector, verdict
from robomd_ros.core.policies.guard import next_action, start_episode
from robomd_ros.core.policies.loading import load_policy


class _Policy:
    """A policy, with its outcome where it offers one."""

    def __init__(self, spec: str) -> None:
        self._policy = load_policy(spec)

    def describe(self) -> dict[str, Any]:
        """What the node must know: camera name, picture size (0: any), whether it says outcomes."""
        architecture = getattr(self._policy, "architecture", None)
        size = getattr(self._policy, "image_size", getattr(architecture, "image_size", 0))
        width, height = size if isinstance(size, tuple) else (size, size)
        camera = getattr(self._policy, "camera", getattr(architecture, "camera", ""))
        return {
            "camera": str(camera),
            "image_size": (int(width), int(height)),
            "says_outcome": callable(getattr(self._policy, "outcome", None)),
        }

    def reset(self, seed: int, instruction: str) -> None:
        start_episode(self._policy, seed, instruction)

    def act(self, observation: Mapping[str, Any], size: int) -> tuple[Any, Any]:
        """The command, and the policy's verdict or None."""
        action = next_action(self._policy, observation, size)
        if not hasattr(self._policy, "outcome"):
            return action, None
        try:
            said = self._policy.outcome()
        except (Exception, SystemExit) as error:
            raise PolicyFault(
                f"the policy's outcome raised {type(error).__name__}: {error}"
            ) from error
        return action, verdict(said, "the policy")


class _Detector:
    """A success detector."""

    def __init__(self, spec: str) -> None:
        self._detector = load_detector(spec)

    def describe(self) -> dict[str, Any]:
        """Nothing that the node must know."""
        return {}

    def reset(self, seed: int, instruction: str) -> None:
        reset = getattr(self._detector, "reset", None)
        if callable(reset):
            self._guarded(reset, seed, instruction)

    def detect(self, observation: Mapping[str, Any]) -> Any:
        return verdict(self._guarded(self._detector, observation), "the detector")

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            raise PolicyFault(f"the detector raised {type(error).__name__}: {error}") from error


_HOSTS = {"policy": _Policy, "detector": _Detector}


def main() -> int:
    """Serve; `sys.argv` holds the file descriptor of the connection, the kind and the spec."""
    # the parent ends its children; a Ctrl-C in the terminal is for the parent alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    connection = Connection(int(sys.argv[1]))
    try:
        host: Any = _HOSTS[sys.argv[2]](sys.argv[3])
        described = host.describe()
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        connection.send((-1, "refused", (type(error).__name__, str(error))))
        return 1
    connection.send((-1, "ready", described))
    _serve(connection, host)
    return 0


def _serve(connection: Connection, host: Any) -> None:
    while True:
        try:
            number, method, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (number, "done", getattr(host, method)(*arguments))
        except RoboMDError as error:
            answer = (number, "fault", str(error))
        connection.send(answer)


def _die_with_parent() -> None:
    """Let the kernel end this process when the parent is gone, even while Python is stuck.

    Standard input is a pipe whose other end only the parent holds. When the parent dies the kernel
    signals the hang-up, and SIGIO's default is to terminate.
    """
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


if __name__ == "__main__":
    sys.exit(main())
