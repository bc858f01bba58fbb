# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A label that a person takes back or changes: the evidence follows, nothing recorded is lost."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config, wait_until

from robomd_ros.cli.main import main
from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.relabelling import relabel_stored, relabelled
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.campaign.trial_log import Purpose, TrialLog, TrialRequest
from robomd_ros.core.errors import (
    CampaignFolderError,
    RelabelError,
    SceneSkippedError,
    TrialLogError,
)
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
        return log.records(), log.first_labels()
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
    _, index, label, source, detail, at = rows(tmp_path, "relabelled")[0]
    assert (index, label, source, detail) == (2, "FAILURE", "OPERATOR", "labelled by Ada")
    assert time.time() - 60 < at <= time.time()
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
    for late in (
        lambda: held.campaign.take_back("cell0", "Ada"),
        lambda: held.campaign.relabel(0, F, "Ada"),
    ):
        with pytest.raises(RelabelError, match=r"has ended; use `robomd relabel "):
            late()


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
    assert other.posterior().total == 2 and other.posterior().nominal.counts.trials == 0
    assert (other.posterior().attribution.mean == kept.posterior().attribution.mean).all()
    with pytest.raises(ValueError, match=r"no trial of v0 \+ v2 with failed=True was added"):
        other.remove(scenes[2], True)


def test_the_log_keeps_what_was_and_refuses_the_rest(tmp_path):
    log = TrialLog(tmp_path / "trials.db")
    assert log.first_labels() == {}
    request = TrialRequest(0, Purpose.SEARCH, 0, ("v0",), 7)
    log.ask(request, 1, "cell0", 1.0)
    invalid = Outcome(Result.INVALID, Source.OPERATOR, detail="why")
    with pytest.raises(TrialLogError, match=r"trial 0 has no label"):
        log.relabel(0, invalid, 2.0)
    log.complete(0, Outcome(S, Source.OPERATOR, 2.5, 9, "labelled"), "images/0.png", 3.0)
    record = log.relabel(0, invalid, 4.0)
    assert record.outcome == Outcome(Result.INVALID, Source.OPERATOR, 2.5, 9, "why")
    assert (record.image_path, record.finished_at) == ("images/0.png", 3.0)
    with pytest.raises(TrialLogError, match=r"trial 5 has no label"):
        log.relabel(5, invalid, 5.0)
    log.ask(request, 2, "cell0", 6.0)
    log.complete(1, Outcome(F, Source.OPERATOR), "", 7.0)  # the request may be served again
    log.relabel(1, Outcome(S, Source.OPERATOR), 8.0)
    log.close()
    again = TrialLog(tmp_path / "trials.db", read_only=True)
    assert again.first_labels() == {0: S, 1: F}
    again.close()


def test_a_log_of_an_earlier_program_tells_what_was_taken_back(tmp_path):
    log = TrialLog(tmp_path / "trials.db")
    log.ask(TrialRequest(0, Purpose.SEARCH, 0, ("v0",), 7), 1, "cell0", 1.0)
    log.complete(0, Outcome(Result.INVALID, Source.OPERATOR, detail="taken back"), "", 3.0)
    log.close()
    database = sqlite3.connect(tmp_path / "trials.db")
    database.execute(
        "CREATE TABLE taken_back (trial_index INTEGER PRIMARY KEY, result TEXT, source TEXT, "
        "detail TEXT, reason TEXT, at REAL)"
    )
    database.execute("INSERT INTO taken_back VALUES (0, 'FAILURE', 'OPERATOR', '', 'why', 4.0)")
    database.commit()
    database.close()
    log = TrialLog(tmp_path / "trials.db")
    assert log.first_labels() == {0: F}
    log.close()


# Another label for any earlier trial


@pytest.mark.parametrize("search", ["uniform", "thompson"])
def test_another_label_changes_the_evidence_and_asks_nothing_again(tmp_path, search):
    held = Held(tmp_path, hold=4, labels=[S, S, S, S, S, S, S, S], search=search)
    record = held.campaign.relabel(1, F, "Ada: looked again", "slipped")
    assert record.outcome.result is F
    assert record.outcome.detail == "relabelled by Ada: looked again; it was SUCCESS (slipped)"
    assert held.campaign.status().trials_done == 4
    ranking = held.end()
    assert sum(m.failures for m in ranking.failure_modes) == 1
    records, first = records_of(tmp_path)
    assert len(records) == 8 and first == {1: S}
    assert [t.outcome.result for t in held.listener.trials if t.index == 1] == [S, F]


def test_a_label_is_changed_three_times(tmp_path):
    held = Held(tmp_path, hold=2, labels=[S, S])
    for label in (F, S, F):
        held.campaign.relabel(0, label, "Ada")
    assert held.campaign.status().trials_done == 2
    held.stop()
    assert [row[2] for row in rows(tmp_path, "relabelled")] == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert records_of(tmp_path)[1] == {0: S}


def test_what_was_declared_invalid_counts_again_unless_its_scene_was_tried_again(tmp_path):
    held = Held(tmp_path, hold=2, labels=[S, Result.INVALID])
    held.cell.hold = 3  # the third trial is another try of the second's scene
    wait_until(lambda: len(held.cell.runs) >= 2 and held.campaign.status().invalid_trials, 10)
    with pytest.raises(RelabelError, match=r"is being tried again now; the trial stays INVALID"):
        wait_until(lambda: held.cell.held, 10)
        held.campaign.relabel(1, S, "Ada")
    held.end()
    records = records_of(tmp_path)[0]
    again = next(r for r in records[2:] if r.request == records[1].request)
    with pytest.raises(RelabelError, match=rf"tried again as trial {again.trial_index}, which"):
        relabel_stored(tmp_path, 1, S, "Ada")


