# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Known embeddings made for the tests of the virtual environments and their agent."""

import numpy as np

from robomd_ros.core.embedding.frame import ActionFrame
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.embedding.virtual import VirtualProblem
from robomd_ros.core.search.reward import ContinuousReward


def known_set(embeddings, trials, failures) -> KnownEmbeddings:
    ids = [(f"v{i}",) for i in range(len(embeddings))]
    return KnownEmbeddings(
        np.asarray(embeddings, np.float32), np.array(trials), np.array(failures), ids
    )


def scattered(count: int, size: int, seed: int = 0, trials: int = 4) -> KnownEmbeddings:
    """Embeddings with failure rates anywhere between 0 and 1."""
    rng = np.random.default_rng(seed)
    failures = rng.integers(0, trials + 1, size=count)
    return known_set(rng.normal(size=(count, size)), np.full(count, trials), failures)


def certain(known: KnownEmbeddings) -> KnownEmbeddings:
    """The same embeddings, each of which always fails or always succeeds."""
    return known_set(
        known.embeddings, known.trials, known.trials * (known.failures * 2 > known.trials)
    )


def two_clusters(count: int, size: int, seed: int = 0) -> KnownEmbeddings:
    """One half, around +1 along a direction, fails; the other, around -1, succeeds."""
    rng = np.random.default_rng(seed)
    fails = np.arange(count) % 2
    direction = np.ones(size) / size**0.5
    points = (2 * fails - 1)[:, None] * direction + 0.05 * rng.normal(size=(count, size))
    return known_set(points, np.ones(count, int), fails)


def problem(
    known: KnownEmbeddings,
    penalty: float = 1.0,
    max_steps: int = 4,
    reward: ContinuousReward | None = None,
) -> VirtualProblem:
    reward = reward or ContinuousReward(horizon=50, c_failure=3.0, c_success=4.0, k=0.5)
    nominal = np.zeros(known.size, np.float32)
    return VirtualProblem(known, nominal, ActionFrame.whole(known), reward, penalty, max_steps)
