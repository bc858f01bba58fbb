# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of the controller and the gripper: questions only, nothing that could move."""

import contextlib
import math
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from robomd_ros.arms.ur5e.dashboard import DASHBOARD_PORT, Dashboard, DashboardError
from robomd_ros.arms.ur5e.parameters import ROBOTIQ_PORT
from robomd_ros.arms.ur5e.rtde_probe import IN_USE, RTDE_PORT, RtdeProbe
from robomd_ros.core.errors import CellFault
from robomd_ros.doctor.findings import CheckState, Finding, bad, good, note, skipped
from robomd_ros.doctor.place import place

SCRIPT_PORT = 30003
_TIMEOUT = 2.0
"""s for a connection and for each answer."""
_PORTS = {
    DASHBOARD_PORT: "dashboard",
    SCRIPT_PORT: "script",
    RTDE_PORT: "RTDE",
}
_REGISTERS = (
    *(f"input_int_register_{i}" for i in range(8)),
    *(f"input_double_register_{i}" for i in range(18)),
)
"""Those that the control client of ur_rtde asks for."""
_SAFETY_REMEDIES = {
    "PROTECTIVE_STOP": "look what stopped the arm, clear it, wait 5 s, and confirm the popup of "
    "the pendant; in a campaign the operator's prompt leads through it",
    "SAFEGUARD_STOP": "close the safeguard (door, light curtain) and reset it",
    "SYSTEM_EMERGENCY_STOP": "release the emergency stop of the system, then power on and release "
    "the brakes on the pendant",
    "ROBOT_EMERGENCY_STOP": "release the emergency stop button, then power on and release the "
    "brakes on the pendant",
    "RECOVERY": "move the arm back within its safety limits on the pendant",
    "VIOLATION": "a safety limit was violated: restart the safety system on the pendant",
    "FAULT": "the safety system has a fault: see the log on the pendant, then restart it",
}

_WRONG_PAYLOAD = "a wrong payload causes protective stops"


def check_robot(values: Mapping[str, Any], arm: Mapping[str, Any]) -> Iterator[Finding]:
    """Check the controller, in the order in which one thing needs another.

    Args:
        values: resolved arguments of the bring-up.
        arm: the parameters of ur5e_node that it would be started with.
    """
    host = str(values["robot_ip"])
    if not host:
        yield skipped("robot", "give robot_ip:=<address of the controller> to look at it")
        return
    ports = check_ports(host)
    yield ports
    if ports.state is CheckState.BAD:
        return
    silent = False
    for finding in (*check_dashboard(host), *check_rtde(host, arm)):
        yield finding
        silent |= finding.check in ("dashboard", "RTDE") and finding.state is CheckState.BAD
    if silent:
        yield skipped("gripper", "not asked, since the controller does not answer")
    else:
        yield check_gripper(host, str(arm["gripper"]))


def check_ports(host: str) -> Finding:
    """Whether the controller's servers can be reached."""
    closed: dict[int, str] = {}
    for port in _PORTS:
        try:
            socket.create_connection((host, port), _TIMEOUT).close()
        except OSError as error:
            closed[port] = error.strerror or str(error) or type(error).__name__
    if not closed:
        return good("ports", f"{host} answers on {', '.join(map(str, _PORTS))}")
    reasons = ", ".join(f"{port} ({_PORTS[port]}): {why}" for port, why in closed.items())
    if len(closed) == len(_PORTS):
        remedy = (
            "check the cable, the robot's address (pendant: Settings > System > Network), that "
            f"this machine has an address of the same network, and that `ping {host}` answers"
        )
    else:
        remedy = (
            "enable these services on the pendant (Settings > Security > Services); PolyScope X "
            "has no dashboard server and cannot be used"
        )
    return bad("ports", f"{host}: no connection to {reasons}", remedy)


