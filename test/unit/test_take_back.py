# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A label that a person takes back: the trial leaves the evidence, nothing recorded is lost."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config, wait_until

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.campaign.trial_log import Purpose, TrialLog, TrialRequest
from robomd_ros.core.errors import SceneSkippedError, TrialLogError
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.trial import Outcome, Result, Source
from robomd_ros.core.variations import NOMINAL

CATALOGUE = make_catalogue(4)


class LabelledCell(FakeCell):
    """A person labels; `labels` by the number of the run, else by the table. Waits at `hold`."""

    def __init__(self, name="cell0", labels=(), hold=None, **values):
        super().__init__(name, **values)
        self._labels = list(labels)
        self.hold = hold
        self.held = False

    def run(self, scene, seed):
        number = len(self.runs)
        if self.hold is not None and number >= self.hold:
            self.held = True
            wait_until(lambda: self.goes_on(number) or self._cancelled.is_set(), 20)
        return super().run(scene, seed)

    def goes_on(self, number):
        return self.hold is None or number < self.hold

    def _outcome(self, scene, seed, fault):
        outcome = super()._outcome(scene, seed, fault)
        number = len(self.runs) - 1
        result = self._labels[number] if number < len(self._labels) else outcome.result
        return Outcome(result, Source.OPERATOR, 2.0, 20, outcome.detail or "labelled by Ada")


class Held:
    """A campaign that stands in trial number `hold` of its one cell."""

    def __init__(self, folder, hold, labels=(), fails=lambda scene, seed: False, **values):
        config = {"budget": 8, "confidence": 0.9999999, **values}
        self.opened = open_campaign(folder, make_config(**config), CATALOGUE)
        self.cell = LabelledCell(labels=labels, hold=hold, fails=fails)
        self.listener = Recorder()
        self.campaign = Campaign(self.opened, [self.cell], self.listener, poll_period=0.01)
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        wait_until(lambda: self.cell.held, 30)

    def _run(self):
        try:
            self.ranking = self.campaign.run()
        except Exception as error:  # noqa: BLE001 (raised by `end`)
            self.error = error

    def end(self):
        self.cell.hold = None
        self.thread.join(30)
        assert not self.thread.is_alive()
        self.opened.close()
        if self.error:
            raise self.error
        return self.ranking

    def stop(self):
        self.campaign.stop()
        return self.end()


def records_of(folder):
    log = read_campaign(folder).open_log()
    try:
        return log.records(), log.taken_back()
    finally:
        log.close()


def rows(folder, table):
    database = sqlite3.connect(folder / "trials.db")
    try:
        return database.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        database.close()


F, S = Result.FAILURE, Result.SUCCESS


@pytest.mark.parametrize("search", ["uniform", "thompson", "ppo"])
def test_the_trial_leaves_the_evidence_and_its_scene_is_asked_again(tmp_path, search):
    held = Held(tmp_path, hold=3, labels=[S, S, F], search=search)
    assert held.campaign.status().trials_done == 3
    record = held.campaign.take_back("cell0", "Ada: wrong key")
    assert record.trial_index == 2 and record.outcome.result is Result.INVALID
    assert record.outcome.detail == "label FAILURE taken back by Ada: wrong key"
    status = held.campaign.status()
    assert (status.trials_done, status.invalid_trials) == (2, 1)
    assert "trial 2 in cell0: label FAILURE taken back by Ada: wrong key" in status.message
    ranking = held.end()
    assert ranking.trials == 8
    records, taken_back = records_of(tmp_path)
    assert taken_back == {2: F}
    # nothing recorded is lost: the picture, the steps, the source, and the label with its detail
    assert records[2].image_path and records[2].outcome.steps == 20
    assert records[2].outcome.source is Source.OPERATOR
    index, label, source, detail, reason, at = rows(tmp_path, "taken_back")[0]
    assert (index, label, source, detail) == (2, "FAILURE", "OPERATOR", "labelled by Ada")
    assert reason == record.outcome.detail and time.time() - 60 < at <= time.time()
    again = [r for r in records if r.request == records[2].request and r.outcome.valid]
    assert [(r.attempt, r.outcome.result) for r in again] == [(2, S)]
    assert sum(m.failures for m in ranking.failure_modes) == 0
    told = [t.outcome.result for t in held.listener.trials if t.index == 2]
    assert told == [F, Result.INVALID]


def test_only_the_last_label_can_be_taken_back_and_only_once(tmp_path):
    held = Held(tmp_path, hold=2)
    held.campaign.take_back("cell0", "Ada")
    with pytest.raises(LookupError, match=r"not valid any more: label SUCCESS taken back by Ada"):
        held.campaign.take_back("cell0", "Ada")
    with pytest.raises(LookupError, match=r"no label was given by a person in cell1"):
        held.campaign.take_back("cell1", "Ada")
    assert [r.outcome.result for r in records_of(tmp_path)[0] if r.done] == [S, Result.INVALID]
    held.stop()
    with pytest.raises(LookupError, match=r"the campaign has ended"):
        held.campaign.take_back("cell0", "Ada")


