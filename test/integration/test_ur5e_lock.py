# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nobody moves an arm beside a person, and who stops it stops it: ur5e_node on the twin."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

import rclpy
from arm_graph import HOME, NEAR_REST, PLACE, ArmGraph, Watch, seconds_to_rest
from geometry_msgs.msg import TwistStamped
from graph import wait_for
from in_process import stays
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from robomd_msgs.action import MoveToJoints
from robomd_msgs.msg import CellState
from robomd_msgs.srv import HoldMotion
from robomd_ros.arms.ur5e.dashboard import Dashboard
from robomd_ros.arms.ur5e.kinematics import joint_velocity
from robomd_ros.ros.qos import COMMANDS, LATCHED

Result = MoveToJoints.Result
Answer = HoldMotion.Response
AWAY = [HOME[0] + 0.8, *HOME[1:]]
PROMISED, BUSY = 0.3, 0.4
"""s within which the arm rests, and s that a busy machine may add to what is seen from outside."""
SCENE = "scene-1"
TOOL = (0.0, 0.0, 0.145, 0.0, 0.0, 0.0)


class Cell:
    """Publishes cell_state as perturbation_node does."""

    def __init__(self, graph):
        self.publisher = graph.client.create_publisher(CellState, f"{PLACE}/cell_state", LATCHED)
        self.person_inside, self.token, self.silent = False, SCENE, False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, inside=False, token=SCENE):
        self.person_inside, self.token = inside, token
        self._publish()

    def _publish(self):
        detail = "a person is asked to reach in" if self.person_inside else ""
        self.publisher.publish(
            CellState(person_inside=self.person_inside, token=self.token, detail=detail)
        )

    def _run(self):
        while not self._ending.wait(0.2):
            if not self.silent:
                self._publish()

    def close(self):
        self._ending.set()
        self._thread.join()


class LockedGraph(ArmGraph):
    """An arm that moves only while a cell says that nobody is inside."""

    def begin_anew(self):
        self.cell.silent = False
        self.cell.say()
        wait_for(lambda: not self.node._gate.guard.cell.reason(), "the cell's state", 5)
        self.heal()


@pytest.fixture(scope="module")
def graph(module_domain):
    graph = LockedGraph(module_domain, require_cell_state=True, home_path_limit=0.7)
    assert "perturbation_node" in graph.trigger("home").message  # nobody has said anything yet
    graph.cell = Cell(graph)
    graph.environment = {**os.environ, **module_domain}
    try:
        yield graph
    finally:
        graph.cell.close()
        graph.close()


@pytest.fixture
def arm(graph):
    """The graph with a healthy arm at home and nobody in the cell."""
    graph.begin_anew()
    return graph


@contextlib.contextmanager
def streaming(arm, token=SCENE, z=0.04):
    """A policy's stream that heeds nothing and goes on; yields once the arm moves."""
    with arm.holding(token):
        over = threading.Event()

        def send():
            while not over.wait(0.02):
                arm.send_twist(z=z)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            arm.moving()
            yield
        finally:
            over.set()
            thread.join()


def lower(q, depth):
    """(6,) rad with the tool so many m below where (6,) rad has it."""
    for _ in range(30):
        q = q + joint_velocity(q, [0, 0, -depth / 30, 0, 0, 0], TOOL)
    return q


def refuses_everything(arm, word):
    """Whatever is asked for, nothing moves, and each answer says why."""
    with Watch(arm.twin) as watch:
        assert word in arm.trigger("home").message
        assert word in arm.move(AWAY).error_msg
        assert word in arm.ask_to_hold().error_msg
        arm.send_for(0.3, lambda: arm.send_twist(z=0.05))
        arm.grips.publish(Float64(data=1.0))
        time.sleep(0.2)
    q = np.array([state["q"] for state in watch.states])
    assert np.ptp(q, axis=0).max() < 5e-3


