# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while a campaign runs: policies, workers, nodes, and Ctrl-C."""

import os
import random
import signal
import sqlite3
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from campaign_checks import (
    COIN,
    COIN_POLICY,
    StatusLog,
    check_complete,
    check_integrity,
    done,
    seconds_until_gone,
)
from graph import Bringup, rows, valid, wait_for

from robomd_ros.core.campaign.status import CampaignState

FAULTY = '''
"""The scripted expert with one kind of fault per scene."""
import time

import numpy as np

from sim_bridge.experts.lift import ScriptedExpert


class Policy(ScriptedExpert):
    wants_state = True

    def act(self, observation):
        scene = observation["state"]["scene"]
        if "table_color_blue" in scene:
            raise RuntimeError("planted exception")
        if "cube_color_green" in scene:
            return np.full(7, np.nan)
        if "robot_color_red" in scene:
            time.sleep(3600)
        return super().act(observation)
'''
SHORT_TRIALS = "/**/sim_bridge_node: {ros__parameters: {trial_timeout: 6.0}}"
SIX = (
    "variations:=table_color_blue,cube_color_green,robot_color_red,light_color_gray,"
    "robot_color_cyan,table_color_gray"
)
FOUR = "variations:=cube_color_green,table_color_blue,robot_color_red,light_color_gray"


@pytest.mark.slow  # quick: the contract of cells has every fault
def test_faults_of_the_policy_spoil_their_trials_only(tmp_path, domain):
    (tmp_path / "faulty_policy.py").write_text(FAULTY)
    (tmp_path / "params.yaml").write_text(SHORT_TRIALS)
    out = tmp_path / "campaign"
    arguments = [
        "policy:=python:faulty_policy:Policy", SIX, "budget:=3", "search:=uniform",
        "seed:=4", "max_attempts:=2", "linger:=0", "params_file:=params.yaml", f"out:={out}",
    ]  # fmt: skip
    with Bringup(tmp_path, arguments, domain) as bringup:
        assert bringup.wait(150) == 0, bringup.output
    check_complete(out, 3)
    reasons = {
        '["table_color_blue"]': "the policy's act raised RuntimeError: planted exception",
        '["cube_color_green"]': "nan",
        '["robot_color_red"]': "no answer within 6 s: worker killed",
    }
    for scene, reason in reasons.items():
        tried = [row for row in rows(out) if row["scene"] == scene]
        assert [row["result"] for row in tried] == ["INVALID"] * 2, scene
        assert all(reason in row["detail"] for row in tried), [row["detail"] for row in tried]
    assert all(row["scene"] not in reasons for row in valid(out))
    dropped = sqlite3.connect(out / "trials.db").execute("SELECT reason FROM dropped").fetchall()
    assert len(dropped) == 3


@pytest.mark.long
def test_a_policy_that_never_works_ends_the_campaign_with_the_reason(tmp_path, domain):
    (tmp_path / "faulty_policy.py").write_text(FAULTY)
    out = tmp_path / "campaign"
    arguments = [
        "policy:=python:faulty_policy:Policy", "variations:=table_color_blue", "budget:=9",
        "search:=uniform", "max_attempts:=1", "cells:=1", "linger:=0", f"out:={out}",
    ]  # fmt: skip
    with Bringup(tmp_path, arguments, domain) as bringup:
        assert bringup.wait(90) not in (0, 130)
    assert "5 scenes in a row had no valid trial" in bringup.output
    assert "planted exception" in bringup.output
    assert "starting it again" not in bringup.output
    assert len(rows(out)) == 5


class Running:
    """A campaign that goes on and on, while tests break one thing after the other."""

    def __init__(self, folder, domain):
        self.out = folder / "campaign"
        (folder / "coin_policy.py").write_text(COIN)
        arguments = [
            COIN_POLICY, "budget:=5000", "search:=uniform", "confidence:=0.9999999",
            f"out:={self.out}",
        ]  # fmt: skip
        self.bringup = Bringup(folder, arguments, domain)
        self.log = StatusLog(domain)

    def settle(self):
        """Both cells work."""
        begun = time.time()
        for cell in ("cell_0", "cell_1"):
            self.wait_valid(cell, begun)

    def wait_valid(self, cell, since, timeout=60.0):
        """A valid trial of this cell that was asked for after this time."""
        where = f"result IN ('SUCCESS', 'FAILURE') AND cell = '{cell}' AND asked_at > {since}"
        return wait_for(lambda: rows(self.out, where), f"a valid trial in {cell}", timeout)[0]

    def wait_invalid(self, cell, since, timeout=30.0):
        where = f"result = 'INVALID' AND cell = '{cell}' AND finished_at > {since}"
        return wait_for(lambda: rows(self.out, where), f"an invalid trial in {cell}", timeout)[0]

    def wait_status(self, condition, what, start, timeout=30.0):
        return wait_for(lambda: [s for s in self.log.seen[start:] if condition(s)], what, timeout)[
            0
        ]

    def worker(self, cell):
        bridge = self.bringup.node("sim_bridge.sim_cell", f"/robomd/{cell}")
        return next(p for p in bridge.children() if "worker_process" in " ".join(p.cmdline()))

    def in_trial(self, cell):
        """Wait until a trial is under way in the cell, surely past the making of its scene."""
        where = f"state = 'ASKED' AND cell = '{cell}' AND asked_at < {{}}"
        wait_for(lambda: rows(self.out, where.format(time.time() - 0.25)), f"trial in {cell}")


