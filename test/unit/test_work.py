# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The operator's work: what a scene costs, the order that saves it, and how much is left."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from fakes import FakeCell, make_config

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.operator.desk import changes
from robomd_ros.core.operator.work import (
    DEFAULT_COST,
    WorkLedger,
    cheapest,
    count_changes,
    seconds_of,
)
from robomd_ros.core.search import Asked, SearchContext, make_search
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene, Variation

COSTS = (15.0, 240.0, 15.0, math.nan, 90.0, 60.0, 5.0)


def priced(costs=COSTS):
    return Catalogue(
        "lift",
        [
            Variation(f"v{i}", "color", f"part{i}", f"Change {i}.", {"x": float(i)}, cost)
            for i, cost in enumerate(costs)
        ],
        instruction="lift the cube",
    )


CATALOGUE = priced()
V = CATALOGUE.variations


def scene(*indices):
    return Scene(tuple(V[i] for i in indices))


def test_undoing_costs_as_much_as_making_and_the_unknown_has_a_default():
    assert seconds_of(changes(scene(0), scene(1))) == 15 + 240
    assert seconds_of(changes(scene(0, 1), scene(1))) == 15
    assert seconds_of(changes(NOMINAL, scene(3))) == DEFAULT_COST
    assert seconds_of(changes(scene(1), scene(1))) == 0


def test_single_changes_are_counted():
    scenes = [scene(0), scene(0, 1), scene(0, 1), NOMINAL, scene(2)]
    assert count_changes(scenes) == 1 + 1 + 0 + 2 + 1
    assert count_changes(scenes, present=scene(0)) == 0 + 1 + 0 + 2 + 1


def test_what_is_left_follows_what_was_done():
    ledger = WorkLedger(priced((10.0, 30.0)))
    before = ledger.left(6)
    assert (before.changes, before.seconds) == (12, 6 * 2 * 20.0)
    variations = ledger_scenes = priced((10.0, 30.0)).variations
    for _ in range(3):
        ledger.ask("a", Scene((ledger_scenes[0],)))
    # first estimate 2 changes of 40 s; then one change of 10 s, and twice nothing
    left = ledger.left(4)
    assert left.changes == pytest.approx(4 * (2 + 1 + 0 + 0) / 4)
    assert left.seconds == pytest.approx(4 * (40 + 10) / 4)
    assert left.describe() == "about 3 changes, 1 min of the operator's work"
    assert ledger.cost("a", Scene((variations[1],))) == 40
    assert ledger.cost("b", Scene((variations[1],))) == 30


def make(name, budget, accumulate=False, seed=0):
    return make_search(name, SearchContext(CATALOGUE, seed, accumulate, 3, 80, {}, budget))


def play(search, count, ordered, fails=lambda scene: False):
    """The history of one cell."""
    present, history = NOMINAL, []

    def cost(wanted):
        return seconds_of(changes(present, wanted))

    for _ in range(count):
        asked = search.ask(0, cost) if ordered else search.ask(0)
        result = Result.FAILURE if fails(asked) else Result.SUCCESS
        trial = Trial(-1, "cell", asked, 0, Outcome(result))
        search.tell(0, trial)
        history.append(Asked(0, asked, trial))
        present = asked
    return history


def ids(history):
    return [a.scene.ids for a in history]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("budget", [3, 7, 10, 18, 33])
def test_uniform_asks_the_same_scenes_in_another_order(budget, seed):
    plain = ids(play(make("uniform", budget, seed=seed), budget, ordered=False))
    ordered = ids(play(make("uniform", budget, seed=seed), budget, ordered=True))
    for start in range(0, budget, 14):  # two rounds by two, the last cut by the budget
        assert Counter(plain[start : start + 14]) == Counter(ordered[start : start + 14])


def test_the_cheapest_of_a_round_is_first():
    costs = {("v0",): 15, ("v2",): 15, ("v6",): 5}
    first = ids(play(make("uniform", 7), 7, ordered=True))[:3]
    assert [costs[i] for i in first] == [5, 15, 15]


def test_thompson_sweeps_the_same_scenes_in_another_order():
    plain = ids(play(make("thompson", 30), 7, ordered=False))
    ordered = ids(play(make("thompson", 30), 7, ordered=True))
    assert Counter(plain) == Counter(ordered)
    assert plain != ordered
    # a sweep that the budget cuts short keeps the scenes that the draws chose
    assert ids(play(make("thompson", 4), 4, False)) == ids(play(make("thompson", 4), 4, True))


