# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every fault of the arm at random moments of moves and streams: rest, recovery, no resumption.

Prints how long the node took to notice and the arm to rest. Slow: some minutes.
"""

import os
import signal
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

from arm_graph import HOME, NEAR_REST, ArmGraph, Watch
from graph import wait_for
from in_process import stays

from robomd_msgs.action import MoveToJoints
from sim_bridge.twin.client import TwinError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MOMENTS = 5
AWAY = [HOME[0] + 0.9, *HOME[1:]]
RESTS = 0.5
"""s after the node's notice within which the arm is at rest."""


def kill_child(arm):
    os.kill(arm.arm.supervisor.child.pid, signal.SIGKILL)


def hang_child(arm):
    os.kill(arm.arm.supervisor.child.pid, signal.SIGSTOP)


FAULTS = {
    "protective_stop": lambda arm: arm.twin.fault("protective_stop"),
    "emergency_stop": lambda arm: arm.twin.fault("emergency_stop"),
    "local_mode": lambda arm: arm.twin.fault("local_mode"),
    "rtde_fin": lambda arm: arm.twin.fault("rtde_drop", how="fin"),
    "rtde_rst": lambda arm: arm.twin.fault("rtde_drop", how="rst"),
    "link_frozen": lambda arm: arm.twin.fault("freeze", seconds=5, what="link"),
    "controller_frozen": lambda arm: arm.twin.fault("freeze", seconds=5, what="controller"),
    "controller_killed": lambda arm: arm.twin_process.kill(),
    "child_killed": kill_child,
    "child_hung": hang_child,
}


@pytest.fixture(scope="module")
def graph(module_domain):
    graph = ArmGraph(module_domain)
    yield graph
    graph.close()


def start_motion(arm, by_stream):
    """A motion of some seconds; what to call to see its end."""
    if by_stream:
        arm.stream(0.4, lambda: arm.send_joints([arm.q[0] + 0.08, *HOME[1:]]))
        return lambda: None
    handle = arm.start_move(AWAY)
    return lambda: arm.end(handle, 60)


def samples_until_rest(watch, start):
    """s from a time until the arm stayed at rest, by the twin's own state; NaN if unseen."""
    later = [(t, s["speed"]) for t, s in watch.samples if t >= start]
    moving = [t for t, speed in later if speed > NEAR_REST]
    if not later or (moving and moving[-1] == later[-1][0]):
        return np.nan
    return max(0.0, moving[-1] - start) if moving else 0.0


@pytest.mark.parametrize("name", FAULTS)
def test_at_random_moments(graph, name):
    arm, random = graph, np.random.default_rng(sum(map(ord, name)))
    noticed, rested = [], []
    for moment in range(MOMENTS):
        arm.heal()
        arm.statuses[:] = arm.statuses[-1:]
        end = start_motion(arm, by_stream=moment % 2 == 1)
        time.sleep(random.uniform(0.0, 1.5) if moment % 2 == 0 else 0.0)
        with Watch(arm.twin) as watch:
            struck = time.monotonic()
            FAULTS[name](arm)
            wait_for(lambda: not arm.status.ready, "notice", 10)
            seen = time.monotonic()
            time.sleep(1.0)
        noticed.append(seen - struck)
        if name != "controller_killed":
            rested.append(samples_until_rest(watch, seen))
        result = end()
        assert result is None or result.error_code == MoveToJoints.Result.STOPPED
        recover(arm, name)
        where = arm.twin.state()["q"]
        assert stays(lambda w=where: np.allclose(arm.twin.state()["q"], w, atol=5e-3), 0.7)
    print(f"\n{name:18} noticed after {_list(noticed)} s; at rest {_list(rested)} s after that")
    assert max(noticed) < 1.0
    # 0.5 s is what is promised; a busy machine adds to what is seen from outside
    assert np.nanmax([*rested, 0.0]) < RESTS + 0.3
    assert not np.isnan(rested).any()


def recover(arm, name):
    """The documented steps."""
    if name == "controller_killed":
        arm.start_twin()
    if name not in ("link_frozen", "controller_frozen"):
        arm.twin.clear()
    if arm.arm.latch.reason:
        response = arm.trigger("recover")
        assert response.success, response.message
    arm.ready()


def _list(values):
    return ", ".join(f"{v:.2f}" for v in values)


def test_the_twin_is_gone(graph):
    """What the helper above relies on: a killed twin answers nothing."""
    graph.heal()
    graph.twin_process.kill()
    with pytest.raises(TwinError):
        graph.twin.state()
    graph.start_twin()
    graph.ready()
