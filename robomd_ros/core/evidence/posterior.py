# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The posterior: what all trials of a campaign say about every variation and combination."""

from dataclasses import dataclass

import numpy as np

from robomd_ros.core.evidence.interactions import Members
from robomd_ros.core.evidence.noisy_or import Floats, Ints
from robomd_ros.core.evidence.rates import FAILING_THRESHOLD
from robomd_ros.core.variations import Scene


@dataclass(frozen=True, eq=False)
class Combination:
    """A set of variations that may fail although its parts do not.

    Attributes:
        members: catalogue indices, ascending.
        scene: the scene of exactly these variations.
        mean: posterior mean of the probability that the policy fails in that scene.
        lower: 2.5 % quantile.
        upper: 97.5 % quantile.
        trials: valid trials whose scene held it.
        failures: those of them that failed.
        support: posterior probability that its own failure probability exceeds that of every
            part of it.
        samples: (S,) posterior draws of the failure probability of the scene.
    """

    members: Members
    scene: Scene
    mean: float
    lower: float
    upper: float
    trials: int
    failures: int
    support: float
    samples: Floats


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the trials say, by catalogue index.

    Attributes:
        mean: (n,) posterior mean of p_v; 0.5 where there is no trial.
        lower: (n,) 2.5 % quantile.
        upper: (n,) 97.5 % quantile.
        trials: (n,) int64, valid trials whose scene held v, alone or among others.
        failures: (n,) int64, those of them that failed.
        samples: (S, n) joint posterior draws of p.
        combinations: failure modes of their own, most likely first.
        total: valid trials in all, nominal ones included.
        nominal: mean, lower and upper of q0 from the nominal trials alone; None without any.
        open_scenes: scenes worth a trial because a combination's blame is uncertain.
    """

    mean: Floats
    lower: Floats
    upper: Floats
    trials: Ints
    failures: Ints
    samples: Floats
    combinations: tuple[Combination, ...]
    total: int
    nominal: tuple[float, float, float] | None = None
    open_scenes: tuple[Scene, ...] = ()

    def settled(
        self, top_k: int, failing_threshold: float = FAILING_THRESHOLD, tolerance: float = 0.1
    ) -> float:
        """Posterior probability that the top-k set and the failing set are both right.

        The top-k set holds the k largest posterior means, the failing set all means above the
        threshold; combinations take part in both. The first is right when no failure mode outside
        it is worse than one inside by more than the tolerance, the second when no probability lies
        on the wrong side of the threshold by more than the tolerance. Without a tolerance, two
        variations that both always fail could never be told apart.

        Args:
            top_k: size of the set, 0 or more; more than there are failure modes is always right.
            failing_threshold: failure probability from which a variation counts as failing.
            tolerance: difference of failure probabilities that does not matter.

        Raises:
            ValueError: an argument is out of range.
        """
        if top_k < 0 or not 0 <= failing_threshold <= 1 or not 0 <= tolerance <= 1:
            raise ValueError(
                "settled needs top_k >= 0 and failing_threshold and tolerance in [0, 1]; got "
                f"{top_k}, {failing_threshold}, {tolerance}"
            )
        mean = np.concatenate([self.mean, [c.mean for c in self.combinations]])
        draws = np.column_stack([self.samples, *(c.samples for c in self.combinations)])
        fails = mean > failing_threshold
        right = (draws[:, fails] > failing_threshold - tolerance).all(axis=1)
        right &= (draws[:, ~fails] < failing_threshold + tolerance).all(axis=1)
        order = np.argsort(-mean, kind="stable")
        if 0 < top_k < len(order):
            inside = draws[:, order[:top_k]].min(axis=1)
            right &= draws[:, order[top_k:]].max(axis=1) <= inside + tolerance
        return float(right.mean())

    def open_combinations(self) -> list[Scene]:
        """Scenes to try next to find out which combination is to blame, most valuable first.

        Empty when single variations explain every failure.
        """
        return list(self.open_scenes)
