# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The trial log: written twice per trial, read by anyone, refused when it is damaged."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from robomd_ros.core.campaign.trial_log import Purpose, TrialLog, TrialRequest
from robomd_ros.core.errors import TrialLogError
from robomd_ros.core.trial import Outcome, Result, Source

ADDED = (
    "stage",
    "tags",
    "achieved_rate_hz",
    "inference_p50_s",
    "inference_p95_s",
    "facts",
    "token",
)
"""Columns that a log of version 1 may lack."""
SUCCESS = Outcome(Result.SUCCESS, Source.SIMULATOR, 1.25, 31)


def request(number=0, scene=("v1", "v0")):
    return TrialRequest(number, Purpose.SEARCH, 2, scene, 77)


@pytest.fixture
def log(tmp_path):
    opened = TrialLog(tmp_path / "trials.db")
    yield opened
    opened.close()


def test_a_trial_is_there_from_the_moment_it_is_asked(log, tmp_path):
    asked = log.ask(request(), 1, "sim0", 10.0)
    with TrialLogReader(tmp_path / "trials.db") as reader:
        assert reader.records() == [asked]
    assert (asked.trial_index, asked.done, asked.finished_at) == (0, False, None)


class TrialLogReader:
    def __init__(self, path):
        self.log = TrialLog(path, read_only=True)

    def __enter__(self):
        return self.log

    def __exit__(self, *error):
        self.log.close()


def test_what_is_stored_comes_back(log):
    log.ask(request(), 1, "sim0", 10.0)
    done = log.complete(0, SUCCESS, "images/000000.png", 12.5)
    assert log.records() == [done]
    assert (done.request, done.attempt, done.cell) == (request(), 1, "sim0")
    assert (done.outcome, done.image_path) == (SUCCESS, "images/000000.png")
    assert (done.asked_at, done.finished_at) == (10.0, 12.5)


def test_the_table_is_readable_without_this_program(log, tmp_path):
    log.ask(request(), 1, "sim0", 10.0)
    log.complete(0, SUCCESS, "images/000000.png", 12.5)
    log.ask(request(1), 1, "sim1", 13.0)
    columns = (
        "trial_index, state, cell, scene, seed, result, source, steps, duration_s, image_path, "
        "asked_at, finished_at, detail"
    )
    db = sqlite3.connect(tmp_path / "trials.db")
    rows = db.execute(f"SELECT {columns} FROM trials ORDER BY trial_index").fetchall()
    scene, path = '["v1", "v0"]', "images/000000.png"
    assert rows == [
        (0, "DONE", "sim0", scene, 77, "SUCCESS", "SIMULATOR", 31, 1.25, path, 10.0, 12.5, ""),
        (1, "ASKED", "sim1", scene, 77, None, None, None, None, "", 13.0, None, ""),
    ]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_commit_is_on_the_disk_before_the_next_trial(log):
    """FULL: in WAL mode NORMAL may lose the last trials when the power fails."""
    assert log._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_unknown_duration_comes_back_as_nan(log):
    log.ask(request(), 1, "sim0", 10.0)
    done = log.complete(0, Outcome(Result.INVALID, detail="no picture"), "", 11.0)
    assert math.isnan(done.outcome.duration)
    assert done.outcome.detail == "no picture"


MEASURED = Outcome(
    Result.FAILURE, Source.OPERATOR, 3.0, 20, "slipped", "grasped", ("slip",), 9.7, 0.04, 0.09,
    {"speed_scaling": 1.0, "gripper_events": [[0.5, "close"]]},
)  # fmt: skip


def test_what_was_measured_comes_back(log):
    log.ask(request(), 1, "ur5e", 10.0)
    assert log.complete(0, MEASURED, "", 12.5).outcome == MEASURED
    assert log.records()[0].outcome == MEASURED


