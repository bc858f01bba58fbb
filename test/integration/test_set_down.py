# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the gripper holds is set down by the arm: lowered until it stands, opened, left; or not."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

from arm_graph import HOME, NEAR_REST, PLACE, ArmGraph, Watch
from graph import wait_for
from in_process import stays
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from robomd_msgs.action import MoveToJoints
from robomd_ros.arms.homing import straight
from robomd_ros.arms.limits import ArmLimits, LimitGuard
from robomd_ros.arms.ur5e.kinematics import joint_velocity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TOOL = (0.0, 0.0, 0.145, 0.0, 0.0, 0.0)
LIFTED = 0.12
"""m by which the cube is lifted."""


@pytest.fixture(scope="module")
def graph(module_domain):
    graph = ArmGraph(module_domain, workspace_lower=[-0.9, -0.9, -0.12])
    yield graph
    graph.close()


@pytest.fixture
def holding(graph):
    """The arm holds the cube, lifted."""
    graph.ready()
    graph.heal()
    with graph.holding():
        graph.grips.publish(Float64(data=0.0))
    wait_for(lambda: graph.twin.state()["gripper"] < 0.1, "open fingers", 10)
    graph.twin.set_scene((), seed=3)
    cube = np.array(graph.twin.state()["objects"]["cube"])
    above = reached(np.array(HOME), [*cube[:2], cube[2] + 0.1])
    down = reached(above, cube)
    for q in (above, down):
        assert graph.move(q).error_code == MoveToJoints.Result.NONE
    with graph.holding():
        graph.grips.publish(Float64(data=1.0))
        wait_for(lambda: graph.status.holds_object, "a grasp", 10)
    up = straight(graph.arm.guard, np.array(graph.q), LIFTED)[-1]
    assert graph.move(up).error_code == MoveToJoints.Result.NONE
    assert graph.twin.state()["lifted"]
    return graph


def reached(q, place):
    """(6,) rad that put the tool at (3,) m, turned as it is at (6,) rad."""
    guard = LimitGuard(ArmLimits(), TOOL)
    for _ in range(60):
        error = np.asarray(place) - guard.tool_pose(q)[:3, 3]
        q = q + joint_velocity(q, [*(0.3 * error), 0, 0, 0], TOOL)
    assert np.linalg.norm(error) < 1e-3
    return q


def test_it_lowers_the_object_until_it_stands_opens_and_goes_up(holding):
    arm = holding
    lifted = arm.twin.state()["objects"]["cube"]
    with Watch(arm.twin) as watch:
        response = arm.trigger("set_down")
    assert response.success, response.message
    state = arm.twin.state()
    assert not arm.status.holds_object and state["gripper"] < 0.1 and not state["lifted"]
    cube = state["objects"]["cube"]
    assert np.allclose(cube[:2], lifted[:2], atol=0.02)
    fell = [s["objects"]["cube"][2] - cube[2] for s in watch.states if s["gripper"] > 0.1]
    assert fell[-1] < 0.01, "it was not let fall"
    assert state["tcp_pose"][2] > cube[2] + 0.05  # up, out of the way
    told = [s.position for s in arm.statuses if "setting the object down" in s.position]
    assert told
    assert arm.trigger("home").success


def test_it_stops_with_the_lock_and_nothing_is_let_fall(holding):
    arm = holding
    client = arm.client.create_client(Trigger, f"{PLACE}/set_down")
    wait_for(client.service_is_ready, "set_down", 10)
    height = arm.twin.state()["tcp_pose"][2]
    future = client.call_async(Trigger.Request())
    wait_for(lambda: arm.twin.state()["tcp_pose"][2] < height - 0.01, "the way down", 20)
    assert arm.trigger("stop_motion").success
    response = arm.result(future, "set_down")
    assert not response.success and "stop" in response.message
    assert arm.status.holds_object
    assert stays(lambda: arm.twin.state()["speed"] < NEAR_REST, 1.0)
    assert "stopped" in arm.trigger("set_down").message  # before recover
    assert arm.trigger("recover").success
    arm.ready()
    assert arm.trigger("set_down").success


def test_where_nothing_is_met_the_gripper_stays_closed(holding):
    arm = holding
    with short_way(arm, 0.05):
        response = arm.trigger("set_down")
    assert not response.success and "nothing was met" in response.message
    assert arm.status.holds_object and arm.twin.state()["gripper"] > 0.1
    assert arm.trigger("set_down").success


@contextlib.contextmanager
def short_way(arm, depth):
    before = arm.arm.supervisor.options
    arm.arm.supervisor.options = replace(before, set_down_depth=depth)
    try:
        yield
    finally:
        arm.arm.supervisor.options = before
