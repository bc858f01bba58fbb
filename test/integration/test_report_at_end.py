# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The real diagnosis node leaves a report behind, and does not wait for it."""

import json

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, TableCell, overrides

from robomd_msgs.msg import CampaignStatus
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.qos import LATCHED
from sim_bridge.sim_bridge_node import SimBridgeNode

IDS = ("table_color_green", "table_color_blue", "table_color_red")


@pytest.mark.long
def test_a_campaign_ends_with_its_report(domain, tmp_path):
    folder = tmp_path / "campaign"
    graph = Graph(domain)
    statuses = []
    try:
        graph.client.create_subscription(
            CampaignStatus, "/robomd/campaign_status", statuses.append, LATCHED
        )
        cell = TableCell(fails_in=[{"table_color_blue"}])
        place = {"namespace": "/robomd/cell_0"}
        graph.add(SimBridgeNode(lambda name, options: cell, **place))
        graph.add(PerturbationNode(**place))
        values = overrides(
            campaign_dir=str(folder), policy="python:table:policy", budget=6, autostart=True,
            search="uniform", variations=",".join(IDS),
        )  # fmt: skip
        graph.add(DiagnosisNode(namespace="/robomd", parameter_overrides=values))
        wait_for(lambda: statuses and statuses[-1].state == CampaignStatus.FINISHED, "end", 60)
        page = folder / "report" / "report.html"
        wait_for(page.is_file, "the report", 120)
    finally:
        graph.close()
    text = page.read_text(encoding="utf-8")
    ranking = json.loads((folder / "ranking.json").read_text())
    for mode in ranking["failure_modes"]:
        assert f'data-value="{mode["failure_probability"]!r}"' in text
