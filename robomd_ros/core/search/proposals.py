# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which variations to try next, by what an embedding says about those that were not tried."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PROPOSALS = ("uncertainty", "information", "ppo", "random")
"""Ways to choose: by the predicted outcome that is least certain, by expected information about the
ranking, by the search agent (the paper's), or by lot. After 200 trials of 1,000 variations of Lift
the first orders the untried best and "ppo" has found the most that fail, a third more than the
others (test/bench/bench_embedding_strategies.py)."""
_MOST = 2000
"""Candidates that expected information is computed over; of more, a sample is taken."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What is known about the n variations of a catalogue.

    Attributes:
        probability: (n,) predicted failure probability, [0, 1].
        draws: (S, n) joint posterior draws of it.
        embeddings: (n, d) where they are in the embedding space.
        sample_actions: `count` actions of the search agent, (count, d), from a generator; None
            without an agent.
    """

    probability: Floats
    draws: Floats
    embeddings: NDArray[np.float32]
    sample_actions: Callable[[int, np.random.Generator], NDArray[np.float32]] | None = None


def propose(
    kind: str,
    candidates: Candidates,
    allowed: NDArray[np.bool_],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """The next `count` variations to try, the first one first; fewer if fewer are allowed.

    Args:
        kind: one of PROPOSALS; "ppo" without an agent falls back to "uncertainty".
        candidates: what is known about all of them.
        allowed: (n,) which of them may be proposed (those that were not tried).
        count: at least 1.
        rng: decides between equals, and what "random" and "ppo" choose.

    Raises:
        ValueError: `kind` is unknown.
    """
    if kind not in PROPOSALS:
        raise ValueError(f"a proposal is one of {', '.join(PROPOSALS)}; got {kind!r}")
    places = rng.permutation(np.flatnonzero(allowed))  # equals in random order
    count = min(count, len(places))
    if kind == "random" or count == 0:
        return [int(i) for i in places[:count]]
    if kind == "information":
        return most_informative(candidates.draws, places, count, rng)
    if kind == "ppo" and candidates.sample_actions is not None:
        actions = candidates.sample_actions(count, rng)
        return _nearest(candidates.embeddings, actions, places)
    doubt = np.abs(candidates.probability[places] - 0.5)
    return [int(i) for i in places[np.argsort(doubt, kind="stable")[:count]]]


def most_informative(
    draws: Floats, places: Sequence[int] | NDArray[np.int64], count: int, rng: np.random.Generator
) -> list[int]:
    """The trials that make the order of all candidates most certain, chosen one after the other.

    A trial of i shows a Bernoulli outcome with mean p_i and variance V_i = Var(p_i) + E[p_i (1 -
    p_i)]. Knowing it lowers the variance of any q by Cov(q, p_i)^2 / V_i. A ranking compares
    differences, so q are the probabilities less their common mean in each draw: a trial that only
    says that everything fails more often says nothing about the order. After each choice the
    covariances are conditioned on that trial, so that the next one is not spent on its neighbour.

    Args:
        draws: (S, n) joint posterior draws of the failure probabilities.
        places: of the n, which may be chosen.
        count: how many.
        rng: takes a sample of more than 2,000 places.

    Note:
        This is the expected fall of the variance of all pairwise differences under a Gaussian
        approximation, not Shannon's information: the two agree on what is worth a trial as long
        as the draws are near normal, and this one costs one matrix product.
    """
    chosen_from = np.asarray(places)
    if len(chosen_from) > _MOST:
        chosen_from = np.sort(rng.choice(chosen_from, _MOST, replace=False))
    p = np.asarray(draws, dtype=np.float64)[:, chosen_from]
    noise = np.mean(p * (1.0 - p), axis=0) + 1e-12
    p -= p.mean(axis=0)
    covariance = p.T @ p / max(1, len(p) - 1)
    of_order = covariance - covariance.mean(axis=0)  # Cov(p_j - mean of all p, p_i)
    left = np.ones(len(chosen_from), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(count, len(chosen_from))):
        variance = np.maximum(np.diag(covariance), 0.0) + noise
        gain = np.where(left, (of_order**2).sum(axis=0) / variance, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(int(chosen_from[best]))
        left[best] = False
        told = covariance[best] / variance[best]
        of_order -= np.outer(of_order[:, best], told)
        covariance -= np.outer(covariance[:, best], told)
    return chosen


def _nearest(
    embeddings: NDArray[np.float32], actions: NDArray[np.float32], places: NDArray[np.int64]
) -> list[int]:
    """For each action the nearest place that no earlier action has taken."""
    points = np.asarray(embeddings, dtype=np.float64)[places]
    free = np.ones(len(places), dtype=bool)
    found: list[int] = []
    for action in np.asarray(actions, dtype=np.float64):
        distance = np.where(free, ((points - action) ** 2).sum(axis=1), np.inf)
        nearest = int(np.argmin(distance))
        free[nearest] = False
        found.append(int(places[nearest]))
    return found