def stop_by_hand(arm):
    arm.call(Trigger, f"{PLACE}/stop_motion")


def on_pendant(order):
    def act(arm):
        with Dashboard(arm.address) as dashboard:
            dashboard.order(order)

    return act


STOPS = {
    "stop_motion": (stop_by_hand, "stop_motion"),
    "program stopped": (on_pendant("stop"), "stopped at the controller"),
    "program paused": (on_pendant("pause"), "paused at the controller"),
    "freedrive": (lambda arm: arm.twin.fault("teach_button"), "freedrive"),
    "other tool": (lambda arm: arm.twin.fault("tool_change", longer=0.1), "tool centre point"),
    "power off": (on_pendant("power off"), "POWER_OFF"),
    "force": (lambda arm: arm.twin.fault("push", newton=200), "200 N"),
}


SHORT = ("stop_motion", "freedrive", "force")
"""One of each kind: by this node, by the controller's state, by what the arm feels."""


@pytest.mark.parametrize(
    "name",
    [n if n in SHORT else pytest.param(n, marks=pytest.mark.long) for n in STOPS],
)
def test_a_stop_by_anybody_stays_until_recover_is_confirmed(arm, name):
    act, word = STOPS[name]
    with streaming(arm):
        since = arm.twin.state()["time"]
        act(arm)
        assert seconds_to_rest(arm.twin, since) < PROMISED + BUSY
        status = arm.noticed(word)
    starts = arm.arm.supervisor.restarts
    assert status.stop_latched and status.needs_person
    wait_for(lambda: not arm.status.moving, "rest", 5)
    arm.twin.clear()
    # nothing comes back by itself, also once the cause is gone
    assert stays(lambda: not arm.status.ready, 1.5)
    refuses_everything(arm, "stopped")
    assert arm.arm.supervisor.restarts == starts, "the script was uploaded again, unasked"
    response = arm.trigger("recover")
    assert response.success, response.message
    arm.ready()
    assert not arm.status.stop_latched
    where = arm.twin.state()["q"]
    assert stays(lambda: np.allclose(arm.twin.state()["q"], where, atol=5e-3), 0.3)
    wait_for(lambda: arm.trigger("home").success, "the way home", 10)


def test_home_goes_up_first_and_is_announced(arm):
    low = lower(arm.q, 0.15)
    assert arm.move(low).error_code == Result.NONE
    start = arm.twin.state()["tcp_pose"]
    arm.statuses.clear()
    with Watch(arm.twin) as watch:
        assert arm.trigger("home").success
    told = [s.position for s in arm.statuses if "going home" in s.position]
    assert told and "10 cm up" in told[0]
    places = np.array([state["tcp_pose"][:3] for state in watch.states])
    early = places[places[:, 2] < start[2] + 0.06]
    assert len(early) > 3
    assert np.abs(early[:, :2] - start[:2]).max() < 0.012  # straight up from between the objects
    wait_for(lambda: arm.status.at_home, "home", 5)
    assert arm.status.position == "at home"


@pytest.mark.long
def test_a_long_way_home_needs_an_explicit_word(arm):
    far = [HOME[0] + 1.8, *HOME[1:]]
    assert arm.move(far, velocity=1.0, acceleration=1.4).error_code == Result.NONE
    answer = arm.trigger("home")
    assert not answer.success
    assert "home_path_limit" in answer.message and "move_to_joints" in answer.message
    assert stays(lambda: arm.twin.state()["speed"] < NEAR_REST, 0.3)
    assert arm.move(HOME, velocity=1.0, acceleration=1.4).error_code == Result.NONE


@pytest.mark.slow  # in plans: test_arm_body
def test_home_takes_no_whole_turn(arm):
    turned = [*HOME[:5], HOME[5] - 2 * np.pi]
    assert arm.move(turned, velocity=1.0, acceleration=1.4).error_code == Result.NONE
    assert arm.trigger("home").success
    assert arm.q[5] == pytest.approx(turned[5], abs=0.02)
    wait_for(lambda: arm.status.at_home, "home", 5)
    assert arm.move(HOME, velocity=1.0, acceleration=1.4).error_code == Result.NONE


