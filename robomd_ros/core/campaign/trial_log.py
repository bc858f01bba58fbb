# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The record of every trial: an SQLite database that survives the death of its writer."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from robomd_ros.core.campaign.database import open_database
from robomd_ros.core.campaign.log_schema import (
    APPLICATION_ID,
    READ_VERSIONS,
    RELABELLED,
    SCHEMA_VERSION,
    create,
    upgrade,
)
from robomd_ros.core.errors import TrialLogError
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue

_SELECT = """
SELECT * FROM trials WHERE :index IS NULL OR trial_index = :index ORDER BY trial_index
"""


class Purpose(str, Enum):
    """Why a trial was asked."""

    SEARCH = "search"
    CONFIRMATION = "confirmation"
    CONTROL = "control"


@dataclass(frozen=True)
class TrialRequest:
    """A wish for one valid trial of a scene; it may take several trials until one is valid.

    Attributes:
        number: from 0, in the order of asking.
        purpose: the search's own, the confirmation of a combination, or the unchanged scene.
        lane: the search's lane; -1 for another purpose.
        scene: variation ids in the order in which they were added.
        seed: of every trial that serves it.
    """

    number: int
    purpose: Purpose
    lane: int
    scene: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class TrialRecord:
    """One row of the table `trials`.

    Attributes:
        trial_index: number of the trial, from 0.
        request: what it serves.
        attempt: which trial of its request it is, from 1.
        cell: where it runs.
        asked_at: Unix time, s.
        outcome: None while it runs.
        image_path: first picture, relative to the campaign folder; "" if none.
        finished_at: Unix time, s; None while it runs.
        token: of the scene under which it ran; "" if the cell names none, or an earlier edition
            wrote the log.
    """

    trial_index: int
    request: TrialRequest
    attempt: int
    cell: str
    asked_at: float
    outcome: Outcome | None = None
    image_path: str = ""
    finished_at: float | None = None
    token: str = ""

    @property
    def done(self) -> bool:
        """Whether the trial has ended."""
        return self.outcome is not None


