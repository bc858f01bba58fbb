# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of this machine: drawing, ROS 2, the variations and the policy."""

import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from robomd_ros.core.errors import PolicyLoadError, RoboMDError
from robomd_ros.doctor.findings import (
    Finding,
    bad,
    good,
    note,
    probe,
    probe_command,
    skipped,
)


def check_host(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Check what does not need the robot.

    Args:
        values: resolved arguments of the bring-up.
    """
    yield rendering(needed=bool(values["use_twin"]))
    yield discovery()
    yield variations(values)
    yield policy(values)


def rendering(needed: bool) -> Finding:
    """Whether MuJoCo draws here: the simulation and the twin need it, a real cell does not."""
    works, what = probe("draw")
    if works:
        return good("rendering", what)
    remedy = "install libegl1 or libosmesa6, and set MUJOCO_GL to egl or osmesa"
    if needed:
        return bad("rendering", what, remedy)
    return note("rendering", what, f"only for the simulation and the twin: {remedy}")


def discovery() -> Finding:
    """Whether two ROS 2 processes of this machine find each other."""
    names = ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")
    environment = ", ".join(f"{name} {os.environ.get(name) or 'not set'}" for name in names)
    topic = f"doctor_{uuid.uuid4().hex}"
    talker = subprocess.Popen(  # noqa: S603 - a fixed command of this package
        probe_command("talk", topic), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        works, what = probe("listen", topic, timeout=40.0)
    finally:
        talker.kill()
        talker.wait()
    text = f"{what} ({environment})"
    if works:
        return good("ROS discovery", text)
    return bad(
        "ROS discovery",
        text,
        "see whether `python -c 'import rclpy'` works in this shell, whether a firewall blocks UDP "
        "on this machine, and whether RMW_IMPLEMENTATION names what is installed",
    )


def variations(values: Mapping[str, Any]) -> Finding:
    """Whether the catalogue can be used for the task."""
    from robomd_ros.core.campaign.parameters import campaign_config

    try:
        config, catalogue = campaign_config({**values, "policy": values["policy"] or "none"})
    except RoboMDError as error:
        return bad("variations", str(error), "correct the argument or the file that it names")
    used = len(config.variation_ids) or len(catalogue)
    return good("variations", f"{used} of task {catalogue.task}, {config.catalogue}")


def policy(values: Mapping[str, Any]) -> Finding:
    """Whether the policy under test loads, fits the cell, and answers once.

    Args:
        values: resolved arguments of the bring-up.
    """
    from robomd_ros.bringup.policy_check import check_fit
    from robomd_ros.bringup.ur5e import all_parameters

    spec = str(values["policy"])
    if not values["start_policy_node"]:
        return skipped("policy", "your own node offers execute_policy")
    if not spec:
        remedy = "give policy:=<checkpoint file> or policy:=python:<module>:<name>"
        return bad("policy", "none is named", remedy)
    try:
        parameters = all_parameters("policy_node", values)
        return good("policy", f"{spec} {check_fit(parameters, parameters['instruction'])}")
    except PolicyLoadError as error:
        remedy = "it must load here, and fit this cell, before it can move an arm"
        return bad("policy", str(error), remedy)
    except RoboMDError as error:
        return skipped("policy", f"not asked: {error}")