def test_the_arm_does_not_fold_into_itself_nor_enter_a_box(arm):
    folded = list(HOME)
    folded[2] = 2.95
    result = arm.move(folded)
    assert result.error_code == Result.OUT_OF_LIMITS
    assert "would meet" in result.error_msg


def test_a_silent_dashboard_stops_a_move(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.twin.fault("dashboard_silent")
    result = arm.end(handle)
    assert result.error_code == Result.STOPPED
    assert "dashboard" in result.error_msg
    assert result.positions[0] < AWAY[0] - 0.1
    arm.rests(within=0.5)
    arm.twin.clear()
    arm.ready()  # nobody stopped it: it comes back, and rests
    assert stays(lambda: arm.twin.state()["speed"] < NEAR_REST, 0.5)


@pytest.mark.long
def test_an_arm_that_does_not_follow_ends_the_stream_and_the_lease(arm):
    with streaming(arm, z=0.1):
        arm.twin.fault("stuck")
        wait_for(lambda: arm.node._gate.guard.lease is None, "the end of the lease", 10)
        assert "does not follow" in arm.ask_to_hold(arm.lease).error_msg
        arm.twin.clear()
        arm.rests(within=1.0)


def test_a_person_in_the_cell_stops_a_stream_a_move_and_all_that_comes(arm):
    with streaming(arm):
        since = arm.twin.state()["time"]
        arm.cell.say(inside=True)
        assert seconds_to_rest(arm.twin, since) < PROMISED + BUSY
        assert arm.ask_to_hold(arm.lease).error_code == Answer.LOCKED
        refused = arm.move(AWAY)
        assert (refused.error_code, "reach in" in refused.error_msg) == (Result.LOCKED, True)
        arm.cell.say()  # the person is out: the old stream moves nothing, although it goes on
        assert stays(lambda: arm.twin.state()["speed"] < NEAR_REST, 0.5)
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.cell.say(inside=True)
    assert arm.end(handle).error_code == Result.STOPPED
    arm.rests(within=PROMISED + BUSY)
    refuses_everything(arm, "reach in")


def test_a_cell_that_falls_silent_locks_the_arm(arm):
    handle = arm.start_move(AWAY)
    arm.moving()
    arm.cell.silent = True
    result = arm.end(handle)
    assert result.error_code == Result.STOPPED
    assert "silent" in result.error_msg
    refuses_everything(arm, "silent")


@pytest.mark.long
def test_while_a_person_is_inside_the_trial_s_lease_opens_the_gripper_and_closes_nothing(arm):
    wait_for(lambda: not arm.node._gripper.fault, "a gripper that answers", 10)
    with arm.holding(SCENE):
        arm.grips.publish(Float64(data=0.0))
        wait_for(lambda: arm.twin.state()["gripper"] < 0.1, "opening", 10)
    arm.cell.say(inside=True)
    with arm.holding(SCENE):
        assert arm.ask_to_hold(arm.lease).error_code == Answer.LOCKED
        refused = arm.node._refused["gripper"]
        arm.grips.publish(Float64(data=1.0))
        wait_for(lambda: arm.node._refused["gripper"] > refused, "refusal", 5)
        assert stays(lambda: arm.twin.state()["gripper"] < 0.1, 0.5)
        arm.cell.say()
    with arm.holding(SCENE):
        arm.grips.publish(Float64(data=1.0))
        wait_for(lambda: arm.twin.state()["gripper"] > 0.5, "closing", 10)
    arm.cell.say(inside=True)
    time.sleep(0.1)
    arm.grips.publish(Float64(data=0.0))  # nobody holds the lease
    assert stays(lambda: arm.twin.state()["gripper"] > 0.5, 0.5)
    with arm.holding(SCENE):
        arm.grips.publish(Float64(data=0.0))
        wait_for(lambda: arm.twin.state()["gripper"] < 0.1, "opening", 10)


STAMPS = {"old": 10.0, "future": -5.0, "unstamped": None}


@pytest.mark.parametrize("word", STAMPS)
def test_commands_of_another_time_move_nothing_and_end_the_stream(arm, word, capfd):
    age = STAMPS[word]
    with arm.holding(SCENE):
        arm.stream(0.5, lambda: arm.send_twist(z=0.04))
        since = arm.twin.state()["time"]
        refused = arm.node._refused["twist"]

        def send():
            message = TwistStamped()
            message.header.frame_id = "base"
            message.twist.linear.z = 0.1
            if age is not None:
                message.header.stamp = arm.stamp(age)
            arm.twists.publish(message)

        arm.send_for(0.3, send)
        assert arm.node._refused["twist"] > refused
        assert seconds_to_rest(arm.twin, since) < 0.3 + PROMISED + BUSY
    assert word in capfd.readouterr().err


def test_a_second_publisher_ends_the_motion_and_is_named(arm):
    stray = rclpy.create_node("stray")
    try:
        with streaming(arm):
            twists = stray.create_publisher(TwistStamped, f"{PLACE}/servo_twist", COMMANDS)
            wait_for(lambda: arm.node._gate.guard.lease is None, "the end of the lease", 10)
            arm.rests(within=PROMISED + BUSY)
            assert "/stray" in arm.ask_to_hold(arm.lease).error_msg
        stray.destroy_publisher(twists)
    finally:
        stray.destroy_node()
    alone = f"{PLACE}/servo_twist"
    wait_for(lambda: arm.client.count_publishers(alone) == 1, "the end of the stray", 10)


HOLDER = """
import json, sys, threading, time, rclpy
from rclpy.action import ActionClient
from robomd_msgs.action import MoveToJoints
from robomd_msgs.srv import HoldMotion
rclpy.init()
place, token, goal = sys.argv[1:]
node = rclpy.create_node("holder", namespace=place)
client = node.create_client(HoldMotion, "hold_motion")
mover = ActionClient(node, MoveToJoints, "move_to_joints")
assert client.wait_for_service(20) and mover.wait_for_server(20)
threading.Thread(target=lambda: rclpy.spin(node), daemon=True).start()
def ask(lease):
    name = node.get_fully_qualified_name()
    request = HoldMotion.Request(holder=name, token=token, lease=lease, duration=0.5)
    future = client.call_async(request)
    while not future.done():
        time.sleep(0.005)
    return future.result()
while not (answer := ask("")).granted:
    time.sleep(0.2)
mover.send_goal_async(MoveToJoints.Goal(positions=json.loads(goal), lease=answer.lease))
while True:
    ask(answer.lease)
    time.sleep(0.15)
"""


def test_the_lease_ends_with_its_holder_s_death(arm):
    """Its process is killed: it cannot say goodbye, and its node stays listed for a while."""
    arguments = [sys.executable, "-c", HOLDER, PLACE, SCENE, json.dumps(AWAY)]
    holder = subprocess.Popen(arguments, env=arm.environment)
    try:
        wait_for(lambda: arm.node._gate.guard.lease is not None, "the lease", 30)
        arm.moving()
        since = arm.twin.state()["time"]
        holder.kill()
        assert seconds_to_rest(arm.twin, since) < 0.5 + PROMISED + BUSY
        assert arm.node._gate.guard.lease is None
        assert arm.q[0] < AWAY[0] - 0.1
        assert arm.trigger("home").success  # another may move it now
    finally:
        holder.kill()
        holder.wait()


def strays(arm, seed, count):
    """Commands that anybody may send, at random."""
    random = np.random.default_rng(seed)
    home = arm.client.create_client(Trigger, f"{PLACE}/home")
    for _ in range(count):
        kind = random.integers(0, 100)
        if kind < 40:
            x, y, z = random.uniform(-0.2, 0.2, 3)
            yield lambda x=x, y=y, z=z: arm.send_twist(x, y, z)
        elif kind < 75:
            q = np.array(HOME) + random.uniform(-0.1, 0.1, 6)
            yield lambda q=q: arm.send_joints(q)
        elif kind < 90:
            closure = float(random.uniform())
            yield lambda c=closure: arm.grips.publish(Float64(data=c))
        elif kind < 94:
            yield lambda: home.call_async(Trigger.Request())
        elif kind < 97:
            goal = MoveToJoints.Goal(home=bool(random.integers(2)), positions=AWAY)
            goal.lease = "" if random.integers(2) else "0123456789abcdef"
            yield lambda g=goal: arm.mover.send_goal_async(g)
        else:
            request = HoldMotion.Request(holder=str(random.choice(["/test_client", "/nobody", ""])))
            request.duration = float(random.choice([0.5, 2.0, -1.0, np.nan, 1e9]))
            request.token = str(random.choice(["", "scene-0", "x" * 1000]))
            yield lambda r=request: arm.holder.call_async(r)


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_stray_command_moves_anything_while_a_person_is_asked(arm, count):
    arm.cell.say(inside=True)
    wait_for(arm.node._gate.guard.cell.reason, "the lock", 5)
    before = sum(arm.node._refused.values())
    start, grip = np.array(arm.twin.state()["q"]), arm.twin.state()["gripper"]
    with Watch(arm.twin) as watch:
        for send in strays(arm, 7, count):
            send()
            time.sleep(0.004)
        time.sleep(0.5)
    q = np.array([state["q"] for state in watch.states])
    assert len(q) > count // 40
    assert np.abs(q - start).max() < 5e-3
    assert max(abs(state["gripper"] - grip) for state in watch.states) < 0.02
    assert sum(arm.node._refused.values()) - before > count // 4


@pytest.mark.parametrize("seconds", [1.5, pytest.param(10.0, marks=pytest.mark.slow)])
def test_a_flood_of_a_peer_moves_nothing_and_a_stop_still_gets_through(arm, seconds):
    """1 kHz of twists of a node that holds no lease."""
    with Watch(arm.twin) as watch:
        arm.send_for(seconds, lambda: arm.send_twist(z=0.1), rate=1000.0)
        asked = time.monotonic()
        assert arm.trigger("stop_motion").success
        print(f"\nstop_motion answered {time.monotonic() - asked:.2f} s after a flood")
    q = np.array([state["q"] for state in watch.states])
    assert np.ptp(q, axis=0).max() < 5e-3


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [*STOPS, "person", "silence"])
def test_at_random_moments(arm, name):
    """Five moments of streams each; prints s of robot time from the act to rest."""
    random = np.random.default_rng(sum(map(ord, name)))
    took = []
    for _ in range(5):
        arm.begin_anew()
        with streaming(arm):
            time.sleep(random.uniform(0.0, 1.0))
            since = arm.twin.state()["time"]
            if name == "person":
                arm.cell.say(inside=True)
            elif name == "silence":
                arm.cell.silent = True
                wait_for(arm.node._gate.guard.cell.reason, "silence", 5)
                since = arm.twin.state()["time"]
            else:
                STOPS[name][0](arm)
            took.append(seconds_to_rest(arm.twin, since))
        where = arm.twin.state()["q"]
        assert stays(lambda w=where: np.allclose(arm.twin.state()["q"], w, atol=5e-3), 1.0)
        arm.twin.clear()
    print(f"\n{name:16} at rest after {', '.join(f'{t:.2f}' for t in took)} s")
    assert np.median(took) < PROMISED
    assert max(took) < PROMISED + BUSY
