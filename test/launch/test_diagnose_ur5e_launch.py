# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The UR5e's launch file under the real launch stack, on the twin, with a scripted operator."""

import json
import os
import sys
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
from rclpy.executors import SingleThreadedExecutor  # noqa: E402

from robomd_msgs.msg import CampaignStatus, FailureRanking  # noqa: E402
from robomd_ros.bringup.ur5e import resolve_ur5e  # noqa: E402
from robomd_ros.core.share import share_path  # noqa: E402
from robomd_ros.ros.qos import LATCHED  # noqa: E402
from sim_bridge.twin.client import TwinClient  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from scripted_operator import ScriptedOperator  # noqa: E402

VARIATIONS = "cube_shift_left,cube_color_blue"


@pytest.fixture(scope="module")
def address():
    return resolve_ur5e({"use_twin": True})["robot_ip"]


@pytest.fixture(scope="module")
def campaign_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("launch") / "campaign"


@launch_pytest.fixture(scope="module")
def description(campaign_folder, address):
    # not that of the other launch file's test: this process holds it until it ends
    os.environ["ROS_DOMAIN_ID"] = str(1 + (os.getpid() + 50) % 100)
    arguments = {
        "use_twin": "true",
        "robot_ip": address,
        "variations": VARIATIONS,
        "search": "uniform",
        "budget": "2",
        "max_attempts": "20",
        "out": str(campaign_folder),
    }
    source = PythonLaunchDescriptionSource(str(share_path("launch/diagnose_ur5e.launch.py")))
    included = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    return LaunchDescription([included, ReadyToTest()])


@pytest.mark.timeout(600)
@pytest.mark.launch(fixture=description)
def test_a_person_takes_a_campaign_to_its_end(campaign_folder, address):
    """Twin and nodes come up, requests are served, and the ranking reaches a late subscriber."""
    rclpy.init()
    node = rclpy.create_node("launch_test")
    operator = ScriptedOperator(TwinClient(f"http://{address}:8080"), namespace="/robomd/ur5e")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(operator)
    try:
        states, rankings = [], []
        node.create_subscription(
            CampaignStatus, "/robomd/campaign_status", lambda m: states.append(m.state), LATCHED
        )
        give_up = node.get_clock().now().nanoseconds + 560e9
        while CampaignStatus.FINISHED not in states:
            executor.spin_once(timeout_sec=0.5)
            late = node.get_clock().now().nanoseconds > give_up
            assert not late, f"states so far: {states}; {operator.asked}"
            assert CampaignStatus.FAILED not in states
        node.create_subscription(
            FailureRanking, "/robomd/failure_ranking", rankings.append, LATCHED
        )
        while not rankings:
            executor.spin_once(timeout_sec=0.5)
            assert node.get_clock().now().nanoseconds < give_up, "no latched ranking"
    finally:
        operator.close()
        rclpy.shutdown()
    assert rankings[0].trials == 2
    assert operator.refused == []
    stored = json.loads((campaign_folder / "ranking.json").read_text())
    assert {m["variations"][0]["id"] for m in stored["failure_modes"]} == set(VARIATIONS.split(","))
