# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rewards of the search agent: Sec. III-A for discrete actions, Eq. 2 for continuous ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robomd_ros.core.schema import default_of
from robomd_ros.core.search.options import AgentOptions
from robomd_ros.core.trial import Outcome


@dataclass(frozen=True)
class DiscreteReward:
    """The reward of Sec. III-A: C_failure for a failure, -C_success * t for a success.

    A failure found is worth the same however it came about; a success costs the more the longer
    the rollout took, because a policy that succeeds late is no closer to being understood and the
    robot's time is spent.

    Note:
        The paper's t is the length of the rollout. Here it is that length divided by the horizon,
        so that the two constants mean the same in every task and the value function need not
        learn the scale. The paper does not state the constants; both are 1 here.

    Attributes:
        horizon: longest rollout, policy steps.
        c_failure: C_failure, above 0.
        c_success: C_success, at least 0.
    """

    horizon: int
    c_failure: float = default_of(AgentOptions, "c_failure")
    c_success: float = default_of(AgentOptions, "c_success")

    def __post_init__(self) -> None:
        _check_constants(self.horizon, self.c_failure, self.c_success)

    def __call__(self, outcome: Outcome) -> float:
        """The reward of a valid outcome.

        Raises:
            ValueError: the outcome is not valid; such a trial has no reward.
        """
        _check_valid(outcome)
        if outcome.failed:
            return self.c_failure
        return -self.c_success * min(outcome.steps, self.horizon) / self.horizon


@dataclass(frozen=True)
class ContinuousReward:
    """Eq. 2: the reward of an action in the embedding space.

    Failure: C_failure / (penalty + 1) - k N(a). Success: -C_success / (horizon (penalty + 1)).

    Attributes:
        horizon: longest rollout, policy steps.
        c_failure: C_failure, above 0.
        c_success: C_success, at least 0.
        k: weight of N(a), at least 0.
    """

    horizon: int
    c_failure: float = default_of(AgentOptions, "c_failure")
    c_success: float = default_of(AgentOptions, "c_success")
    k: float = 0.1

    def __post_init__(self) -> None:
        _check_constants(self.horizon, self.c_failure, self.c_success)
        if not self.k >= 0:
            raise ValueError(f"k must be at least 0; got {self.k}")

    def __call__(self, outcome: Outcome, penalty: float, repeats: int) -> float:
        """The reward of a valid outcome.

        Args:
            outcome: of the known embedding that was executed.
            penalty: proportional to the distance from the action to that embedding, at least 0.
            repeats: N(a), how often the same action was taken in a row before this one.

        Raises:
            ValueError: the outcome is not valid, or an argument is negative.
        """
        _check_valid(outcome)
        return float(self.of(outcome.failed, penalty, repeats))

    def of(self, failed: ArrayLike, penalty: ArrayLike, repeats: ArrayLike) -> NDArray[np.float64]:
        """The rewards of many valid outcomes at once; the arguments broadcast.

        Args:
            failed: bool, whether the execution failed.
            penalty: proportional to the distance from the action, at least 0.
            repeats: N(a) of each, at least 0.

        Returns:
            float64 of the broadcast shape.

        Raises:
            ValueError: a penalty or a number of repeats is negative or no number.
        """
        penalty, repeats = np.asarray(penalty, dtype=np.float64), np.asarray(repeats)
        if not (np.all(penalty >= 0) and np.all(repeats >= 0)):
            raise ValueError(
                f"penalty and repeats must be at least 0; got penalty {penalty}, repeats {repeats}"
            )
        found = self.c_failure / (penalty + 1.0) - self.k * repeats
        missed = -self.c_success / (self.horizon * (penalty + 1.0))
        return np.where(np.asarray(failed, dtype=np.bool_), found, missed)


def _check_constants(horizon: int, c_failure: float, c_success: float) -> None:
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 policy step; got {horizon}")
    if not c_failure > 0:
        raise ValueError(f"c_failure must be above 0; got {c_failure}")
    if not c_success >= 0:
        raise ValueError(f"c_success must be at least 0; got {c_success}")


def _check_valid(outcome: Outcome) -> None:
    if not outcome.valid:
        raise ValueError(
            f"a trial with the result {outcome.result.name} has no reward; ask it again"
        )