def test_a_label_of_a_simulator_is_not_taken_back(tmp_path):
    opened = open_campaign(tmp_path, make_config(budget=2), CATALOGUE)
    campaign = Campaign(opened, [FakeCell(duration=0.5)])
    thread = threading.Thread(target=campaign.run, daemon=True)
    thread.start()
    wait_until(lambda: campaign.status().trials_done == 1)
    with pytest.raises(LookupError, match=r"no label was given by a person"):
        campaign.take_back("cell0", "Ada")
    thread.join(10)
    opened.close()


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("search", ["uniform", "thompson"])
def test_resumed_after_a_take_back_equals_uninterrupted(tmp_path, search, accumulate):
    values = {"search": search, "accumulate": accumulate, "budget": 12}

    def fails(scene, seed):
        return seed % 3 == 0

    whole = Held(tmp_path / "whole", 3, fails=fails, **values)
    whole.campaign.take_back("cell0", "Ada")
    whole.end()
    parts = Held(tmp_path / "parts", 3, fails=fails, **values)
    parts.campaign.take_back("cell0", "Ada")
    parts.stop()
    assert len(valid_of(tmp_path / "parts")) < 4
    config = make_config(confidence=0.9999999, **values)
    opened = open_campaign(tmp_path / "parts", config, CATALOGUE)
    Campaign(opened, [LabelledCell(fails=fails)], poll_period=0.01).run()
    opened.close()
    # what was in flight at the stop and what was taken back may change places
    results = [{r.request: r.outcome.result for r in valid_of(tmp_path / f)} for f in FOLDERS]
    assert results[0] == results[1] and len(results[0]) == 12


FOLDERS = ("whole", "parts")


def valid_of(folder):
    return [r for r in records_of(folder)[0] if r.outcome and r.outcome.valid]


KILLED = """
import sys, os, signal
from pathlib import Path
sys.path.insert(0, {here!r})
from test_take_back import Held, S, F
held = Held(Path(sys.argv[1]), hold=3, labels=[S, S, F])
held.campaign.take_back("cell0", "Ada")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_right_after_it_the_take_back_is_there(tmp_path):
    code = KILLED.format(here=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        check=False,
    )
    assert done.returncode == -9
    before, taken_back = records_of(tmp_path)
    assert taken_back == {2: F}
    opened = open_campaign(tmp_path, make_config(budget=8, confidence=0.9999999), CATALOGUE)
    assert Campaign(opened, [LabelledCell()], poll_period=0.01).run().trials == 8
    opened.close()
    records, taken_back = records_of(tmp_path)
    assert taken_back == {2: F}
    assert [r for r in records if r.trial_index < 3] == before[:3]
    served = [r.request.number for r in records if r.outcome.valid]
    assert sorted(served) == list(range(8))


def test_a_scene_whose_label_was_taken_back_twice(tmp_path):
    held = Held(tmp_path, hold=1, labels=[F])
    held.campaign.take_back("cell0", "Ada")
    held.cell.hold = 2 + 1  # the one that was held, and the scene again
    wait_until(lambda: held.campaign.status().trials_done == 2)
    held.campaign.take_back("cell0", "Bob")
    assert held.end().trials == 8
    records, taken_back = records_of(tmp_path)
    assert len(taken_back) == 2
    assert len({r.request.number for r in records if r.outcome.valid}) == 8


def test_a_skipped_scene_comes_after_the_others(tmp_path):
    class Skipping(FakeCell):
        def run(self, scene, seed):
            trial = super().run(scene, seed)
            if len(self.runs) == 1:
                raise SceneSkippedError("the scene was not made: the operator skipped this scene")
            return trial

    cell = Skipping()
    opened = open_campaign(tmp_path, make_config(budget=4), CATALOGUE)
    Campaign(opened, [cell], poll_period=0.01).run()
    opened.close()
    scenes = [ids for ids, _ in cell.runs]
    assert scenes[0] == scenes[-1] and scenes[0] not in scenes[1:-1]
    assert len(scenes) == 5


# The parts


def test_evidence_forgets_a_trial():
    scenes = [CATALOGUE.scene(ids) for ids in (["v0"], ["v1"], ["v0", "v2"])]
    kept, other = Evidence(CATALOGUE), Evidence(CATALOGUE)
    for scene, failed in ((scenes[0], True), (scenes[1], False)):
        kept.add(scene, failed)
        other.add(scene, failed)
    other.add(scenes[2], True)
    other.add(NOMINAL, False)
    assert other.posterior().total == 4
    other.remove(scenes[2], True)
    other.remove(NOMINAL, False)
    assert other.posterior().total == 2 and other.posterior().nominal is None
    assert (other.posterior().mean == kept.posterior().mean).all()
    with pytest.raises(ValueError, match=r"no trial of v0 \+ v2 with failed=True was added"):
        other.remove(scenes[2], True)


def test_the_log_keeps_what_was_and_refuses_the_rest(tmp_path):
    log = TrialLog(tmp_path / "trials.db")
    assert log.taken_back() == {}
    request = TrialRequest(0, Purpose.SEARCH, 0, ("v0",), 7)
    log.ask(request, 1, "cell0", 1.0)
    with pytest.raises(TrialLogError, match=r"trial 0 has no label"):
        log.take_back(0, "why", 2.0)
    log.complete(0, Outcome(S, Source.OPERATOR, 2.5, 9, "labelled"), "images/0.png", 3.0)
    record = log.take_back(0, "why", 4.0)
    assert record.outcome == Outcome(Result.INVALID, Source.OPERATOR, 2.5, 9, "why")
    assert (record.image_path, record.finished_at) == ("images/0.png", 3.0)
    for index in (0, 5):
        with pytest.raises(TrialLogError, match=rf"trial {index} has no label"):
            log.take_back(index, "again", 5.0)
    log.ask(request, 2, "cell0", 6.0)
    log.complete(1, Outcome(F, Source.OPERATOR), "", 7.0)  # the request may be served again
    log.close()
    again = TrialLog(tmp_path / "trials.db", read_only=True)
    assert again.taken_back() == {0: S}
    again.close()