def check_what_is_left(out):
    """After the faults below: nothing twice, nothing damaged, and no more invalid than broken."""
    served = [row["request"] for row in valid(out)]
    assert served and len(served) == len(set(served))
    check_integrity(out)
    invalid = rows(out, "result = 'INVALID'")
    assert len(invalid) <= 12, [row["detail"] for row in invalid]


@pytest.fixture(scope="module")
def running(tmp_path_factory, module_domain):
    campaign = Running(tmp_path_factory.mktemp("running"), module_domain)
    with campaign.bringup:
        yield campaign
        campaign.log.close()
    check_what_is_left(campaign.out)


@pytest.mark.long
def test_worker_killed(running):
    running.settle()
    since = time.time()
    running.in_trial("cell_0")
    running.worker("cell_0").kill()
    assert running.wait_invalid("cell_0", since)["detail"] == "worker died: signal 9 (SIGKILL)"
    running.wait_valid("cell_0", time.time())


@pytest.mark.long
def test_simulator_node_killed(running):
    running.settle()
    since, start = time.time(), len(running.log.seen)
    running.in_trial("cell_0")
    running.bringup.node("sim_bridge.sim_cell", "/robomd/cell_0").kill()
    detail = running.wait_invalid("cell_0", since)["detail"]
    assert detail.startswith("cell lost: cell cell_0 ")
    # supervised: it may be back before its silence is noticed
    assert "is silent for 5 s" in detail or "was started again" in detail
    status = running.wait_status(lambda s: "away: cell_0" in s.message, "status", start)
    assert "cells: cell_1;" in status.message and status.state is CampaignState.RUNNING
    running.wait_valid("cell_1", time.time())  # the other cell goes on
    running.wait_valid("cell_0", time.time())
    running.wait_status(lambda s: s.message.startswith("cells: cell_0, cell_1"), "return", -1)


@pytest.mark.long
def test_simulator_node_stopped_and_continued(running):
    running.settle()
    since, start = time.time(), len(running.log.seen)
    running.in_trial("cell_1")
    node = running.bringup.node("sim_bridge.sim_cell", "/robomd/cell_1")
    node.suspend()
    assert "cell lost: cell cell_1 is silent" in running.wait_invalid("cell_1", since)["detail"]
    running.wait_status(lambda s: "away: cell_1" in s.message, "status that names it", start)
    node.resume()
    running.wait_valid("cell_1", time.time())


@pytest.mark.long
def test_no_cell_left_waits_and_goes_on(running):
    running.settle()
    start = len(running.log.seen)
    nodes = [
        running.bringup.node("sim_bridge.sim_cell", f"/robomd/{cell}")
        for cell in ("cell_0", "cell_1")
    ]
    for node in nodes:
        node.suspend()  # killed at once, one could be back before the other is missed
    status = running.wait_status(lambda s: s.state is CampaignState.WAITING, "WAITING", start)
    assert "cell_0" in status.waiting_for and "cell_1" in status.waiting_for
    away = status.message.partition("away: ")[2]
    assert "cells: none" in status.message and "cell_0 (" in away and "cell_1 (" in away
    start = len(running.log.seen)
    for node in nodes:
        node.kill()
    running.wait_status(lambda s: s.state is CampaignState.RUNNING, "RUNNING", start)
    running.settle()


def four_a_cell(folder, out, domain, cells, stop=None, moment=0.0):
    """Run to the end, or until two trials and a moment more; return (code, s, output)."""
    arguments = [
        COIN_POLICY, FOUR, f"budget:={4 * cells}", f"cells:={cells}", "search:=uniform",
        "linger:=0", f"out:={out}",
    ]  # fmt: skip
    with Bringup(folder, arguments, domain) as bringup:
        if stop is None:
            return bringup.wait(120), 0.0, bringup.output
        wait_for(lambda: len(valid(out)) >= 2 or not bringup.running, "trials", 90)
        time.sleep(moment)
        begun = time.monotonic()
        stop(bringup.process.pid)
        code = bringup.wait(20)
        seconds_until_gone(folder)
        return code, time.monotonic() - begun, bringup.output


@pytest.mark.parametrize(
    ("stop", "wanted", "cells"),
    [
        # shorter: with one cell, whose start is what takes the time
        pytest.param(
            lambda pid: os.killpg(pid, signal.SIGINT), 130, 1, id="ctrl-c", marks=pytest.mark.long
        ),
        pytest.param(
            lambda pid: os.killpg(pid, signal.SIGINT), 130, 2, id="ctrl-c-2", marks=pytest.mark.slow
        ),
        pytest.param(
            lambda pid: os.kill(pid, signal.SIGTERM), 143, 2, id="sigterm", marks=pytest.mark.slow
        ),
        pytest.param(
            lambda pid: os.kill(pid, signal.SIGKILL), -9, 2, id="sigkill", marks=pytest.mark.slow
        ),
    ],
)
def test_signals_end_everything_and_the_same_command_goes_on(tmp_path, domain, stop, wanted, cells):
    out = tmp_path / "campaign"
    (tmp_path / "coin_policy.py").write_text(COIN)
    moment = random.uniform(0.0, 1.5)
    code, seconds, output = four_a_cell(tmp_path, out, domain, cells, stop, moment)
    print(f"moment {moment:.2f} s: code {code}, everything gone after {seconds:.2f} s")
    assert code == wanted, output
    assert seconds < 5.0
    assert "Traceback" not in output, output
    check_integrity(out)
    before = [tuple(row) for row in done(out)]
    code, _, output = four_a_cell(tmp_path, out, domain, cells)
    assert code == 0, output
    check_complete(out, 4 * cells, before)
