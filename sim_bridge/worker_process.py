# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The child of a WorkerCell: serves trials over an inherited socket until its parent is gone."""

import fcntl
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from robomd_ros.core.errors import CellFault, RoboMDError


def main() -> int:
    """Serve; `sys.argv[1]` is the file descriptor of the connection to the parent."""
    # The parent ends its children; a Ctrl-C in the terminal is for the parent alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    connection = Connection(int(sys.argv[1]))
    options = connection.recv()
    try:
        from sim_bridge.cells import TrialRunner  # noqa: PLC0415 - its failure is reported too

        runner = TrialRunner(options)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        connection.send(("refused", type(error).__name__, _message(error)))
        return 1
    connection.send(("ready",))
    _Server(connection, runner).serve()
    return 0


def _die_with_parent() -> None:
    """Let the kernel end this process when the parent is gone, however it went.

    Standard input is a pipe whose other end only the parent holds; nothing is ever written. When
    the parent dies the kernel signals the hang-up, and SIGIO's default is to terminate, which
    works while Python itself is stuck. PR_SET_PDEATHSIG is of no use here: it fires when the
    parent's *thread* that started the child ends.
    """
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)


class _Server:
    """Runs requests on the main thread while a second thread listens for cancellations."""

    def __init__(self, connection: Connection, runner: Any) -> None:
        self._connection = connection
        self._runner = runner
        self._requests: queue.Queue[tuple[str, int, Any, int]] = queue.Queue()
        self._current = -1
        self._cancelled = -1
        threading.Thread(target=self._listen, name="listen", daemon=True).start()

    def serve(self) -> None:
        while True:
            kind, self._current, scene, seed = self._requests.get()
            self._connection.send((*self._answer(kind, scene, seed), self._current))

    def _answer(self, kind: str, scene: Any, seed: int) -> tuple[str, Any]:
        try:
            if kind == "observe":
                image = self._runner.observe(scene, seed)
                return "image", (image, self._runner.joint_positions())
            rollout = self._runner.run(scene, seed, lambda: self._cancelled >= self._current)
            joints = self._runner.joint_positions()
            return "rollout", (rollout.outcome, rollout.image, joints)
        except CellFault as fault:
            return "cancelled", str(fault)
        except RoboMDError as error:
            return "fault", str(error)
        except Exception as error:  # noqa: BLE001 - a fault of the simulator spoils one trial only
            return "fault", f"the simulator raised {_message(error)}"

    def _listen(self) -> None:
        while True:
            try:
                kind, number, scene, seed = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)  # the parent is gone; the main thread may be stuck in the policy
            if kind == "cancel":
                self._cancelled = number
            else:
                self._requests.put((kind, number, scene, seed))


def _message(error: Exception) -> str:
    if isinstance(error, RoboMDError):
        return str(error)
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
