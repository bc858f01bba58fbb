# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of this machine: drawing, ROS 2, the variations and the policy."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from robomd_ros.core.errors import PolicyLoadError, RoboMDError
from robomd_ros.core.policies.pace import too_slow
from robomd_ros.doctor.findings import (
    Finding,
    bad,
    good,
    note,
    probe,
    probe_command,
    skipped,
)

_LEAST_DISK = 0.5
"""GB"""
_LATE, _VOID = 20.0, 100.0
"""ms that a servo cycle may be late, and from which a watchdog of 10 Hz voids a trial."""


def check_host(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Check what does not need the robot.

    Args:
        values: resolved arguments of the bring-up.
    """
    yield rendering(needed=bool(values["use_twin"]))
    yield discovery()
    yield disk(Path(str(values["out"])))
    if values["robot_ip"] or values["use_twin"]:
        yield servo_jitter()
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


def disk(folder: Path) -> Finding:
    """Whether the campaign's folder has room for pictures and records."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free / 1e9
    text = f"{free:.1f} GB free for {folder}"
    if free < _LEAST_DISK:
        return bad("disk", text, f"free some space, or choose another folder: {_LEAST_DISK:g} GB")
    if free < 10 * _LEAST_DISK:
        return note("disk", text, "a long campaign with large pictures may fill it")
    return good("disk", text)


def servo_jitter() -> Finding:
    """How late a loop as that of the servo commands is on this machine, for 5 s."""
    name = "servo jitter"
    works, said = probe("jitter", "125", timeout=30.0)
    if not works:
        return note(name, said, "try again; it only measures")
    found = json.loads(said)
    worst, p99 = 1000 * found["worst"], 1000 * found["p99"]
    text = f"99 % of the cycles are at most {p99:.1f} ms late, the worst {worst:.1f} ms"
    text += f"; {found['priority']}"
    remedy = (
        "close what computes beside it, allow a real-time priority, or lower watchdog_rate: the "
        "controller stops the arm after 1 / watchdog_rate without a command"
    )
    if worst > _VOID:
        return bad(name, text, remedy)
    return note(name, text, remedy) if worst > _LATE else good(name, text)


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
        fit = check_fit(parameters, parameters["instruction"])
        if slow := too_slow(fit.rate, 1.0 / max(fit.answer, 1e-9), fit.answer):
            remedy = (
                "give it a faster machine, or lower rate: it acts on an older world than it saw"
            )
            return note("policy", f"{spec} {fit.text}. {slow}", remedy)
        return good("policy", f"{spec} {fit.text}, answers in {fit.answer:.2f} s")
    except PolicyLoadError as error:
        remedy = "it must load here, and fit this cell, before it can move an arm"
        return bad("policy", str(error), remedy)
    except RoboMDError as error:
        return skipped("policy", f"not asked: {error}")
