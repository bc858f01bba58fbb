# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Failure modes and their ranking: the values that are published and stored, and their JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.rates import CONFIDENCE, FAILING_THRESHOLD
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.variations import Variation

NOT_KNOWN = (0.5, 0.0, 1.0)
"""Failure probability and interval where an embedding does not know."""


@dataclass(frozen=True)
class FailureMode:
    """A variation, or a combination of them, with its failure likelihood.

    Attributes:
        variations: usually one; several for a combination whose failure its parts do not explain.
        rank: from 1, most likely first; 0 outside a ranking.
        policy_probability: Eq. 3, the search agent's view; NaN if its actions are continuous or if
            the search has no such view.
        log_density: log p(a|s) of a continuous search agent (Eq. 4 compares two); NaN if discrete.
        trials: valid trials whose scene held these variations, alone or among others.
        failures: those of them that failed.
        failure_probability: posterior mean of the probability that the policy fails in the scene
            of exactly these variations, [0, 1]; an embedding's prediction where it is `predicted`;
            what attribution suspects of a combination without own trials.
        lower: lower end of its shortest 95 % interval; may be 0.
        upper: upper end; may be 1.
        reliability: distance to the nearest known embedding, 0 where it was tried itself; NaN
            without an embedding.
        seen: whether at least one valid trial held it.
        verdict: what its own trials bear, with the ranking's confidence.
        effect: failure_probability minus the nominal rate, [-1, 1]; NaN if not known.
        effect_lower: lower end of its shortest 95 % interval.
        effect_upper: upper end.
        probability_failing: that it fails with more than the failing threshold.
        probability_worse: that it fails more often than the unchanged scene.
        own_trials: those of `trials` whose scene held nothing else.
        own_failures: those of them that failed.
    """

    variations: tuple[Variation, ...]
    rank: int
    trials: int
    failures: int
    failure_probability: float
    lower: float
    upper: float
    policy_probability: float = math.nan
    log_density: float = math.nan
    reliability: float = math.nan
    seen: bool = True
    verdict: Verdict = Verdict.UNKNOWN
    effect: float = math.nan
    effect_lower: float = math.nan
    effect_upper: float = math.nan
    probability_failing: float = math.nan
    probability_worse: float = math.nan
    own_trials: int = 0
    own_failures: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its variations."""
        return tuple(v.id for v in self.variations)

    @property
    def predicted(self) -> bool:
        """Whether no trial held it, but an embedding says how likely it fails."""
        return not self.seen and math.isfinite(self.reliability) and not self.unknown

    @property
    def unknown(self) -> bool:
        """Whether an embedding was asked and does not know: too far from all that was tried.

        Its figures are those of no knowledge then, exactly 0.5 in [0, 1].
        """
        judged = not self.seen and math.isfinite(self.reliability)
        return judged and (self.failure_probability, self.lower, self.upper) == NOT_KNOWN


@dataclass(frozen=True)
class FailureRanking:
    """What the topic failure_ranking and ranking.json hold, under the same names."""

    campaign_id: str
    task: str
    policy: str
    search_agent: str
    action_space: str
    failure_modes: tuple[FailureMode, ...]
    trials: int
    entropy: float
    failure_mode_count: int
    failure_severity_index: float
    converged: bool
    stamp: float = 0.0
    """Unix time, s."""
    nominal_trials: int = 0
    nominal_failures: int = 0
    nominal_probability: float = math.nan
    nominal_lower: float = math.nan
    nominal_upper: float = math.nan
    failing_threshold: float = FAILING_THRESHOLD
    confidence: float = CONFIDENCE
    undecided: int = 0
    """Variations whose verdict is open or not known."""
    expected_wrong: float = math.nan
    """Expected number of wrong verdicts in the catalogue."""
    pairs_seen: int = 0
    """Pairs of coping variations that were seen together in a success."""
    pairs_possible: int = 0
    findings: tuple[str, ...] = ()
    """What the numbers bear, as sentences, most important first."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ranking.json: the message's names; NaN becomes null.

        A parameter's value is JSON in a string, as in the message.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        stamp = values.pop("stamp")
        modes = [_mode_to_dict(mode) for mode in values.pop("failure_modes")]
        seconds, nanoseconds = divmod(round(stamp * 1_000_000_000), 1_000_000_000)
        header = {"stamp": {"sec": seconds, "nanosec": nanoseconds}, "frame_id": ""}
        plain = {name: _null(value) for name, value in values.items()}
        plain["findings"] = list(self.findings)
        return {"header": header, **plain, "failure_modes": modes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FailureRanking":
        """Read back what `to_dict` wrote.

        Args:
            data: the content of ranking.json.

        Raises:
            ConfigurationError: a field is missing or unknown, or a variation is malformed.
        """
        names = {f.name for f in fields(cls)} - {"stamp"}
        _check_names(data, names | {"header"}, "the ranking")
        values = {name: _number(data[name]) for name in names}
        try:
            stamp = data["header"]["stamp"]
            values["stamp"] = stamp["sec"] + stamp["nanosec"] * 1e-9
            modes = [_mode_from_dict(mode) for mode in data["failure_modes"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the ranking is malformed near {error}; write it anew from the trial database"
            ) from error
        values["failure_modes"] = tuple(modes)
        values["findings"] = tuple(values["findings"])
        return cls(**values)


def _variation_to_dict(variation: Variation) -> dict[str, Any]:
    names = ("id", "factor", "target", "description")
    values: dict[str, Any] = {name: getattr(variation, name) for name in names}
    values["parameters"] = [
        {"key": key, "value": json.dumps(value)} for key, value in variation.parameters.items()
    ]
    return {**values, "change_cost": _null(variation.change_cost)}


def _variation_from_dict(data: Mapping[str, Any]) -> Variation:
    parameters = {p["key"]: json.loads(p["value"]) for p in data["parameters"]}
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    values = {**data, "parameters": parameters, "change_cost": _number(data["change_cost"])}
    return Variation(**values)


def _mode_to_dict(mode: FailureMode) -> dict[str, Any]:
    values = {f.name: _null(getattr(mode, f.name)) for f in fields(mode)}
    values["verdict"] = int(mode.verdict)
    return {**values, "variations": [_variation_to_dict(v) for v in mode.variations]}


def _mode_from_dict(data: Mapping[str, Any]) -> FailureMode:
    _check_names(data, {f.name for f in fields(FailureMode)}, "a failure mode")
    values = {name: _number(value) for name, value in data.items()}
    variations = tuple(_variation_from_dict(v) for v in data["variations"])
    verdict = Verdict(values["verdict"])
    return FailureMode(**{**values, "variations": variations, "verdict": verdict})


def _check_names(data: Mapping[str, Any], names: set[str], what: str) -> None:
    if set(data) != names:
        raise ConfigurationError(
            f"{what} lacks the fields {sorted(names - set(data))} and has the unknown fields "
            f"{sorted(set(data) - names)}; it was written by another version"
        )


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    return math.nan if value is None else value
