# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin's kinematics against the DH table, and its arm against both."""

import mujoco
import numpy as np
import pytest

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.variations import NOMINAL, Scene, Variation
from sim_bridge.tasks.tabletop import HOME
from sim_bridge.twin import kinematics
from sim_bridge.twin.arm import TwinArm
from sim_bridge.twin.gripper import TwinGripper
from sim_bridge.twin.motion import Motion, ScriptPose
from sim_bridge.twin.scene import Tabletop
from sim_bridge.twin.urscript import ScriptError

DT = 0.002
TCP = np.array([0.0, 0.0, 0.145, 0.0, 0.0, 0.0])
DOWN = np.diag([-1.0, -1.0, 1.0]) @ np.diag([1.0, -1.0, -1.0])


def dh_table(q):
    """Flange of a UR5e as the product of its DH table."""
    a = (0.0, -0.425, -0.3922, 0.0, 0.0, 0.0)
    d = (0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996)
    alpha = (np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0)
    result = np.eye(4)
    for angle, length, offset, twist in zip(q, a, d, alpha, strict=True):
        c, s, ct, st = np.cos(angle), np.sin(angle), np.cos(twist), np.sin(twist)
        link = [
            [c, -s * ct, s * st, length * c],
            [s, c * ct, -c * st, length * s],
            [0.0, st, ct, offset],
            [0.0, 0.0, 0.0, 1.0],
        ]
        result = result @ np.array(link)
    return result


@pytest.fixture(scope="module")
def postures():
    return np.random.default_rng(5).uniform(-3.0, 3.0, (100, 6))


def test_forward_kinematics_is_the_dh_table(postures):
    for q in postures:
        position, rotation, _ = kinematics.forward(q)
        flange = dh_table(q)
        assert np.allclose(position, flange[:3, 3], atol=1e-12)
        assert np.allclose(rotation, flange[:3, :3], atol=1e-12)


def test_the_jacobian_is_the_derivative(postures):
    step = 1e-6
    for q in postures[:20]:
        position, rotation, jacobian = kinematics.forward(q, TCP)
        for joint in range(6):
            later = q.copy()
            later[joint] += step
            moved, turned, _ = kinematics.forward(later, TCP)
            assert np.allclose((moved - position) / step, jacobian[:3, joint], atol=1e-5)
            turn = kinematics.rotation_vector(turned @ rotation.T) / step
            assert np.allclose(turn, jacobian[3:, joint], atol=1e-5)


def test_inverse_kinematics_finds_the_posture_again(postures):
    for q in postures:
        found = kinematics.inverse(kinematics.forward_pose(q, TCP), q, TCP)
        assert np.allclose(found, q, atol=1e-5)


@pytest.mark.parametrize("place", [(2.0, 0.0, 0.0), (0.05, 0.0, 0.3), (0.0, 0.0, 1.5)])
def test_what_is_out_of_reach_has_no_solution(place):
    assert kinematics.inverse(np.array([*place, 0.0, 0.0, 0.0]), HOME) is None


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1.0, np.pi - 1e-7, np.pi])
def test_rotation_vectors_and_matrices_belong_together(angle):
    for axis in np.vstack((np.eye(3), [(0.6, 0.0, -0.8)])):
        rotation = kinematics.matrix(angle * axis)
        again = kinematics.matrix(kinematics.rotation_vector(rotation))
        assert np.allclose(rotation @ rotation.T, np.eye(3))
        assert np.allclose(again, rotation, atol=1e-8)


