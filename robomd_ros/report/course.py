# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a campaign went: what was invalid and why, and what the search learned when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.trial_log import Purpose, TrialRecord
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.report.campaign_data import CampaignData

Floats = NDArray[np.float64]

CHECKPOINTS = 24
"""So many times the evidence of a past moment is computed anew; 10,000 trials take some 2 s."""


@dataclass(frozen=True)
class InvalidReason:
    """Invalid trials of one reason.

    Attributes:
        reason: as the cell or the operator said it.
        count: so many trials.
        cells: where.
        trials: their numbers.
    """

    reason: str
    count: int
    cells: tuple[str, ...]
    trials: tuple[int, ...]


def invalid_reasons(records: Sequence[TrialRecord]) -> list[InvalidReason]:
    """The reasons of invalid trials, the most frequent first."""
    by_reason: dict[str, list[TrialRecord]] = {}
    for record in records:
        if record.outcome is not None:
            by_reason.setdefault(record.outcome.detail, []).append(record)
    reasons = [
        InvalidReason(
            reason,
            len(of),
            tuple(sorted({r.cell for r in of})),
            tuple(r.trial_index for r in of),
        )
        for reason, of in by_reason.items()
    ]
    return sorted(reasons, key=lambda r: (-r.count, r.trials))


@dataclass(frozen=True, eq=False)
class Learning:
    """What was known and found after so many valid trials.

    Attributes:
        searched: (m,) number of each trial that the search itself asked for, from 1.
        share: (m,) share of failures among the last `window` of them.
        window: trials that the share is taken over.
        trials: (c,) numbers of valid trials at the checkpoints.
        settled: (c,) share of the changes that are decided.
        modes: (c,) failure modes found: tried, and more likely to fail than not.
        tried: (c,) variations that were part of a trial.
    """

    searched: Floats
    share: Floats
    window: int
    trials: Floats
    settled: Floats
    modes: Floats
    tried: Floats


def learning(data: CampaignData) -> Learning | None:
    """The course of the search; None without a valid trial.

    The evidence of the past is computed from the stored trials, in the order in which they ended.
    """
    valid = data.valid
    if not valid:
        return None
    chosen = [
        (i, r.outcome.failed)
        for i, r in enumerate(valid, 1)
        if r.outcome and r.request.purpose is Purpose.SEARCH
    ]
    failed = np.array([f for _, f in chosen], dtype=np.float64)
    window = int(max(5, min(100, round(len(valid) / 8))))
    counts = np.unique(np.linspace(1, len(valid), CHECKPOINTS).astype(int))
    points = _found(data, counts)
    settled, modes, tried = (
        np.array(column, dtype=np.float64) for column in zip(*points, strict=True)
    )
    return Learning(
        np.array([i for i, _ in chosen], dtype=np.float64),
        _moving_share(failed, window),
        window,
        counts.astype(np.float64),
        settled,
        modes,
        tried,
    )


def _found(data: CampaignData, counts: NDArray[np.int64]) -> list[tuple[float, int, int]]:
    """After each number of trials: share decided, variations accused, and tried."""
    config = data.stored.config
    evidence = Evidence(data.catalogue, config.seed, threshold=config.failing_threshold)
    found, done = [], 0
    for count in counts:
        for record in data.valid[done:count]:
            if record.outcome is not None:
                evidence.add(data.scenes[record.request.scene], record.outcome.failed)
        done = count
        posterior = evidence.posterior()
        verdicts = posterior.verdicts(config.confidence)
        modes = sum(verdict in (Verdict.FAILS, Verdict.HURTS) for verdict in verdicts)
        decided = sum(verdict.decided for verdict in verdicts) / max(1, len(verdicts))
        found.append((decided, modes, int((posterior.held > 0).sum())))
    return found


def _moving_share(values: Floats, window: int) -> Floats:
    """Mean of the last `window` values at each place; of fewer at the beginning."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(0, end - window)
    return np.asarray((total[end] - total[begin]) / (end - begin))


def period(data: CampaignData) -> str:
    """From the first trial asked to the last one ended, UTC; empty without trials."""
    asked = [r.asked_at for r in data.records]
    if not asked:
        return ""
    ended = [r.finished_at for r in data.records if r.finished_at is not None]
    began = utc(min(asked))[:16]
    end = utc(max(ended, default=max(asked)))[:16]
    same_day = began[:10] == end[:10]
    return f"{began} to {end[11:] if same_day else end} UTC"


def utc(unix_time: float) -> str:
    """A Unix time as people write it."""
    moment = datetime.fromtimestamp(unix_time, tz=timezone.utc)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
