# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""policy_node over real DDS: commands, labels, and everything that makes a rollout invalid."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from action_msgs.msg import GoalStatus
from arm_policies import HANGING, SLEEPING
from graph import wait_for
from in_process import Graph, overrides, stays
from rclpy.action import ActionClient
from table_arm import HOME, TableArm

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import Outcome
from robomd_ros.core.errors import ConfigurationError, PolicyLoadError, SpacesError
from robomd_ros.core.policies.pace import slowness
from robomd_ros.nodes.policy_node import PolicyNode
from robomd_ros.ros.conversions import outcome_from_msg
from robomd_ros.ros.qos import IMAGE_IN, IMAGE_OUT

pytestmark = pytest.mark.ros
HERE = Path(__file__).parent
QUICK = {
    "home_first": False,
    "open_gripper_first": False,
    "time_limit": 0.8,
    "state_timeout": 1.5,
    "image_timeout": 1.5,
}


class Cell:
    """A policy node and an arm in a namespace of their own, and a client of the action."""

    def __init__(self, graph, namespace, policy, image_qos=IMAGE_OUT, **values):
        self.graph = graph
        self.arm = graph.add(TableArm(image_qos, namespace=namespace))
        spec = f"python:arm_policies:{policy}" if policy[0].isupper() else policy
        assert self.arm.twists == []
        parameters = overrides(**{"policy": spec, **QUICK, **values})
        self.node = PolicyNode(namespace=namespace, parameter_overrides=parameters)
        graph.add(self.node)
        self.action = ActionClient(graph.client, ExecutePolicy, f"{namespace}/execute_policy")
        self.feedback, self.handle = [], None
        wait_for(self.action.server_is_ready, "execute_policy", 20)

    def begin_anew(self):
        """End what runs; the arm as it was built."""
        if self.handle is not None:
            self.graph.result(self.handle.cancel_goal_async(), "cancellation")
            self.graph.result(self.handle.get_result_async(), "the end")
        self.handle = None
        self.feedback.clear()
        self.arm.begin_anew()

    def start(self, **goal):
        """The handle of an accepted goal."""
        wait_for(self.action.server_is_ready, "execute_policy", 10)
        if "token" not in goal:
            goal["token"] = token = self.arm.new_scene()
            wait_for(lambda: self.node._bond.in_force == token, "the cell's state", 10)
        future = self.action.send_goal_async(
            ExecutePolicy.Goal(**goal),
            feedback_callback=lambda m: self.feedback.append((time.monotonic(), m.feedback)),
        )
        handle = self.graph.result(future, "acceptance")
        self.handle = handle if handle.accepted else self.handle
        return handle

    def run(self, **goal):
        """The result of a rollout."""
        return self.finish(self.start(**goal))

    def finish(self, handle):
        answer = self.graph.result(handle.get_result_async(), "the result")
        self.handle = None
        self.status = answer.status
        return answer.result


