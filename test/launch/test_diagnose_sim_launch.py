# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch file under the real launch stack, where that is installed."""

import json
import os
from pathlib import Path

import pytest

launch_pytest = pytest.importorskip(
    "launch_pytest", reason="the ROS 2 launch stack is not installed; it is on no registry"
)

import rclpy  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_pytest.actions import ReadyToTest  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from robomd_msgs.msg import CampaignStatus, FailureRanking  # noqa: E402
from robomd_ros.core.share import share_path  # noqa: E402
from robomd_ros.ros.qos import LATCHED  # noqa: E402

VARIATIONS = "cube_color_green,table_color_blue,light_color_gray"


@pytest.fixture(scope="module")
def campaign_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("launch") / "campaign"


@launch_pytest.fixture(scope="module")
def description(campaign_folder):
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
    arguments = {
        "policy": "python:sim_bridge.experts.lift:ScriptedExpert",
        "variations": VARIATIONS,
        "search": "uniform",
        "budget": "6",
        "cells": "2",
        "markers": "true",
        "out": str(campaign_folder),
    }
    source = PythonLaunchDescriptionSource(str(share_path("launch/diagnose_sim.launch.py")))
    included = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    return LaunchDescription([included, ReadyToTest()])


@pytest.mark.launch(fixture=description)
def test_a_campaign_runs_to_its_end(campaign_folder: Path):
    """The nodes come up, the budget is spent, and the latched ranking reaches a late subscriber."""
    rclpy.init()
    try:
        node = rclpy.create_node("launch_test")
        states, rankings, boards = [], [], []
        node.create_subscription(
            CampaignStatus, "/robomd/campaign_status", lambda m: states.append(m.state), LATCHED
        )
        give_up = node.get_clock().now().nanoseconds + 180e9
        while CampaignStatus.FINISHED not in states:
            rclpy.spin_once(node, timeout_sec=0.5)
            assert node.get_clock().now().nanoseconds < give_up, f"states so far: {states}"
        node.create_subscription(
            FailureRanking, "/robomd/failure_ranking", rankings.append, LATCHED
        )
        node.create_subscription(MarkerArray, "/robomd/ranking_markers", boards.append, LATCHED)
        while not (rankings and boards):
            rclpy.spin_once(node, timeout_sec=0.5)
            assert node.get_clock().now().nanoseconds < give_up, "no latched ranking or markers"
    finally:
        rclpy.shutdown()
    assert rankings[0].trials == 6
    stored = json.loads((campaign_folder / "ranking.json").read_text())
    assert {m["variations"][0]["id"] for m in stored["failure_modes"]} == set(VARIATIONS.split(","))
