# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What to try next: each way of choosing on cases whose answer is known."""

import numpy as np
import pytest

from robomd_ros.core.search.proposals import Candidates, most_informative, propose

RNG = np.random.default_rng


def candidates(probability, draws=None, agent=None):
    probability = np.asarray(probability, dtype=float)
    n = len(probability)
    draws = RNG(0).uniform(size=(50, n)) if draws is None else draws
    embeddings = np.eye(n, 4, dtype=np.float32)
    return Candidates(probability, draws, embeddings, agent)


def test_nothing_is_proposed_twice_and_nothing_that_is_not_allowed():
    allowed = np.array([True, False, True, True, False, True])
    for kind in ("information", "uncertainty", "random", "ppo"):
        chosen = propose(kind, candidates(np.linspace(0, 1, 6)), allowed, 9, RNG(1))
        assert sorted(chosen) == [0, 2, 3, 5]
    assert propose("information", candidates([0.5]), np.array([False]), 3, RNG(1)) == []


def test_uncertainty_takes_what_is_nearest_to_even():
    allowed = np.ones(4, dtype=bool)
    assert propose("uncertainty", candidates([0.1, 0.55, 0.99, 0.3]), allowed, 2, RNG(0)) == [1, 3]


def test_information_prefers_a_cluster_to_a_loner_then_leaves_it():
    """Eight variations share one unknown, one has its own, one is known: one trial each."""
    rng = RNG(0)
    shared = rng.choice([0.1, 0.9], size=4000)
    own = rng.choice([0.1, 0.9], size=4000)
    draws = np.column_stack([*([shared] * 8), own, np.full(4000, 0.5)])
    chosen = most_informative(draws, range(10), 3, RNG(0))
    assert chosen[0] in range(8)
    assert chosen[1] == 8, "the cluster was settled by its first trial"
    assert 9 not in chosen


def test_information_ignores_what_moves_all_alike():
    """A trial that tells only how bad everything is says nothing about the order."""
    rng = RNG(0)
    level = rng.uniform(0.2, 0.8, size=4000)
    draws = np.column_stack([level, level, level, np.clip(level + rng.normal(0, 0.1, 4000), 0, 1)])
    assert most_informative(draws, range(4), 1, RNG(0)) == [3]


def test_information_of_more_candidates_than_it_looks_at():
    draws = RNG(0).uniform(size=(20, 2500))
    chosen = most_informative(draws, range(2500), 5, RNG(0))
    assert len(set(chosen)) == 5


def test_ppo_takes_the_nearest_candidate_of_each_action():
    def agent(count, rng):
        return np.eye(4, dtype=np.float32)[[2, 0, 2]][:count]

    chosen = propose("ppo", candidates([0.5] * 4, agent=agent), np.ones(4, bool), 3, RNG(0))
    assert chosen[:2] == [2, 0]
    assert chosen[2] in (1, 3), "the nearest one is taken already"


def test_the_same_seed_proposes_the_same():
    for kind in ("information", "random", "uncertainty"):
        first, again = (
            propose(kind, candidates([0.5] * 6), np.ones(6, bool), 4, RNG(7)) for _ in range(2)
        )
        assert first == again


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match=r"one of uncertainty, information, ppo, .* got 'luck'"):
        propose("luck", candidates([0.5]), np.ones(1, bool), 1, RNG(0))