class Bench:
    """An arm, its target and its gripper, without a network."""

    def __init__(self, tabletop):
        mujoco.mj_resetData(tabletop.model, tabletop.data)
        self.tabletop = tabletop
        self.tabletop.reset(0)
        self.arm = TwinArm(self.tabletop, DT)
        self.motion = Motion(self.arm.q, DT)
        self.motion.tcp = TCP.copy()
        self.gripper = TwinGripper(self.arm)
        for name, value in (("ACT", 1), ("GTO", 1), ("SPE", 255), ("FOR", 128)):
            self.gripper.set(name, value)

    def cycle(self):
        self.gripper.cycle(DT, True)
        return self.arm.step(self.motion.q, self.motion.qd, self.motion.qdd)

    def run(self, steps, lag=1e-2):
        """Let the arm follow a motion; the reason of a protective stop."""
        for _ in steps:
            fault = self.cycle()
            if fault:
                return fault
            assert np.abs(self.arm.q - self.motion.q).max() < lag
            assert np.abs(self.motion.qd).max() <= np.pi + 1e-9
        return ""

    def rest(self, seconds):
        for _ in range(round(seconds / DT)):
            self.motion.begin_cycle()
            self.motion.end_cycle()
            assert self.cycle() == ""

    def over(self, cube, height):
        """The pose of a tool that points down, `height` over the middle of a cube."""
        turn = kinematics.rotation_vector(DOWN @ kinematics.matrix((0.0, 0.0, -self.turn)))
        return ScriptPose((*cube[:2], cube[2] + height, *turn))

    @property
    def turn(self):
        return self.tabletop._start.object_yaw


@pytest.fixture(scope="module")
def tabletop():
    return Tabletop(0)


@pytest.fixture
def bench(tabletop):
    return Bench(tabletop)


def test_the_simulated_flange_is_the_dh_tables(bench, postures):
    model, data = bench.tabletop.model, bench.tabletop.data
    hand = model.body("robot0_right_hand").id
    for q in postures[:20]:
        data.qpos[:6] = q
        mujoco.mj_forward(model, data)
        flange = dh_table(q)
        assert np.allclose(bench.arm.to_base(data.xpos[hand]), flange[:3, 3], atol=1e-9)
        rotation = np.diag([-1.0, -1.0, 1.0]) @ data.xmat[hand].reshape(3, 3)
        # the description's quaternion of the hand has three digits
        assert np.allclose(rotation, flange[:3, :3], atol=1e-3)


def test_closed_brakes_hold_the_joints_whatever_pulls(bench):
    before = bench.arm.q.copy()
    for _ in range(250):
        bench.arm.step(before + 0.05, np.zeros(6), np.zeros(6), brakes=True)
        assert np.array_equal(bench.arm.q, before) and not bench.arm.qd.any()
    for _ in range(250):
        bench.arm.step(before + 0.05, np.zeros(6), np.zeros(6))
    assert np.allclose(bench.arm.q, before + 0.05, atol=1e-3)


def test_closed_brakes_let_a_moving_arm_stop_first(bench):
    for _ in range(50):
        bench.arm.step(bench.arm.q + 0.01, np.full(6, 0.5), np.zeros(6))
    fast = np.abs(bench.arm.qd).max()
    bench.arm.step(bench.arm.q.copy(), np.zeros(6), np.zeros(6), brakes=True)
    assert fast > 0.2 and 0.0 < np.abs(bench.arm.qd).max() <= fast


def test_moves_arrive_within_their_limits(bench):
    goal = HOME + np.array((0.4, -0.2, 0.1, 0.0, 0.0, 0.3))
    cycles = 0
    for _ in bench.motion.movej(goal.tolist(), a=1.0, v=0.5):
        assert np.abs(bench.motion.qd).max() <= 0.5 + 1e-9
        assert np.abs(bench.motion.qdd).max() <= 1.0 + 1e-3
        assert bench.cycle() == ""
        cycles += 1
    assert cycles * DT == pytest.approx(0.4 / 0.5 + 0.5 / 1.0, abs=0.05)  # a trapezoid
    bench.rest(0.2)
    assert np.abs(bench.arm.q - goal).max() < 1e-4


def test_a_straight_line_is_straight(bench):
    start = kinematics.forward_pose(bench.motion.q, TCP)
    goal = start + np.array((0.05, 0.08, -0.1, 0.0, 0.0, 0.0))
    way = (goal - start)[:3] / np.linalg.norm((goal - start)[:3])
    for _ in bench.motion.movel(ScriptPose(goal.tolist()), a=1.0, v=0.2):
        assert bench.cycle() == ""
        offset = kinematics.forward_pose(bench.motion.q, TCP)[:3] - start[:3]
        assert np.linalg.norm(offset - (offset @ way) * way) < 2e-4
    assert np.allclose(kinematics.forward_pose(bench.motion.q, TCP), goal, atol=1e-6)