class TrialLog:
    """Writes a trial when it is asked, completes it when it ends, and reads all of them.

    Every write is on the disk when the call returns. Not thread-safe: the campaign calls it under
    its lock, from any thread.
    """

    def __init__(self, path: Path, read_only: bool = False, has_trials: bool = False) -> None:
        """Open the log; create it where there is none and both flags are off.

        Args:
            path: the database file.
            read_only: for those who only look.
            has_trials: there were trials, so that a missing or an empty file is damage.

        Raises:
            TrialLogError: the file is damaged, is no trial log, or has another version.
        """
        self._path = path
        if has_trials:
            self._refuse_lost()
        if read_only and not path.is_file():
            raise TrialLogError(f"there is no trial database {path}; give the campaign's folder")
        with self._errors():
            self._db = open_database(path, read_only)
        try:
            with self._errors():
                self._prepare(read_only, has_trials)
        except TrialLogError:
            self._db.close()
            raise

    def _refuse_lost(self) -> None:
        """Before SQLite sees the file: opening an empty one would delete its write-ahead log."""
        if not self._path.is_file():
            raise TrialLogError(
                f"the trial database {self._path} is missing, but the campaign has results of "
                "trials; restore it from a copy, or start a new campaign in another folder"
            )
        if self._path.stat().st_size == 0:
            raise TrialLogError(self._damage("it is empty, but there were trials"))

    def _prepare(self, read_only: bool, has_trials: bool) -> None:
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables:
            self._check()
        elif has_trials:
            raise TrialLogError(self._damage("it has no tables, but there were trials"))
        if read_only:
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if not tables:
            create(self._db)
            return
        with self._transaction():
            upgrade(self._db)

    def _check(self) -> None:
        if self._db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise TrialLogError(
                f"{self._path} is an SQLite file but no trial database; choose another folder"
            )
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in READ_VERSIONS:
            raise TrialLogError(
                f"{self._path} has schema version {version}, this program reads version "
                f"{SCHEMA_VERSION} and older; use the program that wrote it, or another folder"
            )
        verdict = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise TrialLogError(self._damage(verdict))

    def ask(self, request: TrialRequest, attempt: int, cell: str, now: float) -> TrialRecord:
        """Insert a trial that is about to start.

        Args:
            request: what it serves.
            attempt: which trial of its request it is, from 1.
            cell: where it runs.
            now: Unix time, s.
        """
        with self._errors(), self._transaction():
            cursor = self._db.execute(
                "INSERT INTO trials (trial_index, state, cell, scene, seed, asked_at, request, "
                "lane, attempt, purpose) VALUES ((SELECT coalesce(max(trial_index), -1) + 1 "
                "FROM trials), 'ASKED', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    cell,
                    json.dumps(request.scene),
                    request.seed,
                    now,
                    request.number,
                    request.lane,
                    attempt,
                    request.purpose.value,
                ),
            )
        return TrialRecord(int(cursor.lastrowid or 0), request, attempt, cell, now)

    def complete(
        self, trial_index: int, outcome: Outcome, image_path: str, now: float, token: str = ""
    ) -> TrialRecord:
        """Store the outcome of a trial.

        Args:
            trial_index: of the trial.
            outcome: its label.
            image_path: first picture, relative to the campaign folder; "" if none.
            now: Unix time, s.
            token: of the scene under which it ran; "" if the cell names none.

        Raises:
            TrialLogError: there is no such trial, or it is complete already.
        """
        with self._errors(), self._transaction():
            self._complete(trial_index, outcome, image_path, now, token)
            return next(self._select(trial_index))

    def _complete(
        self, trial_index: int, outcome: Outcome, image_path: str, now: float, token: str
    ) -> None:
        values = {**_outcome_columns(outcome), "image_path": image_path, "finished_at": now}
        values["token"] = token
        assigned = ", ".join(f"{name} = :{name}" for name in values)
        cursor = self._db.execute(
            f"UPDATE trials SET state = 'DONE', {assigned} "  # noqa: S608 - our own column names
            "WHERE trial_index = :trial_index AND state = 'ASKED'",
            {**values, "trial_index": trial_index},
        )
        if cursor.rowcount != 1:
            raise TrialLogError(
                f"trial {trial_index} is complete already, or was never asked; "
                "a trial has one outcome"
            )

    def relabel(self, trial_index: int, outcome: Outcome, now: float) -> TrialRecord:
        """Give a trial that has ended another label; what it was stays in `relabelled`.

        Args:
            trial_index: of the trial.
            outcome: its new result, source, detail and tags; all else stays as it is.
            now: Unix time, s.

        Raises:
            TrialLogError: there is no such trial, or it has not ended.
        """
        with self._errors(), self._transaction():
            self._db.execute(RELABELLED)
            kept = self._db.execute(
                "INSERT INTO relabelled (trial_index, result, source, detail, at) "
                "SELECT trial_index, result, source, detail, ? FROM trials "
                "WHERE trial_index = ? AND state = 'DONE'",
                (now, trial_index),
            )
            if kept.rowcount != 1:
                raise TrialLogError(
                    f"trial {trial_index} has no label that could be changed; relabel one that "
                    "has ended"
                )
            self._db.execute(
                "UPDATE trials SET result = ?, source = ?, detail = ?, tags = ? "
                "WHERE trial_index = ?",
                (
                    outcome.result.name,
                    outcome.source.name,
                    outcome.detail,
                    json.dumps(outcome.tags),
                    trial_index,
                ),
            )
            return next(self._select(trial_index))

    def first_labels(self) -> dict[int, Result]:
        """Trials that were called something else before, with the first label that counted.

        It is what the search was told of them.
        """
        first: dict[int, Result] = {}
        with self._errors():
            for table, order in (("taken_back", "trial_index"), ("relabelled", "number")):
                if not self._has_table(table):
                    continue
                query = f"SELECT trial_index, result FROM {table} ORDER BY {order}"  # noqa: S608
                for index, name in self._db.execute(query):
                    if Result[name] is not Result.INVALID:
                        first.setdefault(index, Result[name])
        return first

    def _has_table(self, name: str) -> bool:
        """`taken_back` is in logs of earlier programs only."""
        query = "SELECT 1 FROM sqlite_master WHERE name = ?"
        return self._db.execute(query, (name,)).fetchone() is not None

    def drop(self, request: int, reason: str, now: float) -> None:
        """Record that a request is given up."""
        with self._errors(), self._transaction():
            self._db.execute("INSERT INTO dropped VALUES (?, ?, ?)", (request, reason, now))

    def records(self) -> list[TrialRecord]:
        """All trials in the order of their numbers."""
        with self._errors():
            return list(self._select(None))

    def dropped(self) -> dict[int, str]:
        """Requests that were given up, with the reason."""
        with self._errors():
            return dict(self._db.execute("SELECT request, reason FROM dropped").fetchall())

    def close(self) -> None:
        """Close the database; idempotent."""
        self._db.close()

    def _select(self, trial_index: int | None) -> Iterator[TrialRecord]:
        """One trial, or all of them."""
        cursor = self._db.execute(_SELECT, {"index": trial_index})
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            yield _record(dict(zip(columns, row, strict=True)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the database's errors into ours, which say what to do."""
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
            if "locked" in str(error):
                raise TrialLogError(
                    f"the trial database {self._path} is locked: another program holds it; close "
                    "that program, then start again with the same folder"
                ) from error
            raise TrialLogError(
                f"cannot use the trial database {self._path}: {error}; "
                "check that the disk is not full and the folder can be written"
            ) from error
        except (sqlite3.DatabaseError, ValueError, KeyError) as error:
            raise TrialLogError(self._damage(error)) from error

    def _damage(self, reason: object) -> str:
        text = " ".join(str(reason).split())
        return (
            f"the trial database {self._path} is damaged ({text}); restore it from a copy, or "
            "start a new campaign in another folder"
        )


def _outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """The columns of an outcome, by name."""
    return {
        "result": outcome.result.name,
        "source": outcome.source.name,
        "steps": outcome.steps,
        "duration_s": _known(outcome.duration),
        "detail": outcome.detail,
        "stage": outcome.stage,
        "tags": json.dumps(outcome.tags),
        "achieved_rate_hz": _known(outcome.achieved_rate),
        "inference_p50_s": _known(outcome.inference_p50),
        "inference_p95_s": _known(outcome.inference_p95),
        "facts": json.dumps(dict(outcome.facts)),
    }


def _outcome(row: dict[str, Any]) -> Outcome:
    """The reverse; a log of an earlier program lacks some columns."""
    return Outcome(
        Result[row["result"]],
        Source[row["source"]],
        _number(row["duration_s"]),
        row["steps"],
        row["detail"],
        row.get("stage", ""),
        tuple(json.loads(row.get("tags", "[]"))),
        _number(row.get("achieved_rate_hz")),
        _number(row.get("inference_p50_s")),
        _number(row.get("inference_p95_s")),
        json.loads(row.get("facts", "{}")),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _record(row: dict[str, Any]) -> TrialRecord:
    request = TrialRequest(
        row["request"],
        Purpose(row["purpose"]),
        row["lane"],
        tuple(json.loads(row["scene"])),
        row["seed"],
    )
    outcome = None
    if row["result"] is not None:
        outcome = _outcome(row)
    return TrialRecord(
        row["trial_index"],
        request,
        row["attempt"],
        row["cell"],
        row["asked_at"],
        outcome,
        row["image_path"],
        row["finished_at"],
        row.get("token") or "",
    )


def last_label(records: Sequence[TrialRecord], cell: str) -> TrialRecord:
    """The trial of this cell that a person judged last; LookupError if it cannot be taken back."""
    judged = [
        r for r in records if r.cell == cell and r.outcome and r.outcome.source is Source.OPERATOR
    ]
    if not judged:
        raise LookupError(f"no label was given by a person in {cell}; there is nothing to undo")
    last = judged[-1]
    if last.outcome is None or not last.outcome.valid:
        detail = last.outcome.detail if last.outcome else ""
        raise LookupError(f"the last judgement in {cell} is not valid any more: {detail}")
    return last


def trial_of(record: TrialRecord, catalogue: Catalogue) -> Trial:
    """A finished trial of the log, without its picture."""
    if record.outcome is None:
        raise ValueError(f"trial {record.trial_index} has not ended")
    return Trial(
        record.trial_index,
        record.cell,
        catalogue.scene(record.request.scene),
        record.request.seed,
        record.outcome,
        image_path=record.image_path,
        token=record.token,
    )
