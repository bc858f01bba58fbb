# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The controller's dashboard server: state in words, stopping a program, leaving a stop.

Plain sockets with time limits. A stop must not depend on any connection that is already open, so
`stop_program` makes a fresh one each time.
"""

import contextlib
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from robomd_ros.core.errors import RoboMDError

DASHBOARD_PORT = 29999
_LINE = 4096
_REFUSED = re.compile(r"not allowed|Failed to execute|Cannot unlock|could not understand", re.I)


class DashboardError(RoboMDError):
    """The dashboard server is not reachable, silent, or refused a command."""


@dataclass(frozen=True)
class DashboardStatus:
    """What the dashboard says of the robot.

    Attributes:
        robot_mode: e.g. RUNNING, IDLE, POWER_OFF.
        safety_mode: e.g. NORMAL, PROTECTIVE_STOP.
        program_running: a program runs.
        remote_control: commands from outside are accepted; None on controllers without that mode.
    """

    robot_mode: str
    safety_mode: str
    program_running: bool
    remote_control: bool | None


class Dashboard:
    """One connection to the dashboard server; use it as a context.

    Raises:
        DashboardError: from every method, where the server does not answer in time.
    """

    def __init__(self, host: str, timeout: float = 1.0) -> None:
        """Prepare.

        Args:
            host: address of the controller.
            timeout: s for connecting and for each answer.
        """
        self._host = host
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._rest = b""

    def __enter__(self) -> "Dashboard":
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect and read the greeting."""
        self.close()
        try:
            self._socket = socket.create_connection((self._host, DASHBOARD_PORT), self._timeout)
            self._line()
        except OSError as error:
            self.close()
            raise self._silent(error) from error

    def close(self) -> None:
        """Disconnect; idempotent."""
        connection, self._socket, self._rest = self._socket, None, b""
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def ask(self, command: str) -> str:
        """Send one command line and return the one line of the answer."""
        if self._socket is None:
            raise DashboardError(f"not connected to the dashboard of {self._host}; open it first")
        try:
            self._socket.sendall(command.encode() + b"\n")
            return self._line()
        except OSError as error:
            self.close()
            raise self._silent(error) from error

    def order(self, command: str) -> str:
        """As `ask`; DashboardError also where the controller refuses."""
        answer = self.ask(command)
        if _REFUSED.search(answer):
            raise DashboardError(f"the controller refused {command!r}: {answer}")
        return answer

    def status(self) -> DashboardStatus:
        """Modes, program and remote control."""
        return DashboardStatus(
            robot_mode=_value(self.ask("robotmode")),
            safety_mode=_value(self.ask("safetymode")),
            program_running="true" in self.ask("running").lower(),
            remote_control=self.remote_control(),
        )

    def remote_control(self) -> bool | None:
        """Whether commands from outside are accepted; None where there is no such mode."""
        answer = self.ask("is in remote control").lower()
        return {"true": True, "false": False}.get(answer)

    def polyscope_version(self) -> tuple[int, ...]:
        """Major, minor, bugfix (and build) of the controller's software; empty if it says none."""
        numbers = re.search(r"\d+(?:\.\d+)+", self.ask("PolyscopeVersion"))
        return tuple(int(n) for n in numbers.group().split(".")) if numbers else ()

    def unlock_protective_stop(self) -> None:
        """Release a protective stop; DashboardError while the controller still refuses."""
        with contextlib.suppress(DashboardError):  # no popup is no error
            self.ask("close safety popup")
        self.order("unlock protective stop")

    def _line(self) -> str:
        deadline = time.monotonic() + self._timeout
        while b"\n" not in self._rest:
            if self._socket is None or time.monotonic() > deadline:
                raise TimeoutError(f"no answer within {self._timeout:g} s")
            data = self._socket.recv(_LINE)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def _silent(self, error: OSError) -> DashboardError:
        what = str(error) or type(error).__name__
        return DashboardError(
            f"the dashboard of {self._host} (port {DASHBOARD_PORT}) does not answer: {what}"
        )


def stop_program(host: str, timeout: float = 0.5) -> None:
    """Stop whatever program runs, through a fresh connection.

    Raises:
        DashboardError: not reachable or refused; the arm may still move.
    """
    with Dashboard(host, timeout) as dashboard:
        answer = dashboard.ask("stop")
        # a program that has ended by itself cannot be stopped: that is what was wanted
        if _REFUSED.search(answer) and "true" in dashboard.ask("running").lower():
            raise DashboardError(f"the controller refused to stop its program: {answer}")


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll until true; DashboardError that names what never came."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise DashboardError(f"{what} did not come within {timeout:g} s")
        time.sleep(0.05)


def _value(answer: str) -> str:
    """`RUNNING` of `Robotmode: RUNNING`."""
    return answer.rsplit(":", 1)[-1].strip()
