# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults at random moments of a campaign on the twin.

Every fault: the arm is at rest soon after its node has noticed, the trial is INVALID and asked
again, no trial is lost, no process dies but the control child, the recovery is the documented one,
and no old motion is resumed. `--fault-moments` says how often each fault comes.
"""

import os
import random
import signal
import textwrap
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")

from campaign_checks import check_complete
from graph import rows, valid, wait_for
from ur5e_run import AT_REST, IN_PLACE, Ur5eRun, Watch

from robomd_ros.core.operator.desk import RequestKind
from robomd_ros.core.share import share_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

NOTICED = 0.5
"""s of robot time after the node has noticed within which the arm is at rest."""
JUDGING = 3.0
"""s at the end of a trial in which its rollout is over and its outcome is being told."""
OPERATOR_TIMEOUT = 12.0
HANGING = """
import os
import time

from sim_bridge.twin.blob_policy import Policy as Blob


class Policy(Blob):
    def act(self, observation):
        while os.path.exists(os.environ["HANG"]):
            time.sleep(0.1)
        return super().act(observation)
"""


class Faults:
    """Makes faults happen in a running campaign, and ends those that do not end by themselves."""

    def __init__(self, run, hang):
        self._run = run
        self._hang = hang

    def protective_stop(self):
        self._run.twin.fault("protective_stop")

    def emergency_stop(self):
        self._run.twin.fault("emergency_stop")

    def rtde_fin(self):
        self._run.twin.fault("rtde_drop", how="fin")

    def rtde_rst(self):
        self._run.twin.fault("rtde_drop", how="rst")

    def frozen(self):
        self._run.twin.fault("freeze", seconds=5.0)

    def controller_killed(self):
        self._run.twin_process().kill()

    def local_mode(self):
        self._run.twin.fault("local_mode")

    def child_killed(self):
        [child] = wait_for(lambda: self._run.bringup.children("ur5e.child")[:1], "the child")
        os.kill(child.pid, signal.SIGKILL)

    def camera_lost(self):
        self._run.twin.fault("camera_loss")
        time.sleep(8)
        self._run.twin.clear("camera_loss")

    def gripper_silent(self):
        self._run.twin.fault("gripper_silent")
        time.sleep(8)
        self._run.twin.clear("gripper_silent")

    def policy_hangs(self):
        self._hang.touch()
        time.sleep(8)
        self._hang.unlink()

    def operator_silent(self):
        self._run.operator.silent.set()
        time.sleep(OPERATOR_TIMEOUT + 4)
        self._run.operator.silent.clear()


STOPS = (
    "protective_stop",
    "emergency_stop",
    "rtde_fin",
    "rtde_rst",
    "frozen",
    "controller_killed",
    "child_killed",
)
"""Faults after which the arm rests until a person, or the node's own restart, makes it ready."""
OTHERS = ("local_mode", "camera_lost", "gripper_silent", "policy_hangs", "operator_silent")


@pytest.fixture
def moments(request):
    return request.config.getoption("--fault-moments")


@pytest.fixture
def budget(moments):
    """A fault that cuts no trial leaves two valid ones: its own, and the one until the next."""
    return 2 * moments + 1


@pytest.fixture
def run(tmp_path, domain, budget, monkeypatch):
    hang = tmp_path / "hang"
    monkeypatch.setenv("HANG", str(hang))
    (tmp_path / "hanging_policy.py").write_text(textwrap.dedent(HANGING))
    text = share_path("config/params/ur5e_twin.yaml").read_text()
    text = text.replace("operator_timeout: 0.0", f"operator_timeout: {OPERATOR_TIMEOUT}")
    (tmp_path / "params.yaml").write_text(text)
    given = (
        f"params_file:={tmp_path / 'params.yaml'}", "policy:=python:hanging_policy:Policy",
        f"budget:={budget}", "search:=uniform", "max_attempts:=50", "confidence:=0.999",
        "variations:=cube_shift_left,cube_shift_near,table_color_black,cube_size_50_mm",
    )  # fmt: skip
    with Ur5eRun(tmp_path, domain, *given) as run:
        run.faults = Faults(run, hang)
        yield run


