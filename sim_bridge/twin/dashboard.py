# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The dashboard server (port 29999): one line of text asks, one line answers."""

from collections.abc import Callable

from robomd_ros.core.robot_modes import RobotMode, SafetyMode
from sim_bridge.twin.controller import Controller
from sim_bridge.twin.network import Connection, LineClient
from sim_bridge.twin.rtde import BUILD
from sim_bridge.twin.states import Runtime

PORT = 29999
PROGRAMS = ("pick.urp", "place.urp", "external_control.urp")
"""Programs that can be loaded; the twin lets them wait."""

SERIAL_NUMBER = "20215500001"
_GREETING = "Connected: Universal Robots Dashboard Server"
_LOCAL = (
    "Command is not allowed due to safety reasons, please switch robot to Remote Control mode and "
    "reconnect to port 29999"
)
_TOO_EARLY = (
    "Cannot unlock protective stop until 5s after occurrence. Always inspect cause of protective "
    "stop before unlocking"
)
_ROBOT_MODES = {mode: mode.name for mode in RobotMode}
_SAFETY_MODES = {mode: mode.name for mode in SafetyMode}
_REMOTE_SINCE = (5, 6)

Answer = Callable[[str], str]


class DashboardServer:
    """Answers what clients of a controller ask."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.silent = False
        """A fault: clients are let in and get no answer."""
        self._popup = ""
        self._role = "none"
        self._actions: dict[str, Answer] = {
            "play": self._play,
            "stop": self._stop,
            "pause": self._pause,
            "load": self._load,
            "power on": self._act(controller.power_on, "Powering on"),
            "power off": self._act(controller.power_off, "Powering off"),
            "brake release": self._act(controller.brake_release, "Brake releasing"),
            "restart safety": self._act(controller.restart_safety, "Restarting safety"),
            "unlock protective stop": self._unlock,
            "popup": self._show_popup,
            "close popup": self._close_popup,
            "close safety popup": lambda _: "closing safety popup",
            "addToLog": self._add_to_log,
            "setUserRole": self._set_role,
        }
        self._queries: dict[str, Answer] = {
            "robotmode": lambda _: f"Robotmode: {_ROBOT_MODES[controller.robot_mode]}",
            "safetymode": lambda _: f"Safetymode: {_SAFETY_MODES[controller.safety_mode]}",
            "safetystatus": lambda _: f"Safetystatus: {_SAFETY_MODES[controller.safety_mode]}",
            "running": lambda _: f"Program running: {_truth(self._playing)}",
            "programState": self._program_state,
            "get loaded program": self._loaded_program,
            "isProgramSaved": lambda _: f"true {controller.loaded}".strip(),
            "PolyscopeVersion": self._version,
            "get robot model": lambda _: "UR5",
            "getUserRole": lambda _: self._role,
        }
        if controller.version[0] >= 5:
            self._queries["get serial number"] = lambda _: SERIAL_NUMBER
        if self._has_remote:
            self._queries["is in remote control"] = lambda _: _truth(controller.remote)

    @property
    def _has_remote(self) -> bool:
        return self._controller.version[:2] >= _REMOTE_SINCE

    @property
    def _playing(self) -> bool:
        return self._controller.runtime is Runtime.PLAYING

    def connect(self, connection: Connection) -> LineClient:
        """A new client gets the greeting, and goes with `quit`."""

        def answer(line: str) -> str:
            if line == "quit":
                connection.close_after_sending()
                return "Disconnected"
            return "" if self.silent else self.answer(line)

        if not self.silent:
            connection.send(f"{_GREETING}\n".encode())
        return LineClient(connection, answer)

    def answer(self, line: str) -> str:
        """The answer to one line, both without line ends."""
        name, argument = self._split(line)
        if name in self._queries:
            return self._queries[name](argument)
        if name in self._actions:
            if self._has_remote and not self._controller.remote:
                return _LOCAL
            return self._actions[name](argument)
        return f"could not understand: '{line}'"

    def _split(self, line: str) -> tuple[str, str]:
        line = line.strip()
        for name in ("load", "popup", "addToLog", "setUserRole"):
            if line == name or line.startswith(name + " "):
                return name, line[len(name) :].strip()
        return line, ""

    def _act(self, action: Callable[[], None], text: str) -> Answer:
        def act(_argument: str) -> str:
            action()
            return text

        return act

    def _play(self, _argument: str) -> str:
        return "Starting program" if self._controller.play() else "Failed to execute: play"

    def _pause(self, _argument: str) -> str:
        return "Pausing program" if self._controller.pause() else "Failed to execute: pause"

    def _stop(self, _argument: str) -> str:
        if self._controller.runtime is Runtime.STOPPED and not self._controller.ready:
            return "Failed to execute: stop"
        self._controller.stop_program("the dashboard stopped it")
        return "Stopped"

    def _load(self, name: str) -> str:
        if name not in PROGRAMS:
            return f"File not found: {name}"
        if self._controller.runtime is not Runtime.STOPPED:
            return f"Error while loading program: {name}"
        self._controller.loaded = name
        return f"Loading program: {name}"

    def _unlock(self, _argument: str) -> str:
        return "Protective stop releasing" if self._controller.unlock() else _TOO_EARLY

    def _show_popup(self, text: str) -> str:
        self._popup = text
        return "showing popup"

    def _close_popup(self, _argument: str) -> str:
        self._popup = ""
        return "closing popup"

    def _add_to_log(self, text: str) -> str:
        self._controller.log(text)
        return "Added log message"

    def _set_role(self, role: str) -> str:
        if role not in ("programmer", "operator", "none", "locked", "restricted"):
            return f"Failed setting user role: {role}"
        self._role = role
        return f"Setting user role: {role}"

    def _program_state(self, _argument: str) -> str:
        playing = self._controller.runtime in (Runtime.PLAYING, Runtime.PAUSED)
        name = (
            {Runtime.PAUSED: "PAUSED", Runtime.PLAYING: "PLAYING"}[self._controller.runtime]
            if (playing)
            else "STOPPED"
        )
        return f"{name} {self._controller.loaded or 'null'}"

    def _loaded_program(self, _argument: str) -> str:
        loaded = self._controller.loaded
        return f"Loaded program: {loaded}" if loaded else "No program loaded"

    def _version(self, _argument: str) -> str:
        number = ".".join(str(part) for part in self._controller.version)
        return f"URSoftware {number}.{BUILD} (twin)"


def _truth(value: bool) -> str:
    return "true" if value else "false"
