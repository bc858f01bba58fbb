# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Uniform and Thompson search, and the table of strategies."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fakes import make_catalogue

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search import STRATEGIES, Asked, SearchContext, make_search, resolved_options
from robomd_ros.core.trial import Outcome, Result, Trial

CATALOGUE = make_catalogue(7)
NOWHERE = Path("nowhere")


def make(name, seed=0, accumulate=False, max_scene_size=3, **options):
    context = SearchContext(CATALOGUE, seed, accumulate, max_scene_size, 80, options)
    return make_search(name, context)


def trial_in(scene, failed):
    return Trial(-1, "cell", scene, 0, Outcome(Result.FAILURE if failed else Result.SUCCESS))


def play(search, count, fails=lambda scene: False, lane=0):
    """Ask and tell; the history as a resumed campaign would give it."""
    history = []
    for _ in range(count):
        scene = search.ask(lane)
        trial = trial_in(scene, fails(scene))
        search.tell(lane, trial)
        history.append(Asked(lane, scene, trial))
    return history


def ids(history):
    return [asked.scene.ids for asked in history]


def test_uniform_tries_every_variation_once_a_round():
    history = play(make("uniform"), 21)
    rounds = [ids(history)[start : start + 7] for start in (0, 7, 14)]
    for one in rounds:
        assert sorted(one) == [(v.id,) for v in CATALOGUE]
    assert rounds[0] != rounds[1]


def test_uniform_accumulates_as_algorithm_1():
    scenes = ids(play(make("uniform", accumulate=True), 60, lambda scene: "v3" in scene.ids))
    for before, after in pairwise(scenes):
        grown = [v for v in before if v != after[-1]]
        assert list(after[:-1]) == grown or len(after) == 1
        if "v3" in before:
            assert len(after) == 1
    assert max(map(len, scenes)) == 3


@pytest.mark.parametrize("name", ["uniform", "thompson"])
@pytest.mark.parametrize("accumulate", [False, True])
def test_restored_goes_on_as_if_never_interrupted(name, accumulate):
    def fails(scene):
        return "v2" in scene.ids

    whole = make(name, seed=4, accumulate=accumulate)
    history = play(whole, 17, fails)
    resumed = make(name, seed=4, accumulate=accumulate)
    resumed.restore(history, NOWHERE)
    assert ids(play(resumed, 20, fails)) == ids(play(whole, 20, fails))


@pytest.mark.parametrize("name", ["uniform", "thompson"])
def test_an_open_ask_is_told_after_a_restart(name):
    whole = make(name, seed=1, accumulate=True)
    history = play(whole, 5)
    scene = whole.ask(0)
    resumed = make(name, seed=1, accumulate=True)
    resumed.restore([*history, Asked(0, scene)], NOWHERE)
    for search in (whole, resumed):
        search.tell(0, trial_in(scene, False))
    assert ids(play(resumed, 9)) == ids(play(whole, 9))


@pytest.mark.parametrize("name", ["uniform", "thompson"])
def test_a_dropped_ask_ends_the_scene(name):
    search = make(name, accumulate=True)
    play(search, 1)
    assert len(search.ask(0)) == 2
    search.drop(0)
    assert len(search.ask(0)) == 1


@pytest.mark.parametrize("name", ["uniform", "thompson"])
def test_lanes_do_not_mix(name):
    search = make(name, accumulate=True)
    first = play(search, 2, lane=0)
    other = search.ask(1)
    assert len(first[-1].scene) == 2
    assert len(other) == 1


@pytest.mark.parametrize("name", ["uniform", "thompson"])
def test_the_seed_decides(name):
    a, b, c = (ids(play(make(name, seed=s), 30)) for s in (1, 1, 2))
    assert a == b != c


def test_thompson_seeks_failures_but_starves_nobody():
    rng = np.random.default_rng(0)
    rates = {"v1": 0.9, "v4": 0.8}
    history = play(
        make("thompson"), 140, lambda scene: rng.random() < rates.get(scene.ids[0], 0.05)
    )
    tried = Counter(scene[0] for scene in ids(history))
    assert set(ids(history[:7])) == {(v.id,) for v in CATALOGUE}
    assert tried["v1"] + tried["v4"] > 0.5 * 140
    assert min(tried.values()) >= 9  # half of the even share, which is 20, less rounding


def test_thompson_without_a_floor_forgets_the_harmless():
    rng = np.random.default_rng(0)
    history = play(make("thompson", floor=0.0), 140, lambda s: s.ids == ("v1",) or rng.random() < 0)
    assert Counter(ids(history))[("v1",)] > 100


def test_thompson_puts_a_failure_down_to_what_was_added_last():
    search = make("thompson", accumulate=True, max_scene_size=2, floor=0.0)
    play(search, 120, lambda scene: "v2" in scene.ids)
    trials = Counter(i for asked in play(search, 40) for i in asked.scene.ids[-1:])
    assert trials["v2"] == max(trials.values())


def test_thompson_learns_from_what_it_did_not_ask():
    told, alone = make("thompson", floor=0.0), make("thompson", floor=0.0)
    for _ in range(2):
        told.observe(trial_in(CATALOGUE.scene(["v5"]), True))
        told.observe(trial_in(CATALOGUE.scene(["v0", "v1"]), True))  # says nothing of either
    counts = [Counter(ids(play(s, 30)))[("v5",)] for s in (told, alone)]
    assert counts[0] > counts[1]


def test_thompson_spends_no_more_on_what_is_certain():
    """A change that always fails got half of the budget in the first edition."""
    search, tries = make("thompson"), Counter()
    for _ in range(200):
        scene = search.ask(0)
        tries[scene.ids] += 1
        always = scene.ids == ("v3",)
        search.tell(0, trial_in(scene, always or tries[scene.ids] % 2 == 0))  # the rest: half
    assert tries[("v3",)] <= 200 // len(CATALOGUE) + 5
    assert min(tries.values()) >= 10


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sarsa", {}, "unknown search 'sarsa'; allowed: ppo, a2c, decide, covering"),
        ("uniform", {"floor": 1}, "unknown 'uniform' search option 'floor'; known: none"),
        (
            "thompson",
            {"flor": 1},
            r"unknown 'thompson' search option 'flor'; did you mean 'floor'\?",
        ),
        (
            "thompson",
            {"floor": 1.5},
            r"'floor' of 'thompson' must be a number in \[0, 1\]; got 1.5",
        ),
        ("ppo", {"n_steps": 1.5}, "'n_steps' of 'ppo' must be a whole number; got 1.5"),
        ("ppo", {"n_steps": True}, "must be a whole number; got True"),
        ("ppo", {"learning_rate": "fast"}, "must be a number; got 'fast'"),
        ("ppo", {"learning_rate": float("inf")}, "must be a number; got inf"),
        ("ppo", {"net_arch": []}, r"must be a list of layer sizes such as \[128, 256, 128\]"),
        ("ppo", {"net_arch": [64, 0]}, r"in \[1, 4,096\]; got \[64, 0\]"),
    ],
)
def test_wrong_names_and_options_are_refused(name, options, message):
    with pytest.raises(ConfigurationError, match=message):
        make(name, **options)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_of_the_table_can_be_made_from_its_defaults(name, tmp_path):
    search = make_search(name, SearchContext(CATALOGUE, 0, False, 3, 80, folder=tmp_path))
    assert search.name == name
    assert set(resolved_options(name, {})) == set(STRATEGIES[name].options.model_fields)