def scenes_made(run):
    return [t for t, kind in run.operator.began if kind is RequestKind.APPLY_SCENE]


def let_it_happen(run, name, randomly):
    """One fault at a random moment of the next trial.

    Returns:
        When: monotonic, s, and Unix time, s; and how many trials had ended before.
    """
    before = len(scenes_made(run))
    wait_for(lambda: len(scenes_made(run)) > before, f"a scene; {run.bringup.output[-3000:]}", 300)
    time.sleep(randomly.uniform(0.5, 12.0))
    ended = len(rows(run.out, "state = 'DONE'"))
    at, moment = time.monotonic(), time.time()
    getattr(run.faults, name)()
    return at, moment, ended


def wait_for_next(run, at, ended):
    """Until the trial of the fault has ended, and a new scene is made with a ready robot."""
    tail = run.bringup.output[-3000:]
    wait_for(lambda: len(rows(run.out, "state = 'DONE'")) > ended, f"its end; {tail}", 300)
    later = wait_for(lambda: [t for t in scenes_made(run) if t > at], "the next scene", 300)
    return later[0]


def check_rest(watch, at, until):
    """At rest from soon after the node has noticed.

    Until the robot is ready again: then it goes home, announced, before anybody is asked to reach
    in; that nothing moves while somebody is, test_ur5e_campaign.py holds.
    """
    noticed = [t for t, ready, _ in watch.statuses if t >= at and not ready]
    assert noticed, "the node has not noticed"
    again = [t for t, ready, _ in watch.statuses if t > noticed[0] and ready]
    until = min(until, *again) if again else until
    speed, strayed = watch.moved_between(noticed[0], until, grace=NOTICED)
    told = [(round(t - at, 2), text) for t, _, text in watch.statuses if t >= at]
    moved = [(round(t - at, 2), q) for t, _, q in watch.samples if at <= t < until]
    assert speed < AT_REST, f"{speed:.3f} rad/s after the node had noticed; {told} {moved}"
    assert strayed < IN_PLACE, f"{strayed:.3f} rad after the node had noticed; {told} {moved}"


def check_invalid(run, moment):
    """No trial whose rollout a stop cut counts, and an INVALID one was asked again."""
    cut = []
    for row in valid(run.out):
        begun = row["finished_at"] - row["duration_s"]
        if begun < moment < row["finished_at"] - JUDGING:
            cut.append(dict(row))
    assert not cut, cut
    for row in rows(run.out, "result = 'INVALID'"):
        same = rows(run.out, f"request = {row['request']}")
        assert any(other["attempt"] > row["attempt"] for other in same), dict(row)


@pytest.mark.parametrize("name", [*STOPS, *OTHERS])
def test_fault_at_random_moments(run, name, moments, budget):
    randomly = random.Random(f"{name} {moments}")
    watch, stops = Watch(run), []
    for _ in range(moments):
        at, moment, ended = let_it_happen(run, name, randomly)
        stops.append(moment)
        until = wait_for_next(run, at, ended)
        if name in STOPS:
            check_rest(watch, at, until)
    code = run.bringup.wait(1200)
    assert code == 0, run.bringup.output[-4000:]
    watch.close()
    check_complete(run.out, budget)
    invalid = rows(run.out, "result = 'INVALID'")
    assert len(valid(run.out)) == budget
    assert all(row["detail"] for row in invalid)
    for moment in stops if name in STOPS else ():
        check_invalid(run, moment)
    died = [line for line in run.bringup.output.splitlines() if "died with code" in line]
    assert all(line.startswith("twin: ") for line in died), died
    assert "Traceback" not in run.bringup.output, run.bringup.output.partition("Traceback")[2][
        :4000
    ]
