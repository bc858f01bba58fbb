# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The script ports: a client sends URScript, which replaces the running program."""

from sim_bridge.twin.controller import Controller
from sim_bridge.twin.network import Connection
from sim_bridge.twin.urscript import ScriptError, depth_change

PORT = 30003
_LONGEST = 1 << 19


class ScriptServer:
    """Takes programs for a controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def connect(self, _connection: Connection) -> "ScriptClient":
        """A new client; the state stream of a real controller's port is left out."""
        return ScriptClient(self)

    def run(self, text: str) -> None:
        """Start a program; in local mode, or if it is wrong, only the log hears of it."""
        if not self._controller.remote:
            self._controller.log("a script was refused: the robot is in local mode")
            return
        try:
            self._controller.start_script(text)
        except ScriptError as error:
            self._controller.log(f"a script was refused: {error}")


class ScriptClient:
    """One client's text, cut into programs: each ends when its last block closes."""

    def __init__(self, server: ScriptServer) -> None:
        self._server = server
        self._rest = b""
        self._lines: list[str] = []
        self._depth = 0
        self._size = 0

    def received(self, data: bytes) -> None:
        """Take all whole lines; ConnectionError for a program without end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._size += len(data)
        if self._size > _LONGEST:
            raise ConnectionError(f"a script may have {_LONGEST} bytes")
        for line in lines:
            self._line(line.decode("utf-8", "replace"))

    def _line(self, line: str) -> None:
        if not self._lines and not line.strip():
            return
        self._lines.append(line)
        self._depth += depth_change(line)
        if self._depth > 0:
            return
        text = "\n".join(self._lines) + "\n"
        self._lines, self._depth, self._size = [], 0, 0
        single = not text.lstrip().startswith(("def ", "sec "))
        self._server.run(f"def single_line():\n{text}end\n" if single else text)

    def closed(self) -> None:
        """An unfinished program is forgotten."""
