# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The campaign loop on cells that follow a table."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config, picture_of, wait_until

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.errors import CampaignFolderError, CellFault, ConfigurationError
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL

CATALOGUE = make_catalogue()


def planted(*ids):
    """A policy that fails exactly when all of these variations are in the scene."""
    return lambda scene, seed: set(ids) <= set(scene.ids)


def run(folder, cells, listener=None, **values):
    opened = open_campaign(folder, make_config(**values), CATALOGUE)
    try:
        return Campaign(opened, cells, listener, poll_period=0.01).run()
    finally:
        opened.close()


def records_of(folder):
    log = read_campaign(folder).open_log()
    try:
        return log.records()
    finally:
        log.close()


def valid_of(folder):
    return [r for r in records_of(folder) if r.outcome is not None and r.outcome.valid]


class Background:
    """A campaign on a thread of its own; `end` gives its ranking or raises its error."""

    def __init__(self, folder, cells, listener=None, **values):
        self.opened = open_campaign(folder, make_config(**values), CATALOGUE)
        self.campaign = Campaign(self.opened, cells, listener, poll_period=0.01)
        self.result = self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.result = self.campaign.run()
        except Exception as error:  # noqa: BLE001 (raised by `end`)
            self.error = error

    def end(self, timeout=10.0):
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "the campaign did not end"
        self.opened.close()
        if self.error:
            raise self.error
        return self.result


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("search", ["uniform", "thompson"])
def test_valid_trials_end_at_exactly_the_budget(tmp_path, count, search):
    cells = [
        FakeCell(f"cell{i}", planted("v2"), {2: "invalid", 5: "fault"}, duration=0.002 * i)
        for i in range(count)
    ]
    ranking = run(tmp_path, cells, search=search, budget=23)
    assert len(valid_of(tmp_path)) == ranking.trials == 23
    assert all(r.done for r in records_of(tmp_path))


def test_planted_failure_is_first(tmp_path):
    ranking = run(tmp_path, [FakeCell(fails=planted("v4"))], budget=30)
    first = ranking.failure_modes[0]
    assert first.ids == ("v4",)
    assert (first.trials, first.failures) == (5, 5)
    assert first.lower > max(mode.failure_probability for mode in ranking.failure_modes[1:])


def test_planted_failure_is_first_under_ppo_with_many_cells(tmp_path):
    cells = [FakeCell(f"cell{i}", planted("v1"), picture_size=100) for i in range(3)]
    ranking = run(tmp_path, cells, search="ppo", budget=70, search_options={"n_steps": 32})
    assert ranking.failure_modes[0].ids == ("v1",)
    probability = {m.ids[0]: m.policy_probability for m in ranking.failure_modes if len(m.ids) == 1}
    assert max(probability, key=probability.get) == "v1"
    assert (tmp_path / "checkpoints" / "ppo.pt").is_file()
    nominal = cv2.cvtColor(cv2.imread(str(tmp_path / "images/nominal.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(nominal, picture_of(NOMINAL, 100))


def test_planted_pair_is_a_failure_mode_of_its_own(tmp_path):
    cell = FakeCell(fails=planted("v1", "v3"))
    ranking = run(tmp_path, [cell], search="uniform", accumulate=True, budget=150)
    assert set(ranking.failure_modes[0].ids) == {"v1", "v3"}
    confirmations = [r for r in valid_of(tmp_path) if r.request.purpose.value == "confirmation"]
    assert 0 < len(confirmations) <= 0.2 * 150


def test_each_trial_is_stored_with_its_picture(tmp_path):
    listener = Recorder()
    run(tmp_path, [FakeCell(fails=planted("v0"))], listener, budget=6)
    records = records_of(tmp_path)
    assert [r.trial_index for r in records] == list(range(6))
    for record in records:
        stored = cv2.cvtColor(cv2.imread(str(tmp_path / record.image_path)), cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(stored, picture_of(CATALOGUE.scene(record.request.scene)))
        failed = record.request.scene == ("v0",)
        assert record.outcome.result is (Result.FAILURE if failed else Result.SUCCESS)
    assert [t.index for t in listener.trials] == list(range(6))
    assert listener.statuses[-1].state is CampaignState.FINISHED
    assert listener.rankings[-1].trials == 6
    assert json.loads((tmp_path / "ranking.json").read_text()) == listener.rankings[-1].to_dict()
    assert read_campaign(tmp_path).ranking.trials == 6


def test_invalid_trials_are_asked_again_elsewhere_and_are_no_evidence(tmp_path):
    broken = FakeCell("broken", faults=lambda number, scene: "invalid", duration=0.01)
    sound = FakeCell("sound", planted("v5"), duration=0.01)
    ranking = run(tmp_path, [broken, sound], budget=18, max_attempts=50)
    records = records_of(tmp_path)
    assert ranking.trials == 18
    assert ranking.failure_modes[0].ids == ("v5",)
    invalid = [r for r in records if not r.outcome.valid]
    assert invalid
    assert all(r.outcome.detail == "the policy returned NaN" for r in invalid)
    for record in invalid:
        again = [r for r in valid_of(tmp_path) if r.request.number == record.request.number]
        assert [(r.cell, r.request.seed) for r in again] == [("sound", record.request.seed)]
        assert again[0].attempt > record.attempt


def test_a_scene_that_is_never_valid_is_dropped_with_a_warning(tmp_path):
    listener = Recorder()
    cell = FakeCell(faults=lambda n, scene: "fault" if "v2" in scene.ids else None)
    run(tmp_path, [cell], listener, budget=12, max_attempts=2)
    records = records_of(tmp_path)
    tries = [r for r in records if r.request.scene == ("v2",)]
    # 12 valid trials of 5 variations need 2 or 3 rounds over all 6.
    assert len(tries) in (4, 6)
    assert sum(r.outcome.valid for r in records) == 12
    warnings = {s.message for s in listener.statuses}
    assert any("gave up the scene v2 after 2 invalid trials: the gripper" in w for w in warnings)
    assert listener.statuses[-1].invalid_trials == len(tries)


def test_a_campaign_without_valid_trials_fails_with_the_reason(tmp_path):
    listener = Recorder()
    cell = FakeCell(faults=lambda number, scene: "invalid")
    with pytest.raises(CellFault, match=r"5 scenes in a row had no valid trial.*returned NaN"):
        run(tmp_path, [cell], listener, max_attempts=2)
    assert len(cell.runs) == 10
    assert listener.statuses[-1].state is CampaignState.FAILED
    assert "5 scenes in a row" in listener.statuses[-1].message


def test_a_lost_cell_leaves_its_trial_to_the_others(tmp_path):
    listener = Recorder()
    cells = [
        FakeCell("mortal", faults={3: "lost"}, duration=0.005),
        FakeCell("sound", duration=0.005),
    ]
    run(tmp_path, cells, listener, budget=24, max_attempts=1)
    records = records_of(tmp_path)
    lost = [r for r in records if not r.outcome.valid]
    assert [r.outcome.detail for r in lost] == ["cell lost: the process ended with code -9"]
    assert len(valid_of(tmp_path)) == 24
    number = lost[0].request.number
    assert [r.cell for r in records if r.request.number == number] == ["mortal", "sound"]
    assert any(
        "cells: sound; away: mortal (cell lost: the process" in s.message for s in listener.statuses
    )


def test_with_no_cell_left_it_waits_and_goes_on_when_one_returns(tmp_path):
    cell = FakeCell(faults={4: "lost"})
    listener = Recorder()
    background = Background(tmp_path, [cell], listener)
    wait_until(lambda: background.campaign.status().state is CampaignState.WAITING)
    status = background.campaign.status()
    assert (status.trials_done, status.waiting_for) == (4, "a cell")
    cell.online = True
    assert background.end().trials == 12
    states = [s.state for s in listener.statuses]
    assert states.index(CampaignState.WAITING) < len(states) - 1


def test_a_scene_that_takes_every_cell_with_it_is_dropped(tmp_path):
    cell = FakeCell(faults=lambda n, scene: "lost" if "v1" in scene.ids else None)
    cell.available = lambda: True
    run(tmp_path, [cell], budget=8, max_attempts=2)
    tries = [r for r in records_of(tmp_path) if r.request.scene == ("v1",)]
    assert len(tries) % 3 == 0  # the first loss is not held against the scene
    assert tries


def test_it_starts_when_the_first_cell_appears(tmp_path):
    cell = FakeCell()
    cell.online = False
    background = Background(tmp_path, [cell])
    wait_until(lambda: background.campaign.status().waiting_for == "a cell")
    assert background.campaign.status().state is CampaignState.STARTING
    cell.online = True
    assert background.end().trials == 12


def test_pause_lets_running_trials_finish_and_starts_none(tmp_path):
    cell = FakeCell(duration=0.02)
    background = Background(tmp_path, [cell])
    wait_until(lambda: background.campaign.status().trials_done >= 2)
    background.campaign.pause()
    wait_until(lambda: len(valid_of(tmp_path)) == len(cell.runs))
    done = len(cell.runs)
    threading.Event().wait(0.1)
    assert len(cell.runs) == done < 12
    assert background.campaign.status().state is CampaignState.PAUSED
    background.campaign.resume()
    assert background.end().trials == 12


def test_stop_leaves_the_running_trial_open_and_the_folder_resumes(tmp_path):
    cell = FakeCell(duration=0.03)
    background = Background(tmp_path, [cell])
    wait_until(lambda: background.campaign.status().trials_done >= 3 and len(cell.runs) >= 4)
    background.campaign.stop()
    assert background.end(timeout=2.0).trials >= 3
    assert background.campaign.status().state is CampaignState.STOPPED
    pending = [r for r in records_of(tmp_path) if not r.done]
    assert len(pending) == 1

    again = FakeCell()
    assert run(tmp_path, [again]).trials == 12
    assert again.runs[0] == (pending[0].request.scene, pending[0].request.seed)
    after = records_of(tmp_path)
    assert after[pending[0].trial_index].outcome.detail == "interrupted"
    assert after[pending[0].trial_index + 1].attempt == 2


def test_stop_does_not_wait_for_a_cell_that_ignores_it(tmp_path):
    cell = FakeCell(duration=2.0)
    cell.ignore_cancel = True
    background = Background(tmp_path, [cell])
    wait_until(lambda: len(cell.runs) == 1)
    background.campaign.stop()
    background.end(timeout=2.5)
    assert not records_of(tmp_path)[0].done


@pytest.mark.parametrize("accumulate", [False, True])
def test_resumed_equals_uninterrupted_under_uniform(tmp_path, accumulate):
    def fails(scene, seed):
        return bool(np.random.default_rng(seed).random() < 0.2 + 0.1 * len(scene))

    whole = run(tmp_path / "whole", [FakeCell(fails=fails)], budget=40, accumulate=accumulate)
    for part in range(3):
        cell = FakeCell(fails=fails, duration=0.01)
        background = Background(tmp_path / "parts", [cell], budget=40, accumulate=accumulate)
        aim = 9 * (part + 1)
        wait_until(lambda aim=aim, b=background: b.campaign.status().trials_done >= aim)
        background.campaign.stop()
        background.end()
    parts = run(tmp_path / "parts", [FakeCell(fails=fails)], budget=40, accumulate=accumulate)

    def asked(folder):
        return [(r.request, r.outcome.result) for r in valid_of(folder)]

    assert asked(tmp_path / "parts") == asked(tmp_path / "whole")
    assert parts.to_dict()["failure_modes"] == whole.to_dict()["failure_modes"]


def test_resumed_after_being_abandoned(tmp_path):
    """What a kill leaves: rows in flight, no stop, no last checkpoint."""
    first = FakeCell(duration=0.02)
    background = Background(tmp_path, [first], search="thompson")
    wait_until(lambda: background.campaign.status().trials_done >= 3)
    background.campaign._closed = True  # its last result is lost, as in a kill
    wait_until(lambda: not background.campaign._crew.busy, timeout=5)
    background.campaign.stop()
    background.end()
    before = {r.trial_index: r for r in valid_of(tmp_path)}

    assert run(tmp_path, [FakeCell()], search="thompson").trials == 12
    records = records_of(tmp_path)
    assert len(valid_of(tmp_path)) == 12
    assert all(records[i] == r for i, r in before.items())
    requests = [r.request.number for r in valid_of(tmp_path)]
    assert sorted(requests) == list(range(12))


KILLED = """
import sys, time
from pathlib import Path
from fakes import FakeCell, make_catalogue, make_config
from robomd_ros.core.campaign.campaign import Campaign, open_campaign
opened = open_campaign(Path(sys.argv[1]), make_config(budget=60), make_catalogue())
cells = [FakeCell(f"cell{i}", faults={3: "invalid"}, duration=0.02) for i in range(2)]
print("running", flush=True)
print(Campaign(opened, cells).run().trials)
"""


def test_killed_at_any_moment_it_loses_nothing_that_was_stored(tmp_path):
    folder = tmp_path / "campaign"
    paths = [str(Path(__file__).parent), *sys.path]
    command = [sys.executable, "-c", KILLED, str(folder)]
    rng = np.random.default_rng(0)
    before = []
    for last in (False, False, True):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ":".join(paths)}
        )
        process.stdout.readline()
        if last and not before:  # of a busy computer the others may have come too early
            wait_until(lambda: valid_of(folder), 60)
        time.sleep(rng.uniform(0.0, 0.25))
        process.kill()
        process.wait()
        process.stdout.close()
        done = valid_of(folder)
        assert done[: len(before)] == before
        assert len(records_of(folder)) >= len(done)
        before = done
    assert 0 < len(before) < 60
    ranking = run(folder, [FakeCell()], budget=60)
    assert ranking.trials == 60
    assert sorted(r.request.number for r in valid_of(folder)) == list(range(60))
    check = sqlite3.connect(folder / "trials.db").execute("PRAGMA integrity_check")
    assert check.fetchall() == [("ok",)]


def test_ppo_goes_on_from_its_last_update(tmp_path):
    options = {"n_steps": 8, "n_epochs": 1}
    values = {"search": "ppo", "budget": 40, "search_options": options}
    background = Background(tmp_path, [FakeCell(fails=planted("v1"), duration=0.01)], **values)
    wait_until(lambda: background.campaign.status().trials_done >= 20, timeout=30)
    background.campaign.stop()
    background.end()
    updates = background.campaign._search.updates
    assert updates >= 2
    opened = open_campaign(tmp_path, make_config(**values), CATALOGUE)
    campaign = Campaign(opened, [FakeCell(fails=planted("v1"))])
    assert campaign.run().trials == 40
    # Transitions since the last update before the stop are lost, at most n_steps of them.
    assert updates + 1 <= campaign._search.updates <= 40 // 8
    opened.close()


def test_a_finished_campaign_needs_no_cell_again(tmp_path):
    ranking = run(tmp_path, [FakeCell()])
    idle = FakeCell()
    idle.online = False
    again = run(tmp_path, [idle])
    assert again.to_dict()["failure_modes"] == ranking.to_dict()["failure_modes"]
    assert not idle.runs


def test_it_ends_once_every_variation_is_decided(tmp_path):
    ranking = run(tmp_path, [FakeCell(fails=planted("v3"))], budget=1000, confidence=0.95)
    assert ranking.converged
    assert 12 <= ranking.trials < 50
    tries = Counter(r.request.scene for r in valid_of(tmp_path))
    assert min(tries.values()) >= 2


def test_a_policy_that_fails_by_chance_is_not_decided_early(tmp_path):
    def fails(scene, seed):
        return bool(np.random.default_rng(seed).random() < 0.45)

    ranking = run(tmp_path, [FakeCell(fails=fails)], budget=60, confidence=0.95)
    assert not ranking.converged
    assert ranking.trials == 60


def test_a_mistake_in_a_cell_ends_the_campaign_and_is_raised(tmp_path):
    listener = Recorder()
    with pytest.raises(ZeroDivisionError, match=r"a mistake in the cell"):
        run(tmp_path, [FakeCell(faults={2: "bug"})], listener)
    assert listener.statuses[-1].state is CampaignState.FAILED
    assert run(tmp_path, [FakeCell()]).trials == 12


def test_a_listener_that_raises_ends_the_campaign(tmp_path):
    class Deaf(Recorder):
        def on_trial(self, trial, finished_at):
            raise KeyError("deaf")

    with pytest.raises(KeyError, match=r"deaf"):
        run(tmp_path, [FakeCell(duration=0.05)], Deaf(), budget=1000)


def test_a_slow_listener_does_not_slow_the_trials_and_misses_no_trial(tmp_path):
    class Slow(Recorder):
        def on_ranking(self, ranking):
            threading.Event().wait(0.1)
            super().on_ranking(ranking)

    listener = Slow()
    ranking = run(tmp_path, [FakeCell()], listener, budget=60)
    assert len(listener.trials) == 60
    assert len(listener.rankings) < 60
    assert listener.rankings[-1].failure_modes == ranking.failure_modes


def test_cells_are_needed_and_need_names_of_their_own(tmp_path):
    opened = open_campaign(tmp_path, make_config(), CATALOGUE)
    with pytest.raises(ConfigurationError, match=r"at least one cell; got none"):
        Campaign(opened, [])
    with pytest.raises(ConfigurationError, match=r"two cells are called 'a'"):
        Campaign(opened, [FakeCell("a"), FakeCell("a")])
    opened.close()


def test_without_a_nominal_picture_a_learning_search_cannot_begin(tmp_path):
    cell = FakeCell()
    cell.observe = lambda scene, seed: (_ for _ in ()).throw(CellFault("the lens cap is on"))
    with pytest.raises(CellFault, match=r"nominal scene from cell0: the lens cap is on .3 times"):
        run(tmp_path, [cell], search="ppo")


def test_a_damaged_checkpoint_is_refused_before_any_trial(tmp_path):
    values = {"search": "ppo", "budget": 9, "search_options": {"n_steps": 8, "n_epochs": 1}}
    run(tmp_path, [FakeCell()], **values)
    checkpoint = tmp_path / "checkpoints" / "ppo.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(CampaignFolderError, match=r"ppo.pt is damaged.*delete the file"):
        run(tmp_path, [FakeCell()], **values)


def test_the_ranking_can_be_in_the_search_agents_order(tmp_path):
    values = {"search_options": {"n_steps": 16, "n_epochs": 1}, "order_by": "search_agent"}
    ranking = run(tmp_path, [FakeCell(fails=planted("v2"))], search="ppo", budget=20, **values)
    singles = [m.policy_probability for m in ranking.failure_modes if len(m.ids) == 1]
    assert singles == sorted(singles, reverse=True)


def test_seeds_repeat_and_differ(tmp_path):
    first, second, other = FakeCell(), FakeCell(), FakeCell()
    run(tmp_path / "a", [first])
    run(tmp_path / "b", [second])
    run(tmp_path / "c", [other], seed=4)
    assert first.runs == second.runs != other.runs
    assert len({seed for _, seed in first.runs}) == 12


def test_a_running_campaign_goes_on_to_a_larger_budget_and_stops_at_a_smaller_one(tmp_path):
    for name, budget in (("more", 17), ("less", 6)):
        folder = tmp_path / name
        cell = FakeCell("cell", planted("v2"), duration=0.02)
        running = Background(folder, [cell], budget=12)
        wait_until(lambda campaign=running.campaign: campaign.status().trials_done >= 2)
        running.campaign.reconfigure(budget, 0.98)
        assert running.campaign.status().trials_budget == budget
        assert running.end().trials == budget
        assert len(valid_of(folder)) == budget
        stored = read_campaign(folder)
        assert (stored.config.budget, stored.config.confidence) == (budget, 0.98)
        changes = [(c["name"], c["from"], c["to"]) for c in stored.document["changes"]]
        assert ("budget", 12, budget) in changes


def test_a_lower_confidence_ends_a_running_campaign_whose_order_is_that_sure(tmp_path):
    cell = FakeCell("cell", planted("v2"), duration=0.01)
    running = Background(tmp_path, [cell], budget=400, confidence=0.999999)
    wait_until(lambda: running.campaign.status().trials_done >= 24, 60)
    running.campaign.reconfigure(400, 0.51)
    assert running.end().converged
    assert 24 <= len(valid_of(tmp_path)) < 400


def test_a_budget_below_what_is_done_is_refused_and_changes_nothing(tmp_path):
    cell = FakeCell("cell", planted("v2"), duration=0.02)
    running = Background(tmp_path, [cell], budget=8)
    wait_until(lambda: running.campaign.status().trials_done >= 3)
    with pytest.raises(ConfigurationError, match=r"must be at least \d+, the trials .* got 1"):
        running.campaign.reconfigure(1, 0.99)
    with pytest.raises(ConfigurationError, match=r"confidence must be a number in \(0.5, 1\)"):
        running.campaign.reconfigure(8, 1.5)
    assert running.end().trials == 8
    with pytest.raises(ConfigurationError, match="has ended"):
        running.campaign.reconfigure(9, 0.99)
