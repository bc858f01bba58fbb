# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd twin`: start the UR5e twin and say where it listens."""

import ipaddress
import json
import logging
import re
import signal
import sys
from collections.abc import Sequence
from typing import Any

from robomd_ros.core.arguments import Arguments, help_text, parse_arguments
from robomd_ros.core.errors import EXIT_CONFIGURATION, ConfigurationError, RoboMDError
from robomd_ros.core.schema import option
from sim_bridge.twin import dashboard, gripper, rtde, script_server

_log = logging.getLogger(__name__)

HTTP_PORT = 8080
TASK = "ur5e_tabletop"


class TwinArguments(Arguments):
    """Of `robomd twin`."""

    address: str = option("127.0.0.2", "loopback address of the robot: 127.x.y.z")
    http_port: int = option(HTTP_PORT, "port of camera, state and faults", low=1024, high=65535)
    polyscope: str = option("5.12.0", "version of the controller's software: 3.x or 5.x")
    frequency: int = option(
        0, "control cycles; 0 is 500, or 125 before version 5", unit="Hz", low=0, high=500
    )
    task: str = option(TASK, "what stands on the table", choices=(TASK,))
    seed: int = option(0, "where the cube lies at the start", low=0, high=2**31 - 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the twin until it is interrupted; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    given = list(sys.argv[1:] if argv is None else argv)
    if "-h" in given or "--help" in given:
        sys.stdout.write(help_text("robomd twin", TwinArguments) + "\n")
        return 0
    try:
        values = _values(given)
        for number in (signal.SIGINT, signal.SIGTERM):  # also where a script started it with &
            signal.signal(number, _interrupt)
        return _serve(values)
    except KeyboardInterrupt:
        return 0
    except RoboMDError as error:
        _log.error("error: %s", error)
        return EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else 1


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _values(given: Sequence[str]) -> dict[str, Any]:
    """All arguments, checked.

    Raises:
        ConfigurationError: unknown, malformed or not allowed.
    """
    values: dict[str, Any] = {**dict(TwinArguments()), **parse_arguments(given, TwinArguments)}
    _check_address(values["address"])
    values["version"] = _version(values["polyscope"])
    slow = values["version"][0] < 5
    values["frequency"] = values["frequency"] or (125 if slow else 500)
    allowed = (125,) if slow else (125, 250, 500)
    if values["frequency"] not in allowed:
        raise ConfigurationError(
            f"a controller of version {values['polyscope']} runs at "
            f"{' or '.join(str(rate) for rate in allowed)} Hz; got {values['frequency']}"
        )
    return values


def _check_address(address: str) -> None:
    try:
        loopback = ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigurationError(
            f"address must be a loopback address, 127.x.y.z, because the twin runs the scripts "
            f"that it is sent; got {address!r}"
        )


def _version(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([35])\.(\d{1,3})(?:\.(\d{1,3}))?", text)
    if match is None:
        raise ConfigurationError(
            f"polyscope must be a version 3.x, 5.x or 5.x.y, e.g. 5.12.0; got {text!r}"
        )
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _serve(values: dict[str, Any]) -> int:
    from sim_bridge.twin.camera import TwinCamera  # noqa: PLC0415 - brings MuJoCo
    from sim_bridge.twin.http_server import TwinHttpServer  # noqa: PLC0415
    from sim_bridge.twin.network import Network  # noqa: PLC0415
    from sim_bridge.twin.server import PORTS, Twin  # noqa: PLC0415

    address, http_port = values["address"], values["http_port"]
    network = Network(address, PORTS)
    http = TwinHttpServer(address, http_port)
    twin = Twin(network, values["version"], values["frequency"], values["seed"])
    camera = TwinCamera()
    http.start(twin, camera)
    url = f"http://{address}:{http_port}"
    ports = {
        "dashboard": dashboard.PORT,
        "script": script_server.PORT,
        "rtde": rtde.PORT,
        "gripper": gripper.PORT,
        "http": http_port,
    }
    ready = {"address": address, "ports": ports, "camera": f"{url}/camera.mjpg", "control": url}
    sys.stdout.write(f"READY {json.dumps(ready)}\n")
    sys.stdout.flush()
    try:
        twin.run()
    finally:
        http.stop()
        camera.close()
    return 0
