# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy commanded in a trial, in a few numbers, and what is odd about it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.spaces import ActionSpec
from robomd_ros.core.wording import counted

FACT = "commands"
"""Name of the summary among the facts of an outcome."""
STILL = 1e-3
"""Largest command of an arm that was never told to move, in shares of what it may be."""
FAR = 3.0
"""Commands are far outside their bounds from so many times of these on."""
SATURATED = 0.9
"""Share of steps at a bound from which a command tells nothing any more."""
_RELATIVE = ("delta_pose", "joint_velocity")
"""Kinds of action whose zero is no motion."""

Floats = NDArray[np.float64]


class CommandSummary:
    """The extremes, mean and spread of each value of the commands of one trial."""

    def __init__(self, spec: ActionSpec | None) -> None:
        """Begin with none.

        Args:
            spec: what commands the cell takes; None where nobody says.
        """
        self._spec = spec
        self._count = 0
        self._low = self._high = self._sum = self._squares = self._at_bounds = np.zeros(0)

    def add(self, action: Floats) -> None:
        """One more command, (size,)."""
        if not self._count:
            self._low, self._high = action.copy(), action.copy()
            self._sum, self._squares, self._at_bounds = (np.zeros(len(action)) for _ in range(3))
            self._first = action.copy()
        self._count += 1
        self._low, self._high = np.minimum(self._low, action), np.maximum(self._high, action)
        self._sum += action - self._first  # of differences: exact where nothing changes
        self._squares += (action - self._first) ** 2
        if self._spec is not None:
            low, high = np.array(self._spec.low), np.array(self._spec.high)
            self._at_bounds += (action <= low) | (action >= high)

    def facts(self) -> dict[str, Any]:
        """As JSON has it; empty without a command."""
        if not self._count:
            return {}
        mean = self._sum / self._count
        spread = np.sqrt(np.maximum(self._squares / self._count - mean**2, 0.0))
        found: dict[str, Any] = {
            "count": self._count,
            "min": _rounded(self._low),
            "max": _rounded(self._high),
            "mean": _rounded(self._first + mean),
            "std": _rounded(spread),
        }
        if self._spec is not None:
            found["kind"] = self._spec.kind
            found["low"], found["high"] = _rounded(self._spec.low), _rounded(self._spec.high)
            found["at_bounds"] = _rounded(self._at_bounds / self._count)
        return {FACT: found}


def remark_on_commands(facts: Iterable[Mapping[str, Any]]) -> str:
    """What is odd about the commands of these trials, with the remedy; "" where nothing is.

    Args:
        facts: of the outcomes of trials in the unchanged scene.
    """
    found = [commands for f in facts if (commands := f.get(FACT)) and "kind" in commands]
    if not found:
        return ""
    trials = f"in {counted(len(found), 'unchanged scene')}"
    low, high = _limits(found[0])
    least = np.min([c["min"] for c in found], axis=0)
    most = np.max([c["max"] for c in found], axis=0)
    middle, reach = (low + high) / 2, (high - low) / 2
    outside = np.abs(np.where(np.abs(most - middle) > np.abs(least - middle), most, least) - middle)
    worst = int(np.argmax(outside / reach))
    if outside[worst] > FAR * reach[worst]:
        value = most[worst] if most[worst] - middle[worst] >= outside[worst] else least[worst]
        return (
            f"the policy's commands are far outside their bounds {trials}: value {worst + 1} "
            f"reaches {value:g}, the bounds are {low[worst]:g} to {high[worst]:g}. Check units and "
            "normalisation: give commands as the cell takes them, not as they were trained"
        )
    arm = slice(0, max(1, len(low) - 1))  # the last value is the gripper's
    if found[0]["kind"] in _RELATIVE and (outside[arm] <= STILL * reach[arm]).all():
        return (
            f"the policy never commanded a motion {trials}. Check its checkpoint, the names of its "
            "observations and its instruction: `robomd doctor policy:=...` asks it once"
        )
    if all(max(c["std"]) == 0.0 for c in found):
        return (
            f"the policy gave one and the same command in every step {trials}. Check that it "
            "looks at its observations, and that its checkpoint is loaded"
        )
    at_bounds = np.mean([c["at_bounds"] for c in found], axis=0)[arm]
    if at_bounds.max(initial=0.0) >= SATURATED:
        return (
            f"value {int(np.argmax(at_bounds)) + 1} of the policy's commands is at its bound in "
            f"{at_bounds.max():.0%} of the steps {trials}. Check units and normalisation"
        )
    return ""


def _limits(commands: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Bounds of each value; wide ones where there are none."""
    low, high = (
        np.array([sign * 1e12 if v is None else v for v in commands[name]])
        for name, sign in (("low", -1.0), ("high", 1.0))
    )
    return low, high


def _rounded(values: Sequence[float] | Floats) -> list[float | None]:
    """Four digits are enough; JSON has no infinity."""
    return [float(f"{v:.4g}") if math.isfinite(v) else None for v in values]