def check_dashboard(host: str) -> Iterator[Finding]:
    """What the dashboard tells: version, remote control, modes, a program that runs."""
    try:
        with Dashboard(host, _TIMEOUT) as dashboard:
            version = dashboard.polyscope_version()
            status = dashboard.status()
    except DashboardError as error:
        yield bad(
            "dashboard",
            f"it accepts a connection, but: {error}",
            "the controller is frozen, starting or overloaded: wait a minute, then restart it",
        )
        return
    yield polyscope(version)
    yield remote_control(status.remote_control, version)
    yield safety_mode(status.safety_mode)
    yield robot_mode(status.robot_mode)
    yield program(status.program_running)


def polyscope(version: tuple[int, ...]) -> Finding:
    """Whether the client library can drive this version."""
    name = "PolyScope"
    if not version:
        return bad(name, "it tells no version", "PolyScope 3.x or 5.x is needed")
    text = ".".join(map(str, version))
    if version[0] == 3:
        return note(name, f"{text} (CB3)", "CB3 works, but only e-Series versions are exercised")
    if version[0] != 5 or version < (5, 4):
        return bad(name, text, "the client library drives PolyScope 3.x, and 5.4 or later; update")
    return good(name, text)


def remote_control(on: bool | None, version: tuple[int, ...]) -> Finding:
    """Whether the controller takes commands from outside."""
    name = "remote control"
    if on is None or (version and version < (5, 6)):
        return skipped(name, "this PolyScope has no remote mode")
    if on:
        return good(name, "on")
    return bad(
        name,
        "the pendant is in local mode",
        "pendant: Settings > System > Remote Control > Enable, then choose Remote Control with "
        "the button at the top right",
    )


def robot_mode(mode: str) -> Finding:
    """Whether the arm is powered and its brakes are released."""
    name = "robot mode"
    if mode == "RUNNING":
        return good(name, mode)
    if mode in ("POWER_OFF", "POWER_ON", "IDLE", "BOOTING"):
        remedy = "on the pendant: power on and release the brakes, with nobody near the arm"
    else:
        remedy = "see the message on the pendant; the arm must be in mode RUNNING"
    return bad(name, mode, remedy)


def safety_mode(mode: str) -> Finding:
    """Whether the safety system lets the arm move."""
    name = "safety mode"
    if mode in ("NORMAL", "REDUCED"):
        return good(name, mode)
    default = "see the message on the pendant; the safety mode must be NORMAL"
    return bad(name, mode, _SAFETY_REMEDIES.get(mode, default))


def program(running: bool) -> Finding:
    """Whether something else drives the arm."""
    name = "program"
    if not running:
        return good(name, "none is running")
    return bad(
        name,
        "a program is running on the controller",
        "end the other client (a running campaign, ur_robot_driver), or stop the program on the "
        "pendant; two clients would fight for the arm",
    )


def check_rtde(host: str, arm: Mapping[str, Any]) -> Iterator[Finding]:
    """What RTDE tells: whether it streams, payload and TCP, registers in use."""
    try:
        with RtdeProbe(host, _TIMEOUT) as probe:
            state = probe.read(["timestamp", "payload", "payload_cog", "tcp_offset", "actual_q"])
    except CellFault as fault:
        remedy = "restart the controller; a firewall or a switch between may drop the connection"
        yield bad("RTDE", str(fault), remedy)
        return
    yield good("RTDE", "state is sent")
    yield payload(state, arm)
    yield tcp(state, arm)
    yield from place(state, arm)
    yield registers(host)


