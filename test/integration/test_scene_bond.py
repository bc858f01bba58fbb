# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm moves for who quotes the scene in force, in an empty cell, while that one lives."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from graph import wait_for
from in_process import Graph, stays
from std_srvs.srv import Trigger
from test_policy_node import Cell

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import Outcome, Scene, Variation
from robomd_ros.ros.driver import DriverSign

pytestmark = pytest.mark.ros
HERE = Path(__file__).parent
CODES = ExecutePolicy.Result
PLACE = "/bound"
DRIVER = """
import rclpy
from rclpy.executors import SingleThreadedExecutor
from robomd_ros.ros.driver import DriverSign
rclpy.init()
node = rclpy.create_node("diagnosis_node", namespace="/")
executor = SingleThreadedExecutor()
executor.add_node(node)
DriverSign(node, "bound").drive()
print("drives", flush=True)
executor.spin()
"""


@pytest.fixture(scope="module")
def bound(module_domain):
    """A cell with a policy that goes forward until somebody ends it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        for name, value in module_domain.items():
            patch.setenv(name, value)
        graph = Graph(module_domain)
        yield Cell(graph, PLACE, "Forward", time_limit=20.0)
        graph.close()


@pytest.fixture
def one(bound):
    bound.begin_anew()
    wait_for(lambda: not bound.node._bond._state.locked(), "an unlocked cell", 5)
    return bound


def moving(one):
    """The handle of a rollout that moves the arm."""
    handle = one.start()
    wait_for(lambda: one.arm.sent_since(0.0), "commands", 10)
    return handle


def rests_within(one, seconds, since):
    last = [at for at, twist in one.arm.twists if abs(twist).max() > 0][-1]
    assert last - since < seconds
    return stays(lambda: one.arm.sent_since(last) == [], 0.3)


def test_a_goal_without_the_token_in_force_moves_nothing(one):
    for token in ("", "of-somebody-else"):
        one.arm.new_scene()
        refused = one.run(token=token)
        assert refused.error_code == CODES.WRONG_TOKEN
        assert refused.outcome.result == Outcome.INVALID
    one.arm.state.begin_change()
    wait_for(lambda: not one.node._bond.in_force, "the change of the scene", 5)
    assert one.run(token="of-before").error_code == CODES.NO_SCENE
    assert one.arm.twists == [] and one.arm.grips == []


def test_a_goal_that_names_another_scene_moves_nothing(one):
    token = one.arm.new_scene()
    wait_for(lambda: one.node._bond.in_force == token, "the cell's state", 5)
    refused = one.run(token=token, scene=Scene(variations=[Variation(id="cube_green")]))
    assert refused.error_code == CODES.WRONG_TOKEN and "cube_green" in refused.error_msg
    assert one.arm.twists == []


def test_a_token_is_good_for_one_rollout(one):
    token = one.arm.new_scene()
    wait_for(lambda: one.node._bond.in_force == token, "the cell's state", 5)
    first = one.run(token=token, time_limit=0.3)
    assert (first.error_code, first.token) == (CODES.NONE, token)
    sent = len(one.arm.twists)
    second = one.run(token=token)
    assert second.error_code == CODES.WRONG_TOKEN and "has had its rollout" in second.error_msg
    assert len(one.arm.sent_since(0.0)) <= sent


def test_while_a_person_is_inside_or_nobody_says_so_nothing_moves(one):
    one.arm.state.lock("a person is asked to reach in")
    refused = one.run()
    assert refused.error_code == CODES.LOCKED and "asked to reach in" in refused.error_msg
    one.arm.state.unlock()
    one.arm.silent.add("cell_state")
    wait_for(lambda: "silent" in one.node._bond._state.locked(), "the silence", 5)
    refused = one.run(token="any")
    assert refused.error_code == CODES.LOCKED and "has been silent" in refused.error_msg
    assert one.arm.twists == []


@pytest.mark.parametrize("what", ["lock", "change"])
def test_a_person_or_another_scene_ends_the_rollout(one, what):
    handle = moving(one)
    begun = time.monotonic()
    if what == "lock":
        one.arm.state.lock("a person is asked to reach in")
    else:
        one.arm.new_scene()
    result = one.finish(handle)
    assert result.error_code == CODES.CELL_FAULT
    reason = "a person is asked" if what == "lock" else "the scene was changed"
    assert reason in result.error_msg and result.outcome.result == Outcome.INVALID
    assert rests_within(one, 0.5, begun)


def test_the_arm_rests_when_the_diagnosis_is_killed(one, module_domain):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        env={**os.environ, **module_domain},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert driver.stdout.readline() == "drives\n"
        wait_for(lambda: one.node.count_publishers(f"{PLACE}/driver"), "the driver's sign", 20)
        time.sleep(1.0)  # and heard of
        handle = moving(one)
        driver.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        assert one.finish(handle).error_code == CODES.CANCELED
        assert rests_within(one, 1.0, killed)  # 0.2 to 0.4 s on a machine of one's own
    finally:
        driver.kill()
        driver.wait()


def test_a_diagnosis_in_the_same_process_is_not_called_gone(one):
    """Its liveliness is not renewed for readers of its own context: it lapses after 0.3 s."""
    sign = DriverSign(one.graph.client, PLACE)
    sign.drive()
    try:
        wait_for(lambda: one.node.count_publishers(f"{PLACE}/driver"), "the driver's sign", 20)
        assert one.run(time_limit=1.5).error_code == CODES.NONE
    finally:
        sign.leave()


def test_the_gripper_opens_for_a_person_while_nothing_is_executed(one):
    answer = one.graph.call(Trigger, f"{PLACE}/open_gripper")
    assert answer.success, answer.message
    assert one.arm.grips == [0.0]
    handle = moving(one)
    refused = one.graph.call(Trigger, f"{PLACE}/open_gripper")
    assert not refused.success and "is being executed" in refused.message
    one.graph.result(handle.cancel_goal_async(), "cancellation")
    one.finish(handle)
