# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of an arm behind a ros2_control driver: its topics are looked at, nothing is sent."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from robomd_ros.doctor.findings import Finding, bad, good, probe, skipped

_SLOW = 20.0
"""Hz of joint states; below it streamed commands are checked against old places."""


def check_driver(arm: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at the driver's topics for some seconds.

    Args:
        arm: the parameters of driver_arm_node that it would be started with.
    """
    asked = {
        "joint_states": arm["joint_states"],
        "joints": list(arm["joint_names"]),
        "action": f"{arm['trajectory_controller']}/follow_joint_trajectory",
        "stream": stream_topic(arm),
        "status": arm["status_controller"],
    }
    worked, said = probe("driver", json.dumps(asked), timeout=40.0)
    if not worked:
        yield bad("driver", said, "start the robot's driver; `ros2 topic list` shows what there is")
        return
    yield from driver_findings(arm, asked, json.loads(said))


def stream_topic(arm: Mapping[str, Any]) -> str:
    """The topic on which driver_arm_node would command the arm."""
    return {
        "trajectory": f"{arm['trajectory_controller']}/joint_trajectory",
        "velocity": f"{arm['velocity_controller']}/commands",
        "twist": str(arm["servo_topic"]),
    }[arm["stream"]]


def driver_findings(
    arm: Mapping[str, Any], asked: Mapping[str, Any], seen: Mapping[str, Any]
) -> Iterator[Finding]:
    """What the probe `driver` saw.

    Args:
        arm: the parameters of driver_arm_node.
        asked: what the probe looked at.
        seen: its answer.
    """
    text = f"{asked['joint_states']} at {seen['rate']:.0f} Hz"
    if seen["missing"]:
        remedy = "set joint_names of driver_arm_node to the driver's names, base to wrist"
        yield bad("joint states", f"{text} lack {', '.join(seen['missing'])}", remedy)
    elif seen["rate"] < _SLOW:
        yield bad("joint states", text, f"at least {_SLOW:g} Hz are needed; see the driver's rate")
    else:
        yield good("joint states", text)
    if arm["moves"] == "action" and not seen["action"]:
        remedy = "load and activate the trajectory controller, or give trajectory_controller:="
        yield bad("trajectory action", f"nobody offers {asked['action']}", remedy)
    elif arm["moves"] == "action":
        yield good("trajectory action", asked["action"])
    if seen["listeners"]:
        yield good("streaming", f"{asked['stream']} is listened to")
    else:
        remedy = "load and activate its controller (ros2 control list_controllers)"
        yield bad("streaming", f"nobody listens on {asked['stream']}", remedy)
    if seen["publishers"]:
        yield bad(
            "commander",
            f"{', '.join(seen['publishers'])} commands the arm on {asked['stream']}",
            "end it: driver_arm_node must be the only one",
        )
    else:
        yield good("commander", "nobody else commands the arm")
    yield _program(arm, seen["program"])


def _program(arm: Mapping[str, Any], running: bool | None) -> Finding:
    name = "program"
    if arm["driver_status"] == "none":
        return skipped(name, "driver_status is none: health is told from the joint states only")
    if running:
        return good(name, "the driver's program runs on the robot")
    if running is None:
        return bad(
            name,
            f"nobody publishes {arm['status_controller']}/robot_program_running",
            "give status_controller in the parameter file, or driver_status:=none",
        )
    return bad(
        name,
        "the driver's program does not run on the robot",
        "start External Control at the pendant, or call resend_robot_program in headless mode",
    )
