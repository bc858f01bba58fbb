# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may move an arm, and when."""

import math

import pytest

from robomd_ros.arms import motion_guard
from robomd_ros.arms.motion_guard import (
    UNHEARD,
    LeaseCode,
    MotionGuard,
    MotionRefused,
    StopLatch,
)
from robomd_ros.core.cell_lock import CellLock

ME, OTHER = "/cell/policy_node", "/cell/stray"


class Clock:
    """A clock that a test moves on."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(motion_guard.time, "monotonic", clock.monotonic)
    return clock


class Arm:
    """A guard, and what the arm itself says."""

    def __init__(self, require=True, heard=True):
        self.obstacle = ""
        self.latch = StopLatch()
        self.guard = MotionGuard(
            self.latch,
            lambda: self.obstacle,
            command_age=0.1,
            cell=CellLock(UNHEARD if require else "", 1.0),
        )
        if heard:
            self.scene()

    def scene(self, token="scene-1", inside=False):
        self.guard.cell.hear(inside, token, "somebody is asked to reach in" if inside else "")


@pytest.fixture
def arm(clock):
    return Arm()


def refusal(call, *arguments, **named):
    with pytest.raises(MotionRefused) as caught:
        call(*arguments, **named)
    return caught.value.code, str(caught.value)


def test_one_executor_holds_the_lease_until_it_gives_it_back(arm):
    lease = arm.guard.take(ME, "scene-1", 0.5)
    assert refusal(arm.guard.take, OTHER, "scene-1", 0.5)[0] is LeaseCode.HELD
    assert refusal(arm.guard.check_free)[0] is LeaseCode.HELD
    arm.guard.check_lease(lease.name)
    arm.guard.check_command([ME], 0.02)
    assert not arm.guard.give_back("another")
    assert arm.guard.give_back(lease.name)
    arm.guard.check_free()
    assert refusal(arm.guard.check_command, [ME], 0.02)[0] is LeaseCode.NO_SUCH_LEASE


def test_a_lease_that_is_not_renewed_lapses_once(arm, clock):
    lease = arm.guard.take(ME, "scene-1", 0.5)
    clock.now += 0.4
    arm.guard.renew(lease.name, 0.5)
    clock.now += 0.4
    arm.scene()
    assert arm.guard.look() == ""
    clock.now += 0.2
    assert "did not renew" in arm.guard.look()
    assert arm.guard.look() == ""
    code, why = refusal(arm.guard.renew, lease.name, 0.5)
    assert code is LeaseCode.NO_SUCH_LEASE
    assert "did not renew" in why
    assert refusal(arm.guard.check_lease, lease.name)[0] is LeaseCode.NO_SUCH_LEASE


@pytest.mark.parametrize("duration", [0.0, -1.0, 2.1, math.nan, math.inf])
def test_a_lease_is_short(arm, duration):
    assert refusal(arm.guard.take, ME, "scene-1", duration)[0] is LeaseCode.NOT_READY


def test_a_person_in_the_cell_stops_everything_and_the_lease_moves_nothing_any_more(arm):
    lease = arm.guard.take(ME, "scene-1", 0.5)
    arm.scene(inside=True)
    assert "reach in" in arm.guard.look()
    assert arm.guard.look() == ""  # it is told once
    for call, arguments in (
        (arm.guard.check_lease, (lease.name,)),
        (arm.guard.check_command, ([ME], 0.0)),
        (arm.guard.check_command, ([ME], None)),
    ):
        assert refusal(call, *arguments)[0] is LeaseCode.LOCKED
    arm.guard.check_command([ME], None, opening=True)
    assert not arm.guard.renew(lease.name, 0.5).moves
    arm.scene()  # the person is out
    code, why = refusal(arm.guard.check_command, [ME], 0.0)
    assert code is LeaseCode.LOCKED
    assert "take another" in why
    arm.guard.give_back(lease.name)
    arm.guard.take(ME, "scene-1", 0.5)
    arm.guard.check_command([ME], 0.0)


def test_while_a_person_is_inside_a_trial_s_lease_only_opens_the_gripper(arm):
    arm.scene(inside=True)
    assert refusal(arm.guard.check_free)[0] is LeaseCode.LOCKED
    assert refusal(arm.guard.take, ME, "", 0.5)[0] is LeaseCode.LOCKED
    assert not arm.guard.take(ME, "scene-1", 0.5).moves
    arm.guard.check_command([ME], None, opening=True)
    assert refusal(arm.guard.check_command, [ME], None)[0] is LeaseCode.LOCKED
    assert refusal(arm.guard.check_command, [OTHER], None, True)[0] is LeaseCode.HELD


def test_where_no_scene_is_in_force_the_gripper_opens_for_a_person_all_the_same(arm):
    arm.scene(inside=True, token="")
    assert not arm.guard.take(ME, "", 0.5).moves
    arm.guard.check_command([ME], None, opening=True)
    assert refusal(arm.guard.check_command, [ME], 0.0)[0] is LeaseCode.LOCKED


def test_a_silent_cell_and_one_that_cannot_be_believed_lock(arm, clock):
    arm.guard.check_free()
    clock.now += 1.1
    code, why = refusal(arm.guard.check_free)
    assert code is LeaseCode.LOCKED
    assert "silent" in why
    arm.scene()
    arm.guard.check_free()
    arm.guard.cell.doubt("two nodes publish it")
    assert refusal(arm.guard.check_free) == (LeaseCode.LOCKED, "two nodes publish it")


def test_somebody_inside_holds_for_a_while_against_a_second_publisher_that_says_otherwise(clock):
    lock = CellLock("not heard", silence=1.0, contradiction=0.5)
    assert lock.reason() == "not heard"
    lock.hear(True, "", "the lamp is changed")
    clock.now += 0.4
    lock.hear(False, "scene-1", "")
    assert "the lamp is changed" in lock.reason()
    clock.now += 0.2
    assert lock.reason() == "" and lock.token == "scene-1"
    assert CellLock("not heard", silence=1.0).reason() == "not heard"


def test_a_cell_that_was_never_heard_locks_unless_somebody_says_otherwise(clock):
    code, why = refusal(Arm(heard=False).guard.check_free)
    assert code is LeaseCode.LOCKED
    assert "perturbation_node" in why and "require_cell_state" in why
    guard = Arm(require=False, heard=False).guard
    guard.check_free()
    guard.take(ME, "", 0.5)
    guard.check_command([ME], 0.0)


def test_the_lease_is_of_the_scene_in_force(arm):
    assert refusal(arm.guard.take, ME, "scene-0", 0.5)[0] is LeaseCode.WRONG_TOKEN
    arm.guard.take(ME, "scene-1", 0.5)
    arm.scene("scene-2")
    assert "in force no more" in arm.guard.look()
    assert arm.guard.lease is None
    arm.guard.check_lease(arm.guard.take(ME, "", 0.5).name)  # no trial: it may go home
    assert refusal(arm.guard.check_command, [ME], 0.0)[0] is LeaseCode.WRONG_TOKEN


def test_a_second_publisher_ends_the_lease_and_is_named(arm):
    for publishers in ([ME, OTHER], [OTHER], [ME, ME], []):
        arm.guard.take(ME, "scene-1", 0.5)
        code, why = refusal(arm.guard.check_command, publishers, 0.0)
        assert code is LeaseCode.HELD
        assert all(name in why for name in publishers)
        assert arm.guard.lease is None


@pytest.mark.parametrize(
    ("age", "word"), [(0.11, "old"), (10.0, "old"), (-0.2, "future"), (math.nan, "unstamped")]
)
def test_commands_of_another_time_are_refused(arm, age, word):
    arm.guard.take(ME, "scene-1", 0.5)
    assert word in refusal(arm.guard.check_command, [ME], age)[1]
    arm.guard.check_command([ME], 0.09)
    arm.guard.check_command([ME], -0.05)


def test_a_stop_stays_until_somebody_has_confirmed(arm):
    lease = arm.guard.take(ME, "scene-1", 0.5)
    assert arm.latch.set("stop_motion was called")
    assert not arm.latch.set("a second reason")
    assert "stop_motion" in arm.guard.look()
    for call, arguments in (
        (arm.guard.check_free, ()),
        (arm.guard.take, (ME, "scene-1", 0.5)),
        (arm.guard.check_lease, (lease.name,)),
        (arm.guard.check_command, ([ME], 0.0)),
        (arm.guard.check_command, ([ME], None, True)),
    ):
        code, why = refusal(call, *arguments)
        assert code is LeaseCode.STOPPED
        assert "recover" in why
    arm.latch.clear()
    arm.guard.take(ME, "scene-1", 0.5)


def test_an_arm_that_is_not_ready_is_not_lent_and_is_lost(arm):
    arm.obstacle = "the controller is silent"
    assert refusal(arm.guard.take, ME, "scene-1", 0.5) == (LeaseCode.NOT_READY, arm.obstacle)
    arm.obstacle = ""
    arm.guard.take(ME, "scene-1", 0.5)
    arm.obstacle = "the controller is silent"
    assert arm.guard.look() == arm.obstacle
    assert arm.guard.lease is None