def test_an_invalid_trial_whose_scene_waits_counts_again(tmp_path):
    held = Held(tmp_path, hold=2, labels=[S, S])
    held.campaign.pause()
    held.cell.hold = 3
    wait_until(lambda: held.campaign.status().trials_done == 3)
    held.campaign.relabel(1, Result.INVALID, "Ada")
    assert held.campaign.status().trials_done == 2
    held.campaign.relabel(1, F, "Ada")
    status = held.campaign.status()
    assert (status.trials_done, status.invalid_trials) == (3, 0)
    held.campaign.resume()
    ranking = held.end()
    assert ranking.trials == 8 and len(records_of(tmp_path)[0]) == 8
    assert sum(m.failures for m in ranking.failure_modes) == 1


def test_labels_that_nobody_may_give(tmp_path):
    held = Held(tmp_path, hold=2, labels=[S, S])
    held.stop()
    for index, result, message in (
        (7, F, r"there is no trial 7; the campaign has trials 0 to \d"),
        (0, S, r"trial 0 is SUCCESS already; nothing was changed"),
        (0, Result.UNKNOWN, r"a trial is called success, failure, invalid; got unknown"),
    ):
        with pytest.raises(RelabelError, match=message):
            relabel_stored(tmp_path, index, result, "Ada")
    assert not records_of(tmp_path)[1]


def test_a_fault_never_becomes_a_label(tmp_path):
    log = TrialLog(tmp_path / "trials.db")
    log.ask(TrialRequest(0, Purpose.SEARCH, 0, ("v0",), 7), 1, "cell0", 1.0)
    log.complete(0, Outcome(Result.INVALID, detail="frozen picture"), "", 3.0)
    with pytest.raises(RelabelError, match=r"because of a fault \(frozen picture\)"):
        relabelled(log.records(), 0, S, "Ada")
    log.close()


def test_a_finished_campaign_is_relabelled_by_the_command(tmp_path, capsys):
    held = Held(tmp_path, hold=2, labels=[S] * 8)
    with pytest.raises(CampaignFolderError, match=r"is running already"):
        relabel_stored(tmp_path, 0, F, "Ada")
    held.end()
    assert main(["relabel", str(tmp_path), "3", "Failure", "--name", "Ada"]) == 0
    assert "trial 3 was SUCCESS and is FAILURE now" in capsys.readouterr().out
    stored = read_campaign(tmp_path)
    assert sum(m.failures for m in stored.ranking.failure_modes) == 1 and not stored.ranking_note
    assert main(["relabel", str(tmp_path), "3", "maybe"]) == 1
    assert "success, failure, invalid; got 'maybe'" in capsys.readouterr().err


def test_the_label_is_kept_where_the_picture_cannot_be(tmp_path):
    """A disk that is full for a picture: the label that a person just gave is there."""
    opened = open_campaign(tmp_path, make_config(budget=3), CATALOGUE)

    def full(name, picture):
        raise CampaignFolderError(f"cannot write {name}: No space left on device")

    opened.store_picture = full
    cell = LabelledCell(labels=[F])
    with pytest.raises(CampaignFolderError, match=r"No space left"):
        Campaign(opened, [cell], poll_period=0.01).run()
    opened.close()
    records, _ = records_of(tmp_path)
    assert [r.outcome.result for r in records] == [F]
    assert read_campaign(tmp_path).picture(records[0].image_path) is None


def test_a_nominal_trial_with_another_label_counts_as_it_would_after_a_resumption(tmp_path):
    """The control arm's counters follow each change of a label, and its facts do too."""
    values = {"nominal_trials": 4, "on_nominal_failure": "continue"}
    held = Held(tmp_path, hold=6, labels=[S] * 8, **values)
    control, findings = held.campaign._dispatcher.control, held.campaign._findings
    counts = [(control.failures, control.successes)]
    for label in (F, Result.INVALID, F, S, F):
        held.campaign.relabel(1, label, "Ada")
        counts.append((control.failures, control.successes))
        nominal = findings.posterior.nominal.counts
        assert (nominal.failures, nominal.trials - nominal.failures) == counts[-1]
    assert counts == [(0, 4), (1, 3), (0, 3), (1, 3), (0, 4), (1, 3)]
    assert len(control.facts) == len(findings._beside._facts) == 4
    assert held.campaign.status().trials_done == 6
    held.stop()
    records, first = records_of(tmp_path)
    resumed = Campaign(held.opened, [LabelledCell()])._dispatcher
    resumed.restore(records, {}, first)
    assert (resumed.control.failures, resumed.control.successes) == counts[-1]


def test_a_policy_that_fails_unchanged_by_a_label_given_afterwards_ends_the_campaign(tmp_path):
    labels = [F, S, F, F, F, S]
    held = Held(tmp_path, hold=6, labels=labels, nominal_trials=4, budget=30, confidence=0.97)
    assert held.campaign.status().trials_done == 6
    held.campaign.relabel(1, F, "Ada")
    ranking = held.end()
    assert ranking.nominal_failures == 5 and ranking.trials < 30