@pytest.fixture(scope="module")
def cells(module_domain):
    """Cells by their parameters, kept for every test that needs such a one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        patch.syspath_prepend(HERE.parent / "contract")
        for name, value in module_domain.items():
            patch.setenv(name, value)
        graph = Graph(module_domain)
        made = {}
        yield graph, made
        graph.close()


@pytest.fixture
def cell(cells):
    graph, made = cells
    used = []

    def make(policy="Forward", **values):
        key = (policy, *(f"{name}={value}" for name, value in sorted(values.items())))
        if key not in made:
            made[key] = Cell(graph, f"/cell_{len(made)}", policy, **values)
        one = made[key]
        graph.wake(one.arm, one.node)
        used.append(one)
        one.arm.active = True
        one.begin_anew()
        return one

    make.begin_anew = lambda: [one.begin_anew() for one in used]
    yield make
    for one in used:
        one.arm.active = False
        graph.rest(one.arm, one.node)


def require_invalid(result, code, *reasons):
    assert result.error_code == code, result.error_msg
    assert result.outcome.result == Outcome.INVALID
    for reason in reasons:
        assert reason in result.outcome.detail, result.outcome.detail
    assert result.error_msg == result.outcome.detail


def test_a_rollout_commands_twists_and_leaves_the_label_to_the_operator(cell):
    one = cell(linear_scale=0.2, angular_scale=0.5, rate=20.0)
    result = one.run()
    assert one.status == GoalStatus.STATUS_SUCCEEDED
    assert (result.outcome.result, result.outcome.source) == (Outcome.UNKNOWN, 0)
    assert result.error_code == ExecutePolicy.Result.NONE
    assert result.outcome.duration == pytest.approx(0.8, abs=0.4)
    assert 8 <= result.outcome.steps <= 17
    moving = one.arm.sent_since(0.0)
    # the turn of 2 is clipped at 1, as OSC_POSE does
    np.testing.assert_allclose(moving[0], [0.2, 0.0, -0.1, 0.0, 0.0, 0.5])
    wait_for(lambda: np.abs(one.arm.twists[-1][1]).max() == 0, "rest")
    assert one.arm.grips == [1.0]
    assert one.arm.position[0] > HOME[0]


def test_the_newest_command_is_repeated_between_steps(cell):
    one = cell(rate=2.0, command_hold=0.6, time_limit=2.0)
    one.run()
    assert len(one.arm.sent_since(0.0)) > 40  # 4 steps at 50 Hz


def test_joint_targets_are_absolute_and_by_name(cell):
    one = cell("Joints", command_mode="joints")
    result = one.run()
    assert result.outcome.steps > 3 and one.arm.twists == []
    np.testing.assert_allclose(one.arm.targets[0][1], one.arm.joints + 0.01)
    assert one.arm.grips == [0.0]
    count = len(one.arm.targets)
    assert stays(lambda: len(one.arm.targets) == count)


def test_the_policy_sees_the_picture_in_the_size_that_it_was_trained_on(cell):
    one = cell("Square", linear_scale=1.0)
    result = one.run()
    assert result.error_code == 0, result.error_msg
    assert one.arm.sent_since(0.0)[0][0] == pytest.approx(200 / 255, abs=0.01)


def test_the_readmes_example_runs_on_the_arm_as_in_simulation(cell):
    one = cell("python:misfit_policies:ReadmeExample")
    result = one.run()
    assert result.error_code == 0, result.error_msg
    assert result.outcome.steps > 2
    assert one.arm.sent_since(0.0)[0][2] == pytest.approx(0.05)


def test_the_policy_is_asked_before_the_action_is_offered_and_nothing_moves(cell):
    one = cell("Counting")
    assert stays(lambda: not one.arm.twists and not one.arm.homes and not one.arm.grips, 0.3)
    one.run(time_limit=0.3)
    # the first episode was the question, with one picture; this is the second
    assert one.arm.sent_since(0.0)[0][0] == pytest.approx(0.1 * 0.2)


@pytest.mark.parametrize("needs", ["ChunkSaid", "TwoFinger8Said", "WristSaid", "WantsState"])
def test_what_does_not_fit_the_cell_is_refused_before_anything_is_offered(cells, needs):
    given = {"policy": f"python:misfit_policies:{needs}", **QUICK}
    node = PolicyNode(namespace="/misfit", parameter_overrides=overrides(**given))
    try:
        with pytest.raises(SpacesError, match="does not fit the cell /misfit: the policy"):
            node.connect()
        assert node.count_publishers("/misfit/servo_twist") == 0
    finally:
        node.close()
        node.destroy_node()


def test_what_cannot_answer_on_a_real_observation_ends_the_node(cells):
    graph, _ = cells
    arm = graph.add(TableArm(namespace="/late"))
    command = [sys.executable, "-m", "robomd_ros.nodes.policy_node", "--ros-args"]
    command += ["-r", "__ns:=/late", "-p", "policy:=python:misfit_policies:Chunk"]
    path = os.pathsep.join([str(HERE.parent / "contract"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    arm.active = False
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    for part in ("shape (16, 7)", "'agentview' (84, 84, 3)", "joint_vel (6,)", "delta_pose (7,)"):
        assert part in errors[0]
    assert arm.twists == [] and arm.homes == []


def test_the_shipped_policy_runs_on_an_arm_that_it_never_saw(cell):
    result = cell("lift_bc").run()
    assert result.error_code == 0, result.error_msg
    assert result.outcome.steps > 2


FAULTS = {"policy_timeout": 0.7, "command_hold": 0.2}


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        (HANGING, "gave no answer within 0.7 s"),
        pytest.param(SLEEPING, "gave no answer within 0.7 s", marks=pytest.mark.long),
        (15, "act raised RuntimeError: joint table lost"),
        (16, "not finite"),
        (17, "shape (3,); this task needs (7,)"),
        pytest.param(18, "process died: exit code 7", marks=pytest.mark.long),
        (19, "process died: signal 11 (SIGSEGV)"),
    ],
)
def test_a_policy_that_fails_makes_one_trial_invalid(cell, seed, reason):
    one = cell(**FAULTS)
    begun = time.monotonic()
    handle = one.start(seed=seed, time_limit=20.0)
    result = one.finish(handle)
    over = time.monotonic()
    require_invalid(result, ExecutePolicy.Result.POLICY_FAULT, reason)
    assert one.status == GoalStatus.STATUS_ABORTED
    assert over - begun < 5.0
    assert one.arm.sent_since(begun)  # it did move before
    assert stays(lambda: not one.arm.sent_since(over + 0.1), 0.3)
    assert np.abs(one.arm.twists[-1][1]).max() == 0


def test_a_failed_policy_is_there_again_for_the_next_trial(cell):
    one = cell(**FAULTS)
    one.run(seed=HANGING, time_limit=20.0)
    assert one.run(seed=1).outcome.result == Outcome.UNKNOWN


def test_commands_end_before_a_hanging_policy_is_given_up(cell):
    one = cell(policy_timeout=2.0, command_hold=0.2)
    handle = one.start(seed=HANGING, time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "the first command")
    moved = one.arm.twists[-1][0]
    begun = time.monotonic()
    result = one.finish(handle)
    require_invalid(result, ExecutePolicy.Result.POLICY_FAULT, "within 2 s")
    times = [begun, *(at for at, _ in one.feedback), time.monotonic()]
    assert times[-1] - moved > 1.5
    assert one.arm.sent_since(moved + 1.0) == []
    assert max(np.diff(times)) < 1.0  # feedback every 0.4 s by design; this is a busy machine
    assert one.feedback[-1][1].steps == 2


@pytest.mark.parametrize(
    ("silent", "reason"),
    [
        ("image", "camera/image_raw is stale"),
        ("joint_states", "joint_states is stale"),
        pytest.param("tcp_pose", "tcp_pose is stale", marks=pytest.mark.long),
        pytest.param("gripper_position", "gripper_position is stale", marks=pytest.mark.long),
    ],
)
def test_what_goes_silent_ends_the_rollout(cell, silent, reason):
    one = cell(gripper_state_timeout=1.5)
    handle = one.start(time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    one.arm.silent.add(silent)
    result = one.finish(handle)
    require_invalid(result, ExecutePolicy.Result.CELL_FAULT, reason)
    over = time.monotonic()
    assert stays(lambda: not one.arm.sent_since(over + 0.1))
    one.arm.silent.clear()
    assert one.run(time_limit=0.3).error_code == 0


def test_a_camera_that_publishes_best_effort_is_heard(cell):
    assert cell(image_qos=IMAGE_IN).run().error_code == 0


@pytest.mark.parametrize(
    ("silent", "reason"),
    [("image", "no camera/image_raw has come"), ("joint_states", "no joint_states has come")],
)
def test_what_is_absent_at_the_start_is_named(cell, silent, reason):
    one = cell(input_timeout=0.5)
    one.arm.silent.add(silent)
    result = one.run()
    require_invalid(result, ExecutePolicy.Result.CELL_FAULT, reason)
    assert one.arm.twists == []


def test_pictures_from_before_the_goal_are_never_used(cell):
    one = cell(input_timeout=0.7)
    one.arm.stamp_offset = -2.0
    result = one.run()
    require_invalid(
        result, ExecutePolicy.Result.CELL_FAULT, "no picture", "are the clocks in step?"
    )
    assert one.arm.twists == []


def frozen(image):
    """The same picture for ever."""
    return np.random.default_rng(0).integers(100, 140, image.shape, np.uint8)


def half(image):
    image[24:] = 128
    return image


def plain(image):
    return np.full_like(image, 120)


def swapped(image):
    return image[..., ::-1].copy()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (frozen, "frozen: the same, bit for bit, for 1."),
        pytest.param(np.zeros_like, "black", marks=pytest.mark.long),
        pytest.param(plain, "one plain colour", marks=pytest.mark.long),
        (half, "of the picture at its bottom"),
        (lambda image: image[::2, ::2].copy(), "were 64 x 48, now they are 32 x 24"),
        pytest.param(swapped, "red and blue have changed places", marks=pytest.mark.long),
    ],
)
def test_a_camera_that_breaks_in_mid_rollout_ends_it(cell, spoil, reason):
    one = cell()
    handle = one.start(time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    one.arm.spoil = spoil
    broke = time.monotonic()
    result = one.finish(handle)
    require_invalid(result, ExecutePolicy.Result.CELL_FAULT, reason)
    assert time.monotonic() - broke < 4.0
    over = time.monotonic()
    assert stays(lambda: not one.arm.sent_since(over + 0.1))
    one.arm.spoil = lambda image: image
    assert one.run(time_limit=0.3).error_code == 0


@pytest.mark.parametrize(("offset", "reason"), [(60.0, "in the future"), (-30.0, "are the clocks")])
def test_a_camera_whose_clock_is_wrong_moves_nothing(cell, offset, reason):
    one = cell(input_timeout=0.7)
    one.arm.stamp_offset = offset
    require_invalid(one.run(), ExecutePolicy.Result.CELL_FAULT, reason)
    assert one.arm.twists == []


def test_a_gripper_that_is_broken_ends_the_rollout(cell):
    one = cell()
    handle = one.start(time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    one.arm.be_ready(facts={"gripper_fault": "the gripper has lost its activation (status 0)"})
    require_invalid(one.finish(handle), ExecutePolicy.Result.CELL_FAULT, "lost its activation")
    moved = len(one.arm.twists)
    require_invalid(one.run(), ExecutePolicy.Result.CELL_FAULT, "lost its activation")
    assert not one.arm.twists[moved:]


def test_what_was_measured_comes_with_the_outcome(cell):
    one = cell(rate=20.0)
    given = {"payload": 0.9, "safety_mode": "REDUCED"}
    one.arm.be_ready(facts=given, speed_scaling=0.5)
    outcome = outcome_from_msg(one.run().outcome)
    assert outcome.achieved_rate == pytest.approx(20.0, rel=0.3)
    assert 0.0 < outcome.inference_p50 <= outcome.inference_p95 < 0.5
    facts = outcome.facts
    assert {key: facts[key] for key in given} == given
    assert facts["speed_scaling"] == 0.5
    assert facts["asked_rate"] == 20.0
    told = [event[1:] for event in facts["gripper_events"] if event[1] == "told"]
    assert told == [["told", 1.0]]


def test_a_policy_that_is_too_slow_is_measured(cell):
    one = cell("Slow", policy_timeout=2.0)
    outcome = outcome_from_msg(one.run(time_limit=1.5).outcome)
    assert outcome.achieved_rate < 6.0 and outcome.inference_p50 == pytest.approx(0.25, abs=0.1)
    assert "not at the 10 Hz that it is set to" in slowness(outcome)


def test_a_robot_that_is_not_ready_moves_nothing(cell):
    one = cell(home_first=True, input_timeout=0.5)
    one.arm.be_ready("protective stop; call recover")
    result = one.run()
    require_invalid(
        result, ExecutePolicy.Result.CELL_FAULT, "the robot is not ready: protective stop"
    )
    assert one.arm.twists == [] and one.arm.homes == []


def test_a_protective_stop_ends_the_rollout_and_nobody_moves_the_arm_home(cell):
    one = cell(home_first=True)
    handle = one.start(time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    stopped = time.monotonic()
    one.arm.be_ready("protective stop; call recover")
    result = one.finish(handle)
    require_invalid(result, ExecutePolicy.Result.CELL_FAULT, "protective stop")
    assert time.monotonic() - stopped < 2.0
    assert one.arm.sent_since(stopped + 0.5) == []
    assert len(one.arm.homes) == 1


def test_a_protective_stop_interrupts_a_policy_that_thinks(cell):
    one = cell(policy_timeout=20.0)
    handle = one.start(seed=SLEEPING, time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    one.arm.be_ready("emergency stop; release the button")
    result = one.finish(handle)
    require_invalid(result, ExecutePolicy.Result.CELL_FAULT, "emergency stop")
    one.arm.be_ready()
    assert one.run(time_limit=0.3).error_code == 0  # what still slept was replaced


def test_the_arm_is_home_and_the_gripper_open_before_and_home_after(cell):
    one = cell(home_first=True, open_gripper_first=True)
    result = one.run()
    assert result.error_code == 0, result.error_msg
    first = one.arm.twists[0][0]
    assert [at < first for at in one.arm.homes] == [True, False]
    assert one.arm.grips == [0.0, 1.0]
    assert one.run().error_code == 0
    assert one.arm.grips == [0.0, 1.0, 0.0, 1.0]


def test_an_arm_that_does_not_go_home_runs_no_policy(cell):
    one = cell(home_first=True)
    one.arm.home_answer = (False, "out of limits")
    result = one.run()
    require_invalid(result, ExecutePolicy.Result.CELL_FAULT, "did not go home: out of limits")
    assert one.arm.twists == []
    assert len(one.arm.homes) > 1  # it may only have swung


def test_a_gripper_that_does_not_open_runs_no_policy(cell):
    one = cell(open_gripper_first=True, open_timeout=0.5)
    one.arm.gripper_works = False
    result = one.run()
    require_invalid(
        result, ExecutePolicy.Result.CELL_FAULT, "did not open within 0.5 s", "closed by 0.80"
    )
    assert one.arm.twists == []


def test_cancel_stops_the_arm(cell):
    one = cell(home_first=True)
    handle = one.start(time_limit=20.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    one.graph.result(handle.cancel_goal_async(), "cancellation")
    result = one.finish(handle)
    assert one.status == GoalStatus.STATUS_CANCELED
    require_invalid(result, ExecutePolicy.Result.CANCELED, "canceled")
    over = time.monotonic()
    assert stays(lambda: not one.arm.sent_since(over + 0.1))
    assert len(one.arm.homes) == 1
    assert one.run(time_limit=0.3).error_code == 0


def test_cancel_frees_a_policy_that_hangs(cell):
    one = cell(policy_timeout=20.0)
    handle = one.start(seed=HANGING, time_limit=60.0)
    wait_for(lambda: one.arm.sent_since(0.0), "commands")
    one.graph.result(handle.cancel_goal_async(), "cancellation")
    result = one.finish(handle)
    require_invalid(result, ExecutePolicy.Result.CANCELED, "canceled")


def test_a_second_goal_is_rejected(cell):
    one = cell()
    handle = one.start(time_limit=1.5)
    assert not one.start(token="another").accepted
    assert one.finish(handle).error_code == 0


@pytest.mark.parametrize(
    ("seed", "result", "detail"),
    [(1, Outcome.SUCCESS, ""), (2, Outcome.FAILURE, "dropped it")],
)
def test_a_policy_may_say_how_it_went(cell, seed, result, detail):
    one = cell("Telling", outcome_by="policy")
    outcome = one.run(seed=seed, time_limit=20.0).outcome
    assert (outcome.result, outcome.source) == (result, Outcome.SOURCE_POLICY)
    assert (outcome.detail, outcome.steps) == (detail, 4)


def test_what_a_policy_says_must_be_a_verdict(cell):
    one = cell("Telling", outcome_by="policy")
    require_invalid(
        one.run(seed=3, time_limit=20.0),
        ExecutePolicy.Result.POLICY_FAULT,
        "said 'perhaps' about the rollout",
    )


def test_a_policy_that_says_nothing_in_time_has_failed(cell):
    outcome = cell("Undecided", outcome_by="policy").run(time_limit=0.5).outcome
    assert (outcome.result, outcome.source) == (Outcome.FAILURE, Outcome.SOURCE_POLICY)
    assert outcome.detail == "no success within 0.5 s"


def test_a_detector_ends_a_rollout_that_has_succeeded(cell):
    one = cell(
        outcome_by="detector",
        detector="python:arm_policies:far_enough",
        detector_period=0.1,
        time_limit=20.0,
    )
    outcome = one.run().outcome
    assert (outcome.result, outcome.source) == (Outcome.SUCCESS, Outcome.SOURCE_DETECTOR)
    assert outcome.duration < 10.0
    assert one.arm.position[0] > 0.42


@pytest.mark.parametrize(
    ("detector", "code", "result", "detail"),
    [
        ("never", 0, Outcome.FAILURE, "still on the table"),
        ("Uncertain", 0, Outcome.UNKNOWN, "the detector is undecided"),
        (
            "broken_detector",
            ExecutePolicy.Result.CELL_FAULT,
            Outcome.INVALID,
            "no outcome: the detector raised ValueError: no reference picture",
        ),
    ],
)
def test_what_a_detector_says_at_the_end(cell, detector, code, result, detail):
    one = cell(outcome_by="detector", detector=f"python:arm_policies:{detector}")
    got = one.run()
    assert (got.error_code, got.outcome.result, got.outcome.detail) == (code, result, detail)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"policy": "python:arm_policies:Missing"}, "has no 'Missing'"),
        ({"policy": "none.yaml"}, "cannot read the policy"),
        ({"outcome_by": "policy"}, "has no method outcome"),
        ({"outcome_by": "detector"}, "no detector is given"),
        ({"outcome_by": "detector", "detector": "far_enough"}, "python:<module>:<name>"),
        ({"outcome_by": "detector", "detector": "python:arm_policies:x"}, "cannot be loaded"),
        (
            {"command_mode": "torque"},
            "command_mode of policy_node must be one of twist, joints; got 'torque'",
        ),
        ({"image_width": 84}, "both 0"),
        ({"arm": "ur6"}, "unknown arm 'ur6'"),
        ({"arm": "python:arm_policies:HANGING"}, "is int; it must be an ArmDescription"),
        ({"crop": "circle"}, "the crop is 'circle'"),
        ({"rate": 0.0}, r"rate of policy_node must be a number in \[0.5, 200\]; got 0.0"),
        ({"ratte": 5.0}, "did you mean 'rate'"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_offered(cells, values, reason):
    given = {"policy": "python:arm_policies:Forward", **QUICK, **values}
    node = None
    try:
        with pytest.raises((ConfigurationError, PolicyLoadError), match=reason):
            node = PolicyNode(namespace="/wrong", parameter_overrides=overrides(**given))
            node.connect()
        assert node is None or node.count_publishers("/wrong/servo_twist") == 0
    finally:
        if node is not None:
            node.close()
            node.destroy_node()


def test_the_process_says_in_one_line_what_is_wrong(domain):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "robomd_ros.nodes.policy_node",
            "--ros-args",
            "-p",
            "policy:=python:nowhere:Policy",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: policy 'python:nowhere:Policy': module 'nowhere'")
    assert done.stderr.count("\n") == 1