def payload(state: Mapping[str, Any], arm: Mapping[str, Any]) -> Finding:
    """The payload on the controller; beside the configured one, if that will be set."""
    name = "payload"
    if arm["set_tool"]:
        wanted = float(arm["payload"])
        if "payload" not in state:
            return skipped(name, f"this controller does not tell; {wanted:g} kg will be set")
        found = float(state["payload"])
        if math.isclose(found, wanted, abs_tol=0.05):
            return good(name, f"{found:.2f} kg")
        return note(
            name,
            f"{found:.2f} kg on the controller; {wanted:.2f} kg of the parameters is set",
            f"{_WRONG_PAYLOAD}: set the same in the installation on the pendant",
        )
    if "payload" not in state:
        return skipped(name, "this controller does not tell; see the installation on the pendant")
    found = float(state["payload"])
    if found > 0.0 or arm["gripper"] == "none":
        return good(name, f"{found:.2f} kg, of the pendant")
    remedy = f"{_WRONG_PAYLOAD}: weigh the gripper and set it in the installation on the pendant"
    return note(name, "0 kg on the controller, and there is a gripper", remedy)


def tcp(state: Mapping[str, Any], arm: Mapping[str, Any]) -> Finding:
    """The tool centre point on the controller; beside the configured one, if that will be set."""
    name = "TCP"
    if "tcp_offset" not in state:
        return skipped(name, "this controller does not tell; see the installation on the pendant")
    found = [float(x) for x in state["tcp_offset"]]
    if arm["set_tool"]:
        wanted = [float(x) for x in arm["tcp_offset"]]
        if max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < 1e-3:
            return good(name, f"{_figures(found)} m, rad")
        return note(
            name,
            f"{_figures(found)} on the controller; {_figures(wanted)} of the parameters is set",
            "set the same in the installation on the pendant",
        )
    if any(found) or arm["gripper"] == "none":
        return good(name, f"{_figures(found)} m, rad, of the pendant")
    remedy = "measure the gripper and set the TCP in the installation on the pendant"
    return note(name, "the flange, and there is a gripper", remedy)


def _figures(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{v:.3f}" for v in values) + "]"


def registers(host: str) -> Finding:
    """Whether the input registers that the control client needs are free."""
    name = "registers"
    try:
        with RtdeProbe(host, _TIMEOUT) as probe:
            answers = probe.inputs(_REGISTERS)
    except CellFault as fault:
        return bad(name, str(fault), "restart the controller")
    taken = [register for register, answer in answers.items() if answer == IN_USE]
    if not taken:
        return good(name, f"the {len(_REGISTERS)} input registers are free")
    return bad(
        name,
        f"{len(taken)} of {len(_REGISTERS)} are in use, {taken[0]} first",
        "end the other RTDE client (a running campaign, ur_robot_driver), or disable what owns "
        "them on the pendant: EtherNet/IP, PROFINET, MODBUS, or a URCap",
    )


def check_gripper(host: str, kind: str) -> Finding:
    """Whether the gripper answers and is active."""
    name = "gripper"
    if kind != "robotiq":
        return skipped(name, f"{kind}: nothing to ask")
    try:
        with socket.create_connection((host, ROBOTIQ_PORT), _TIMEOUT) as connection:
            connection.sendall(b"GET STA\n")
            answer = connection.recv(64).decode(errors="replace").strip()
            connection.sendall(b"GET FLT\n")
            told = connection.recv(64).decode(errors="replace").split()
    except OSError as error:
        return bad(
            name,
            f"no answer on port {ROBOTIQ_PORT}: {str(error) or type(error).__name__}",
            "install Robotiq's URCap, see that the gripper has power and its plug sits, then scan "
            "for it on the pendant",
        )
    fault = told[1] if len(told) == 2 and told[1] != "0" else ""
    state = -1
    with contextlib.suppress(ValueError, IndexError):
        state = int(answer.split()[1])
    if state == 3:
        if fault:
            remedy = "see the gripper's manual, mend it, and activate it anew on the pendant"
            return bad(name, f"Robotiq, active, but it reports fault {fault}", remedy)
        return good(name, "Robotiq, active")
    return note(
        name,
        f"Robotiq, not active ({answer!r})",
        "ur5e_node activates it when it starts, or do it on the pendant: its fingers move",
    )
