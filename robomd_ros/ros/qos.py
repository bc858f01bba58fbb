# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The QoS profiles, by what a topic means."""

import copy
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
)
from rclpy.qos_overriding_options import QoSOverridingOptions


def _profile(depth: int, reliable: bool = True, latched: bool = False) -> QoSProfile:
    """The newest `depth` messages; latched ones also for whoever comes late."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


LATCHED = _profile(1, latched=True)
"""Ranking, catalogue, status, operator request: who comes late gets the last one."""

TRIALS = _profile(50)
"""Events, none of which may be lost while somebody listens."""

IMAGE_OUT = _profile(2)
"""Image publishers: reliable, so that every kind of subscriber matches. Volatile: an old picture
says nothing about the scene that is in force now."""

IMAGE_IN = qos_profile_sensor_data
"""Our image subscribers: the newest picture, never an old one for reliability's sake."""

NEWEST_IMAGE = _profile(1)
"""For whoever acts on pictures: whole ones, also on a busy machine, and only the newest."""

RECENT_IMAGES = _profile(8, reliable=False)
"""For whoever looks back: the picture of a trial is told from later ones after the trial's end."""

STATE_OUT = _profile(10)
"""Publishers of joint states and other streams: reliable (REP-2003), so that a subscriber with
default QoS, e.g. `ros2 topic echo`, matches too."""

STATE_IN = qos_profile_sensor_data
"""Our subscribers of them: only the newest counts."""

DRIVER = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=8,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
    liveliness=LivelinessPolicy.AUTOMATIC,
    liveliness_lease_duration=Duration(seconds=0.3),
)
"""Who drives a cell: the middleware tells its listeners within 0.3 s that the process is gone."""

COMMANDS = _profile(1)
"""Streamed commands to an arm or gripper: only the newest counts, and every subscriber matches."""


def overridable_publisher(node: Node, kind: Any, topic: str, profile: QoSProfile) -> Publisher:
    """A publisher of pictures or states whose history, depth and reliability may be overridden by
    parameters, `qos_overrides.<topic>.publisher.<policy>`, e.g. best effort over a weak network.

    rclpy writes the overrides into the profile that it is given: it gets a copy, so that they
    hold for this topic alone.
    """
    return node.create_publisher(
        kind,
        topic,
        copy.copy(profile),
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )
