# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Combinations: covering scenes, minimisation, and what was never seen together."""

from itertools import combinations

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.evidence.coverage import Levels, coverage
from robomd_ros.core.search import SearchContext, make_search
from robomd_ros.core.search.minimizing import Minimizer, Outcomes, Progress
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Variation

CATALOGUE = make_catalogue(9)


def slots(count, each):
    """`each` variations in each of `count` slots."""
    return Catalogue(
        "lift",
        [
            Variation(f"s{s}v{i}", "color", f"part{s}", f"Change {i} of {s}.", {"x": float(i)})
            for s in range(count)
            for i in range(each)
        ],
    )


def search_of(catalogue, **options):
    given = {"max_changes": 6, "strength": 3, **options}
    return make_search("covering", SearchContext(catalogue, 3, False, 5, 80, given))


def play(search, fails, trials, seed=0):
    """Scenes in their order, with how they ended; the unchanged scene succeeds five times first."""
    for _ in range(5):
        search.observe(Trial(-1, "c", NOMINAL, 0, Outcome(Result.SUCCESS)))
    tried = []
    for _ in range(trials):
        scene = search.ask(0)
        failed = fails(scene.key)
        result = Result.FAILURE if failed else Result.SUCCESS
        search.tell(0, Trial(-1, "c", scene, seed, Outcome(result)))
        tried.append((scene.key, failed))
    return tried


def test_singles_come_first_and_then_few_scenes_hold_all_pairs():
    catalogue = slots(6, 3)
    search = search_of(catalogue)
    tried = play(search, lambda ids: False, 36 + 20)
    assert all(len(ids) == 1 for ids, _ in tried[:36])
    assert {len(ids) for ids, _ in tried[36:]} == {6}
    assert search.coverage.possible == 15 * 9
    assert not search.coverage.unseen
    assert "all 135 pairs" in search.remark()


@pytest.mark.parametrize("planted", [{"s0v1", "s3v2"}, {"s1v0", "s2v2", "s5v1"}])
def test_a_planted_set_is_found_exactly(planted):
    search = search_of(slots(6, 3))
    play(search, lambda ids: planted <= ids, 120)
    assert search.found == [frozenset(planted)]


def test_a_scene_that_fails_once_by_chance_makes_up_nothing():
    search, failed = search_of(slots(6, 3)), []

    def once(ids):
        if len(ids) > 1 and len(failed) < 3 and (not failed or ids not in failed):
            failed.append(ids)
            return True
        return False

    play(search, once, 110)
    assert len(failed) == 3 and not search.found
    assert not search.coverage.unseen


def test_a_failing_single_is_in_no_scene_of_several():
    search = search_of(slots(5, 3))
    tried = play(search, lambda ids: "s2v1" in ids, 80)
    assert all("s2v1" not in ids for ids, _ in tried if len(ids) > 1)
    assert not search.found


def test_max_changes_is_kept_and_costs_choose_among_equals():
    search = search_of(slots(6, 2), max_changes=3)
    assert {len(ids) for ids, _ in play(search, lambda ids: False, 60)} == {1, 3}
    moves = []
    for cost_matters in (False, True):
        search, present, made = search_of(slots(6, 3)), frozenset(), 0
        for _ in range(5):
            search.observe(Trial(-1, "c", NOMINAL, 0, Outcome(Result.SUCCESS)))
        for _ in range(36 + 24):
            cost = (lambda s, p=present: float(len(s.key ^ p))) if cost_matters else None
            scene = search.ask(0, cost)
            search.tell(0, Trial(-1, "c", scene, 0, Outcome(Result.SUCCESS)))
            made += len(scene.key ^ present) if len(scene) > 1 else 0
            present = scene.key
        moves.append(made)
    assert moves[1] < 0.85 * moves[0]


def test_many_variations_of_a_slot_are_covered_by_level():
    catalogue = slots(3, 40)
    levels = Levels(catalogue)
    assert len({k for v in catalogue for k in levels.keys([v.id])}) == 3 * 6
    seen = coverage(catalogue, [v.id for v in catalogue], [{"s0v0", "s1v0"}])
    assert (seen.possible, seen.seen) == (3 * 36, 1)
    assert "color/part0 level 1 of 6" in seen.describe()


def test_coverage_counts_pairs_of_successes_that_can_stand_in_one_scene():
    catalogue = slots(2, 2)
    ids = [v.id for v in catalogue]
    found = coverage(catalogue, ids, [{"s0v0"}, {"s0v0", "s1v1"}])
    assert (found.possible, found.seen) == (4, 1)
    assert ("s0v0", "s1v0") in found.unseen and ("s0v0", "s1v1") not in found.unseen
    assert (
        "1 of 4 pairs of coping changes were seen together in a success; not yet: s0v0 + s1v0"
        in (found.describe())
    )
    assert coverage(catalogue, ["s0v0", "s0v1"], []).describe() == ""


def minimized(members, fails, limit=200):
    """The answer of the procedure, and how many trials it took, with repeated noisy answers."""
    counts: dict[frozenset[str], Outcomes] = {}
    order = {m: i for i, m in enumerate(members)}
    made = Minimizer(counts, lambda ids: len(ids) < 2, order, 0.95, 0.5)
    scene = frozenset(members)
    counts[scene] = Outcomes(1, 0)
    for trial in range(limit):
        step = made.step(scene)
        if step.progress is not Progress.OPEN:
            return step, trial
        found = counts.setdefault(step.ids, Outcomes())
        if fails(step.ids):
            found.failures += 1
        else:
            found.successes += 1
    raise AssertionError("it did not end")


@pytest.mark.parametrize("size", [2, 3, 4])
def test_every_smallest_set_is_found_without_noise(size):
    members = [f"m{i}" for i in range(6)]
    for planted in combinations(members, size):
        step, trials = minimized(members, lambda ids, p=frozenset(planted): p <= ids)
        assert step.progress is Progress.FOUND and step.ids == set(planted)
        assert trials <= 28


def test_a_scene_that_succeeds_when_it_is_tried_again_is_left():
    step, trials = minimized(["a", "b", "c"], lambda ids: False)
    assert step.progress is Progress.NOT_REPEATED and trials == 2


def test_with_noise_the_set_is_found_nearly_always():
    rng = np.random.default_rng(0)
    members = [f"m{i}" for i in range(6)]
    planted, right = frozenset({"m1", "m4"}), 0
    for _ in range(100):
        step, _ = minimized(members, lambda ids: rng.random() < (0.95 if planted <= ids else 0.02))
        right += step.ids == planted and step.progress is Progress.FOUND
    assert right >= 93


def run(folder, budget, listener=None):
    config = make_config(
        search="covering", budget=budget, confidence=0.95, nominal_trials=5, nominal_share=0.1
    )
    opened = open_campaign(folder, config, CATALOGUE)
    cell = FakeCell(fails=lambda scene, seed: {"v1", "v6"} <= scene.key)
    try:
        return Campaign(opened, [cell], listener, poll_period=0.01).run()
    finally:
        opened.close()


def test_a_campaign_goes_on_to_its_combinations_and_resumes_as_the_uninterrupted_one(tmp_path):
    listener = Recorder()
    run(tmp_path / "whole", 60, listener)
    assert "fails together: v1 + v6" in listener.statuses[-1].message
    for budget in (7, 30, 45, 60):
        run(tmp_path / "parts", budget)
    whole, parts = (
        [(r.request.scene, r.request.seed) for r in read_campaign(tmp_path / name).trials]
        for name in ("whole", "parts")
    )
    assert parts == whole


def test_the_ranking_says_which_pairs_were_never_seen_together(tmp_path):
    ranking = run(tmp_path / "covering", 60)
    assert ranking.pairs_possible == 36
    assert 20 < ranking.pairs_seen < 36
    told = [f for f in ranking.findings if "pairs of coping changes" in f]
    assert len(told) == 1 and "v1 + v6" in told[0]
    stored = read_campaign(tmp_path / "covering").made_ranking
    assert (stored.pairs_seen, stored.findings) == (ranking.pairs_seen, ranking.findings)
    (tmp_path / "uniform").mkdir()
    opened = open_campaign(tmp_path / "uniform", make_config(confidence=0.95, budget=30), CATALOGUE)
    alone = Campaign(opened, [FakeCell()], poll_period=0.01).run()
    opened.close()
    assert (alone.pairs_seen, alone.pairs_possible) == (0, 36)
    assert any(f.startswith("0 of 36 pairs") for f in alone.findings)
