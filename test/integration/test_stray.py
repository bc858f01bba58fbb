# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Peers that call apply_scene and execute_policy in a cell of a campaign: they falsify nothing."""

import json
import random
import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mcap_ros2", reason="needs mcap-ros2-support")

from graph import rows, valid
from rclpy.action import ActionClient
from test_driver import PLACE, DrivenCell, diagnosis
from test_operator import CATALOGUE as TABLETOP
from test_operator import ByHand

from robomd_msgs.action import ApplyScene, Diagnose, ExecutePolicy
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import load_catalogue
from robomd_ros.ros.conversions import scene_to_msg

pytestmark = pytest.mark.ros
LIFT = load_catalogue(share_path("config/variations/lift.yaml"))
FAILS = {"lift": "table_color_blue", "tabletop": "distractor_red_mug"}
OTHER = {"lift": "cube_color_green", "tabletop": "cube_color_green"}


class Peer:
    """Sends goals that nobody asked for, at random moments, from a thread of its own.

    Attributes:
        sent: how many goals it sent.
        made: how many of its scenes were made.
    """

    def __init__(self, graph, scenes, *actions, pause):
        self.sent = self.made = 0
        self._graph, self._scenes, self._pause = graph, scenes, pause
        self._scene_clients = [ActionClient(graph.client, ApplyScene, name) for name in actions]
        self._policy = ActionClient(graph.client, ExecutePolicy, f"{PLACE}/execute_policy")
        self._random = random.Random(5)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        for client in (*self._scene_clients, self._policy):
            assert client.wait_for_server(10)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join(10)

    def _run(self):
        while not self._ending.wait(self._random.uniform(0.0, self._pause)):
            scene = scene_to_msg(self._random.choice(self._scenes))
            if self._random.random() < 0.2:
                client, goal = self._policy, ExecutePolicy.Goal(scene=scene, token="stale")
            else:
                client, goal = (
                    self._random.choice(self._scene_clients),
                    ApplyScene.Goal(scene=scene),
                )
            self.sent += 1
            client.send_goal_async(goal).add_done_callback(self._on_accepted)

    def _on_accepted(self, future):
        handle = future.result()
        if handle is not None and handle.accepted:
            handle.get_result_async().add_done_callback(self._on_result)

    def _on_result(self, future):
        self.made += not future.result().result.error_code


def scenes_of(catalogue, kind):
    return [catalogue.scene(ids) for ids in ([], [FAILS[kind]], [OTHER[kind]])]


def wrong(folder, kind):
    """Trials whose label is not that of the scene under which they are stored."""
    return [
        row["trial_index"]
        for row in valid(folder)
        if (row["result"] == "FAILURE") != (FAILS[kind] in json.loads(row["scene"]))
    ]


def report(folder, peer, name):
    invalid = rows(folder, "result = 'INVALID'")
    print(
        f"{name}: {len(valid(folder))} valid trials, {len(invalid)} invalid, {peer.sent} stray "
        f"goals, {peer.made} stray scenes made, {len({r['token'] for r in valid(folder)})} tokens"
    )


LONG = pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])


@pytest.mark.parametrize("budget", [10, LONG])
def test_in_simulation_no_trial_is_stored_under_a_scene_that_was_not_in_force(
    domain, tmp_path, budget
):
    graph = DrivenCell(domain, duration=0.03)
    graph.table._fails_in = [{FAILS["lift"]}]
    folder = tmp_path / "campaign"
    try:
        graph.add(
            diagnosis(
                folder, budget=budget, variations=f"{FAILS['lift']},{OTHER['lift']}",
                nominal_trials=1, max_attempts=100, on_nominal_failure="continue",
                confidence=0.9999999,
            )
        )  # fmt: skip
        action = ActionClient(graph.client, Diagnose, "/robomd/diagnose")
        assert action.wait_for_server(10)
        actions = (f"{PLACE}/apply_scene", f"{PLACE}/sim/apply_scene")
        with Peer(graph, scenes_of(LIFT, "lift"), *actions, pause=0.3) as peer:
            handle = graph.begin(action, Diagnose.Goal())
            graph.result(handle.get_result_async(), "the end of the campaign", 3000)
        report(folder, peer, "simulation")
        assert len(valid(folder)) == budget
        assert peer.made > 0
        assert wrong(folder, "lift") == []
        assert all(row["token"] for row in valid(folder))
    finally:
        graph.close()


@pytest.mark.parametrize("budget", [4, LONG])
def test_by_hand_no_trial_is_stored_under_a_scene_that_was_not_in_force(domain, tmp_path, budget):
    graph = ByHand(domain, tmp_path)
    try:
        graph.start(
            fails_in=[{FAILS["tabletop"]}], rollout=0.05, budget=budget, max_attempts=100,
            variations=f"{FAILS['tabletop']},{OTHER['tabletop']}", on_nominal_failure="continue",
            nominal_trials=1, confidence=0.9999999,
        )  # fmt: skip
        graph.begin()
        with Peer(
            graph, scenes_of(TABLETOP, "tabletop"), f"{PLACE}/apply_scene", pause=0.5
        ) as peer:
            graph.end(3000)
        report(graph.out, peer, "by hand")
        assert len(valid(graph.out)) == budget
        assert peer.sent > 0
        assert wrong(graph.out, "tabletop") == []
        tokens = [row["token"] for row in valid(graph.out)]
        assert all(tokens) and len(set(tokens)) == len(tokens)
    finally:
        graph.close()
