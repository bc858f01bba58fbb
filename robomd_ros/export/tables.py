# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials and ranking as tables: CSV and Parquet."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from robomd_ros.core.campaign.trial_log import TrialRecord
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking


@dataclass(frozen=True)
class Column:
    """A column of a table of things of one kind.

    Attributes:
        name: its header; a unit stands at its end.
        kind: of its values: int, float, str, bool, time (Unix time, s) or texts (a list).
        value: the cell of a thing; None where there is none.
    """

    name: str
    kind: str
    value: Callable[[Any], Any]


def _outcome(name: str) -> Callable[[TrialRecord], Any]:
    return lambda r: None if r.outcome is None else getattr(r.outcome, name)


def _word(name: str) -> Callable[[TrialRecord], str | None]:
    return lambda r: None if r.outcome is None else getattr(r.outcome, name).name


def _of_variations(name: str) -> Callable[[FailureMode], list[str]]:
    return lambda mode: [getattr(v, name) for v in mode.variations]


def _field(name: str) -> Callable[[Any], Any]:
    return lambda thing: getattr(thing, name)


TRIAL_COLUMNS = (
    Column("trial_index", "int", _field("trial_index")),
    Column("cell", "str", _field("cell")),
    Column("scene", "texts", lambda r: list(r.request.scene)),
    Column("result", "str", _word("result")),
    Column("source", "str", _word("source")),
    Column("steps", "int", _outcome("steps")),
    Column("duration_s", "float", _outcome("duration")),
    Column("achieved_rate_hz", "float", _outcome("achieved_rate")),
    Column("inference_p50_s", "float", _outcome("inference_p50")),
    Column("inference_p95_s", "float", _outcome("inference_p95")),
    Column("stage", "str", _outcome("stage")),
    Column("tags", "texts", lambda r: list(r.outcome.tags) if r.outcome else []),
    Column("facts", "str", lambda r: json.dumps(r.outcome.facts) if r.outcome else None),
    Column("seed", "int", lambda r: r.request.seed),
    Column("asked_at", "time", _field("asked_at")),
    Column("finished_at", "time", _field("finished_at")),
    Column("image_path", "str", _field("image_path")),
    Column("detail", "str", _outcome("detail")),
    Column("request", "int", lambda r: r.request.number),
    Column("purpose", "str", lambda r: r.request.purpose.value),
    Column("lane", "int", lambda r: r.request.lane),
    Column("attempt", "int", _field("attempt")),
    Column("token", "str", _field("token")),
)
"""Of the records of the trial database; a trial that has not ended has no result."""

RANKING_COLUMNS = (
    Column("rank", "int", _field("rank")),
    Column("variations", "texts", _of_variations("id")),
    Column("factors", "texts", _of_variations("factor")),
    Column("targets", "texts", _of_variations("target")),
    Column("descriptions", "texts", _of_variations("description")),
    Column("failure_probability", "float", _field("failure_probability")),
    Column("lower", "float", _field("lower")),
    Column("upper", "float", _field("upper")),
    Column("trials", "int", _field("trials")),
    Column("failures", "int", _field("failures")),
    Column("seen", "bool", _field("seen")),
    Column("policy_probability", "float", _field("policy_probability")),
    Column("log_density", "float", _field("log_density")),
    Column("reliability", "float", _field("reliability")),
)
"""Of failure modes."""


@dataclass(frozen=True)
class Table:
    """Things with their columns, and what is said about all of them.

    Attributes:
        columns: what is told of each.
        things: one per row.
        facts: metadata of the Parquet file.
    """

    columns: Sequence[Column]
    things: Sequence[Any]
    facts: dict[str, str]

    def values(self, column: Column) -> list[Any]:
        """A column's cells; NaN is None."""
        return [_known(column.value(thing)) for thing in self.things]


def trial_table(campaign_id: str, records: Sequence[TrialRecord]) -> Table:
    """All trials of a campaign."""
    return Table(TRIAL_COLUMNS, records, {"campaign_id": campaign_id})


def ranking_table(ranking: FailureRanking) -> Table:
    """The failure modes of a ranking, most likely first."""
    names = ("campaign_id", "task", "policy", "search_agent", "action_space", "trials")
    figures = ("entropy", "failure_mode_count", "failure_severity_index", "converged", "stamp")
    facts = {name: str(getattr(ranking, name)) for name in (*names, *figures)}
    return Table(RANKING_COLUMNS, ranking.failure_modes, facts)


def to_csv(table: Table) -> bytes:
    """UTF-8 with a header; nothing is an empty cell, lists are joined by ` + `, times are UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    columns = [[_cell(v, c.kind) for v in table.values(c)] for c in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def to_parquet(table: Table) -> bytes:
    """Parquet with typed columns; nothing is null, times are microseconds UTC."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "int": pa.int64(),
        "float": pa.float64(),
        "str": pa.string(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "texts": pa.list_(pa.string()),
    }
    arrays = [
        pa.array(
            [_moment(v) if c.kind == "time" else v for v in table.values(c)], type=kinds[c.kind]
        )
        for c in table.columns
    ]
    names = [c.name for c in table.columns]
    schema = pa.schema(
        [pa.field(n, a.type) for n, a in zip(names, arrays, strict=True)], metadata=table.facts
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "time":
        return datetime.fromtimestamp(value, timezone.utc).isoformat(timespec="microseconds")
    if kind == "texts":
        return " + ".join(value)
    return str(value).lower() if kind == "bool" else str(value)