@pytest.mark.parametrize("name", ["uniform", "thompson"])
def test_accumulating_scenes_keep_the_order_of_the_search(name):
    def fails(scene):
        return "v1" in scene.ids

    plain = play(make(name, 40, accumulate=True), 40, False, fails)
    assert ids(plain) == ids(play(make(name, 40, accumulate=True), 40, True, fails))


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("name", ["uniform", "thompson"])
def test_restored_after_ordered_asks_it_goes_on_as_if_never_interrupted(tmp_path, name, ordered):
    def fails(scene):
        return scene.ids[0] in ("v1", "v4")

    whole = play(make(name, 21), 21, ordered, fails)
    for cut in (3, 7, 12):
        search = make(name, 21)
        search.restore(whole[:cut], tmp_path)
        present = whole[cut - 1].scene

        def cost(wanted, present=present):
            return seconds_of(changes(present, wanted))

        following = search.ask(0, cost) if ordered else search.ask(0)
        assert following.ids == whole[cut].scene.ids


def campaign(folder, order_by_cost, **values):
    config = make_config(**{"budget": 14, **values})
    opened = open_campaign(folder, config, CATALOGUE)
    statuses = []

    class Listener:
        def on_status(self, status):
            statuses.append(status)

        def on_trial(self, trial, finished_at):
            pass

        def on_ranking(self, ranking):
            pass

    cell = FakeCell(fails=lambda scene, seed: bool(np.random.default_rng(seed).random() < 0.3))
    try:
        Campaign(opened, [cell], Listener(), order_by_cost=order_by_cost, poll_period=0.01).run()
    finally:
        opened.close()
    log = read_campaign(folder).open_log()
    scenes = [CATALOGUE.scene(r.request.scene) for r in log.records()]
    log.close()
    return scenes, statuses


def test_a_campaign_ordered_by_cost_saves_work_and_says_what_is_left(tmp_path):
    plain, told = campaign(tmp_path / "plain", order_by_cost=False)
    ordered, statuses = campaign(tmp_path / "ordered", order_by_cost=True)
    assert Counter(s.ids for s in plain) == Counter(s.ids for s in ordered)
    # every scene stays for two trials
    assert (count_changes(plain), count_changes(ordered)) == (27, 13)
    assert work(ordered) < 0.6 * work(plain)
    assert all("left: about" not in s.message for s in told)
    running = [s for s in statuses if 0 < s.trials_done < 14]
    assert running and all("left: about" in s.message for s in running)
    assert "left: about 28 changes, 31 min of the operator's work" in statuses[0].message
    assert "left: about" not in statuses[-1].message


def work(scenes):
    ledger, total = WorkLedger(CATALOGUE), 0.0
    for wanted in scenes:
        total += ledger.cost("cell", wanted)
        ledger.ask("cell", wanted)
    return total


# Learned from what people took, and no change twice


def test_the_time_left_is_learned_from_past_answers():
    ledger = WorkLedger(CATALOGUE)
    scene = CATALOGUE.scene([CATALOGUE.variations[0].id])
    said = ledger.left(10).seconds
    for number in range(3):
        assert ledger.left(10).seconds == pytest.approx(said, rel=1.0)
        ledger.ask("cell", scene, at=1000.0 * number)
        ledger.ended("cell", 12.0, at=1000.0 * number + 52.0)
    assert ledger.left(10).seconds == pytest.approx(400.0)
    ledger.ask("cell", scene, at=9000.0)
    ledger.ended("cell", 12.0, at=9000.0 + 3600.0)  # lunch
    assert ledger.left(10).seconds == pytest.approx(400.0)
    ledger.ask("cell", scene, at=20000.0)
    ledger.ended("cell", math.nan, at=20001.0)  # nobody knows how long it ran
    ledger.ended("cell", 1.0, at=20002.0)  # nothing was asked
    assert ledger.left(10).seconds == pytest.approx(400.0)


def test_no_change_is_taken_back_that_a_waiting_scene_needs():
    ids = [v.id for v in CATALOGUE.variations[:3]]
    ledger = WorkLedger(CATALOGUE)
    ledger.ask("cell", CATALOGUE.scene(ids[:1]))
    waiting = [CATALOGUE.scene([ids[1]]), CATALOGUE.scene([ids[0], ids[2]])]
    assert cheapest(waiting, ledger, "cell") == 1
    wanted = (ids[1:], ids[:2], [ids[0]], [ids[1]], [ids[2]])
    order, left = [], [CATALOGUE.scene(one) for one in wanted]
    ledger.ask("cell", CATALOGUE.scene([]))
    while left:
        scene = left.pop(cheapest(left, ledger, "cell"))
        ledger.ask("cell", scene)
        order.append(scene)
    undone = Counter(v.id for a, b in pairwise(order) for v in changes(a, b).undo)
    assert max(undone.values()) == 1  # made once, taken back once
