# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Workers that die, hang, refuse or lose their parent."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "contract"))
from hosted_contract import gone

from robomd_ros.core.errors import (
    CatalogueError,
    CellFault,
    CellLostError,
    ConfigurationError,
    PolicyLoadError,
)
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL, Catalogue, Variation
from sim_bridge.cells import SimulatorCell, SimulatorOptions
from sim_bridge.worker import WorkerCell

SAMPLES = Path(__file__).parents[1] / "contract"


@pytest.fixture(autouse=True)
def sample_policies(monkeypatch):
    monkeypatch.syspath_prepend(SAMPLES)


@pytest.fixture
def worker():
    cells = []

    def opened(policy: str, connect: bool = True, **changes) -> WorkerCell:
        cells.append(made(policy, **changes))
        if connect:
            cells[-1].connect()
        return cells[-1]

    yield opened
    for cell in cells:
        cell.close()


@pytest.fixture(scope="module")
def moody():
    """A cell that every test may break, for it is whole again afterwards; rollouts may be slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        cell = made("Moody", trial_timeout=6.0, horizon=25)
        cell.connect()
        yield cell
        cell.close()


def made(policy: str, **changes) -> WorkerCell:
    values = {"horizon": 4, **changes}
    options = SimulatorOptions("lift", f"python:sample_policies:{policy}", **values)
    return WorkerCell("worker", options)


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        pytest.param(14, "worker died: signal 11 (SIGSEGV)", id="crashes", marks=pytest.mark.long),
        pytest.param(15, "worker died: exit code 7", id="leaves"),
        pytest.param(
            13,
            "no answer within 6 s: worker killed; if it only needs longer, raise trial_timeout",
            id="hangs",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_worker_that_fails_spoils_one_trial(moody, seed, reason):
    assert moody.run(NOMINAL, 1).outcome.result is Result.FAILURE
    before = moody.pid
    outcome = moody.run(NOMINAL, seed).outcome
    assert outcome.result is Result.INVALID
    assert outcome.detail.startswith(reason)
    assert moody.available()
    assert moody.run(NOMINAL, 2).outcome.result is Result.FAILURE
    assert moody.pid != before
    assert gone(before)


def test_a_worker_killed_in_mid_trial(moody):
    assert moody.run(NOMINAL, 1).outcome.valid
    threading.Timer(0.5, lambda: os.kill(moody.pid, signal.SIGKILL)).start()
    assert moody.run(NOMINAL, 16).outcome.detail == "worker died: signal 9 (SIGKILL)"
    assert moody.observe(NOMINAL, 0).shape == (84, 84, 3)


def test_a_worker_killed_between_trials_spoils_none(moody):
    assert moody.run(NOMINAL, 1).outcome.valid
    before = moody.pid
    os.kill(before, signal.SIGKILL)
    assert gone(before)
    time.sleep(0.5)  # its other threads end a moment later
    assert moody.run(NOMINAL, 0).outcome.result is Result.FAILURE
    assert moody.pid != before


@pytest.mark.long
def test_cancel_kills_a_stuck_worker(moody):
    assert moody.run(NOMINAL, 1).outcome.valid
    threading.Timer(0.5, moody.cancel).start()
    begun = time.monotonic()
    with pytest.raises(CellFault, match="cancelled; its stuck worker was killed"):
        moody.run(NOMINAL, 13)
    assert time.monotonic() - begun < 5.0
    assert moody.run(NOMINAL, 1).outcome.valid


def test_cancel_while_idle_spoils_nothing(moody):
    moody.cancel()
    assert moody.run(NOMINAL, 0).outcome.valid
    moody.cancel()
    assert moody.run(NOMINAL, 1).outcome.valid


@pytest.mark.long
def test_cancel_during_the_start_lets_it_go_on(worker):
    cell = worker("slow_to_load", connect=False)
    threading.Timer(0.5, cell.cancel).start()
    begun = time.monotonic()
    with pytest.raises(CellFault, match="cancelled while the simulator is starting"):
        cell.run(NOMINAL, 0)
    assert time.monotonic() - begun < 2.0
    pid = cell.pid
    time.sleep(2.5)  # longer than a cancelled trial may take
    assert cell.run(NOMINAL, 1).outcome.valid
    assert cell.pid == pid


def test_connect_again_after_a_cancelled_start(worker):
    cell = worker("Still", connect=False)
    threading.Timer(0.3, cell.cancel).start()
    with pytest.raises(CellFault, match="cancelled while the simulator is starting"):
        cell.connect()
    pid = cell.pid
    cell.connect()
    assert cell.pid == pid
    assert cell.run(NOMINAL, 0).outcome.valid


def test_close_from_another_thread_ends_a_running_trial(worker):
    cell = worker("Slow", horizon=80)
    pid = cell.pid
    threading.Timer(0.5, cell.close).start()
    with pytest.raises(CellFault, match="closed"):
        cell.run(NOMINAL, 0)
    assert gone(pid)


def test_constructor_starts_nothing(worker):
    assert worker("Still", connect=False).pid is None


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("Missing", "has no 'Missing'"),
        pytest.param("NoAct", "NoAct has no method act", marks=pytest.mark.slow),
        pytest.param(
            "WrongSize", r"does not fit the task: .*\(6,\).*\(7,\)", marks=pytest.mark.long
        ),
        pytest.param(
            "NeedsArguments", "NeedsArguments needs weights; give python:", marks=pytest.mark.long
        ),
        ("failing_factory", "OSError: no camera calibration"),
        # quick: test_policies.py
        pytest.param("NOT_CALLABLE", "which cannot be called", marks=pytest.mark.slow),
    ],
)
def test_a_policy_that_does_not_load_says_so_here(worker, policy, reason):
    with pytest.raises(PolicyLoadError, match=reason):
        worker(policy)


def test_a_variation_that_the_simulator_cannot_make_is_refused(worker):
    odd = Variation("odd", "gravity", "moon", "Move the robot to the moon", {"g": 1.6})
    with pytest.raises(CatalogueError, match="odd"):
        worker("Still", catalogue=Catalogue("lift", [odd]))


def test_a_start_that_takes_too_long_loses_the_cell(worker):
    cell = worker("Still", connect=False, start_timeout=0.2)
    with pytest.raises(
        CellLostError, match=r"did not start: no answer within 0\.2 s.* raise start_"
    ):
        cell.connect()
    assert not cell.available()
    assert cell.pid is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task": "fold"}, "unknown task 'fold'"),
        ({"horizon": 0}, "horizon must be at least 1; got 0"),
        ({"trial_timeout": 0.0}, "trial_timeout must be above 0 s; got 0"),
    ],
)
def test_wrong_options(changes, reason):
    values = {"task": "lift", "policy": "lift_bc", **changes}
    with pytest.raises(ConfigurationError, match=reason):
        SimulatorOptions(**values)


def test_catalogue_of_another_task():
    other = Catalogue("square", [Variation("a", "color", "nut", "Paint the nut")])
    with pytest.raises(ConfigurationError, match="for the task 'square', the cell for 'lift'"):
        SimulatorOptions("lift", "lift_bc", other)


def test_trials_may_run_on_another_thread_than_connect():
    cell = SimulatorCell("here", SimulatorOptions("lift", "python:sample_policies:Still"))
    cell.connect()
    images = []
    thread = threading.Thread(target=lambda: images.append(cell.observe(NOMINAL, 0)))
    thread.start()
    thread.join()
    cell.close()
    assert images[0].std() > 10


def parent_script(policy: str) -> str:
    return textwrap.dedent(
        f"""
        import sys, threading, time
        sys.path[:0] = [{str(SAMPLES)!r}, {str(SAMPLES.parents[1])!r}]
        from robomd_ros.core.variations import NOMINAL
        from sim_bridge.cells import SimulatorOptions
        from sim_bridge.worker import WorkerCell
        cell = WorkerCell("w", SimulatorOptions("lift", "python:sample_policies:{policy}"))
        starter = threading.Thread(target=cell.connect)
        starter.start()
        starter.join()
        time.sleep(0.3)  # the thread that started the worker is gone; the worker stays
        assert cell.run(NOMINAL, 1).outcome.valid
        print(cell.pid, flush=True)
        cell.run(NOMINAL, 13)
        """
    )


@pytest.mark.parametrize(
    "policy",
    [  # shorter: hosted_contract.py
        pytest.param("Slow", marks=pytest.mark.slow),
        pytest.param("Hanging", marks=pytest.mark.long),
    ],
)
def test_the_worker_dies_with_its_parent(policy):
    command = [sys.executable, "-c", parent_script(policy)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.5)
        assert not gone(pid, within=0.1)
        parent.kill()
        parent.wait()
    assert gone(pid)


@pytest.mark.long
def test_ctrl_c_ends_parent_and_worker_without_the_workers_traceback():
    # who runs the tests in the background has them ignore Ctrl-C, and children inherit that
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", heed + parent_script("Slow")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as parent:
        pid = int(parent.stdout.readline())
        os.killpg(parent.pid, signal.SIGINT)
        os.kill(pid, signal.SIGINT)
        errors = parent.communicate(timeout=10)[1]
    assert gone(pid)
    assert errors.count("Traceback") == 1
    assert "worker_process" not in errors