def test_a_log_of_an_earlier_program_is_read_as_it_is_and_goes_on(tmp_path):
    path = tmp_path / "trials.db"
    log = TrialLog(path)
    log.ask(request(), 1, "ur5e", 10.0)
    log.complete(0, SUCCESS, "", 11.0)
    log.close()
    db = sqlite3.connect(path)
    for column in ADDED:
        db.execute(f"ALTER TABLE trials DROP COLUMN {column}")
    db.execute("PRAGMA user_version = 1")
    db.close()
    with TrialLogReader(path) as reader:
        assert reader.records()[0].outcome == SUCCESS
    log = TrialLog(path)
    log.ask(request(1), 1, "ur5e", 12.0)
    log.complete(1, MEASURED, "", 13.0, "the-token")
    assert [r.outcome for r in log.records()] == [SUCCESS, MEASURED]
    assert [r.token for r in log.records()] == ["", "the-token"]
    log.close()


@pytest.mark.parametrize("index", [0, 5])
def test_a_trial_has_one_outcome(log, index):
    log.ask(request(), 1, "sim0", 10.0)
    log.complete(0, SUCCESS, "", 11.0)
    with pytest.raises(TrialLogError, match=f"trial {index} is complete already, or was never"):
        log.complete(index, Outcome(Result.FAILURE), "", 12.0)
    assert log.records()[0].outcome == SUCCESS


def test_a_request_has_one_valid_trial(log):
    for attempt in (1, 2):
        log.ask(request(), attempt, "sim0", 10.0)
    log.complete(0, SUCCESS, "", 11.0)
    with pytest.raises(TrialLogError):
        log.complete(1, SUCCESS, "", 12.0)
    assert not log.records()[1].done


def test_dropped_requests_are_kept_with_the_reason(log):
    log.drop(4, "the gripper did not answer", 9.0)
    assert log.dropped() == {4: "the gripper did not answer"}


def test_numbers_go_on_after_reopening(tmp_path):
    for number in range(3):
        log = TrialLog(tmp_path / "trials.db")
        assert log.ask(request(number), 1, "sim0", 1.0).trial_index == number
        log.close()


def test_a_damaged_file_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "trials.db"
    log = TrialLog(path)
    for number in range(200):
        log.ask(request(number), 1, "sim0", 1.0)
    log.close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data) - 4096] = os.urandom(len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(TrialLogError, match=r"is damaged .*restore it from a copy, or start a new"):
        TrialLog(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "trials.db"
    path.write_text("these are not the trials you are looking for\n" * 100)
    with pytest.raises(TrialLogError, match=r"is damaged"):
        TrialLog(path)


def test_a_foreign_database_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "trials.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE songs (title TEXT)")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(TrialLogError, match=r"is an SQLite file but no trial database"):
        TrialLog(path)
    assert path.read_bytes() == before


def test_another_version_is_refused(tmp_path):
    path = tmp_path / "trials.db"
    TrialLog(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(
        TrialLogError, match=r"schema version 99, this program reads version 2 and older"
    ):
        TrialLog(path)


def test_another_program_that_holds_the_database_is_named(log, tmp_path):
    log._db.execute("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(tmp_path / "trials.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(TrialLogError, match=r"is locked: another program holds it; close that"):
        log.ask(request(), 1, "sim0", 10.0)
    holder.execute("ROLLBACK")
    holder.close()
    assert log.ask(request(), 1, "sim0", 10.0).trial_index == 0


def test_reading_needs_a_file(tmp_path):
    with pytest.raises(TrialLogError, match=r"there is no trial database"):
        TrialLog(tmp_path / "trials.db", read_only=True)
    assert not (tmp_path / "trials.db").exists()


def test_what_was_written_before_a_kill_is_there(tmp_path):
    """The writer kills itself in mid-campaign; nothing that it had stored is lost."""
    path = tmp_path / "trials.db"
    program = textwrap.dedent(f"""
        import os, signal, time
        from pathlib import Path
        from robomd_ros.core.trial import Outcome, Result
        from robomd_ros.core.campaign.trial_log import Purpose, TrialRequest, TrialLog
        log = TrialLog(Path({str(path)!r}))
        for n in range(5):
            log.ask(TrialRequest(n, Purpose.SEARCH, 0, ("v1",), n), 1, "sim0", 1.0)
            if n < 4:
                log.complete(n, Outcome(Result.SUCCESS), "", 2.0)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    log = TrialLog(path)
    assert [r.done for r in log.records()] == [True] * 4 + [False]
    log.close()
