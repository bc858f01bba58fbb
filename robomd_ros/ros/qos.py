# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The QoS profiles, by what a topic means."""

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Ranking, catalogue, status, operator request: who comes late gets the last one."""

TRIALS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=50,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Events, none of which may be lost while somebody listens."""

IMAGE_OUT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=2,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Image publishers: reliable, so that every kind of subscriber matches. Volatile: an old picture
says nothing about the scene that is in force now."""

IMAGE_IN = qos_profile_sensor_data
"""Our image subscribers: the newest picture, never an old one for reliability's sake."""

NEWEST_IMAGE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""For whoever acts on pictures: whole ones, also on a busy machine, and only the newest."""

RECENT_IMAGES = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=8,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)
"""For whoever looks back: the picture of a trial is told from later ones after the trial's end."""

STATE_OUT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Publishers of joint states and other streams: reliable (REP-2003), so that a subscriber with
default QoS, e.g. `ros2 topic echo`, matches too."""

STATE_IN = qos_profile_sensor_data
"""Our subscribers of them: only the newest counts."""

OVERRIDABLE = QoSOverridingOptions.with_default_policies()
"""For publishers of pictures and states: history, depth and reliability may be overridden by
parameters, `qos_overrides.<topic>.publisher.<policy>`, e.g. best effort over a weak network."""

COMMANDS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Streamed commands to an arm or gripper: only the newest counts, and every subscriber matches."""