def test_a_motion_that_was_paused_goes_on_from_rest(bench):
    goal = HOME + np.array((0.5, 0.0, 0.0, 0.0, 0.0, 0.0))
    steps = bench.motion.movej(goal.tolist(), a=1.4, v=0.5)
    for _ in range(200):
        next(steps)
        bench.cycle()
    bench.rest(0.5)  # as while a program is paused
    assert not bench.motion.qd.any()
    assert bench.run(steps) == ""
    bench.rest(0.1)
    assert np.abs(bench.arm.q - goal).max() < 1e-3


@pytest.mark.parametrize(
    "steps",
    [
        lambda m: m.movej([np.nan] * 6),
        lambda m: m.movej([0.0] * 5),
        lambda m: m.movej([0.0] * 6, a=np.nan),
        lambda m: m.movej([0.0] * 6, v=-1.0),
        lambda m: m.movel(ScriptPose([3.0, 0.0, 0.0, 0.0, 0.0, 0.0])),
        lambda m: m.servoj([0.0] * 6, gain=np.nan),
        lambda m: m.servoj([0.0] * 6, lookahead_time=np.inf),
        lambda m: m.speedj([0.0] * 6, a=0.0),
        lambda m: m.speedl([np.inf] * 6),
    ],
)
def test_nonsense_is_refused_and_moves_nothing(bench, steps):
    before = bench.motion.q.copy()
    with pytest.raises(ScriptError):
        next(steps(bench.motion))
    assert (bench.motion.q == before).all()


def test_pushing_into_the_table_is_a_protective_stop(bench):
    start = kinematics.forward_pose(bench.motion.q, TCP)
    goal = ScriptPose((start - (0.0, 0.0, 0.4, 0.0, 0.0, 0.0)).tolist())
    assert "contact" in bench.run(bench.motion.movel(goal, a=1.0, v=0.2), lag=0.1)


@pytest.mark.parametrize("seed", [0, pytest.param(7, marks=pytest.mark.slow)])
def test_the_gripper_lifts_the_cube(bench, seed):
    bench.tabletop.reset(seed)
    cube = bench.arm.objects()["cube"]
    assert bench.run(bench.motion.movej(bench.over(cube, 0.12), a=1.4, v=1.0)) == ""
    assert bench.run(bench.motion.movel(bench.over(cube, 0.0), a=1.0, v=0.2)) == ""
    bench.gripper.set("POS", 255)
    bench.rest(1.5)
    assert 0.1 < bench.arm.gripper < 0.9 and not bench.tabletop.lifted()
    assert bench.run(bench.motion.movel(bench.over(cube, 0.12), a=1.0, v=0.2), lag=0.02) == ""
    assert bench.tabletop.lifted()
    for reset in (True, False):  # no hand takes it out of closed fingers
        with pytest.raises(ConfigurationError, match="open the gripper first"):
            bench.tabletop.apply(NOMINAL, reset_objects=reset)
    assert bench.tabletop.lifted()
    bench.gripper.set("POS", 0)
    bench.rest(1.5)
    assert not bench.tabletop.lifted() and bench.arm.gripper < 0.1


@pytest.mark.parametrize("name", ["red_mug", "green_can", "blue_box"])
def test_a_distractor_stands_on_the_table_and_an_absent_one_waits_aside(name):
    tabletop = Tabletop(0)
    arm, heights = TwinArm(tabletop, DT), []
    offset = {"offset": (0.02, 0.14)}
    for variations in ((Variation("it", "distractor", name, "It", offset),), ()):
        tabletop.apply(Scene(variations), reset_objects=True, seed=1)
        before = tabletop.data.body(name).xpos.copy()
        for _ in range(300):
            arm.step(np.array(HOME), np.zeros(6), np.zeros(6))
        heights.append(before[2])
        assert tabletop.data.body(name).xpos == pytest.approx(before, abs=5e-3)
    assert heights[0] < 0.9 and heights[0] != pytest.approx(heights[1])
