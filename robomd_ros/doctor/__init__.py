# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd doctor`: everything that a first run needs, looked at without moving anything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from robomd_ros.bringup import driver
from robomd_ros.bringup.arguments import resolve
from robomd_ros.bringup.ur5e import (
    SET_BY_UR5E,
    TWIN_POLICY,
    Ur5eArguments,
    all_parameters,
    by_topics,
    full_names,
    named_topics,
)
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.doctor.findings import CheckState, Finding, bad, tell


def run_doctor(arguments: Sequence[str]) -> int:
    """Go through all checks and print what each found.

    Args:
        arguments: those of `robomd ur5e`; without robot_ip the robot is left out, without camera
            and robot_ip the camera.

    Returns:
        0 if all that is needed holds, else 1.

    Raises:
        ConfigurationError: an argument or the parameter file is wrong.
    """
    given = parse_arguments(arguments, Ur5eArguments)
    values = resolve(given, Ur5eArguments, SET_BY_UR5E, full_names)
    if values["use_twin"]:
        values["policy"] = values["policy"] or TWIN_POLICY
    if values["robot_ip"] and not values["use_twin"]:
        values["camera"] = values["camera"] or ("" if values["cameras"] else "0")
    findings = list(tell(examine(values)))
    print("\n" + conclusion(findings))
    return 1 if any(f.state is CheckState.BAD for f in findings) else 0


def examine(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Every check in its order; each is made when it is asked for.

    Args:
        values: resolved arguments of the bring-up.
    """
    from robomd_ros.arms.camera.parameters import CameraConfig
    from robomd_ros.arms.camera.topics import camera_topics
    from robomd_ros.doctor.camera import check_camera, check_topics
    from robomd_ros.doctor.driver import check_driver
    from robomd_ros.doctor.host import check_host
    from robomd_ros.doctor.robot import check_robot

    yield from check_host(values)
    try:
        topics = named_topics(values)
        parameters = {} if topics else all_parameters("camera_node", values)
        camera = CameraConfig(**parameters) if values["camera"] and not topics else None
    except ConfigurationError as error:
        yield bad("camera", str(error), "correct the arguments camera:= and cameras:=")
    else:
        if topics:
            yield from check_topics(camera_topics(topics))
        else:
            yield from check_camera(camera, str(values["calibration"]))
    if by_topics(values):
        yield from check_driver(all_parameters(driver.NODE, values))
        return
    yield from check_robot(values, all_parameters("ur5e_node", values))


def conclusion(findings: Sequence[Finding]) -> str:
    """One line: how many of each, and what must be mended."""
    counts = {state: sum(f.state is state for f in findings) for state in CheckState}
    parts = [f"{count} {state.value}" for state, count in counts.items() if count]
    broken = ", ".join(f.check for f in findings if f.state is CheckState.BAD)
    end = f"; mend first: {broken}" if broken else "; all that is needed holds"
    return ", ".join(parts) + end
