# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Peers that ask a cell on the twin for scenes and rollouts of their own: they falsify nothing.

TRIALS=<n> says how many trials are run (default 40).
"""

import contextlib
import os
import random
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")
pytest.importorskip("rtde_control", reason="ur_rtde has no wheel here")

from graph import rows, valid, wait_for
from rclpy.action import ActionClient
from test_stray import FAILS, OTHER, TABLETOP, scenes_of, wrong
from ur5e_run import CELL, Ur5eRun

from robomd_msgs.action import ApplyScene, ExecutePolicy
from robomd_msgs.msg import CellState
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.core.share import share_path
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.ros.qos import LATCHED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
STILL = """
import numpy as np


class Policy:
    needs = {"cameras": {"agentview": (0, 0)}}

    def reset(self, seed, instruction):
        pass

    def act(self, observation):
        return np.array([0.0] * 6 + [-1.0])
"""
PAUSE = 3.0
"""s at most between two stray goals: each stray scene takes the person about two."""


class Stray:
    """Asks for scenes, and for rollouts with a stale, the true or no token, at random moments."""

    def __init__(self, run):
        self.sent = self.made = self.ran = 0
        node = run.graph.client
        self._scenes = scenes_of(TABLETOP, "tabletop")
        self._apply = ActionClient(node, ApplyScene, f"{CELL}/apply_scene")
        self._policy = ActionClient(node, ExecutePolicy, f"{CELL}/execute_policy")
        self._token = ""
        node.create_subscription(CellState, f"{CELL}/cell_state", self._on_state, LATCHED)
        self._random = random.Random(5)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._ending.set()
        self._thread.join(10)

    def _on_state(self, message):
        self._token = message.token

    def _run(self):
        while not self._ending.wait(self._random.uniform(0.0, PAUSE)):
            scene = scene_to_msg(self._random.choice(self._scenes))
            if self._random.random() < 0.6:
                token = self._random.choice(["stale", "", self._token])
                client, goal = self._policy, ExecutePolicy.Goal(scene=scene, token=token)
            else:
                client, goal = self._apply, ApplyScene.Goal(scene=scene)
            if not client.server_is_ready():
                continue
            self.sent += 1
            client.send_goal_async(goal).add_done_callback(self._on_accepted)

    def _on_accepted(self, future):
        handle = future.result()
        if handle is not None and handle.accepted:
            handle.get_result_async().add_done_callback(self._on_result)

    def _on_result(self, future):
        result = future.result().result
        if not result.error_code:
            self.made += isinstance(result, ApplyScene.Result)
            self.ran += isinstance(result, ExecutePolicy.Result)


def test_on_the_twin_no_trial_is_stored_under_a_scene_that_was_not_in_force(tmp_path, domain):
    trials = int(os.environ.get("TRIALS", "40"))
    (tmp_path / "still_policy.py").write_text(STILL)
    text = share_path("config/params/ur5e_twin.yaml").read_text()
    text = text.replace("operator_timeout: 0.0", "countdown: 0.0\n    operator_timeout: 0.0")
    (tmp_path / "params.yaml").write_text(text)
    given = (
        f"params_file:={tmp_path / 'params.yaml'}", "policy:=python:still_policy:Policy",
        f"budget:={trials}", "search:=uniform", "max_attempts:=100", "confidence:=0.9999999",
        "on_nominal_failure:=continue", "horizon:=6", "linger:=0",
        f"variations:={FAILS['tabletop']},{OTHER['tabletop']}",
    )  # fmt: skip
    with Ur5eRun(tmp_path, domain, *given) as run:

        def label(request):
            if request.kind != RequestKind.LABEL_OUTCOME:
                return None
            failed = FAILS["tabletop"] in run.twin.state()["scene"]
            return Answer.FAILURE if failed else Answer.SUCCESS

        run.operator.instead = label
        stray, begun = Stray(run), time.monotonic()
        node = run.graph.add(run.graph.client.__class__("rival", namespace="/robomd"))
        rival, refused = RosCell(node, "ur5e", CellTimeouts(silence=3.0)), 0
        wait_for(lambda: valid(run.out), f"a first label; {run.bringup.output[-3000:]}", 300)
        try:
            while run.bringup.running and time.monotonic() - begun < 3500:
                with contextlib.suppress(ConfigurationError):
                    rival.require_own()
                    continue
                refused += run.bringup.running
                time.sleep(2.0)
            assert run.bringup.wait(60) == 0, run.bringup.output[-4000:]
        finally:
            stray.close()
        took = time.monotonic() - begun
    invalid = rows(run.out, "result = 'INVALID'")
    print(
        f"\non the twin: {len(valid(run.out))} valid trials, {len(invalid)} invalid, {stray.sent} "
        f"stray goals, {stray.made} stray scenes made, {stray.ran} stray rollouts run, "
        f"{refused} times a second diagnosis refused, {len(wrong(run.out, 'tabletop'))} wrong, "
        f"in {took:.0f} s"
    )
    assert len(valid(run.out)) >= trials
    assert stray.sent > trials // 4
    assert wrong(run.out, "tabletop") == []
    tokens = [row["token"] for row in valid(run.out)]
    assert all(tokens) and len(set(tokens)) == len(tokens)
    assert refused > 0
