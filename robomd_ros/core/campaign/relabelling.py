# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which label a person may change afterwards, and into which."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from robomd_ros.core.campaign.claim import locked
from robomd_ros.core.campaign.dispatch import Dispatcher
from robomd_ros.core.campaign.stored import (
    TRIALS_FILE,
    CampaignFolder,
    read_campaign,
    write_ranking,
)
from robomd_ros.core.campaign.trial_log import TrialLog, TrialRecord, trial_of
from robomd_ros.core.errors import NoSuchTrialError, RelabelError
from robomd_ros.core.evidence.findings import Findings
from robomd_ros.core.trial import Outcome, Result, Source

LABELS = {name.lower(): Result[name] for name in ("SUCCESS", "FAILURE", "INVALID")}
"""What a person may call a trial, by the word that is typed."""


def relabel(
    folder: CampaignFolder,
    dispatcher: Dispatcher,
    findings: Findings,
    index: int,
    result: Result,
    by: str,
    tag: str = "",
) -> TrialRecord:
    """Give a trial of a campaign that runs another label; under the campaign's lock.

    The evidence changes at once; the search keeps what it learned from the label before. The scene
    of a trial that becomes INVALID is asked again.

    Args:
        folder: of the campaign.
        dispatcher: its.
        findings: its; the caller concludes afterwards.
        index: number of the trial.
        result: SUCCESS, FAILURE or INVALID.
        by: who says so, and why, for the record.
        tag: why it failed, in a word; may be empty.

    Returns:
        The trial as it is now.

    Raises:
        NoSuchTrialError, RelabelError: see `relabelled`; nothing was changed.
        TrialLogError: it could not be stored.
    """
    before, outcome = relabelled(folder.log.records(), index, result, by, tag)
    was = trial_of(before, folder.catalogue)
    dispatcher.relabelled(before, outcome)
    record = folder.log.relabel(index, outcome, time.time())
    if was.outcome.valid:
        findings.remove(was)
    if outcome.valid:
        findings.add(replace(was, outcome=outcome))
    return record


def relabel_stored(
    folder: Path, index: int, result: Result, by: str, tag: str = ""
) -> tuple[Outcome, Outcome]:
    """Give a trial of a campaign that does not run another label, and make its ranking anew.

    Args:
        folder: of the campaign.
        index: number of the trial.
        result: SUCCESS, FAILURE or INVALID.
        by: who says so, and why, for the record.
        tag: why it failed, in a word; may be empty.

    Returns:
        The outcome before, and as it is now.

    Raises:
        NoSuchTrialError, RelabelError: see `relabelled`.
        CampaignFolderError: it is no campaign folder, or a process runs this campaign.
        TrialLogError: its database is damaged, or could not be written.
    """
    stored = read_campaign(folder)
    lock = locked(folder)
    try:
        before, outcome = relabelled(stored.trials, index, result, by, tag)
        log = TrialLog(folder / TRIALS_FILE, has_trials=True)
        try:
            log.relabel(index, outcome, time.time())
        finally:
            log.close()
        write_ranking(folder, read_campaign(folder).made_ranking.to_dict())
    finally:
        lock.close()
    if before.outcome is None:
        raise NoSuchTrialError(f"trial {index} has not ended")
    return before.outcome, outcome


def relabelled(
    records: Sequence[TrialRecord], index: int, result: Result, by: str, tag: str = ""
) -> tuple[TrialRecord, Outcome]:
    """The trial as it is, and the outcome that it would have with another label.

    A trial that a fault made INVALID stays so: no word of a person makes it count. One that a
    person declared INVALID may count again, unless its scene was tried again meanwhile.

    Args:
        records: all trials of the campaign.
        index: number of the trial.
        result: SUCCESS, FAILURE or INVALID.
        by: who says so, and why, for the record.
        tag: why it failed, in a word; may be empty.

    Raises:
        NoSuchTrialError: see there.
        RelabelError: it cannot have this label.
    """
    record = next((r for r in records if r.trial_index == index), None)
    if record is None or record.outcome is None:
        raise NoSuchTrialError(_missing(records, index, record))
    before = record.outcome
    if result not in LABELS.values():
        raise RelabelError(
            f"a trial is called {', '.join(LABELS)}; got {result.name.lower()} for trial {index}"
        )
    if before.result is result and not tag:
        raise RelabelError(f"trial {index} is {result.name} already; nothing was changed")
    if not before.valid and result is not Result.INVALID:
        _refuse_what_never_counted(records, record)
    return record, _labelled(before, result, by, tag)


def _refuse_what_never_counted(records: Sequence[TrialRecord], record: TrialRecord) -> None:
    """RelabelError where an INVALID trial must stay so."""
    index, before = record.trial_index, record.outcome
    if before is not None and before.source is not Source.OPERATOR:
        raise RelabelError(
            f"trial {index} is INVALID because of a fault ({before.detail}); only what a person "
            "declared invalid can count afterwards"
        )
    served = (r for r in records if r.outcome and r.outcome.valid)
    again = next((r for r in served if r.request.number == record.request.number), None)
    if again is not None:
        raise RelabelError(
            f"the scene of trial {index} was tried again as trial {again.trial_index}, which "
            "counts instead; relabel that one"
        )


def _labelled(before: Outcome, result: Result, by: str, tag: str) -> Outcome:
    who = by or "the operator"
    if before.valid and result is Result.INVALID:
        detail = f"label {before.result.name} taken back by {who}"
    else:
        detail = f"relabelled by {who}; it was {before.result.name}"
    detail += f" ({tag})" if tag else ""
    tags = before.tags if result is before.result else ()  # they say how it failed
    tags += (tag,) if tag else ()
    return replace(before, result=result, source=Source.OPERATOR, detail=detail, tags=tags)


def _missing(records: Sequence[TrialRecord], index: int, record: TrialRecord | None) -> str:
    if record is not None:
        return f"trial {index} has not ended; answer what is asked about it"
    if not records:
        return f"there is no trial {index}: the campaign has none yet"
    last = records[-1].trial_index
    return f"there is no trial {index}; the campaign has trials 0 to {last}"
